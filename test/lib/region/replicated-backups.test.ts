import { App, CfnParameter, Duration, Stack } from 'aws-cdk-lib';
import * as rds from 'aws-cdk-lib/aws-rds';
import { RecoveryRegion, ReplicatedBackups, type ReplicatedBackupsProps } from '../../../lib';
import { replicatesTo } from '../../../lib/region/replicated-backups';
import { ACCOUNT } from '../../template/policies';
import { warningsOf } from '../../template/stacks';

const WEST = RecoveryRegion.named('us-west-2');

function newStack(region?: string): Stack {
  const app = new App({ builtinCloudFormationValidation: false });
  return new Stack(app, 'Shop', region === undefined ? {} : { env: { region, account: ACCOUNT } });
}

function replicated(stack: Stack, props: rds.CfnDBInstanceProps = {}, backups: Partial<ReplicatedBackupsProps> = {}) {
  const id = `Instance${stack.node.children.length}`;
  const instance = new rds.CfnDBInstance(stack, id, { engine: 'postgres', storageEncrypted: true, ...props });
  instance.with(new ReplicatedBackups({ region: WEST, ...backups }));
  return instance;
}

describe('a pair of regions', () => {
  const warned = (source: string | undefined, destination: string) => {
    const stack = newStack(source);
    replicated(stack, {}, { region: RecoveryRegion.named(destination) });
    return warningsOf(stack).join();
  };

  test("that AWS's guide does not list is warned of, with those it does", () => {
    expect(warned('eu-south-1', 'us-east-1')).toMatch(
      /from eu-south-1 to us-east-1, so the deployment may fail; choose from eu-central-1,.*replication-pair-not-listed/,
    );
    expect(warned('xx-new-1', 'us-east-1')).toContain('choose from no known region');
  });

  test.each([
    ['eu-south-1', 'eu-central-1'],
    ['us-east-1', 'us-west-2'],
    ['eu-west-1', 'af-south-1'],
    ['ap-southeast-3', 'ap-southeast-5'],
    ['us-gov-west-1', 'us-gov-east-1'],
  ])('that it lists is not: %s to %s', (source, destination) => {
    expect(warned(source, destination)).toBe('');
  });

  test('is not judged where the region is only known at deployment', () => {
    expect(warned(undefined, 'us-west-2')).toBe('');
  });

  test('is none of a region with itself', () => {
    for (const region of ['us-east-1', 'us-east-2', 'us-west-2', 'eu-west-1', 'ap-southeast-1']) {
      expect(replicatesTo(region)).not.toContain(region);
    }
  });
});

test('more than the 20 instances of an account are warned of, once; 20 are not', () => {
  const stack = newStack('us-east-1');
  for (let count = 0; count < 20; count += 1) replicated(stack);
  expect(warningsOf(stack)).toEqual([]);
  const more = newStack('us-east-1');
  for (let count = 0; count < 21; count += 1) replicated(more);
  expect(warningsOf(more)).toEqual([
    expect.stringMatching(/backups of 21 instances are replicated.*lifeboat:replications-beyond-quota/),
  ]);
});

test('backups of a database that is not encrypted are warned of; encrypted ones are not', () => {
  const stack = newStack('us-east-1');
  replicated(stack, { storageEncrypted: false });
  expect(warningsOf(stack)).toEqual([expect.stringMatching(/not encrypted.*lifeboat:copies-not-encrypted/)]);
  const encrypted = newStack('us-east-1');
  replicated(encrypted);
  expect(warningsOf(encrypted)).toEqual([]);
});

test('an instance of a cluster is refused', () => {
  expect(() => replicated(newStack(), { dbClusterIdentifier: 'ledger' })).toThrow(/an instance of a cluster/);
});

test('what contradicts the database is refused, and the same said twice is fine', () => {
  const key = (region: string) => `arn:aws:kms:${region}:${ACCOUNT}:key/mine`;
  const stated = {
    automaticBackupReplicationRetentionPeriod: 7,
    automaticBackupReplicationKmsKeyId: key('us-east-1'),
  };
  const apply = () => replicated(newStack(), stated, { retention: Duration.days(14) });
  expect(apply).toThrow(/'retention' is 14 days, and the database itself states 7/);
  expect(apply).toThrow(/is a key in us-east-1, and backups in us-west-2 need a key of that region/);
  const same = { ...stated, automaticBackupReplicationKmsKeyId: key('us-west-2') };
  expect(() => replicated(newStack(), same, { retention: Duration.days(7) })).not.toThrow();
});

test('what is only known at deployment is not compared', () => {
  const stack = newStack();
  const automaticBackupReplicationKmsKeyId = new CfnParameter(stack, 'KeyOfWest').valueAsString;
  const automaticBackupReplicationRetentionPeriod = new CfnParameter(stack, 'Days', { type: 'Number' }).valueAsNumber;
  const stated = { automaticBackupReplicationKmsKeyId, automaticBackupReplicationRetentionPeriod };
  expect(() => replicated(stack, stated, { retention: Duration.days(7) })).not.toThrow();
});
