import {
  CopyDBSnapshotCommand,
  type CopyDBSnapshotCommandInput,
  CreateDBSnapshotCommand,
  DeleteDBSnapshotCommand,
  DescribeDBSnapshotsCommand,
  RestoreDBInstanceFromDBSnapshotCommand,
} from '@aws-sdk/client-rds';
import { serveRegion } from '../../../rehearsal/region';
import { LocalRegion, useRegion } from '../../real/region';

const HOME_KEY = 'arn:aws:kms:eu-central-1:123456789012:key/11111111-1111-1111-1111-111111111111';
const AWAY_KEY = 'arn:aws:kms:us-west-2:123456789012:key/22222222-2222-2222-2222-222222222222';

const home = useRegion();
const away = () => new LocalRegion(home().region, 'us-west-2');
const arn = (name: string) => `arn:aws:rds:eu-central-1:123456789012:snapshot:${name}`;

const copyTo = async (region: LocalRegion, input: Partial<CopyDBSnapshotCommandInput>) => {
  const command = new CopyDBSnapshotCommand({
    SourceDBSnapshotIdentifier: arn('secret'),
    TargetDBSnapshotIdentifier: 'copy',
    ...input,
  });
  return (await region.rds.send(command)).DBSnapshot!;
};
const describe = async (region: LocalRegion, DBSnapshotIdentifier: string) =>
  (await region.rds.send(new DescribeDBSnapshotsCommand({ DBSnapshotIdentifier }))).DBSnapshots![0]!;

beforeAll(async () => {
  const orders = await home().createDatabase('orders', { StorageEncrypted: true, KmsKeyId: HOME_KEY });
  await home().query(orders, 'CREATE TABLE rows AS SELECT generate_series(1, 42) AS n');
  const Tags = [{ Key: 'team', Value: 'shop' }];
  await home().rds.send(
    new CreateDBSnapshotCommand({ DBInstanceIdentifier: 'orders', DBSnapshotIdentifier: 'secret', Tags }),
  );
  await home().snapshotAvailable('secret');
});

test('a copy in another region lies under a key of that region, and restores there', async () => {
  const copy = await copyTo(away(), { KmsKeyId: AWAY_KEY, CopyTags: true, Tags: [{ Key: 'why', Value: 'drill' }] });
  expect(copy).toMatchObject({
    Status: 'creating',
    SnapshotType: 'manual',
    SourceRegion: 'eu-central-1',
    SourceDBSnapshotIdentifier: arn('secret'),
    Encrypted: true,
    StorageEncryptionType: 'sse-kms',
    KmsKeyId: AWAY_KEY,
    TagList: [
      { Key: 'team', Value: 'shop' },
      { Key: 'why', Value: 'drill' },
    ],
  });
  await away().snapshotAvailable('copy');
  const original = await describe(home(), 'secret');
  const { SnapshotCreateTime, OriginalSnapshotCreateTime } = await describe(away(), 'copy');
  expect(original.KmsKeyId).toBe(HOME_KEY);
  expect(OriginalSnapshotCreateTime).toEqual(original.SnapshotCreateTime);
  expect(SnapshotCreateTime!.getTime()).toBeGreaterThan(original.SnapshotCreateTime!.getTime());
  const restore = { DBInstanceIdentifier: 'rescued', DBSnapshotIdentifier: 'copy', BackupRetentionPeriod: 0 };
  await away().rds.send(new RestoreDBInstanceFromDBSnapshotCommand(restore));
  const rescued = await away().available('rescued');
  expect(rescued).toMatchObject({ StorageEncrypted: true, KmsKeyId: AWAY_KEY });
  expect(await away().query(rescued, 'SELECT count(*)::int AS n FROM rows')).toEqual([{ n: 42 }]);
});

test('the copying is told by events in the region of the copy', async () => {
  expect(await away().snapshotEvents('copy')).toEqual([
    'Started copy of snapshot secret from region eu-central-1.',
    'Finished copy of snapshot secret from region eu-central-1 in 1 minutes.',
  ]);
  await copyTo(home(), { SourceDBSnapshotIdentifier: 'secret', TargetDBSnapshotIdentifier: 'beside' });
  await home().snapshotAvailable('beside');
  expect(await home().snapshotEvents('beside')).toEqual([
    'Started copy of snapshot secret in region eu-central-1.',
    'Finished copy of snapshot secret in region eu-central-1.',
  ]);
  expect(await describe(home(), 'beside')).toMatchObject({ KmsKeyId: HOME_KEY, Encrypted: true, TagList: [] });
});

test('an encrypted snapshot is not copied to another region without a key of that region', async () => {
  const named = (KmsKeyId?: string) => copyTo(away(), { TargetDBSnapshotIdentifier: 'refused', KmsKeyId });
  await expect(named()).rejects.toMatchObject({
    name: 'InvalidParameterValue',
    message: 'Must specify new KMS key for cross region encrypted snapshot copy.',
  });
  for (const key of [HOME_KEY, 'no-key', 'arn:aws:kms:eu-central-1:123456789012:alias/lifeboat']) {
    await expect(named(key)).rejects.toMatchObject({ name: 'KMSKeyNotAccessibleFault' });
  }
  await expect(describe(away(), 'refused')).rejects.toMatchObject({ name: 'DBSnapshotNotFoundFault' });
});

