import { CfnResource } from 'aws-cdk-lib';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as rds from 'aws-cdk-lib/aws-rds';
import { Construct } from 'constructs';
import { alarmsUnder } from '../alarm/unheard-alarms';
import { DatabaseBackups, type DatabaseBackupsProps } from '../database/database-backups';
import { checkProps, type PropsOf, requireKind } from '../synth/props';

export interface ProtectedClusterOptions extends DatabaseBackupsProps {
  /** What is protected: a cluster of RDS or Aurora that this app makes. */
  readonly cluster: rds.IDatabaseCluster;
}

const PROPS: PropsOf<ProtectedClusterOptions> = { cluster: true, window: true, retention: true };

/** A cluster under a plan. */
export class ProtectedCluster extends Construct {
  /** What is protected. */
  public readonly cluster: rds.IDatabaseCluster;

  /** Use `plan.addCluster()`. */
  constructor(scope: Construct, id: string, options: ProtectedClusterOptions) {
    super(scope, id);
    checkProps(this, options, PROPS);
    requireKind(
      `cluster '${this.node.path}'`,
      'cluster',
      options?.cluster,
      'clusterIdentifier',
      'nothing would be protected; pass an rds.DatabaseCluster of this app, or an instance to plan.addDatabase()',
    );
    const { cluster, ...backups } = options;
    this.cluster = cluster;
    const resource = cluster.node.defaultChild;
    if (!CfnResource.isCfnResource(resource) || resource.cfnResourceType !== 'AWS::RDS::DBCluster') {
      throw new Error(
        `cluster '${this.node.path}': 'cluster' is '${cluster.node.path}', which this app does not make, so its backups can't be ` +
          'set here; apply DatabaseBackups where it is made, or back it up with BackupTiers and BackupTarget.cluster()',
      );
    }
    resource.with(new DatabaseBackups(backups));
  }

  /** Alarms of all that lies under it. */
  public get alarms(): cloudwatch.Alarm[] {
    return alarmsUnder(this);
  }
}
