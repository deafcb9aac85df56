import { App, Duration, Stack, Validations } from 'aws-cdk-lib';
import { Match } from 'aws-cdk-lib/assertions';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { AwsSolutionsChecks, HIPAASecurityChecks, NIST80053R5Checks } from 'cdk-nag';
import { BackupAudit, type BackupAuditProps, BackupReport } from '../../../lib/aws-backup/backup-audit';
import { BackupControl } from '../../../lib/aws-backup/backup-control';
import { newStack, Template } from '../../template/stacks';

const days = Duration.days;

function audited(props: BackupAuditProps = {}): Template {
  const stack = newStack();
  new BackupAudit(stack, 'Audit', props);
  return Template.fromStack(stack);
}

test('looks at plans, deletion, encryption and locks, and reports all that there is', () => {
  const template = audited();
  const [framework] = Object.values(template.findResources('AWS::Backup::Framework'));
  expect(framework?.Properties).toMatchObject({
    FrameworkName: 'Lifeboat_Test_Audit',
    FrameworkControls: [
      { ControlName: 'BACKUP_RESOURCES_PROTECTED_BY_BACKUP_PLAN' },
      { ControlName: 'BACKUP_RECOVERY_POINT_MANUAL_DELETION_DISABLED' },
      { ControlName: 'BACKUP_RECOVERY_POINT_ENCRYPTED' },
      { ControlName: 'BACKUP_RESOURCES_PROTECTED_BY_BACKUP_VAULT_LOCK' },
    ],
  });
  const plans = Object.values(template.findResources('AWS::Backup::ReportPlan')).map(({ Properties }) => [
    Properties.ReportSetting.ReportTemplate,
    Properties.ReportSetting.FrameworkArns?.length ?? 0,
    Object.keys(Properties.ReportDeliveryChannel).sort(),
  ]);
  expect(plans).toEqual([
    ['BACKUP_JOB_REPORT', 0, ['Formats', 'S3BucketName']],
    ['COPY_JOB_REPORT', 0, ['Formats', 'S3BucketName']],
    ['RESTORE_JOB_REPORT', 0, ['Formats', 'S3BucketName']],
    ['CONTROL_COMPLIANCE_REPORT', 1, ['Formats', 'S3BucketName']],
    ['RESOURCE_COMPLIANCE_REPORT', 1, ['Formats', 'S3BucketName']],
  ]);
});

test("lets AWS Backup's role for reports write, which may not exist yet, and nobody else", () => {
  const template = audited();
  const condition = {
    ArnEquals: {
      'aws:PrincipalArn': {
        'Fn::Join': ['', Match.arrayWith([Match.stringLikeRegexp('AWSServiceRoleForBackupReports$')])],
      },
    },
  };
  template.hasResourceProperties('AWS::S3::BucketPolicy', {
    PolicyDocument: {
      Statement: Match.arrayWith([Match.objectLike({ Effect: 'Allow', Action: 's3:PutObject', Condition: condition })]),
    },
  });
  template.hasResourceProperties('AWS::KMS::Key', {
    KeyPolicy: {
      Statement: Match.arrayWith([
        Match.objectLike({ Action: Match.arrayWith(['kms:GenerateDataKey']), Condition: condition }),
      ]),
    },
  });
  for (const { DeletionPolicy } of Object.values(template.findResources('AWS::S3::Bucket')))
    expect(DeletionPolicy).toBe('Retain');
});

