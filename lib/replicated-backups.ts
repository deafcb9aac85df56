import { Annotations, CfnResource, type Duration, Mixin, Stack } from 'aws-cdk-lib';
import type * as rds from 'aws-cdk-lib/aws-rds';
import type { IConstruct } from 'constructs';
import type { RecoveryRegion } from './recovery-region';
import { isEncrypted, known } from './source-database';

export interface ReplicatedBackupsProps {
  /** Where the backups go. */
  readonly region: RecoveryRegion;

  /**
   * How long they are kept there, and how far back a point in time can lie: 1 to 35 whole days.
   *
   * @default - as long as in the database's own region
   */
  readonly retention?: Duration;
}

/**
 * https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Concepts.RDS_Fea_Regions_DB-eng.Feature.CrossRegionAutomatedBackups.html
 */
const SUPPORTED = /^(db2-(ae|se)|mariadb|mysql|oracle-(ee|se2)(-cdb)?|postgres|sqlserver-(ee|ex|se|web))$/;

/**
 * Automated backups of an RDS instance in another region too, to any moment, for its owner to apply:
 * `database.with(new ReplicatedBackups({ ... }))`, after its own backups are settled.
 *
 * RDS replicates between fixed pairs of regions only, and for 20 instances of an account at most. Where it doesn't, the
 * deployment fails and changes nothing.
 *
 * @see https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ReplicateBackups.html
 */
export class ReplicatedBackups extends Mixin {
  constructor(private readonly props: ReplicatedBackupsProps) {
    super();
  }

  public supports(construct: IConstruct): construct is rds.CfnDBInstance {
    return CfnResource.isCfnResource(construct) && construct.cfnResourceType === 'AWS::RDS::DBInstance';
  }

  public applyTo(construct: IConstruct): void {
    if (!this.supports(construct)) return;
    const problems = this.refusals(construct);
    if (problems.length > 0) {
      throw new Error(`backups of database '${construct.node.path}' in another region:\n  ${problems.join('\n  ')}`);
    }
    const { region, retention } = this.props;
    construct.automaticBackupReplicationRegion = region.name;
    construct.automaticBackupReplicationRetentionPeriod ??= retention?.toDays();
    if (!isEncrypted(construct)) return;
    construct.automaticBackupReplicationKmsKeyId ??= region.keyArnFor(construct);
    if (region.keyArn === undefined) this.infoOfAlias(construct);
  }

  private refusals(database: rds.CfnDBInstance): string[] {
    const { region, retention } = this.props;
    const problems: string[] = [];
    const stated = known(database.automaticBackupReplicationRegion);
    if (stated !== undefined && stated !== region.name) {
      problems.push(
        `the database says ${stated} and here it is ${region}, and RDS replicates to one region only; state it once`,
      );
    }
    const own = Stack.of(database).region;
    if (own === region.name) {
      problems.push(`${region} is the database's own region, so they would be lost with it; name another region`);
    }
    const engine = known(database.engine);
    if (engine !== undefined && !SUPPORTED.test(engine)) {
      problems.push(`RDS does not replicate backups of ${engine}; copy snapshots instead, or use AWS Backup`);
    }
    if (known(database.backupRetentionPeriod) === 0) {
      problems.push('its backup retention is 0 days, so there is nothing to replicate; set 1 to 35 days');
    }
    const days = retention?.toDays({ integral: false });
    if (days !== undefined && known(days) !== undefined && !(Number.isInteger(days) && days >= 1 && days <= 35)) {
      problems.push(
        `a retention of ${days} days is outside of 1 to 35 whole days, so RDS would refuse it; keep longer copies with ` +
          'BackupCopy.snapshots()',
      );
    }
    return problems;
  }

  private infoOfAlias(database: rds.CfnDBInstance): void {
    Annotations.of(database).addInfoV2(
      'lifeboat:replication-key-by-alias',
      'backups are replicated under a key that is named by its alias, where AWS documents the ARN of a key; should RDS ' +
        "refuse it, give RecoveryRegion.named() the ARN that the recovery stack's output KeyArn shows",
    );
  }
}
