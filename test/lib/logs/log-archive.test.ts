import { App, CfnParameter, Duration, Stack, Validations } from 'aws-cdk-lib';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as logs from 'aws-cdk-lib/aws-logs';
import type * as rds from 'aws-cdk-lib/aws-rds';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as sns from 'aws-cdk-lib/aws-sns';
import { AwsSolutionsChecks, HIPAASecurityChecks, NIST80053R5Checks } from 'cdk-nag';
import { ArchiveBucket, DatabaseLogs, LogArchive } from '../../../lib';
import { allows, resolved, statementsOf } from '../../template/policies';
import { newDatabase, newStack, Template } from '../../template/stacks';

test('keeps a log group for 30 days, and sends each event to the archive, as lines of JSON under its name', () => {
  const stack = newStack();
  new LogArchive(stack, 'Logs').addLogGroup('application');
  const template = Template.fromStack(stack);
  template.hasResource('AWS::Logs::LogGroup', { DeletionPolicy: 'Retain', Properties: { RetentionInDays: 30 } });
  template.hasResourceProperties('AWS::Logs::SubscriptionFilter', { FilterPattern: '' });
  template.hasResourceProperties('AWS::KinesisFirehose::DeliveryStream', {
    ExtendedS3DestinationConfiguration: {
      CompressionFormat: 'GZIP',
      Prefix: 'logs/application/!{timestamp:yyyy/MM/dd}/',
      ErrorOutputPrefix: 'logs/application/failed/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd}/',
      ProcessingConfiguration: { Processors: [{ Type: 'Decompression' }, { Type: 'AppendDelimiterToRecord' }] },
    },
  });
});

test('archives a log group that RDS makes, and leaves its retention to its owner', () => {
  const stack = newStack();
  const archive = new LogArchive(stack, 'Logs', { prefix: 'rds/' });
  const logGroup = logs.LogGroup.fromLogGroupName(stack, 'Postgresql', '/aws/rds/instance/orders/postgresql');
  archive.subscribe('postgresql', { logGroup, filter: logs.FilterPattern.allTerms('ERROR') });
  const template = Template.fromStack(stack);
  template.hasResourceProperties('AWS::Logs::SubscriptionFilter', {
    LogGroupName: '/aws/rds/instance/orders/postgresql',
    FilterPattern: '"ERROR"',
  });
  const retentions = Object.values(template.findResources('AWS::Logs::LogGroup'));
  expect(retentions.map(({ Properties }) => Properties.LogGroupName)).toEqual([undefined]);
});

test('refuses a log group that CDK types as if it were there, and says what to make', () => {
  const stack = newStack();
  const database = newDatabase(stack).with(new DatabaseLogs()) as rds.DatabaseInstance;
  const archive = new LogArchive(stack, 'Logs');
  const logGroup = database.cloudwatchLogGroups.postgresql as logs.ILogGroup;
  expect(() => archive.subscribe('database', { logGroup })).toThrow(
    /log archive 'Test\/Logs': 'logGroup' of 'database' is undefined, .* create it before RDS does: addLogGroup/,
  );
  const exporting = newDatabase(new Stack(stack, 'Other'), {
    cloudwatchLogsExports: ['postgresql'],
    cloudwatchLogsRetention: logs.RetentionDays.ONE_WEEK,
  });
  archive.subscribe('database', { logGroup: exporting.cloudwatchLogGroups.postgresql as logs.ILogGroup });
});

test.each(['Files', 'Key'])("an id that the archive needs itself is refused: '%s'", (id) => {
  const named = (name: string) => () => new LogArchive(newStack(), 'Logs').addLogGroup(name);
  expect(named(id)).toThrow(
    `log 'Test/Logs/${id}' has an id that Lifeboat uses there itself (Files, Key), so one of the two could not be created`,
  );
  expect(named(`${id}Log`)).not.toThrow();
});

test('keeps database logs for 7 days in CloudWatch where that is asked for', () => {
  const stack = newStack();
  new LogArchive(stack, 'Logs').addLogGroup('database', { retention: logs.RetentionDays.ONE_WEEK });
  Template.fromStack(stack).hasResourceProperties('AWS::Logs::LogGroup', { RetentionInDays: 7 });
});

