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

/** What becomes of a setting of a database that this app doesn't make. */
export enum ExternalSetting {
  /** It is switched on. */
  ON = 'on',
  /** It stays as it is. */
  UNCHANGED = 'unchanged',
}

/** What becomes of automated backups that are older than a retention which is set lower than before. */
export enum OlderBackups {
  /** They stay: the deployment fails, with nothing changed, and says which days would be lost. */
  KEPT = 'kept',
  /** RDS deletes them at once, without a way back, unless the database is on hold. */
  MAY_BE_DELETED = 'may-be-deleted',
}

export interface ExternalDatabaseBackupsProps {
  /** An RDS instance that no CloudFormation template describes, imported by its identifier. */
  readonly database: rds.IDatabaseInstance;

  /**
   * When the daily backup is taken.
   *
   * @default - stays as it is
   */
  readonly window?: BackupWindow;

  /**
   * When RDS maintains it, as RDS writes it: `sun:04:00-sun:05:00`, UTC. It is held against `window` at synth, and not
   * changed.
   *
   * @default - not compared: where the two overlap, RDS refuses the backup window, and the deployment fails
   */
  readonly maintenance?: string;

  /**
   * How long automated backups are kept: 1 to 35 whole days. A shorter time than before is refused at deployment, as
   * `olderBackups` says. From 0 on the database to any other, RDS interrupts it for a moment.
   * https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_WorkingWithAutomatedBackups.BackupRetention.html
   *
   * @default - stays as it is
   */
  readonly retention?: Duration;

  /**
   * Whether `retention` may be lower than what is in force on the database, at which RDS deletes all automated backups
   * that are older. Take it away again after such a deployment.
   *
   * @default OlderBackups.KEPT
   */
  readonly olderBackups?: OlderBackups;

  /**
   * Whether snapshots carry the database's tags.
   *
   * @default ExternalSetting.ON
   */
  readonly tagCopying?: ExternalSetting;

  /**
   * Whether the database refuses to be deleted.
   *
   * @default ExternalSetting.ON
   */
  readonly deletionProtection?: ExternalSetting;

  /**
   * Encrypts the log. A key of another app must let CloudWatch Logs use it.
   *
   * @default - the key of the plan around it; else one of its own, rotated yearly, retained
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
 * Automated backups of a database that was made outside CloudFormation: by hand, or by another tool. A database of this
 * app has them by `database.with(new DatabaseBackups({ ... }))`.
 *
 * The settings are applied at deployment, at once, by a function that may modify this one instance. Applied again only
 * when they change here: what somebody changes at the database in between stays. Other changes that wait for its
 * maintenance window stay there. Where backups are off, turning them on would bring those forward, with their outages:
 * then the deployment fails, and says so.
 *
 * Nothing is put back when this is deleted: the database keeps its window, retention, tag copying and protection.
 *
 * @throws Error when a setting is one that RDS refuses, or the database is this app's
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
      description: 'Lifeboat: has a database outside CloudFormation back itself up as asked',
      request,
      encryptionKey: props.logEncryptionKey,
      statements: [
        allow(['rds:DescribeDBInstances'], [instance]),
        // IAM has no condition on which settings are modified. Groups are resources of their own, and not allowed.
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
      `database '${database.node.path}' is made by this app, so its next deployment would undo what is set beside it; ` +
        'use database.with(new DatabaseBackups({ ... }))',
    );
  }
  problems.push(...clusterProblems(source), ...windowProblems(window?.expression, maintenance));
  const days = known(retention?.toDays({ integral: false }));
  if (days !== undefined && !(Number.isInteger(days) && days >= 1 && days <= RDS_LIMITS.retentionDays.max)) {
    const consequence = days === 0 ? 'it would delete all automated backups there are' : 'RDS would refuse it';
    problems.push(
      `a backup retention of ${retention?.toHumanString()} is outside of 1 to 35 whole days, and ${consequence}; choose one from 1 to 35, and keep ` +
        'longer copies with AWS Backup',
    );
  }
  const here = Stack.of(scope).region;
  const there = database.env.region;
  if (![here, there].some((region) => Token.isUnresolved(region)) && here !== there) {
    problems.push(
      `the database is in ${there} and this stack in ${here}, so the function would look for it in the wrong region; ` +
        `put this into a stack of ${there}`,
    );
  }
  if (!window && !retention && !isOn(tagCopying) && !isOn(deletionProtection)) {
    problems.push('nothing is to be changed, so it would do nothing; state a window or a retention, or leave it out');
  }
  return problems;
}

const isOn = (setting = ExternalSetting.ON): boolean => setting === ExternalSetting.ON;
