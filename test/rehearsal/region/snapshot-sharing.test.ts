import {
  CopyDBSnapshotCommand,
  CreateDBSnapshotCommand,
  DescribeDBSnapshotAttributesCommand,
  DescribeDBSnapshotsCommand,
  ModifyDBSnapshotAttributeCommand,
  type ModifyDBSnapshotAttributeCommandInput,
} from '@aws-sdk/client-rds';
import { useRegion } from '../../real/region';

const OTHER = '210987654321';
const local = useRegion();

const share = async (input: Partial<ModifyDBSnapshotAttributeCommandInput>) => {
  const command = new ModifyDBSnapshotAttributeCommand({
    DBSnapshotIdentifier: 'plain',
    AttributeName: 'restore',
    ...input,
  });
  return (await local().rds.send(command)).DBSnapshotAttributesResult;
};
const sharedWith = async (DBSnapshotIdentifier: string) => {
  const answer = await local().rds.send(new DescribeDBSnapshotAttributesCommand({ DBSnapshotIdentifier }));
  return answer.DBSnapshotAttributesResult!.DBSnapshotAttributes;
};
const snapshotOf = async (DBInstanceIdentifier: string, DBSnapshotIdentifier: string) => {
  await local().rds.send(new CreateDBSnapshotCommand({ DBInstanceIdentifier, DBSnapshotIdentifier }));
  await local().snapshotAvailable(DBSnapshotIdentifier);
};

beforeAll(async () => {
  await local().createDatabase('orders');
  await local().createDatabase('vault', { StorageEncrypted: true, BackupRetentionPeriod: 0 });
  await Promise.all([snapshotOf('orders', 'plain'), snapshotOf('vault', 'by-default-key')]);
});

test('a snapshot is shared with accounts until it is no longer', async () => {
  expect(await sharedWith('plain')).toEqual([{ AttributeName: 'restore', AttributeValues: [] }]);
  await share({ ValuesToAdd: [OTHER, '333333333333'] });
  const attributes = await share({ ValuesToRemove: ['333333333333'] });
  expect(attributes).toEqual({
    DBSnapshotIdentifier: 'plain',
    DBSnapshotAttributes: [{ AttributeName: 'restore', AttributeValues: [OTHER] }],
  });
  expect(await sharedWith('plain')).toEqual(attributes!.DBSnapshotAttributes);
});

test('a copy is shared with nobody', async () => {
  const copy = { SourceDBSnapshotIdentifier: 'plain', TargetDBSnapshotIdentifier: 'copy' };
  await local().rds.send(new CopyDBSnapshotCommand(copy));
  expect(await sharedWith('copy')).toEqual([{ AttributeName: 'restore', AttributeValues: [] }]);
});

test('what is shared with everybody is listed as public', async () => {
  const listed = async () => {
    const answer = await local().rds.send(new DescribeDBSnapshotsCommand({ SnapshotType: 'public' }));
    return answer.DBSnapshots!.map(({ DBSnapshotIdentifier }) => DBSnapshotIdentifier);
  };
  expect(await listed()).toEqual([]);
  await share({ ValuesToAdd: ['all'] });
  expect(await listed()).toEqual(['plain']);
  await share({ ValuesToRemove: ['all'] });
  expect(await listed()).toEqual([]);
});

test('what can never be shared is refused: automated, under the default key, encrypted with everybody', async () => {
  const { DBSnapshots } = await local().rds.send(new DescribeDBSnapshotsCommand({ SnapshotType: 'automated' }));
  const DBSnapshotIdentifier = DBSnapshots![0]!.DBSnapshotIdentifier;
  await expect(share({ DBSnapshotIdentifier, ValuesToAdd: [OTHER] })).rejects.toMatchObject({
    name: 'InvalidDBSnapshotStateFault',
  });
  const encrypted = (name: string, account: string) => share({ DBSnapshotIdentifier: name, ValuesToAdd: [account] });
  await expect(encrypted('by-default-key', OTHER)).rejects.toThrow('default service key');
  const copy = {
    SourceDBSnapshotIdentifier: 'by-default-key',
    TargetDBSnapshotIdentifier: 'by-own-key',
    KmsKeyId: 'alias/own',
  };
  await local().rds.send(new CopyDBSnapshotCommand(copy));
  await local().snapshotAvailable('by-own-key');
  await expect(encrypted('by-own-key', 'all')).rejects.toThrow('public');
  await encrypted('by-own-key', OTHER);
});

test('twenty accounts may share one, and only accounts may', async () => {
  const accounts = Array.from({ length: 20 }, (_, index) => String(400_000_000_000 + index));
  await share({ ValuesToRemove: [OTHER], ValuesToAdd: accounts });
  await expect(share({ ValuesToAdd: [OTHER] })).rejects.toMatchObject({ name: 'SharedSnapshotQuotaExceededFault' });
  await expect(share({ ValuesToAdd: ['nobody'] })).rejects.toThrow('Invalid account');
  await expect(share({ AttributeName: 'owner' })).rejects.toThrow('attribute name');
  await expect(share({ DBSnapshotIdentifier: 'none' })).rejects.toMatchObject({ name: 'DBSnapshotNotFoundFault' });
});
