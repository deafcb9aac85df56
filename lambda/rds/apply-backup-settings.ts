/**
 * Runbook: apply backup settings to a database that no template describes.
 *
 * It changes only what differs, so it may run at any time and any number of times; changes that wait for the
 * maintenance window keep waiting. A lower retention, at which RDS deletes older backups at once, is refused unless the
 * request allows it and the database is not on hold. When the resource is deleted, the settings stay until the
 * database's owner changes them.
 */
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { type DBInstance, DescribeDBInstancesCommand, ModifyDBInstanceCommand, RDSClient } from '@aws-sdk/client-rds';
import { SSMClient } from '@aws-sdk/client-ssm';
import { type BackupSettings, backupSettings, parse } from '../contract';
import { ANSWER_WITHIN_HOURS, type Answer, customResource, isRollingBack, putAnswer } from '../runbook/custom-resource';
import { type AskHold, askHold, describeHold } from '../runbook/hold';
import { describe, shipped } from '../runbook/runbook';
import { isFault } from './fault';

export interface BackupSettingsPorts {
  readonly rds: RDSClient;
  /** Has the hold on the database, if there is one. */
  readonly ssm: SSMClient;
  readonly cloudFormation: CloudFormationClient;
  readonly answer: Answer;
}

/** RDS modifies databases in these states only; the latter two mean that blocks are still being loaded or moved. */
const MODIFIABLE = ['available', 'storage-initialization', 'storage-optimization'];

/** Nothing comes after these by itself. */
const STUCK = /^(deleting|failed|stopped|stopping|incompatible-.*|inaccessible-.*|restore-error|storage-full)$/;

export const applyBackupSettings = ({ rds, ssm, cloudFormation, answer }: BackupSettingsPorts) =>
  customResource(
    async (event, runbook) => {
      const { RequestType, PhysicalResourceId, ResourceProperties } = event;
      if (RequestType === 'Delete') {
        return {
          physicalId: String(PhysicalResourceId),
          reason: 'Nothing was changed: the database keeps its backup window, retention, tag copying and protection.',
        };
      }
      const settings = parse(backupSettings, JSON.parse(ResourceProperties.Request), 'backup settings');
      const hold = askHold([ssm], { kind: 'database', id: settings.instance }, Date.now);
      const physicalId = `backup-settings-of-${settings.instance}`;
      try {
        await runbook.poll(
          'apply what differs, until it is in force',
          () => apply(rds, hold, settings),
          (seen) => seen === 'in force',
          { hours: ANSWER_WITHIN_HOURS },
        );
      } catch (error) {
        // A failed rollback blocks the whole stack until somebody repairs it by hand.
        if (RequestType !== 'Update' || !(await isRollingBack(cloudFormation, event, runbook))) throw error;
        const why = describe(error).slice(0, 700);
        return { physicalId, reason: `The earlier settings were not restored, so deploy again: ${why}` };
      }
      return {
        physicalId,
        reason: `The settings are in force on database '${settings.instance}'; they stay when this resource is deleted.`,
      };
    },
    { cloudFormation, answer },
  );

