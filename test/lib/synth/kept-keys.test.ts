/** Keys that CloudFormation deletes with their stack, as keys of what has to stay. */
import { Annotations, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as backup from 'aws-cdk-lib/aws-backup';
import * as elasticache from 'aws-cdk-lib/aws-elasticache';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import {
  AirGappedVault,
  ArchiveBucket,
  BucketBackups,
  CacheBackups,
  DatabaseBackups,
  DrillSite,
  EvidenceBucket,
  ProtectedVault,
  SecretReplicas,
  SnapshotExport,
} from '../../../lib';
import { importedDatabase, newDatabase, newStack, Template, warningsOf } from '../../template/stacks';

const days = Duration.days;
const told = (stack: Stack) => {
  Template.fromStack(stack);
  return warningsOf(stack).filter((text) => text.includes('lifeboat:key-goes-with-its-stack'));
};

const USES: Readonly<Record<string, (stack: Stack, key: kms.Key) => void>> = {
  'a retained database': (stack, key) =>
    newDatabase(stack, { storageEncryptionKey: key }).with(new DatabaseBackups({ retention: days(7) })),
  'a database whose backups stay': (stack, key) =>
    newDatabase(stack, {
      storageEncryptionKey: key,
      removalPolicy: RemovalPolicy.DESTROY,
      deleteAutomatedBackups: false,
    }).with(new DatabaseBackups({ retention: days(7) })),
  ProtectedVault: (stack, encryptionKey) => new ProtectedVault(stack, 'It', { encryptionKey }),
  AirGappedVault: (stack, encryptionKey) =>
    new AirGappedVault(stack, 'It', { vaultName: 'it', minRetention: days(7), maxRetention: days(30), encryptionKey }),
  ArchiveBucket: (stack, encryptionKey) => new ArchiveBucket(stack, 'It', { encryptionKey }),
  EvidenceBucket: (stack, encryptionKey) => new EvidenceBucket(stack, 'It', { encryptionKey }),
  'a bucket under BucketBackups': (stack, encryptionKey) =>
    new s3.Bucket(stack, 'It', { encryptionKey, encryption: s3.BucketEncryption.KMS }).with(new BucketBackups()),
  'a cache under CacheBackups': (stack, key) =>
    new elasticache.CfnReplicationGroup(stack, 'It', {
      replicationGroupDescription: 'it',
      atRestEncryptionEnabled: true,
      kmsKeyId: key.keyArn,
    }).with(new CacheBackups()),
  'a replicated secret': (stack, encryptionKey) =>
    new secretsmanager.Secret(stack, 'It', { encryptionKey }).with(
      new SecretReplicas({ replicas: [{ region: 'us-west-2' }] }),
    ),
  DrillSite: (stack, encryptionKey) => new DrillSite(stack, 'It', { encryptionKey }),
  SnapshotExport: (stack, encryptionKey) =>
    new SnapshotExport(stack, 'It', {
      database: importedDatabase(stack),
      bucket: s3.Bucket.fromBucketName(stack, 'Exports', 'exports'),
      encryptionKey,
    }),
};

describe.each(Object.entries(USES))('the key of %s', (_, use) => {
  const withKey = (removalPolicy?: RemovalPolicy) => {
    const stack = newStack();
    use(stack, new kms.Key(stack, 'Key', { removalPolicy }));
    return stack;
  };

  test('is warned of once where it goes with its stack', () => {
    expect(told(withKey(RemovalPolicy.DESTROY))).toEqual([expect.stringContaining("key 'Test/Key/Resource'")]);
  });

  test('is none of ours to warn of where it stays, as keys do by default', () => {
    expect(told(withKey())).toEqual([]);
  });
});

test('a key of another stack is found, and named with all that it encrypts', () => {
  const stack = newStack();
  const key = new kms.Key(new Stack(stack.node.root as never, 'Keys'), 'Key', { removalPolicy: RemovalPolicy.DESTROY });
  new ProtectedVault(stack, 'Vault', { encryptionKey: key });
  new EvidenceBucket(stack, 'Evidence', { encryptionKey: key });
  Template.fromStack(stack);
  expect(warningsOf(Stack.of(key))).toEqual([
    expect.stringContaining("data that 'Test/Vault' and 1 more encrypts with it"),
  ]);
});

test('a key is found by an alias of the app, too', () => {
  const stack = newStack();
  const key = new kms.Key(stack, 'Key', { removalPolicy: RemovalPolicy.DESTROY });
  new kms.Key(stack, 'Other', { removalPolicy: RemovalPolicy.DESTROY, alias: 'other' });
  new EvidenceBucket(stack, 'It', { encryptionKey: key.addAlias('evidence') });
  expect(told(stack)).toEqual([expect.stringContaining("key 'Test/Key/Resource'")]);
});

test('a key that is told to stay later on is not warned of', () => {
  const stack = newStack();
  const key = new kms.Key(stack, 'Key', { removalPolicy: RemovalPolicy.DESTROY });
  new ProtectedVault(stack, 'Vault', { encryptionKey: key });
  key.applyRemovalPolicy(RemovalPolicy.RETAIN);
  expect(told(stack)).toEqual([]);
});

test('nothing is asked of what goes with its key, and of keys of vaults that nobody looks after', () => {
  const stack = newStack();
  const key = new kms.Key(stack, 'Key', { removalPolicy: RemovalPolicy.DESTROY });
  newDatabase(stack, {
    storageEncryptionKey: key,
    removalPolicy: RemovalPolicy.DESTROY,
    backupRetention: days(7),
    deleteAutomatedBackups: true,
  }).with(new DatabaseBackups({}));
  new backup.BackupVault(stack, 'Scratch', { encryptionKey: key });
  expect(told(stack)).toEqual([]);
});

test('is silent where somebody said why', () => {
  const stack = newStack();
  const key = new kms.Key(stack, 'Key', { removalPolicy: RemovalPolicy.DESTROY });
  new ProtectedVault(stack, 'Vault', { encryptionKey: key });
  Annotations.of(key).acknowledgeWarning('lifeboat:key-goes-with-its-stack', 'a stack for one afternoon');
  expect(told(stack)).toEqual([]);
});
