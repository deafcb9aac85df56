import { Annotations, CfnResource, type Duration, Mixin, Stack, Token } from 'aws-cdk-lib';
import type * as rds from 'aws-cdk-lib/aws-rds';
import type { IConstruct } from 'constructs';
import { isEncrypted } from '../database/source-database';
import { refuseAll } from '../synth/problems';
import { checkProps, type PropsOf } from '../synth/props';
import { known } from '../synth/tokens';
import type { RecoveryRegion } from './recovery-region';

export interface ReplicatedBackupsProps {
  /** The region that backups are replicated to. */
  readonly region: RecoveryRegion;

  /**
   * How long they are kept there, and so how far back a moment can be restored: 1 to 35 whole days.
   *
   * @default - as long as in the database's own region
   */
  readonly retention?: Duration;
}

/**
 * https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Concepts.RDS_Fea_Regions_DB-eng.Feature.CrossRegionAutomatedBackups.html
 */
const SUPPORTED = /^(db2-(ae|se)|mariadb|mysql|oracle-(ee|se2)(-cdb)?|postgres|sqlserver-(ee|ex|se|web))$/;

/** The default quota of an account: instances whose backups are replicated. */
const MAX_REPLICATED = 20;

const PROPS: PropsOf<ReplicatedBackupsProps> = { region: true, retention: true };

/**
 * Replicates automated backups of an RDS instance to another region, where any moment can be restored. Its owner
 * applies it, after the settings of its own backups: `database.with(new ReplicatedBackups({ ... }))`.
 *
 * RDS replicates only between certain pairs of regions, and by default for 20 instances of an account: synth warns of
 * other pairs, and when the app has more instances. If RDS refuses, the deployment fails and changes nothing.
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
    refuseAll(`replicated backups of database '${construct.node.path}'`, this.problemsOf(construct));
    const { region, retention } = this.props;
    construct.automaticBackupReplicationRegion = region.name;
    construct.automaticBackupReplicationRetentionPeriod ??= retention?.toDays();
    this.warnOfPair(construct);
    construct.node.addValidation({ validate: () => this.warnOfNumber(construct) });
    if (!isEncrypted(construct)) {
      Annotations.of(construct).addWarningV2(
        'lifeboat:copies-not-encrypted',
        `database '${construct.node.path}' is not encrypted, so its backups in ${region} are not either; restore an encrypted copy ` +
          'of a snapshot as a new database, and switch to that. Do not set storageEncrypted on the existing one: CloudFormation ' +
          'would replace it with an empty one',
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
        `'region' is ${region}, and the database itself states ${stated}; RDS replicates to only one region, so state it once`,
      );
    }
    if (database.dbClusterIdentifier !== undefined) {
      problems.push(
        'it is an instance of a cluster, and RDS does not replicate backups of clusters; copy them with AWS Backup if that ' +
          'supports the cluster, or create a replica there',
      );
    }
    const own = Stack.of(database).region;
    if (own === region.name) {
      problems.push(
        `'region' is ${region}, the database's own, so the backups would be lost with it; use another region`,
      );
    }
    const engine = known(database.engine);
    if (engine !== undefined && !SUPPORTED.test(engine)) {
      problems.push(`it runs ${engine}, and RDS does not replicate backups of that; copy snapshots, or use AWS Backup`);
    }
    if (known(database.backupRetentionPeriod) === 0) {
      problems.push('its backup retention is 0 days, so there is nothing to replicate; set 1 to 35 days');
    }
    const days = retention?.toDays({ integral: false });
    if (days !== undefined && known(days) !== undefined && !(Number.isInteger(days) && days >= 1 && days <= 35)) {
      problems.push(
        `'retention' is ${retention?.toHumanString()}, not 1 to 35 whole days, so RDS would refuse it; to keep backups longer, use ` +
          'BackupCopy.snapshots()',
      );
    }
    const statedDays = known(database.automaticBackupReplicationRetentionPeriod);
    if (statedDays !== undefined && known(days) !== undefined && statedDays !== days) {
      problems.push(
        `'retention' is ${days} days, and the database itself states ${statedDays}, so one would be lost; state it once`,
      );
    }
    const [, , , keyRegion] = (known(database.automaticBackupReplicationKmsKeyId) ?? '').split(':');
    if (keyRegion && keyRegion !== region.name) {
      problems.push(
        `'automaticBackupReplicationKmsKeyId' of the database is a key in ${keyRegion}, and backups in ${region} need a key of that ` +
          'region; state one there, or leave it out to use the key of RecoverySite',
      );
    }
    return problems;
  }

  private warnOfPair(database: rds.CfnDBInstance): void {
    const { region } = this.props;
    const source = Stack.of(database).region;
    if (Token.isUnresolved(source) || replicatesTo(source).includes(region.name)) return;
    const listed = replicatesTo(source).join(', ') || 'no known region';
    Annotations.of(database).addWarningV2(
      'lifeboat:replication-pair-not-listed',
      `AWS's guide does not list replication of backups from ${source} to ${region}, so the deployment may fail; choose from ${listed}, ` +
        `copy snapshots instead, or acknowledge this if 'aws rds describe-source-regions --region ${region}' lists it`,
    );
  }

  /** Checked once the app is complete. It only warns, since the quota can be raised; the first instance reports it. */
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
      `backups of ${replicated.length} instances are replicated in this app, and the default quota of an account is ${MAX_REPLICATED}, ` +
        'so deployments beyond that fail; request a higher quota, or copy snapshots of some',
    );
    return [];
  }

  private infoOfAlias(database: rds.CfnDBInstance): void {
    Annotations.of(database).addInfoV2(
      'lifeboat:replication-key-by-alias',
      'the key of replicated backups is stated by its alias, and AWS documents only the ARN of a key; if RDS refuses it, ' +
        "state as keyArn of RecoveryRegion.named() the ARN in the recovery stack's output KeyArn",
    );
  }
}

/**
 * Pairs of regions between which RDS replicates automated backups, as its guide listed them in 2026. RDS adds pairs, so
 * others are only warned of, never refused: `aws rds describe-source-regions --region <destination>` lists them.
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

/** Known destinations of replicated backups of a region; none if the region is not listed. */
export function replicatesTo(source: string): string[] {
  const found = DESTINATIONS[source] ?? [];
  return found.filter((region) => region !== source).sort();
}
