/** What a plan gives its members, which each would make for itself. */
import { RemovalPolicy, type Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecr from 'aws-cdk-lib/aws-ecr';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as rds from 'aws-cdk-lib/aws-rds';
import * as s3 from 'aws-cdk-lib/aws-s3';
import {
  ConfigurationBackups,
  DatabaseWatch,
  DumpSource,
  ImageArchive,
  LogArchive,
  LogicalDump,
  ProtectionPlan,
  type ProtectionPlanProps,
  Recurrence,
  SnapshotExport,
} from '../../../lib';
import { EVERY_CONSTRUCT } from '../../template/every-construct';
import { newStack, OBJECTIVES, Template, warningsOf } from '../../template/stacks';

/** A plan of the usual members. */
function planned(stack: Stack, props: Partial<ProtectionPlanProps> = {}): ProtectionPlan {
  const vpc = new ec2.Vpc(stack, 'Vpc', { maxAzs: 2, natGateways: 1 });
  const engine = rds.DatabaseInstanceEngine.postgres({ version: rds.PostgresEngineVersion.VER_17 });
  const database = new rds.DatabaseInstance(stack, 'Database', { engine, vpc, databaseName: 'shop' });
  const files = new s3.Bucket(stack, 'Files');
  const plan = new ProtectionPlan(stack, 'Protection', { objectives: OBJECTIVES, ...props });
  const orders = plan.addDatabase('Orders', { database });
  orders.addDrill('Monthly', { schedule: Recurrence.firstSunday({ hour: 10 }) });
  new DatabaseWatch(orders, 'Watch', { database });
  new SnapshotExport(orders, 'Export', { database, ...(!props.archive && { bucket: files }) });
  new LogicalDump(orders, 'Dump', { source: DumpSource.database(database), vpc });
  new ConfigurationBackups(plan, 'Configuration');
  new ImageArchive(plan, 'Images', { repositories: [new ecr.Repository(stack, 'Web')] });
  new LogArchive(plan, 'Logs').addLogGroup('application', {});
  return plan;
}

const count = (stack: Stack, type: string) => Object.keys(Template.fromStack(stack).findResources(type)).length;

test('keys and buckets are few where the plan has them, and one a member where it does not', () => {
  const each = newStack();
  planned(each);
  expect(count(each, 'AWS::KMS::Key')).toBe(8);
  // Four archives and the evidence, each with its access logs, and the one that is exported to.
  expect(count(each, 'AWS::S3::Bucket')).toBe(11);

  const shared = newStack();
  const encryptionKey = new kms.Key(shared, 'Key');
  const archive = new s3.Bucket(shared, 'Archive', { versioned: true });
  planned(shared, { encryptionKey, archive });
  // That, and the one that signs evidence.
  expect(count(shared, 'AWS::KMS::Key')).toBe(2);
  // The archive, the evidence with its access logs, and one of no member.
  expect(count(shared, 'AWS::S3::Bucket')).toBe(4);
});

test("a member's own key and bucket win", () => {
  const stack = newStack();
  const encryptionKey = new kms.Key(stack, 'PlanKey');
  const archive = new s3.Bucket(stack, 'PlanArchive', { versioned: true });
  const plan = new ProtectionPlan(stack, 'Protection', { objectives: OBJECTIVES, encryptionKey, archive });
  const own = new s3.Bucket(stack, 'Own', { versioned: true });
  expect(new ConfigurationBackups(plan, 'A').bucket).toBe(archive);
  const key = new kms.Key(stack, 'OwnKey');
  const configuration = new ConfigurationBackups(plan, 'B', { bucket: own, encryptionKey: key });
  expect(configuration.bucket).toBe(own);
  const logs = Template.fromStack(stack).findResources('AWS::Logs::LogGroup');
  const keyOf = (id: string) =>
    Object.entries(logs).find(([name]) => name.startsWith(`Protection${id}Handler`))?.[1].Properties.KmsKeyId;
  expect(keyOf('A')).toEqual(stack.resolve(encryptionKey.keyArn));
  expect(keyOf('B')).toEqual(stack.resolve(key.keyArn));
});

test('logs of what encrypts nothing else have a key of their own, where the plan names one', () => {
  const stack = newStack();
  const logEncryptionKey = new kms.Key(stack, 'LogKey');
  const plan = new ProtectionPlan(stack, 'Protection', { objectives: OBJECTIVES, logEncryptionKey });
  EVERY_CONSTRUCT.DatabaseWatch?.(plan);
  expect(count(stack, 'AWS::KMS::Key')).toBe(1);
});

test('an export with neither bucket nor archive is refused', () => {
  const plan = new ProtectionPlan(newStack(), 'Protection', { objectives: OBJECTIVES });
  expect(() => EVERY_CONSTRUCT.SnapshotExport?.(plan, { bucket: undefined })).toThrow(
    "'Test/Protection/Export': 'bucket' is left out, and no plan around it has an 'archive'",
  );
});

test.each([
  [undefined, 'Retain'],
  [RemovalPolicy.DESTROY, 'Delete'],
])('with the removal policy %s, keys, buckets and logs of members have %s', (removalPolicy, expected) => {
  const stack = newStack();
  planned(stack, { removalPolicy });
  const { Resources } = Template.fromStack(stack).toJSON() as {
    Resources: Record<string, { Type: string; DeletionPolicy?: string }>;
  };
  const kept = Object.entries(Resources).filter(
    ([id, { Type }]) =>
      id.startsWith('Protection') &&
      ['AWS::KMS::Key', 'AWS::S3::Bucket', 'AWS::Logs::LogGroup'].includes(Type) &&
      // What Firehose could not deliver is told in a log that never stays.
      !id.includes('applicationErrors'),
  );
  expect(kept.length).toBeGreaterThan(20);
  expect(kept.filter(([, { DeletionPolicy }]) => DeletionPolicy !== expected).map(([id]) => id)).toEqual([]);
});

test('with the removal policy destroy, nothing is warned of for going with the stack', () => {
  const warned = (removalPolicy?: RemovalPolicy) => {
    const stack = newStack();
    const key = new kms.Key(stack, 'Key', { removalPolicy: RemovalPolicy.DESTROY });
    planned(stack, { removalPolicy, encryptionKey: key });
    return warningsOf(stack).filter((warning) => warning.includes('lifeboat:key-goes-with-its-stack'));
  };
  expect(warned()).toHaveLength(1);
  expect(warned(RemovalPolicy.DESTROY)).toEqual([]);
});

test('every construct takes the key of the plan', () => {
  const makers = Object.entries(EVERY_CONSTRUCT).filter(([name]) => !['ProtectionPlan', 'RecoverySite'].includes(name));
  const keys = makers.flatMap(([, make]) => {
    const stack = newStack();
    const encryptionKey = kms.Key.fromKeyArn(stack, 'Shared', 'arn:aws:kms:us-east-1:111122223333:key/shared');
    make(new ProtectionPlan(stack, 'Protection', { objectives: OBJECTIVES, encryptionKey }));
    return Object.keys(Template.fromStack(stack).findResources('AWS::KMS::Key'));
  });
  expect(keys.filter((id) => !id.includes('SigningKey'))).toEqual([]);
});