/** One look at the database, and a request to change what is neither in force nor pending. */
async function apply(rds: RDSClient, hold: AskHold, settings: BackupSettings): Promise<string> {
  const { instance } = settings;
  const { DBInstances } = await rds.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: instance }));
  const found = DBInstances?.[0] ?? {};
  const status = found.DBInstanceStatus ?? 'unknown';
  if (found.DBClusterIdentifier) {
    throw new Error(
      `database '${instance}' is a member of cluster '${found.DBClusterIdentifier}', which backs itself up as a whole, ` +
        'so nothing was changed; set the backups of the cluster',
    );
  }
  const pending = found.PendingModifiedValues ?? {};
  const now = differences(found, settings);
  const later = differences({ ...found, ...pending }, settings);
  const asked = { ...now, ...later };
  if (Object.keys(asked).length === 0) return 'in force';
  await refuseToDeleteBackups(found, settings, hold);
  if (STUCK.test(status)) {
    throw new Error(`database '${instance}' is ${status}, so RDS can't modify it; make it available, and deploy again`);
  }
  if (!MODIFIABLE.includes(status)) return status;
  // Only turning backups on waits for the maintenance window, unless it is to be applied immediately.
  const retentions = [found.BackupRetentionPeriod, pending.BackupRetentionPeriod];
  const ApplyImmediately = retentions.includes(0) && asked.BackupRetentionPeriod !== undefined;
  if (!ApplyImmediately && Object.keys(later).length === 0) return `${status}, and on its way`;
  if (ApplyImmediately) refuseToHasten(found);
  try {
    await rds.send(new ModifyDBInstanceCommand({ DBInstanceIdentifier: instance, ...asked, ApplyImmediately }));
    return 'asked for';
  } catch (error) {
    // It was available a moment ago: a backup or another change began.
    if (isFault(error, 'InvalidDBInstanceState')) return 'busy';
    throw error;
  }
}

/** https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_WorkingWithAutomatedBackups.BackupRetention.html */
async function refuseToDeleteBackups(found: DBInstance, settings: BackupSettings, hold: AskHold): Promise<void> {
  const { instance, retentionDays: wanted, olderBackupsMayBeDeleted } = settings;
  const { BackupRetentionPeriod: days = 0 } = found;
  if (wanted === undefined || wanted >= days) return;
  const day = (ago: number) => new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10);
  const lost =
    `'retention' of database '${instance}' is ${days} days, and at ${wanted} RDS would delete its automated backups of ` +
    `${day(days)} to ${day(wanted)} (UTC) at once, without a way back`;
  if (!olderBackupsMayBeDeleted) {
    throw new Error(
      `${lost}, so nothing was changed; leave it at ${days}, or copy what you need from those days and set ` +
        "'olderBackups' to OlderBackups.MAY_BE_DELETED",
    );
  }
  const held = await hold();
  if (!held) return;
  throw new Error(`${lost}, and it is ${describeHold(held)}; nothing was changed; deploy again once it is released`);
}

/** Changes requested here, and those that never wait for a maintenance window. */
const NOBODY_ELSES = ['BackupRetentionPeriod', 'MasterUserPassword', 'PendingCloudwatchLogsExports'];

/**
 * A change that is applied immediately also applies all that are pending: a new class or version, with its outage.
 * https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ModifyInstance.ApplyImmediately.html
 */
function refuseToHasten({ DBInstanceIdentifier, PendingModifiedValues = {} }: DBInstance): void {
  const waiting = Object.entries(PendingModifiedValues)
    .filter(([, value]) => value !== undefined && !(Array.isArray(value) && value.length === 0))
    .map(([key]) => key)
    .filter((key) => !NOBODY_ELSES.includes(key));
  if (waiting.length === 0) return;
  throw new Error(
    `database '${DBInstanceIdentifier}' keeps no backups, and turning them on at once would also apply what waits for its ` +
      `maintenance window (${waiting.join(', ')}), maybe with an outage, so nothing was changed; let that window pass, or ` +
      'apply those changes, and deploy again',
  );
}

function differences(found: DBInstance, settings: BackupSettings) {
  const differs = <T>(there: T, wanted: T) => (wanted !== undefined && there !== wanted ? wanted : undefined);
  const all = {
    PreferredBackupWindow: differs(found.PreferredBackupWindow, settings.window),
    BackupRetentionPeriod: differs(found.BackupRetentionPeriod, settings.retentionDays),
    CopyTagsToSnapshot: differs<boolean | undefined>(found.CopyTagsToSnapshot, settings.copyTagsToSnapshot),
    DeletionProtection: differs<boolean | undefined>(found.DeletionProtection, settings.deletionProtection),
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as Partial<typeof all>;
}

export const handler = shipped(applyBackupSettings, () => ({
  rds: new RDSClient(),
  ssm: new SSMClient(),
  cloudFormation: new CloudFormationClient(),
  answer: putAnswer,
}));
