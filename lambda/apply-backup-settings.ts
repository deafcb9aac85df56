/**
 * Runbook: have a database outside CloudFormation back itself up as asked.
 *
 * It changes what differs and nothing else, so it may run at any time and any number of times. When the resource is
 * deleted nothing is put back: what protects a database stays until its owner says otherwise.
 */
import { type DBInstance, DescribeDBInstancesCommand, ModifyDBInstanceCommand, RDSClient } from '@aws-sdk/client-rds';
import { type BackupSettings, backupSettings, parse } from './contract';
import { isFault } from './copy';
import { ANSWER_WITHIN_HOURS, type Answer, customResource, putAnswer } from './custom-resource';
import { durable } from './runbook';

export interface BackupSettingsPorts {
  readonly rds: RDSClient;
  readonly answer: Answer;
}

/** RDS modifies databases in these states only; the latter two mean that blocks are still being loaded or moved. */
const MODIFIABLE = ['available', 'storage-initialization', 'storage-optimization'];

/** Nothing comes after these by itself. */
const STUCK = /^(deleting|failed|stopped|stopping|incompatible-.*|inaccessible-.*|restore-error|storage-full)$/;

export const applyBackupSettings = ({ rds, answer }: BackupSettingsPorts) =>
  customResource(async (event, runbook) => {
    const { RequestType, PhysicalResourceId, ResourceProperties } = event;
    if (RequestType === 'Delete') {
      return {
        physicalId: String(PhysicalResourceId),
        reason: 'Nothing was put back: the database keeps its backup window, retention, tag copying and protection.',
      };
    }
    const settings = parse(backupSettings, JSON.parse(ResourceProperties.Request), 'backup settings');
    await runbook.poll(
      'apply what differs, until it is in force',
      () => apply(rds, settings),
      (seen) => seen === 'in force',
      { hours: ANSWER_WITHIN_HOURS },
    );
    return {
      physicalId: `backup-settings-of-${settings.instance}`,
      reason: `In force on database '${settings.instance}'; they stay when this resource is deleted.`,
    };
  }, answer);

/** One look, and a request for what is neither in force nor on its way. */
async function apply(rds: RDSClient, settings: BackupSettings): Promise<string> {
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
  const differs = differences(found, settings);
  if (Object.keys(differs).length === 0) return 'in force';
  if (STUCK.test(status)) {
    throw new Error(
      `database '${instance}' is ${status}, so RDS modifies nothing of it; bring it back, and deploy again`,
    );
  }
  const missing = differences({ ...found, ...found.PendingModifiedValues }, settings);
  if (!MODIFIABLE.includes(status) || Object.keys(missing).length === 0) return status;
  try {
    await rds.send(new ModifyDBInstanceCommand({ DBInstanceIdentifier: instance, ...missing, ApplyImmediately: true }));
    return 'asked for';
  } catch (error) {
    // It was available a moment ago: a backup or somebody else's change began.
    if (isFault(error, 'InvalidDBInstanceState')) return 'busy';
    throw error;
  }
}

function differences(found: DBInstance, settings: BackupSettings) {
  const wanted = {
    PreferredBackupWindow: settings.window,
    BackupRetentionPeriod: settings.retentionDays,
    CopyTagsToSnapshot: settings.copyTagsToSnapshot,
    DeletionProtection: settings.deletionProtection,
  };
  return Object.fromEntries(
    Object.entries(wanted).filter(([key, value]) => value !== undefined && found[key as keyof typeof wanted] !== value),
  );
}

let rds: RDSClient | undefined;

/** The shipped function. */
export const handler = durable((event: unknown, runbook) => {
  rds ??= new RDSClient();
  return applyBackupSettings({ rds, answer: putAnswer })(event, runbook);
});
