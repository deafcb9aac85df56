/** A cache whose sessions are worth keeping: daily and six-hourly snapshots, a weekly one in the archive. */
import { Duration } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as elasticache from 'aws-cdk-lib/aws-elasticache';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { BackupWindow, CacheBackups, CacheExport, CacheExportAccess, CacheSnapshots, CacheSource } from '../../lib';
import { acknowledge, ROTATION } from './cdk-nag';

export interface CacheProps {
  readonly archive: s3.IBucket;
  readonly vpc: ec2.IVpc;
  readonly key: kms.IKey;
  readonly notify: sns.ITopic;
}

export function addCache(scope: Construct, { archive, vpc, key, notify }: CacheProps): void {
  const group = new ec2.SecurityGroup(scope, 'CacheGroup', { vpc, allowAllOutbound: false });
  const subnets = new elasticache.CfnSubnetGroup(scope, 'CacheSubnets', {
    description: 'Where the cache lives',
    subnetIds: vpc.isolatedSubnets.map(({ subnetId }) => subnetId),
  });
  const token = new secretsmanager.Secret(scope, 'CacheToken', {
    encryptionKey: key,
    generateSecretString: { excludePunctuation: true, passwordLength: 64 },
  });
  acknowledge(token, 'A new token has to reach the cache and all that use it in one deployment.', ...ROTATION);
  const sessions = new elasticache.CfnReplicationGroup(scope, 'Sessions', {
    replicationGroupDescription: 'Sessions of the shop',
    engine: 'valkey',
    engineVersion: '8.0',
    cacheNodeType: 'cache.t4g.small',
    numCacheClusters: 2,
    automaticFailoverEnabled: true,
    multiAzEnabled: true,
    port: 6380,
    atRestEncryptionEnabled: true,
    transitEncryptionEnabled: true,
    kmsKeyId: key.keyArn,
    cacheSubnetGroupName: subnets.ref,
    securityGroupIds: [group.securityGroupId],
    authToken: token.secretValue.unsafeUnwrap(),
    preferredMaintenanceWindow: 'sun:06:00-sun:07:00',
  });
  sessions.with(new CacheBackups({ window: BackupWindow.daily('04:00', '05:00'), retention: Duration.days(15) }));
  const cache = CacheSource.replicationGroup(sessions);
  new CacheSnapshots(scope, 'SixHourly', {
    cache,
    every: Duration.hours(6),
    retention: Duration.days(2),
    notify,
  });
  archive.with(new CacheExportAccess());
  new CacheExport(scope, 'WeeklyCache', {
    cache,
    bucket: archive,
    prefix: 'weekly-sessions-',
    notify,
  });
}
