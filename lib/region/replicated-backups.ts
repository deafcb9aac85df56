import { Annotations, CfnResource, type Duration, Mixin, Stack, Token } from 'aws-cdk-lib';
import type * as rds from 'aws-cdk-lib/aws-rds';
import type { IConstruct } from 'constructs';
import { isEncrypted } from '../database/source-database';
import { refuseAll } from '../synth/problems';
import { checkProps, type PropsOf } from '../synth/props';
import { known } from '../synth/tokens';
import type { RecoveryRegion } from './recovery-region';

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

/** Instances of an account whose backups are replicated, unless raised. */
const MAX_REPLICATED = 20;

const PROPS: PropsOf<ReplicatedBackupsProps> = { region: true, retention: true };

/**
 * Automated backups of an RDS instance in another region too, to any moment, for its owner to apply:
 * `database.with(new ReplicatedBackups({ ... }))`, after its own backups are settled.
 *
 * RDS replicates between fixed pairs of regions only, and for 20 instances of an account unless raised: synth warns of
 * pairs that its guide doesn't list, and where the app has more. Where RDS doesn't, the deployment fails and changes
 * nothing.
 *
 * @see https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ReplicateBackups.html
 */
export class ReplicatedBackups extends Mixin {
  constructor(private readonly props: ReplicatedBackupsProps) {
    super();
    checkProps(this, props, PROPS);
  }

  public supports(construct: IConstruct): construct is rds.CfnDBInstance {
    return CfnResource.isCfnResource(construct) && construct.cfnResourceType === 'AWS::RDS::DBInstance';
  }

  public applyTo(construct: IConstruct): void {
    if (!this.supports(construct)) return;
    refuseAll(`backups of database '${construct.node.path}' in another region`, this.problemsOf(construct));
    const { region, retention } = this.props;
    construct.automaticBackupReplicationRegion = region.name;
    construct.automaticBackupReplicationRetentionPeriod ??= retention?.toDays();
    this.warnOfPair(construct);
    construct.node.addValidation({ validate: () => this.warnOfNumber(construct) });
    if (!isEncrypted(construct)) {
      Annotations.of(construct).addWarningV2(
        'lifeboat:copies-not-encrypted',
        `database '${construct.node.path}' is not encrypted, so its backups in ${region} are not either; restore an encrypted copy ` +
          'of a snapshot as a new database, and move to that. Do not set storageEncrypted on this one: CloudFormation would ' +
          'replace it with an empty one',
      );
      return;
    }
    construct.automaticBackupReplicationKmsKeyId ??= region.keyArnFor(construct);
    if (region.keyArn === undefined) this.infoOfAlias(construct);
  }

  private problemsOf(database: rds.CfnDBInstance): string[] {
    const { region, retention } = this.props;
    const problems: string[] = [];
    const stated = known(database.automaticBackupReplicationRegion);
    if (stated !== undefined && stated !== region.name) {
      problems.push(
        `the database says ${stated} and here it is ${region}, and RDS replicates to one region only; state it once`,
      );
    }
    if (database.dbClusterIdentifier !== undefined) {
      problems.push(
        'it is an instance of a cluster, which is backed up as a whole, and RDS replicates no backups of clusters; copy ' +
          'them with AWS Backup where it can, or have a replica there',
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
        `a retention of ${retention?.toHumanString()} is outside of 1 to 35 whole days, so RDS would refuse it; keep longer copies with ` +
          'BackupCopy.snapshots()',
      );
    }
    const statedDays = known(database.automaticBackupReplicationRetentionPeriod);
    if (statedDays !== undefined && known(days) !== undefined && statedDays !== days) {
      problems.push(
        `the database keeps them for ${statedDays} days there and ${days} are asked for here, so one would be lost; state it once`,
      );
    }
    const [, , , keyRegion] = (known(database.automaticBackupReplicationKmsKeyId) ?? '').split(':');
    if (keyRegion && keyRegion !== region.name) {
      problems.push(
        `the database names a key in ${keyRegion} for them, and in ${region} only a key of that region encrypts; name one ` +
          'there, or leave it out for the one of RecoverySite',
      );
    }
    return problems;
  }

  private warnOfPair(database: rds.CfnDBInstance): void {
    const { region } = this.props;
    const source = Stack.of(database).region;
    if (Token.isUnresolved(source) || replicatesTo(source).includes(region.name)) return;
    const listed = replicatesTo(source).join(', ') || 'no region that is known here';
    Annotations.of(database).addWarningV2(
      'lifeboat:replication-pair-not-listed',
      `AWS's guide lists no replication of backups from ${source} to ${region}, so the deployment may fail; choose from ${listed}, ` +
        `copy snapshots instead, or acknowledge this where 'aws rds describe-source-regions --region ${region}' says otherwise`,
    );
  }

