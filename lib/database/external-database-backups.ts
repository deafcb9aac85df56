import { ArnFormat, type Duration, Stack, Token } from 'aws-cdk-lib';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as rds from 'aws-cdk-lib/aws-rds';
import { Construct } from 'constructs';
import { type BackupSettings, RDS_LIMITS } from '../../lambda/contract';
import { RunbookResource } from '../function/runbook-resource';
import { allow, readHold } from '../function/statements';
import type { BackupWindow } from '../schedule/backup-window';
import { markCovered } from '../synth/coverage';
import { refuseOtherUnits } from '../synth/durations';
import { refuseAll } from '../synth/problems';
import { checkProps, type PropsOf } from '../synth/props';
import { known } from '../synth/tokens';
import { windowProblems } from './backup-settings';
import { clusterProblems } from './database-resource';
import { SourceDatabase } from './source-database';

/** What happens to a setting of a database that this app doesn't create. */
export enum ExternalSetting {
  /** It is switched on. */
  ON = 'on',
  /** It does not change. */
  UNCHANGED = 'unchanged',
}

/** What happens to older automated backups when the retention is lowered. */
export enum OlderBackups {
  /** They are kept: the deployment fails without a change, and names the days that would be lost. */
  KEPT = 'kept',
  /** RDS deletes them at once and permanently, unless the database is on hold. */
  MAY_BE_DELETED = 'may-be-deleted',
}

export interface ExternalDatabaseBackupsProps {
  /** An RDS instance that is in no CloudFormation template, imported by its identifier. */
  readonly database: rds.IDatabaseInstance;

  /**
   * When the daily backup is taken.
   *
   * @default - does not change
   */
  readonly window?: BackupWindow;

  /**
   * The maintenance window, in the form of RDS: `sun:04:00-sun:05:00`, UTC. Only compared with `window` at synth; it is
   * not applied.
   *
   * @default - not compared: if the two overlap, RDS refuses the backup window, and the deployment fails
   */
  readonly maintenance?: string;

  /**
   * How long automated backups are kept: 1 to 35 whole days. A shorter time than before is refused at deployment,
   * depending on `olderBackups`. A change from 0 interrupts the database for a moment.
   * https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_WorkingWithAutomatedBackups.BackupRetention.html
   *
   * @default - does not change
   */
  readonly retention?: Duration;

  /**
   * Whether `retention` may be lower than that of the database, in which case RDS deletes all older automated backups.
   * Remove this again after such a deployment.
   *
   * @default OlderBackups.KEPT
   */
  readonly olderBackups?: OlderBackups;

  /**
   * Whether snapshots get the database's tags.
   *
   * @default ExternalSetting.ON
   */
  readonly tagCopying?: ExternalSetting;

  /**
   * Whether the database has deletion protection.
   *
   * @default ExternalSetting.ON
   */
  readonly deletionProtection?: ExternalSetting;

  /**
   * Encrypts the log. The policy of a key of another app must allow CloudWatch Logs.
   *
   * @default - the key of the enclosing plan; without one, a key of its own, rotated yearly, retained
   */
  readonly logEncryptionKey?: kms.IKey;
}

const PROPS: PropsOf<ExternalDatabaseBackupsProps> = {
  database: true,
  window: true,
  maintenance: true,
  retention: true,
  olderBackups: true,
  tagCopying: true,
  deletionProtection: true,
  logEncryptionKey: true,
};

/**
 * Automated backups of a database that was created outside CloudFormation, by hand or by another tool. For a database
 * of this app, use `database.with(new DatabaseBackups({ ... }))`.
 *
 * The settings are applied at deployment, at once, by a function that may modify only this instance. They are applied
 * again only when they change here, so manual changes in between stay. Other changes that wait for the maintenance
 * window keep waiting. If backups are off, turning them on would apply those changes, with their outages: then the
 * deployment fails, and says so.
 *
 * Nothing is reverted when this is deleted: the database keeps its window, retention, tag copying and protection.
 *
 * @throws Error when RDS would refuse a setting, or the database is in this app
 */
export class ExternalDatabaseBackups extends Construct {
  constructor(scope: Construct, id: string, props: ExternalDatabaseBackupsProps) {
    super(scope, id);
    checkProps(this, props, PROPS);
    const { database, window, retention } = props;
    refuseOtherUnits(`backups of an external database '${this.node.path}'`, {}, { retention });
    const source = new SourceDatabase(database);
    refuseAll(`backups of an external database '${this.node.path}'`, problemsOf(this, props, source));
    const request: BackupSettings = {
      instance: source.identifier,
      window: window?.expression,
      retentionDays: retention?.toDays({ integral: false }),
      olderBackupsMayBeDeleted: props.olderBackups === OlderBackups.MAY_BE_DELETED || undefined,
      copyTagsToSnapshot: isOn(props.tagCopying) || undefined,
      deletionProtection: isOn(props.deletionProtection) || undefined,
    };
    const instance = Stack.of(this).formatArn({
      service: 'rds',
      resource: 'db',
      resourceName: source.identifier,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
    new RunbookResource(this, 'Settings', {
      entry: 'apply-backup-settings',
      resourceType: 'Custom::LifeboatBackupSettings',
      description: 'Lifeboat: applies backup settings to a database outside CloudFormation',
      request,
      encryptionKey: props.logEncryptionKey,
      statements: [
        allow(['rds:DescribeDBInstances'], [instance]),
        // IAM has no condition for the modified settings. Parameter and option groups are other resources, and not
        // allowed.
        allow(['rds:ModifyDBInstance'], [instance]),
        allow(['cloudformation:DescribeStacks'], [Stack.of(this).stackId]),
        readHold(Stack.of(this), { kind: 'database', id: source.identifier }),
      ],
    });
    markCovered(database, 'ExternalDatabaseBackups');
  }
}

function problemsOf(scope: Construct, props: ExternalDatabaseBackupsProps, source: SourceDatabase): string[] {
  const problems: string[] = [];
  const { database, window, maintenance, retention, tagCopying, deletionProtection } = props;
  if (source.resource) {
    problems.push(
      `'database' is '${database.node.path}' of this app, so the next deployment could revert these settings; ` +
        'use database.with(new DatabaseBackups({ ... }))',
    );
  }
  problems.push(...clusterProblems(source), ...windowProblems(window?.expression, maintenance));
  const days = known(retention?.toDays({ integral: false }));
  if (days !== undefined && !(Number.isInteger(days) && days >= 1 && days <= RDS_LIMITS.retentionDays.max)) {
    const consequence = days === 0 ? 'it would delete all automated backups' : 'RDS would refuse it';
    problems.push(
      `'retention' is ${retention?.toHumanString()}, not 1 to 35 whole days, so ${consequence}; set 1 to 35, and use AWS Backup to ` +
        'keep backups longer',
    );
  }
  const here = Stack.of(scope).region;
  const there = database.env.region;
  if (![here, there].some((region) => Token.isUnresolved(region)) && here !== there) {
    problems.push(
      `'database' is in ${there} and this stack in ${here}, so the function would look for it in the wrong region; ` +
        `put this into a stack of ${there}`,
    );
  }
  if (!window && !retention && !isOn(tagCopying) && !isOn(deletionProtection)) {
    problems.push('no setting is to be changed; state a window or a retention, or remove the construct');
  }
  return problems;
}

const isOn = (setting = ExternalSetting.ON): boolean => setting === ExternalSetting.ON;
