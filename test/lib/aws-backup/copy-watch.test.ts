import { App, Duration, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as efs from 'aws-cdk-lib/aws-efs';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as sns from 'aws-cdk-lib/aws-sns';
import { copyWatchRequest, parse } from '../../../lambda/contract';
import { BackupTarget, BackupTier, BackupTiers, type BackupTiersProps, ProtectedVault, VaultCopy } from '../../../lib';
import { importedDatabase, newStack, Template, warningsOf } from '../../template/stacks';

const WEST = VaultCopy.toRegion('us-west-2', 'Shop');
const VAULT = 'arn:aws:backup:us-west-2:111122223333:backup-vault:Shop';
const monthly = BackupTier.monthly({ hour: 8 });

const tiersOf = (stack: Stack, props: Partial<BackupTiersProps>) =>
  new BackupTiers(stack, 'Tiers', {
    ...props,
    targets: props.targets ?? [BackupTarget.database(importedDatabase(stack))],
    vault: props.vault ?? new ProtectedVault(stack, 'Vault').vault,
  });

const requestsIn = (stack: Stack) =>
  Object.values(Template.fromStack(stack).findResources('AWS::Scheduler::Schedule')).map(({ Properties }) =>
    JSON.parse(JSON.stringify(stack.resolve(Properties.Target.Input))),
  );

const alarmsIn = (stack: Stack) =>
  Object.entries(Template.fromStack(stack).findResources('AWS::CloudWatch::Alarm')).filter(
    ([, { Properties }]) => Properties.MetricName === 'SecondsSinceCopy',
  );

test('an alarm fires when copies stop, and when their watch does', () => {
  const stack = newStack();
  const notify = new sns.Topic(stack, 'Topic');
  tiersOf(stack, { copies: [VaultCopy.toArn(VAULT)], notify });
  const [[, { Properties }]] = alarmsIn(stack) as [[string, { Properties: Record<string, unknown> }]];
  expect(Properties).toMatchObject({
    Threshold: 2 * 86_400,
    ComparisonOperator: 'GreaterThanThreshold',
    TreatMissingData: 'breaching',
    Dimensions: [
      { Name: 'Backup', Value: 'Test-Tiers' },
      { Name: 'Copy', Value: VAULT },
    ],
    AlarmActions: [stack.resolve(notify.topicArn)],
  });
});

test('the watch is handed what it parses: the plan, the vault and the kinds of targets', () => {
  const stack = newStack();
  const files = efs.FileSystem.fromFileSystemAttributes(stack, 'Files', {
    fileSystemId: 'fs-1',
    securityGroup: ec2.SecurityGroup.fromSecurityGroupId(stack, 'Group', 'sg-1'),
  });
  const targets = [BackupTarget.database(importedDatabase(stack)), BackupTarget.fileSystem(files)];
  const { plan } = tiersOf(stack, { targets, copies: [VaultCopy.toArn(VAULT)] });
  const [input] = requestsIn(stack);
  const [, parts] = input['Fn::Join'];
  const text = parts.map((part: unknown) => (typeof part === 'string' ? part : 'plan-1')).join('');
  expect(parts).toContainEqual(stack.resolve(plan.ref));
  expect(parse(copyWatchRequest, JSON.parse(text), 'request')).toEqual({
    plan: 'plan-1',
    backup: 'Test-Tiers',
    vault: VAULT,
    resourceTypes: ['RDS', 'EFS'],
    overdueAfterSeconds: 2 * 86_400,
  });
});

test('where a tag chooses, whatever was copied counts', () => {
  const stack = newStack();
  tiersOf(stack, { targets: [BackupTarget.tagged('backup', 'yes')], copies: [VaultCopy.toArn(VAULT)] });
  expect(JSON.stringify(requestsIn(stack))).toContain('resourceTypes\\":[]');
});

test('the function may list copy jobs, and nothing else of AWS Backup', () => {
  const stack = newStack();
  tiersOf(stack, { copies: [WEST] });
  const policies = JSON.stringify(Template.fromStack(stack).findResources('AWS::IAM::ManagedPolicy'));
  expect(policies.match(/backup:\w+/g)).toEqual(['backup:ListCopyJobs']);
});

test('each vault is watched once, by the tier that is copied most often', () => {
  const stack = newStack();
  const copies = [
    VaultCopy.toArn(VAULT, { tiers: ['Monthly'], retention: Duration.days(400) }),
    VaultCopy.toArn(VAULT, { tiers: ['Weekly'] }),
  ];
  tiersOf(stack, { copies });
  expect(alarmsIn(stack).map(([, { Properties }]) => Properties.Threshold)).toEqual([8 * 86_400]);
});

test('ids stay when copies are added before', () => {
  const idsOf = (copies: VaultCopy[]) => {
    const stack = newStack();
    tiersOf(stack, { copies });
    return alarmsIn(stack).map(([id]) => id);
  };
  expect(idsOf([VaultCopy.toRegion('eu-west-1', 'Shop'), WEST])).toEqual(expect.arrayContaining(idsOf([WEST])));
});

test('tiers without copies have no watch on them', () => {
  const stack = newStack();
  tiersOf(stack, {});
  expect(alarmsIn(stack)).toEqual([]);
  Template.fromStack(stack).resourceCountIs('AWS::Lambda::Function', 0);
});

test('a log key that is given is used, and none is made', () => {
  const stack = new Stack(new App(), 'Test', { env: { account: '111122223333', region: 'us-east-1' } });
  const key = new kms.Key(stack, 'Given');
  const vault = new ProtectedVault(stack, 'Vault', { encryptionKey: key }).vault;
  tiersOf(stack, { vault, copies: [WEST], logEncryptionKey: key });
  Template.fromStack(stack).resourceCountIs('AWS::KMS::Key', 1);
});

describe('the time without a copy', () => {
  test('can be stated', () => {
    const stack = newStack();
    tiersOf(stack, { copies: [VaultCopy.toArn(VAULT, { missingAfter: Duration.days(5) })] });
    expect(alarmsIn(stack).map(([, { Properties }]) => Properties.Threshold)).toEqual([5 * 86_400]);
  });

  test.each([Duration.hours(12), Duration.days(30)])(
    'is refused where AWS Backup does not list so far back, or not so closely',
    (missingAfter) => {
      const copies = [VaultCopy.toArn(VAULT, { missingAfter })];
      expect(() => tiersOf(newStack(), { copies })).toThrow(
        /'missingAfter' of copy 1 is .* set whole days from 1 to 29/,
      );
    },
  );

  test('is warned of where the tiers leave longer gaps than AWS Backup lists', () => {
    const stack = newStack();
    tiersOf(stack, {
      tiers: [BackupTier.daily({ hour: 6 }), monthly],
      copies: [VaultCopy.toArn(VAULT, { tiers: ['Monthly'] })],
    });
    expect(warningsOf(stack)).toContainEqual(expect.stringContaining('lifeboat:missing-copies-go-unnoticed'));
    expect(alarmsIn(stack)).toEqual([]);
  });
});