test('states what the user states', () => {
  const stack = newStack();
  new BackupAudit(stack, 'Audit', {
    bucket: new s3.Bucket(stack, 'Own'),
    reports: [BackupReport.RESTORE_JOBS],
    controls: [
      BackupControl.frequencyAndRetention({ every: Duration.hours(12), retention: days(30) }),
      BackupControl.lastRecoveryPoint(days(2)),
      BackupControl.minimumRetention(days(7)),
      BackupControl.restoreTime(Duration.hours(4)),
      BackupControl.crossRegion(),
      BackupControl.crossAccount(),
    ],
  });
  const template = Template.fromStack(stack);
  template.resourceCountIs('AWS::S3::Bucket', 1);
  template.resourceCountIs('AWS::Backup::ReportPlan', 1);
  const [framework] = Object.values(template.findResources('AWS::Backup::Framework'));
  type Control = { ControlName: string; ControlInputParameters?: { ParameterName: string; ParameterValue: string }[] };
  const parameters = framework?.Properties.FrameworkControls.map(({ ControlInputParameters = [] }: Control) =>
    Object.fromEntries(ControlInputParameters.map((one) => [one.ParameterName, one.ParameterValue])),
  );
  expect(parameters).toEqual([
    { requiredFrequencyUnit: 'hours', requiredFrequencyValue: '12', requiredRetentionDays: '30' },
    { recoveryPointAgeUnit: 'days', recoveryPointAgeValue: '2' },
    { requiredRetentionDays: '7' },
    { maxRestoreTime: '240' },
    {},
    {},
  ]);
});

test.each<[string, () => unknown, string, () => unknown]>([
  [
    '32 days',
    () => BackupControl.lastRecoveryPoint(days(32)),
    "'within' is 32 days",
    () => BackupControl.lastRecoveryPoint(days(31)),
  ],
  [
    'every 25 hours',
    () => BackupControl.frequencyAndRetention({ every: Duration.hours(25), retention: days(7) }),
    "'every' is 1 day 1 hour",
    () => BackupControl.frequencyAndRetention({ every: Duration.hours(23), retention: days(7) }),
  ],
  [
    'half a day of retention',
    () => BackupControl.minimumRetention(Duration.hours(12)),
    "'retention' is 12 hours, and Audit Manager takes whole days from 1; choose one of these",
    () => BackupControl.minimumRetention(days(1)),
  ],
  [
    'no time to restore',
    () => BackupControl.restoreTime(Duration.minutes(0)),
    "'most' is 0 minutes, and Audit Manager takes whole minutes from 1; choose one of these",
    () => BackupControl.restoreTime(Duration.minutes(1)),
  ],
  [
    'a name that begins with a digit',
    () => audited({ frameworkName: '1st' }),
    "'frameworkName' is '1st', not a letter followed by up to 199 letters, digits and underscores",
    () => audited({ frameworkName: 'First_1' }),
  ],
  [
    'no control',
    () => audited({ controls: [] }),
    "'controls' has 0 entries",
    () => audited({ controls: [BackupControl.encrypted()] }),
  ],
  [
    'a control twice',
    () => audited({ controls: [BackupControl.encrypted(), BackupControl.encrypted()] }),
    "'controls' has BACKUP_RECOVERY_POINT_ENCRYPTED twice",
    () => audited({ controls: [BackupControl.encrypted(), BackupControl.vaultLock()] }),
  ],
])('refuses %s', (_, wrong, message, right) => {
  expect(wrong).toThrow(message);
  expect(right).not.toThrow();
});

test('controls of several audits in one region are counted together', () => {
  const audits = (count: number) => () => {
    const stack = newStack();
    const bucket = s3.Bucket.fromBucketName(stack, 'Bucket', 'reports');
    // A framework takes each control once.
    for (let index = 0; index < count; index += 1) {
      new BackupAudit(stack, `Audit${index}`, { controls: [BackupControl.vaultLock()], reports: [], bucket });
    }
    return Template.fromStack(stack);
  };
  expect(audits(51)).toThrow('have 51 controls together, and Audit Manager allows 50 in one region');
  expect(audits(50)).not.toThrow();
});

test('logical IDs of buckets and keys stay as they are', () => {
  const template = audited();
  const ids = ['AWS::S3::Bucket', 'AWS::KMS::Key'].flatMap((type) => Object.keys(template.findResources(type)));
  expect(ids.sort()).toMatchInlineSnapshot(`
[
  "AuditAccessLogs9A4BEAE3",
  "AuditKey2ED08D30",
  "AuditReportsEBBAB002",
]
`);
});

test("passes cdk-nag's packs in a stack of its own", () => {
  const app = new App({ builtinCloudFormationValidation: false });
  new BackupAudit(new Stack(app, 'Test'), 'Audit');
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new NIST80053R5Checks(app), new HIPAASecurityChecks(app));
  expect(() => app.synth()).not.toThrow();
});
