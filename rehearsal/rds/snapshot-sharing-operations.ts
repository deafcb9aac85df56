/** Accounts that a snapshot is shared with. A rehearsal has one account: the list is only kept and checked. */
import type * as rds from '@aws-sdk/client-rds';
import { InvalidDBSnapshotStateFault, SharedSnapshotQuotaExceededFault } from '@aws-sdk/client-rds';
import { shown } from '../server/call';
import { QueryError } from '../server/query-protocol';
import { ACCOUNT } from '../server/world';
import { DEFAULT_KEY, keyArn } from './encryption-key';
import { operation } from './operation';
import type { RdsRegion } from './region-state';
import type { Snapshot } from './snapshot';

/** https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ShareSnapshot.html */
const ACCOUNTS = 20;
const EVERYBODY = 'all';

export const snapshotSharingOperations = [
  operation<rds.DescribeDBSnapshotAttributesMessage, rds.DescribeDBSnapshotAttributesResult>(
    'DescribeDBSnapshotAttributes',
    ['DBSnapshotIdentifier'],
    async (region, input) => ({
      DBSnapshotAttributesResult: attributesOf(region.snapshot(input.DBSnapshotIdentifier!)),
    }),
  ),

  operation<rds.ModifyDBSnapshotAttributeMessage, rds.ModifyDBSnapshotAttributeResult>(
    'ModifyDBSnapshotAttribute',
    ['DBSnapshotIdentifier', 'AttributeName', 'ValuesToAdd', 'ValuesToRemove'],
    async (region, input) => {
      const snapshot = region.snapshot(input.DBSnapshotIdentifier!);
      if (input.AttributeName !== 'restore')
        throw refused(`Invalid attribute name: ${shown(input.AttributeName ?? '')}`);
      const added = input.ValuesToAdd ?? [];
      if (added.length > 0) checkShareable(region, snapshot, added);
      const removed = new Set(input.ValuesToRemove);
      const accounts = [...new Set([...snapshot.sharedWith, ...added])].filter((account) => !removed.has(account));
      if (accounts.filter((account) => account !== EVERYBODY).length > ACCOUNTS) {
        const message = `A snapshot can be shared with ${ACCOUNTS} accounts at most`;
        throw new SharedSnapshotQuotaExceededFault({ message, $metadata: {} });
      }
      snapshot.sharedWith = accounts;
      return { DBSnapshotAttributesResult: attributesOf(snapshot) };
    },
  ),
];

function attributesOf(snapshot: Snapshot): rds.DBSnapshotAttributesResult {
  return {
    DBSnapshotIdentifier: snapshot.identifier,
    DBSnapshotAttributes: [{ AttributeName: 'restore', AttributeValues: [...snapshot.sharedWith] }],
  };
}

function checkShareable(region: RdsRegion, snapshot: Snapshot, accounts: readonly string[]): void {
  const odd = accounts.find((account) => account !== EVERYBODY && !/^\d{12}$/.test(account));
  if (odd !== undefined) throw refused(`Invalid account: ${shown(odd)}`);
  if (accounts.includes(ACCOUNT)) throw refused('A snapshot cannot be shared with the account that owns it.');
  const { type, identifier, status, source } = snapshot;
  if (type === 'automated' || status !== 'available') {
    const message = `Snapshot ${identifier} is ${type} and ${status}; only manual snapshots that are available can be shared.`;
    throw new InvalidDBSnapshotStateFault({ message, $metadata: {} });
  }
  if (!source.settings.StorageEncrypted) return;
  if (accounts.includes(EVERYBODY)) throw refused('An encrypted snapshot cannot be made public.');
  if (source.settings.KmsKeyId === keyArn(region.name, DEFAULT_KEY)) {
    throw refused('A snapshot encrypted with the default service key for RDS cannot be shared; copy it under another.');
  }
}

function refused(message: string): QueryError {
  return new QueryError('InvalidParameterValue', message);
}
