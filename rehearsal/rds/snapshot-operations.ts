/** RDS's operations on snapshots. */
import type * as rds from '@aws-sdk/client-rds';
import { InvalidDBSnapshotStateFault } from '@aws-sdk/client-rds';
import { shown } from '../server/call';
import { QueryError } from '../server/query-protocol';
import { operation } from './operation';
import { filtering, page } from './paging';
import type { Snapshot } from './snapshot';
import { mergeTags } from './tags';

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
      // There is no other account that could share snapshots, so including shared ones adds nothing.
      if (input.DBSnapshotIdentifier) region.snapshot(input.DBSnapshotIdentifier);
      const wanted = input.DBSnapshotIdentifier?.replace(/^arn:.*?:snapshot:/, '').toLowerCase();
      if (input.SnapshotType !== undefined && !TYPES.includes(input.SnapshotType)) {
        const message = `Invalid snapshot type: ${shown(input.SnapshotType)}. Valid: ${TYPES.join(', ')}.`;
        throw new QueryError('InvalidParameterValue', message);
      }
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
          isOfType(snapshot, input.SnapshotType) &&
          passes(snapshot),
      );
      const { items, Marker } = page(found, ({ identifier }) => identifier, input);
      return { DBSnapshots: items.map((snapshot) => snapshot.describe()), Marker };
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
      // Deleting a copy in progress is how one is canceled; any other has to be complete first.
      const { copyOf } = snapshot;
      const isCanceled = snapshot.status === 'creating' && copyOf;
      if (snapshot.status === 'creating' && !isCanceled) throw notAvailable(snapshot);
      await snapshot.remove();
      const message = isCanceled
        ? `Canceled snapshot copy request of ${snapshot.identifier} from region ${copyOf.region}.`
        : 'Deleted user snapshot';
      region.announce('db-snapshot', snapshot.identifier, [isCanceled ? 'notification' : 'deletion'], message);
      return { DBSnapshot: { ...snapshot.describe(), Status: 'deleted' } };
    },
  ),
];

const TYPES = ['automated', 'manual', 'shared', 'public', 'awsbackup'];

function isOfType(snapshot: Snapshot, type: string | undefined): boolean {
  if (type === 'public') return snapshot.sharedWith.includes('all');
  return (type ?? snapshot.type) === snapshot.type;
}

export function notAvailable(snapshot: Snapshot): InvalidDBSnapshotStateFault {
  const message = `Snapshot ${snapshot.identifier} is not currently in the available state; it is ${snapshot.status}.`;
  return new InvalidDBSnapshotStateFault({ message, $metadata: {} });
}
