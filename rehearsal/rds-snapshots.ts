/** RDS's operations on snapshots. */
import type * as rds from '@aws-sdk/client-rds';
import { InvalidDBSnapshotStateFault } from '@aws-sdk/client-rds';
import { operation } from './operation';
import { filtering, page } from './paging';
import { copyBackup } from './physical-backup';
import { notModelled, QueryError } from './query';
import type { RdsRegion } from './rds-region';
import { Snapshot } from './snapshot';

export const snapshotOperations = [
  operation<rds.CreateDBSnapshotMessage, rds.CreateDBSnapshotResult>(
    'CreateDBSnapshot',
    ['DBInstanceIdentifier', 'DBSnapshotIdentifier', 'Tags'],
    async (region, input) => {
      const instance = region.instance(input.DBInstanceIdentifier!);
      const name = region.freeSnapshotName(input.DBSnapshotIdentifier!);
      instance.assertAvailable();
      const inherited = instance.settings.CopyTagsToSnapshot ? instance.tags : [];
      const snapshot = instance.takeSnapshot(name, mergeTags(inherited, input.Tags));
      return { DBSnapshot: snapshot.describe() };
    },
  ),

  operation<rds.DescribeDBSnapshotsMessage, rds.DBSnapshotMessage>(
    'DescribeDBSnapshots',
    [
      'DBInstanceIdentifier',
      'DBSnapshotIdentifier',
      'SnapshotType',
      'DbiResourceId',
      'Filters',
      'MaxRecords',
      'Marker',
      'IncludeShared',
      'IncludePublic',
    ],
    async (region, input) => {
      // Nothing is shared here, by nobody: including it adds nothing.
      if (input.DBSnapshotIdentifier) region.snapshot(input.DBSnapshotIdentifier);
      const wanted = input.DBSnapshotIdentifier?.replace(/^arn:.*?:snapshot:/, '').toLowerCase();
      const passes = filtering<Snapshot>(input.Filters, {
        'db-instance-id': ({ source }) => source.identifier,
        'db-snapshot-id': ({ identifier }) => identifier,
        'dbi-resource-id': ({ resourceId }) => resourceId,
        'snapshot-type': ({ type }) => type,
        engine: ({ source }) => source.settings.Engine,
      });
      const found = [...region.snapshots.values()].filter(
        (snapshot) =>
          (wanted ?? snapshot.identifier) === snapshot.identifier &&
          (input.DBInstanceIdentifier?.toLowerCase() ?? snapshot.source.identifier) === snapshot.source.identifier &&
          (input.DbiResourceId ?? snapshot.resourceId) === snapshot.resourceId &&
          (input.SnapshotType ?? snapshot.type) === snapshot.type &&
          passes(snapshot),
      );
      const { items, Marker } = page(found, ({ identifier }) => identifier, input);
      return { DBSnapshots: items.map((snapshot) => snapshot.describe()), Marker };
    },
  ),

  operation<rds.CopyDBSnapshotMessage, rds.CopyDBSnapshotResult>(
    'CopyDBSnapshot',
    ['SourceDBSnapshotIdentifier', 'TargetDBSnapshotIdentifier', 'KmsKeyId', 'Tags', 'CopyTags', 'PreSignedUrl'],
    async (region, input) => {
      const from = originOf(region, input.SourceDBSnapshotIdentifier!);
      const { backup, source, tags } = from.snapshot;
      if (!backup) throw notAvailable(from.snapshot);
      if (from.region !== region && source.settings.StorageEncrypted && !input.KmsKeyId) {
        throw new QueryError(
          'InvalidParameterCombination',
          'KmsKeyId must be specified to copy an encrypted snapshot to another region.',
        );
      }
      const name = region.freeSnapshotName(input.TargetDBSnapshotIdentifier!);
      const settings = { ...source.settings };
      if (input.KmsKeyId) Object.assign(settings, { KmsKeyId: input.KmsKeyId, StorageEncrypted: true });
      const snapshotTags = mergeTags(input.CopyTags ? tags : [], input.Tags);
      const copy = new Snapshot(region, name, 'manual', { ...source, settings }, snapshotTags);
      copy.copyOf = { arn: from.snapshot.arn, region: from.region.name, created: backup.completed };
      region.snapshots.set(name, copy);
      region.world.begin(
        async () => {
          copy.complete(await region.world.pace(() => copyBackup(backup, region.world.place('snapshot'))));
          region.announce(
            'db-snapshot',
            name,
            ['notification'],
            `Finished copy of snapshot ${from.snapshot.identifier}`,
          );
        },
        (error) => {
          copy.fail();
          region.announce('db-snapshot', name, ['failure'], String(error));
        },
      );
      return { DBSnapshot: copy.describe() };
    },
  ),

  operation<rds.DeleteDBSnapshotMessage, rds.DeleteDBSnapshotResult>(
    'DeleteDBSnapshot',
    ['DBSnapshotIdentifier'],
    async (region, input) => {
      const snapshot = region.snapshot(input.DBSnapshotIdentifier!);
      if (snapshot.type === 'automated') {
        const message = `Snapshot ${snapshot.identifier} is automated; it can't be deleted, it expires.`;
        throw new InvalidDBSnapshotStateFault({ message, $metadata: {} });
      }
      if (snapshot.status === 'creating') throw notAvailable(snapshot);
      await snapshot.remove();
      region.announce('db-snapshot', snapshot.identifier, ['deletion'], 'User snapshot deleted');
      return { DBSnapshot: { ...snapshot.describe(), Status: 'deleted' } };
    },
  ),
];

/** Tags that were inherited, and those that were passed, which win. */
export function mergeTags(inherited: readonly rds.Tag[], passed: readonly rds.Tag[] | undefined): rds.Tag[] {
  return [...new Map([...inherited, ...(passed ?? [])].map((tag) => [tag.Key, tag])).values()];
}

/** A snapshot named here, or by its ARN in another region. */
function originOf(region: RdsRegion, identifier: string): { region: RdsRegion; snapshot: Snapshot } {
  const name = /^arn:[^:]*:rds:([^:]*):/.exec(identifier)?.[1];
  const origin = name === undefined ? region : region.others.get(name);
  if (!origin) throw notModelled(`a snapshot from ${name}`, 'nothing was made in that region yet');
  return { region: origin, snapshot: origin.snapshot(identifier) };
}

export function notAvailable(snapshot: Snapshot): InvalidDBSnapshotStateFault {
  const message = `Snapshot ${snapshot.identifier} is not currently in the available state; it is ${snapshot.status}.`;
  return new InvalidDBSnapshotStateFault({ message, $metadata: {} });
}