test('each stream writes under its own name only, and deletes nothing', () => {
  const stack = newStack();
  const archive = new LogArchive(stack, 'Logs');
  archive.addLogGroup('application');
  archive.addLogGroup('database');
  const template = Template.fromStack(stack);
  const bucket = resolved(stack.resolve(archive.bucket.bucketArn));
  const firehose = statementsOf(template, /^Logsapplication.*Role/);
  const may = (action: string, key: string) => allows(firehose, { action, resources: [`${bucket}/${key}`] });
  expect(may('s3:PutObject', 'logs/application/2026/11/20/x.gz')).toBe(true);
  expect(may('s3:PutObject', 'logs/database/2026/11/20/x.gz')).toBe(false);
  expect(may('s3:DeleteObject', 'logs/application/2026/11/20/x.gz')).toBe(false);
  expect(may('s3:GetObject', 'logs/application/2026/11/20/x.gz')).toBe(false);
});

test('rings when events wait for over an hour, or are refused', () => {
  const stack = newStack();
  const notify = new sns.Topic(stack, 'Alerts');
  new LogArchive(stack, 'Logs', { notify }).addLogGroup('application');
  const alarms = Object.values(Template.fromStack(stack).findResources('AWS::CloudWatch::Alarm'));
  expect(alarms.map(({ Properties }) => [Properties.MetricName, Properties.Threshold])).toEqual(
    expect.arrayContaining([
      ['DeliveryToS3.DataFreshness', 3600],
      ['ThrottledRecords', 0],
    ]),
  );
  for (const { Properties } of alarms) expect(Properties.AlarmActions).toHaveLength(1);
});

describe('rings when events are written for two hours, and none is archived', () => {
  const watched = (subscribe: (archive: LogArchive) => void) => {
    const stack = newStack();
    subscribe(new LogArchive(stack, 'Logs'));
    const template = Template.fromStack(stack);
    const stopped = Object.values(template.findResources('AWS::CloudWatch::Alarm'))
      .map(({ Properties }) => Properties)
      .filter(({ Metrics }) => Metrics);
    expect(stopped).toMatchObject([{ EvaluationPeriods: 2, Threshold: 0, TreatMissingData: 'notBreaching' }]);
    const metrics: {
      Id: string;
      Expression?: string;
      MetricStat?: { Period: number; Metric: object; Stat: string };
    }[] = stopped[0]?.Metrics ?? [];
    const of = (id: string) => metrics.find(({ Id }) => Id === id)?.MetricStat;
    const expressions = metrics.flatMap(({ Expression }) => Expression ?? []);
    expect(expressions).toEqual(['IF(FILL(written, 0) > 0 AND FILL(archived, 0) == 0, 1, 0)']);
    const [stream] = Object.keys(template.findResources('AWS::KinesisFirehose::DeliveryStream'));
    const Dimensions = [{ Name: 'DeliveryStreamName', Value: { Ref: stream } }];
    expect(of('archived')).toEqual({
      Metric: { Namespace: 'AWS/Firehose', MetricName: 'DeliveryToS3.Success', Dimensions },
      Period: 3600,
      Stat: 'Sum',
    });
    return { template, written: of('written'), Dimensions };
  };

  test('to the log group, so that a subscription that is gone is told of, too', () => {
    const { template, written } = watched((archive) => archive.addLogGroup('application'));
    const Ref = Object.keys(template.findResources('AWS::Logs::LogGroup')).find((id) =>
      id.endsWith('applicationLogA839FC0C'),
    );
    const Dimensions = [{ Name: 'LogGroupName', Value: { Ref } }];
    expect(written).toMatchObject({
      Metric: { Namespace: 'AWS/Logs', MetricName: 'IncomingLogEvents', Dimensions },
      Stat: 'Sum',
    });
  });

  test('to the stream, where a filter leaves some out', () => {
    const { written, Dimensions } = watched((archive) =>
      archive.addLogGroup('application', { filter: logs.FilterPattern.allTerms('ERROR') }),
    );
    expect(written).toMatchObject({ Metric: { Namespace: 'AWS/Firehose', MetricName: 'IncomingRecords', Dimensions } });
  });
});

