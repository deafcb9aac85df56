import { CfnParameter, Duration } from 'aws-cdk-lib';
import { Match } from 'aws-cdk-lib/assertions';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as sns from 'aws-cdk-lib/aws-sns';
import { AirGappedVault } from '../../../lib/aws-backup/air-gapped-vault';
import { ProtectedVault } from '../../../lib/aws-backup/protected-vault';
import { VaultAlarms } from '../../../lib/aws-backup/vault-alarms';
import { VaultLock } from '../../../lib/aws-backup/vault-lock';
import { newStack, Template } from '../../template/stacks';

const days = Duration.days;

test('denies early deletion to everyone, is locked, encrypted with a rotated key, and kept when the stack goes', () => {
  const stack = newStack();
  new ProtectedVault(stack, 'Vault');
  const template = Template.fromStack(stack);
  template.hasResource('AWS::Backup::BackupVault', {
    // Kept, but for the leftover of a first deployment that fails: its name would be taken for the second.
    DeletionPolicy: 'RetainExceptOnCreate',
    UpdateReplacePolicy: 'Retain',
    Properties: {
      LockConfiguration: { MinRetentionDays: 7 },
      EncryptionKeyArn: { 'Fn::GetAtt': [Match.stringLikeRegexp('Key'), 'Arn'] },
      AccessPolicy: {
        Statement: [
          {
            Effect: 'Deny',
            Principal: { AWS: '*' },
            Action: ['backup:DeleteRecoveryPoint', 'backup:UpdateRecoveryPointLifecycle'],
          },
        ],
      },
    },
  });
  template.hasResource('AWS::KMS::Key', { DeletionPolicy: 'Retain', Properties: { EnableKeyRotation: true } });
});

test('a lock that nobody can undo is asked for by name, and begins after its grace', () => {
  const stack = newStack();
  const lock = VaultLock.compliance({ minRetention: days(30), maxRetention: days(3000), changeableFor: days(3) });
  new ProtectedVault(stack, 'Vault', { lock });
  Template.fromStack(stack).hasResourceProperties('AWS::Backup::BackupVault', {
    LockConfiguration: { MinRetentionDays: 30, MaxRetentionDays: 3000, ChangeableForDays: 3 },
  });
});

test('other accounts copy in only where they are named', () => {
  const stack = newStack();
  new ProtectedVault(stack, 'Vault', { copiesFrom: ['111122223333'] });
  const [vault] = Object.values(Template.fromStack(stack).findResources('AWS::Backup::BackupVault'));
  expect(vault?.Properties.AccessPolicy.Statement.slice(1)).toEqual([
    expect.objectContaining({ Effect: 'Allow', Action: 'backup:CopyIntoBackupVault', Resource: '*' }),
  ]);
});

test("the user's key wins", () => {
  const stack = newStack();
  new ProtectedVault(stack, 'Vault', { encryptionKey: new kms.Key(stack, 'Own') });
  Template.fromStack(stack).resourceCountIs('AWS::KMS::Key', 1);
});

test.each([
  [
    'a grace of 2 days',
    () => VaultLock.compliance({ changeableFor: days(2) }),
    "'changeableFor' is 2 days, not 3 to 36500 whole days",
  ],
  [
    'hours, in hours',
    () => VaultLock.compliance({ minRetention: Duration.hours(7), changeableFor: Duration.hours(73) }),
    /'minRetention' is 7 hours, not 1 to 36500 whole days.*\n.*'changeableFor' is 3 days 1 hour, not 3/,
  ],
  [
    'no minimum',
    () => VaultLock.governance({ minRetention: days(0) }),
    "'minRetention' is 0 days, not 1 to 36500 whole days, so AWS Backup would refuse it; choose one of these",
  ],
  [
    'a century',
    () => VaultLock.governance({ maxRetention: days(36_501) }),
    "'maxRetention' is 36501 days, not 1 to 36500 whole days, so AWS Backup would refuse it; choose one of these",
  ],
  [
    'a maximum below the minimum',
    () => VaultLock.governance({ minRetention: days(30), maxRetention: days(29) }),
    "'maxRetention' is 29 days, less than 'minRetention' of 30 days",
  ],
])('refuses %s', (_, make, message) => {
  expect(make).toThrow(message);
});

test('takes the nearest legal lock', () => {
  expect(VaultLock.governance({ minRetention: days(1), maxRetention: days(36_500) }).maxRetention?.toDays()).toBe(
    36_500,
  );
  expect(
    VaultLock.compliance({
      minRetention: days(30),
      maxRetention: days(30),
      changeableFor: days(3),
    }).changeableFor?.toDays(),
  ).toBe(3);
});

test('refuses names and accounts that AWS Backup would, all at once', () => {
  const make = () => new ProtectedVault(newStack(), 'Vault', { vaultName: 'my vault', copiesFrom: ['1234'] });
  expect(make).toThrow(
    "'1234' is not an AWS account ID, so no account could copy into this vault; use the 12-digit ID",
  );
  expect(make).toThrow("'vaultName' is 'my vault', not 2 to 50 letters, digits, hyphens and underscores");
  expect(() => new ProtectedVault(newStack(), 'Vault', { vaultName: 'my-vault_2' })).not.toThrow();
});

