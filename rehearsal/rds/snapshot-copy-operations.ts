/** RDS's copying of snapshots: called in the region of the copy, whichever region the original is in. */
import type * as rds from '@aws-sdk/client-rds';
import { DBSnapshotNotFoundFault, SnapshotQuotaExceededFault } from '@aws-sdk/client-rds';
import { copyBackup, type PhysicalBackup, removeBackup } from '../postgres/physical-backup';
import { shown } from '../server/call';
import { QueryError } from '../server/query-protocol';
import { ACCOUNT } from '../server/world';
import { keyArn } from './encryption-key';
import { type InstanceSettings, settle } from './instance-settings';
import { operation } from './operation';
import type { RdsRegion } from './region-state';
import { Snapshot } from './snapshot';
import { notAvailable } from './snapshot-operations';
import { mergeTags } from './tags';

/** https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_CopySnapshot.html#USER_CopySnapshot.Limits */
const COPIES_IN_PROGRESS = 20;

export const snapshotCopyOperations = [
  operation<rds.CopyDBSnapshotMessage, rds.CopyDBSnapshotResult>(
    'CopyDBSnapshot',
    [
      'SourceDBSnapshotIdentifier',
      'TargetDBSnapshotIdentifier',
      'KmsKeyId',
      'Tags',
      'CopyTags',
      'OptionGroupName',
      'PreSignedUrl', // SDKs make it from the ARN; RDS reads it in GovCloud only
    ],
    async (region, input) => {
      const original = originalOf(region, input.SourceDBSnapshotIdentifier!);
      const { backup, source, tags } = original.snapshot;
      if (!backup) throw notAvailable(original.snapshot);
      const name = region.freeSnapshotName(input.TargetDBSnapshotIdentifier!);
      const settings = copiedSettings(region, original, input);
      const inherited = input.CopyTags ? tags : [];
      const copy = new Snapshot(region, name, 'manual', { ...source, settings }, mergeTags(inherited, input.Tags));
      copy.copyOf = { arn: original.snapshot.arn, region: original.region.name, created: backup.completed };
      if (original.region !== region) checkInProgress(region);
      region.snapshots.set(name, copy);
      fill(region, copy, original, backup);
      return { DBSnapshot: copy.describe() };
    },
  ),
];

interface Original {
  readonly region: RdsRegion;
  readonly snapshot: Snapshot;
}

/** A snapshot named here, or by its ARN in another region. */
function originalOf(region: RdsRegion, identifier: string): Original {
  const [, name, account] = /^arn:[^:]*:rds:([^:]*):([^:]*):/.exec(identifier) ?? [];
  const origin = name === undefined ? region : region.others.get(name);
  if (origin && (account ?? ACCOUNT) === ACCOUNT) return { region: origin, snapshot: origin.snapshot(identifier) };
  throw new DBSnapshotNotFoundFault({ message: `DBSnapshot not found: ${shown(identifier)}`, $metadata: {} });
}

/** Settings of the copy: the original's, with a key of this region. */
function copiedSettings(region: RdsRegion, original: Original, input: rds.CopyDBSnapshotMessage): InstanceSettings {
  const { settings } = original.snapshot.source;
  if (original.region !== region && settings.StorageEncrypted && !input.KmsKeyId) {
    throw new QueryError('InvalidParameterValue', 'Must specify new KMS key for cross region encrypted snapshot copy.');
  }
  // A named key encrypts the copy of an unencrypted original.
  const encrypted = input.KmsKeyId && {
    KmsKeyId: keyArn(region.name, input.KmsKeyId, 'target'),
    StorageEncrypted: true,
  };
  return settle(region, { OptionGroupName: input.OptionGroupName }, { ...settings, ...encrypted });
}

function checkInProgress(region: RdsRegion): void {
  const copies = [...region.snapshots.values()].filter(
    ({ copyOf, status }) => copyOf && copyOf.region !== region.name && status === 'creating',
  );
  if (copies.length < COPIES_IN_PROGRESS) return;
  const message = `Cannot copy more than ${COPIES_IN_PROGRESS} snapshots across regions`;
  throw new SnapshotQuotaExceededFault({ message, $metadata: {} });
}

/** Copies the files while the copy is `creating`. An original that is deleted meanwhile fails it, as on RDS. */
function fill(region: RdsRegion, copy: Snapshot, original: Original, backup: PhysicalBackup): void {
  const name = copy.identifier;
  const isLocal = original.region === region;
  const what = `copy of snapshot ${original.snapshot.identifier} ${isLocal ? 'in' : 'from'} region ${original.region.name}`;
  const announce = (message: string) => region.announce('db-snapshot', name, ['notification'], message);
  announce(`Started ${what}.`);
  region.world.begin(
    async () => {
      const copied = await region.world.pace(() => copyBackup(backup, region.world.place('snapshot')));
      if (copy.status === 'deleting') return removeBackup(copied);
      copy.complete(copied);
      const minutes = Math.ceil((Date.now() - copy.started.getTime()) / 60_000);
      announce(isLocal ? `Finished ${what}.` : `Finished ${what} in ${minutes} minutes.`);
    },
    (error) => {
      if (copy.status === 'deleting') return;
      copy.fail();
      region.announce('db-snapshot', name, ['failure'], String(error));
    },
  );
}