test('a key may be named by id, alias or ARN, and is shown as an ARN of the region', async () => {
  const keys = [
    '22222222-2222-2222-2222-222222222222',
    'alias/lifeboat',
    'arn:aws:kms:us-west-2:123456789012:alias/lifeboat',
  ];
  const shown: string[] = [];
  for (const [index, KmsKeyId] of keys.entries()) {
    const { KmsKeyId: key } = await copyTo(away(), { TargetDBSnapshotIdentifier: `by-${index}`, KmsKeyId });
    shown.push(key!);
    await away().snapshotAvailable(`by-${index}`);
  }
  expect(shown).toEqual([AWAY_KEY, shown[1], shown[1]]);
  expect(shown[1]).toMatch(/^arn:aws:kms:us-west-2:123456789012:key\/[\da-f-]{36}$/);
});

test('a key encrypts the copy of a snapshot that is not encrypted', async () => {
  await home().createDatabase('plain', { BackupRetentionPeriod: 0 });
  const snapshot = { DBInstanceIdentifier: 'plain', DBSnapshotIdentifier: 'open' };
  await home().rds.send(new CreateDBSnapshotCommand(snapshot));
  await home().snapshotAvailable('open');
  const from = { SourceDBSnapshotIdentifier: arn('open') };
  expect(await copyTo(away(), { ...from, TargetDBSnapshotIdentifier: 'still-open' })).toMatchObject({
    Encrypted: false,
    StorageEncryptionType: 'none',
  });
  const closed = await copyTo(away(), { ...from, TargetDBSnapshotIdentifier: 'closed', KmsKeyId: AWAY_KEY });
  expect(closed).toMatchObject({ Encrypted: true, KmsKeyId: AWAY_KEY });
});

test('automated snapshots are copied under a name of their own; taken, malformed and reserved names are refused', async () => {
  const { DBSnapshots } = await home().rds.send(new DescribeDBSnapshotsCommand({ SnapshotType: 'automated' }));
  const { DBSnapshotArn: SourceDBSnapshotIdentifier, DBSnapshotIdentifier } = DBSnapshots![0]!;
  const named = (TargetDBSnapshotIdentifier: string, more = {}) =>
    copyTo(away(), { SourceDBSnapshotIdentifier, TargetDBSnapshotIdentifier, KmsKeyId: AWAY_KEY, ...more });
  expect(await named('daily')).toMatchObject({ SnapshotType: 'manual' });
  await expect(named('daily')).rejects.toMatchObject({ name: 'DBSnapshotAlreadyExistsFault' });
  await expect(named(DBSnapshotIdentifier!)).rejects.toThrow('not a valid identifier');
  await expect(named('tagged', { Tags: [{ Key: 'aws:backup', Value: '' }] })).rejects.toThrow('reserved prefix');
  await expect(named('elsewhere', { SourceDBSnapshotIdentifier: arn('none') })).rejects.toMatchObject({
    name: 'DBSnapshotNotFoundFault',
  });
  const nowhere = arn('secret').replace('eu-central-1', 'sa-east-1');
  await expect(named('elsewhere', { SourceDBSnapshotIdentifier: nowhere })).rejects.toMatchObject({
    name: 'DBSnapshotNotFoundFault',
  });
});

test('twenty copies into a region may be in progress, and deleting one cancels it', async () => {
  const from = new LocalRegion(await serveRegion({ pacing: 3000 }));
  try {
    const to = new LocalRegion(from.region, 'us-west-2');
    await from.createDatabase('orders', { BackupRetentionPeriod: 0 });
    const snapshot = { DBInstanceIdentifier: 'orders', DBSnapshotIdentifier: 'secret' };
    await from.rds.send(new CreateDBSnapshotCommand(snapshot));
    await from.snapshotAvailable('secret');
    for (let copy = 1; copy <= 20; copy++) await copyTo(to, { TargetDBSnapshotIdentifier: `copy-${copy}` });
    const oneMore = { TargetDBSnapshotIdentifier: 'one-more' };
    await expect(copyTo(to, oneMore)).rejects.toMatchObject({
      name: 'SnapshotQuotaExceededFault',
      message: 'Cannot copy more than 20 snapshots across regions',
    });
    await to.rds.send(new DeleteDBSnapshotCommand({ DBSnapshotIdentifier: 'copy-1' }));
    expect(await to.snapshotEvents('copy-1')).toContain(
      'Canceled snapshot copy request of copy-1 from region eu-central-1.',
    );
    expect(await copyTo(to, oneMore)).toMatchObject({ Status: 'creating' });
    await expect(describe(to, 'copy-1')).rejects.toMatchObject({ name: 'DBSnapshotNotFoundFault' });
  } finally {
    await from.region.close();
  }
});