describe('alarms', () => {
  test('tell of restores that fail by event, since AWS Backup documents no vault for their metric', () => {
    const stack = newStack();
    const notify = new sns.Topic(stack, 'Oncall');
    new ProtectedVault(stack, 'Vault', { notify });
    const template = Template.fromStack(stack);
    template.hasResourceProperties('AWS::Events::Rule', {
      EventPattern: {
        source: ['aws.backup'],
        'detail-type': ['Restore Job State Change'],
        detail: { status: ['FAILED', 'ABORTED'] },
      },
      Targets: [{ Arn: stack.resolve(notify.topicArn) }],
    });
    template.hasResourceProperties('AWS::CloudWatch::Alarm', {
      Namespace: 'AWS/Events',
      MetricName: 'FailedInvocations',
      AlarmActions: [stack.resolve(notify.topicArn)],
    });
  });

  test('ring on failed, expired and missing jobs; only missing ones by silence', () => {
    const stack = newStack();
    const { vault } = new ProtectedVault(stack, 'Vault', { vaultName: 'Orders' });
    new VaultAlarms(stack, 'Missing', { vault, missingAfter: days(2) });
    const alarms = Object.values(Template.fromStack(stack).findResources('AWS::CloudWatch::Alarm')).map(
      ({ Properties }) => [
        Properties.MetricName,
        Properties.TreatMissingData,
        Properties.Period,
        Properties.Dimensions[0].Name,
      ],
    );
    const failures = ['BackupJobsFailed', 'BackupJobsExpired', 'CopyJobsFailed'].map((jobs) => [
      `NumberOf${jobs}`,
      'notBreaching',
      3600,
      'BackupVaultName',
    ]);
    const missing = ['NumberOfBackupJobsCompleted', 'breaching', 2 * 86_400, 'BackupVaultName'];
    expect(alarms).toEqual([...failures, ...failures, missing]);
  });

  test.each([8, 0, 1.5])('refuse to look back %d days', (back) => {
    const stack = newStack();
    const { vault } = new ProtectedVault(stack, 'Vault');
    const make = () => new VaultAlarms(stack, 'Missing', { vault, missingAfter: Duration.hours(back * 24) });
    expect(make).toThrow('CloudWatch alarms look back whole days up to 7');
  });

  test.each([1, 7])('look back %d days', (back) => {
    const stack = newStack();
    const { vault } = new ProtectedVault(stack, 'Vault');
    expect(() => new VaultAlarms(stack, 'Missing', { vault, missingAfter: days(back) })).not.toThrow();
  });
});

describe('a logically air-gapped vault', () => {
  const make = (least: number, most: number, vaultName = 'Orders-gap') => {
    const stack = newStack();
    new AirGappedVault(stack, 'Gap', { vaultName, minRetention: days(least), maxRetention: days(most) });
    return Template.fromStack(stack);
  };

  test('is kept when the stack goes', () => {
    make(7, 7).hasResource('AWS::Backup::LogicallyAirGappedBackupVault', {
      DeletionPolicy: 'RetainExceptOnCreate',
      UpdateReplacePolicy: 'Retain',
      Properties: { MinRetentionDays: 7, MaxRetentionDays: 7 },
    });
  });

  test.each([
    [6, 30, 'Gap', "'minRetention' is 6 days, not whole days from 7"],
    [30, 29, 'Gap', "'maxRetention' is 29 days, not whole days between 'minRetention' and 36500"],
    [7, 30, 'a gap', "'vaultName' is 'a gap', not 2 to 50 letters, digits, hyphens and underscores"],
  ])('refuses %d to %d days as %s', (least, most, name, message) => {
    expect(() => make(least, most, name)).toThrow(message);
  });
});

test('what is only known at deployment is not compared', () => {
  const stack = newStack();
  const minRetention = days(new CfnParameter(stack, 'Days', { type: 'Number' }).valueAsNumber);
  new ProtectedVault(stack, 'Vault', { lock: VaultLock.governance({ minRetention }) });
  Template.fromStack(stack).hasResourceProperties('AWS::Backup::BackupVault', {
    LockConfiguration: { MinRetentionDays: { Ref: 'Days' } },
  });
});

/** An upgrade that changed one of these would replace what can't be replaced: past backups, and the key to them. */
test('logical IDs of vaults and keys stay as they are', () => {
  const stack = newStack();
  new ProtectedVault(stack, 'Orders');
  new AirGappedVault(stack, 'Gap', { vaultName: 'gap', minRetention: days(7), maxRetention: days(30) });
  const template = Template.fromStack(stack);
  const types = ['AWS::Backup::BackupVault', 'AWS::Backup::LogicallyAirGappedBackupVault', 'AWS::KMS::Key'];
  const ids = types.flatMap((type) => Object.keys(template.findResources(type)));
  expect(ids.sort()).toMatchInlineSnapshot(`
[
  "GapVaultE65944AE",
  "OrdersKey6C690DD2",
  "OrdersVaultD2FD70FF",
]
`);
});