  /** Once the app is whole. The quota can be raised, so it is no refusal; only the first instance tells. */
  private warnOfNumber(database: rds.CfnDBInstance): string[] {
    const { account } = Stack.of(database);
    const replicated = database.node.root.node
      .findAll()
      .filter(
        (one): one is rds.CfnDBInstance => this.supports(one) && one.automaticBackupReplicationRegion !== undefined,
      )
      .filter((one) => one.stack.account === account);
    if (replicated.length <= MAX_REPLICATED || replicated[0] !== database) return [];
    Annotations.of(database).addWarningV2(
      'lifeboat:replications-beyond-quota',
      `backups of ${replicated.length} instances are replicated in this app, and an account has ${MAX_REPLICATED} unless its ` +
        'quota was raised, so deployments beyond that fail; have it raised, or copy snapshots of some',
    );
    return [];
  }

  private infoOfAlias(database: rds.CfnDBInstance): void {
    Annotations.of(database).addInfoV2(
      'lifeboat:replication-key-by-alias',
      'backups are replicated under a key that is named by its alias, where AWS documents the ARN of a key; should RDS ' +
        "refuse it, give RecoveryRegion.named() the ARN that the recovery stack's output KeyArn shows",
    );
  }
}

/**
 * Between which regions RDS replicates automated backups, as its guide listed them in 2026. RDS adds pairs now and then, so
 * what is missing here is warned of, and never refused: `aws rds describe-source-regions --region <destination>` tells.
 * https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ReplicateBackups.html#USER_ReplicateBackups.Regions
 */
const AMERICA = ['us-east-1', 'us-east-2', 'us-west-2'];
const ASIA = ['ap-northeast-1', 'ap-northeast-2', 'ap-south-1', 'ap-southeast-1'];
const EUROPE = ['eu-central-1', 'eu-west-1', 'eu-west-2', 'eu-west-3', 'eu-north-1'];

const DESTINATIONS: Readonly<Record<string, readonly string[]>> = {
  'af-south-1': ['eu-central-1', 'eu-west-1', 'eu-west-2'],
  'ap-east-1': ['ap-southeast-1', 'ap-northeast-1'],
  'ap-northeast-1': ['ap-east-1', 'ap-northeast-3', 'ap-northeast-2', 'ap-southeast-1', ...AMERICA],
  'ap-northeast-2': ['ap-southeast-1', 'ap-northeast-1', ...AMERICA],
  'ap-northeast-3': ['ap-northeast-1'],
  'ap-south-1': ['ap-south-2', 'ap-southeast-1', ...AMERICA],
  'ap-south-2': ['ap-south-1'],
  'ap-southeast-1': ['ap-east-1', 'ap-southeast-5', 'ap-southeast-2', ...ASIA, ...AMERICA],
  'ap-southeast-2': ['ap-southeast-4', 'ap-southeast-1', 'us-east-1', 'us-west-1', 'us-west-2'],
  'ap-southeast-3': ['ap-southeast-5', 'ap-southeast-1'],
  'ap-southeast-4': ['ap-southeast-2'],
  'ap-southeast-5': ['ap-southeast-1'],
  'ca-central-1': ['ca-west-1', 'eu-west-1', 'us-west-1', ...AMERICA],
  'ca-west-1': ['ca-central-1'],
  'cn-north-1': ['cn-northwest-1'],
  'cn-northwest-1': ['cn-north-1'],
  'eu-central-1': ['af-south-1', 'eu-central-2', ...EUROPE, ...AMERICA],
  'eu-central-2': ['eu-central-1', 'eu-west-1'],
  'eu-north-1': [...EUROPE, 'us-east-1'],
  'eu-south-1': ['eu-central-1'],
  'eu-south-2': ['eu-west-1', 'eu-west-3'],
  'eu-west-1': ['af-south-1', 'ca-central-1', 'eu-central-2', 'us-west-1', ...EUROPE, ...AMERICA],
  'eu-west-2': ['af-south-1', ...EUROPE, 'us-east-1'],
  'eu-west-3': [...EUROPE, 'us-east-1'],
  'il-central-1': ['eu-west-1'],
  'me-central-1': ['eu-central-1'],
  'sa-east-1': ['us-east-1', 'us-east-2'],
  'us-east-1': ['ap-southeast-2', 'ca-central-1', 'sa-east-1', 'us-west-1', ...ASIA, ...EUROPE, ...AMERICA],
  'us-east-2': ['ca-central-1', 'eu-central-1', 'eu-west-1', 'sa-east-1', 'us-west-1', ...ASIA, ...AMERICA],
  'us-gov-east-1': ['us-gov-west-1'],
  'us-gov-west-1': ['us-gov-east-1'],
  'us-west-1': ['ap-southeast-2', 'ca-central-1', 'eu-west-1', ...AMERICA],
  'us-west-2': ['ap-southeast-2', 'ca-central-1', 'eu-central-1', 'eu-west-1', 'us-west-1', ...ASIA, ...AMERICA],
};

/** Where RDS is known to replicate backups from a region to, the region itself left out; none where it is not listed. */
export function replicatesTo(source: string): string[] {
  const found = DESTINATIONS[source] ?? [];
  return found.filter((region) => region !== source).sort();
}