test.each(['INFREQUENT_ACCESS', 'DELIVERY'] as const)(
  'refuses a log group of the class %s, and says which one would do',
  (name) => {
    const stack = newStack();
    const logGroup = new logs.LogGroup(stack, 'Rare', { logGroupClass: logs.LogGroupClass[name] });
    expect(() => new LogArchive(stack, 'Logs').subscribe('rare', { logGroup })).toThrow(
      `log group 'Test/Rare' has the class ${name}, which supports no subscriptions, so nothing would be archived; ` +
        'create a new log group of the class STANDARD',
    );
  },
);

test('takes a log group of the class STANDARD, and one whose class is known at deployment only', () => {
  const stack = newStack();
  const archive = new LogArchive(stack, 'Logs');
  const standard = new logs.LogGroup(stack, 'Often', { logGroupClass: logs.LogGroupClass.STANDARD });
  const unknown = new logs.LogGroup(stack, 'Unknown');
  (unknown.node.defaultChild as logs.CfnLogGroup).logGroupClass = new CfnParameter(stack, 'Class').valueAsString;
  archive.subscribe('often', { logGroup: standard });
  expect(() => archive.subscribe('unknown', { logGroup: unknown })).not.toThrow();
});

test('refuses a third subscription of a log group, and takes two', () => {
  const subscribed = (times: number) => () => {
    const stack = newStack();
    const logGroup = new logs.LogGroup(stack, 'Log');
    const archive = new LogArchive(stack, 'Logs', { bucket: s3.Bucket.fromBucketName(stack, 'Bucket', 'archive') });
    new logs.LogGroup(stack, 'Other').addSubscriptionFilter('Alien', {
      destination: { bind: () => ({ arn: 'arn:aws:firehose:us-east-1:111122223333:deliverystream/other' }) },
      filterPattern: logs.FilterPattern.allEvents(),
    });
    for (let count = 0; count < times; count += 1) archive.subscribe(`part${count}`, { logGroup });
    return Template.fromStack(stack);
  };
  expect(subscribed(3)).toThrow(
    "[Test/Logs/part0/Subscription] the log group of 'Test/Logs/part0/Subscription' has 3 subscriptions in this app, and CloudWatch Logs allows 2",
  );
  expect(subscribed(2)).not.toThrow();
});

test('refuses to gather for over 15 minutes, as Firehose would', () => {
  expect(() => new LogArchive(newStack(), 'Logs', { bufferingInterval: Duration.seconds(901) })).toThrow(
    "log archive 'Test/Logs': 'bufferingInterval' is 901 seconds, and Firehose buffers for at most 900",
  );
  expect(() => new LogArchive(newStack(), 'Logs', { bufferingInterval: Duration.seconds(900) })).not.toThrow();
});

test.each(['/logs/', 'logs', '/'])("refuses the prefix '%s', and says how to write it", (prefix) => {
  expect(() => new LogArchive(newStack(), 'Logs', { prefix })).toThrow("write it as in 'system/");
});

test("passes cdk-nag's packs in a stack of its own", () => {
  const app = new App();
  const stack = new Stack(app, 'Archives');
  const notify = new sns.Topic(stack, 'Alerts', {
    masterKey: new kms.Key(stack, 'Key', { enableKeyRotation: true }),
    enforceSSL: true,
  });
  new LogArchive(stack, 'Own', { notify }).addLogGroup('application');
  new LogArchive(stack, 'Shared', { bucket: new ArchiveBucket(stack, 'Archive').bucket, notify }).addLogGroup(
    'database',
  );
  const packs = [AwsSolutionsChecks, NIST80053R5Checks, HIPAASecurityChecks].map((Pack) => new Pack(app));
  Validations.of(app).addPlugins(...packs);
  expect(() => app.synth()).not.toThrow();
});

test('what holds logs keeps its logical ID', () => {
  const stack = newStack();
  new LogArchive(stack, 'Logs').addLogGroup('application');
  const template = Template.fromStack(stack);
  const ids = ['AWS::S3::Bucket', 'AWS::KMS::Key', 'AWS::Logs::LogGroup'].flatMap((type) =>
    Object.keys(template.findResources(type)),
  );
  expect(ids.sort()).toEqual([
    'LogsFilesAccessLogs6A6D1612',
    'LogsFilesBucket25AA6C6F',
    'LogsKeyB5D1D597',
    'LogsapplicationErrors4C99350D',
    'LogsapplicationLogA839FC0C',
  ]);
});
