/** What leaves RDS: a snapshot before each deployment, weekly Parquet, nightly dumps. */
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as rds from 'aws-cdk-lib/aws-rds';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { DeploymentSnapshot, DumpSource, LogicalDump, SnapshotExport, SnapshotsKept } from '../../lib';

export interface ExportsProps {
  readonly database: rds.DatabaseInstance;
  readonly archive: s3.IBucket;
  readonly vpc: ec2.IVpc;
  readonly key: kms.IKey;
  readonly notify: sns.ITopic;
}

export function addExports(scope: Construct, { database, archive, vpc, key, notify }: ExportsProps): void {
  new DeploymentSnapshot(scope, 'BeforeDeployment', {
    database,
    deploymentVersion: 'v1.4.2',
    retention: SnapshotsKept.last(5),
    logEncryptionKey: key,
  });
  new SnapshotExport(scope, 'WeeklyExport', {
    database,
    bucket: archive,
    prefix: 'weekly/orders',
    notify,
  });
  const dump = new LogicalDump(scope, 'Dump', {
    source: DumpSource.database(database, { databaseName: 'orders' }),
    vpc,
    bucket: archive,
    encryptionKey: key,
    notify,
  });
  dump.connections.allowTo(database, ec2.Port.POSTGRES, 'dumps');
}
