/** What AWS would only refuse at deployment: each construct alone in a stack, with a key of the app, is read for it. */
import { App, Duration, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecr from 'aws-cdk-lib/aws-ecr';
import * as elasticache from 'aws-cdk-lib/aws-elasticache';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import * as sns from 'aws-cdk-lib/aws-sns';
import {
  ArchiveBucket,
  BackupAudit,
  BackupTarget,
  BackupTiers,
  CacheExport,
  CacheExportAccess,
  CacheSnapshots,
  CacheSource,
  ConfigurationBackups,
  CutOver,
  DatabaseAlarms,
  DatabaseWatch,
  DeploymentSnapshot,
  DrillSite,
  DrillSource,
  DumpSource,
  ExternalDatabaseBackups,
  ImageArchive,
  LogArchive,
  LogicalDump,
  ProtectedVault,
  RecoveryRegion,
  RecoveryRunbook,
  Recurrence,
  RestoreTesting,
  SnapshotCopy,
  SnapshotExport,
  SnapshotSource,
  TableRecoveryRunbook,
} from '../../lib';
import { importedDatabase, newDatabase, OBJECTIVES, Template } from '../template/stacks';

const days = Duration.days;
const made = (stack: Stack) => importedDatabase(stack);
const bucketOf = (stack: Stack) => s3.Bucket.fromBucketName(stack, 'Theirs', 'theirs');
const cacheOf = (stack: Stack) =>
  CacheSource.replicationGroup(
    new elasticache.CfnReplicationGroup(stack, 'Sessions', {
      replicationGroupDescription: 'Sessions',
      snapshotRetentionLimit: 7,
    }),
  );

const reached = (stack: Stack) => ({
  vpc: new ec2.Vpc(stack, 'Network', { maxAzs: 2, natGateways: 1 }),
  secret: secretsmanager.Secret.fromSecretNameV2(stack, 'Secret', 'shop/database'),
});

const ALONE: Record<string, (stack: Stack, encryptionKey: kms.IKey) => void> = {
  ArchiveBucket: (stack, encryptionKey) => new ArchiveBucket(stack, 'It', { encryptionKey }),
  BackupAudit: (stack) => new BackupAudit(stack, 'It'),
  BackupTiers: (stack, encryptionKey) => {
    const { vault } = new ProtectedVault(stack, 'Vault', { encryptionKey });
    new BackupTiers(stack, 'It', { vault, targets: [BackupTarget.database(made(stack))] });
  },
  CacheExport: (stack, encryptionKey) => {
    const bucket = new s3.Bucket(stack, 'Files');
    bucket.with(new CacheExportAccess());
    new CacheExport(stack, 'It', { cache: cacheOf(stack), bucket, logEncryptionKey: encryptionKey });
  },
  CacheSnapshots: (stack, encryptionKey) =>
    new CacheSnapshots(stack, 'It', {
      cache: cacheOf(stack),
      every: Duration.hours(6),
      retention: days(2),
      logEncryptionKey: encryptionKey,
    }),
  ConfigurationBackups: (stack, encryptionKey) => new ConfigurationBackups(stack, 'It', { encryptionKey }),
  DatabaseAlarms: (stack, masterKey) =>
    new DatabaseAlarms(stack, 'It', { database: made(stack), notify: new sns.Topic(stack, 'Oncall', { masterKey }) }),
  DatabaseWatch: (stack, encryptionKey) =>
    new DatabaseWatch(stack, 'It', { database: made(stack), logEncryptionKey: encryptionKey }),
  DeploymentSnapshot: (stack, encryptionKey) =>
    new DeploymentSnapshot(stack, 'It', {
      database: made(stack),
      deploymentVersion: 'v1',
      logEncryptionKey: encryptionKey,
    }),
  DrillSite: (stack, encryptionKey) => new DrillSite(stack, 'It', { encryptionKey }),
  ExternalDatabaseBackups: (stack, encryptionKey) =>
    new ExternalDatabaseBackups(stack, 'It', {
      database: made(stack),
      retention: days(7),
      logEncryptionKey: encryptionKey,
    }),
  ImageArchive: (stack, encryptionKey) =>
    new ImageArchive(stack, 'It', {
      repositories: [ecr.Repository.fromRepositoryName(stack, 'Web', 'web')],
      encryptionKey,
    }),
  LogArchive: (stack, encryptionKey) => new LogArchive(stack, 'It', { encryptionKey }).addLogGroup('App'),
  LogicalDump: (stack, encryptionKey) =>
    new LogicalDump(stack, 'It', {
      source: DumpSource.database(made(stack), {
        credentials: secretsmanager.Secret.fromSecretNameV2(stack, 'Secret', 'shop/dump'),
        databaseName: 'shop',
        postgresVersion: '17',
      }),
      vpc: new ec2.Vpc(stack, 'Network', { maxAzs: 2, natGateways: 1 }),
      encryptionKey,
    }),
  RecoveryRunbook: (stack, encryptionKey) => {
    const { vpc, secret } = reached(stack);
    new RecoveryRunbook(stack, 'It', {
      source: DrillSource.database(made(stack)),
      objectives: OBJECTIVES,
      credentials: secret,
      vpc,
      cutOver: [CutOver.secret(secret), CutOver.rename()],
      site: new DrillSite(stack, 'Site', { encryptionKey }),
    });
  },
  RestoreTesting: (stack, encryptionKey) =>
    new RestoreTesting(stack, 'It', {
      vaults: [new ProtectedVault(stack, 'Vault').vault],
      schedule: Recurrence.daily({ hour: 2 }),
      site: new DrillSite(stack, 'Site', { encryptionKey }),
    }).addDatabase('Orders', { database: newDatabase(stack), objectives: OBJECTIVES }),
  SnapshotCopy: (stack, encryptionKey) =>
    new SnapshotCopy(stack, 'It', {
      source: SnapshotSource.automated(made(stack)),
      destination: RecoveryRegion.named('us-west-2'),
      retention: days(7),
      logEncryptionKey: encryptionKey,
    }),
  SnapshotExport: (stack, encryptionKey) =>
    new SnapshotExport(stack, 'It', { database: made(stack), bucket: bucketOf(stack), encryptionKey }),
  TableRecoveryRunbook: (stack, encryptionKey) => {
    const { vpc, secret } = reached(stack);
    new TableRecoveryRunbook(stack, 'It', {
      source: DrillSource.database(made(stack)),
      objectives: OBJECTIVES,
      credentials: secret,
      vpc,
      databaseName: 'shop',
      site: new DrillSite(stack, 'Site', { encryptionKey }),
    });
  },
};

/** Without any of CDK's feature flags: an app that has grown up has none of them. */
function templateOf(name: string): Template {
  const stack = new Stack(new App({ builtinCloudFormationValidation: false, context: {} }), 'Stack');
  ALONE[name]?.(stack, new kms.Key(stack, 'Mine'));
  return Template.fromStack(stack);
}

describe.each(Object.keys(ALONE))('%s alone', (name) => {
  const template = templateOf(name);
  const properties = (type: string) =>
    Object.values(template.findResources(type)).map((resource) => resource.Properties);

  test('has its logs encrypted with keys that CloudWatch Logs may use', () => {
    const keys = template.findResources('AWS::KMS::Key');
    for (const { KmsKeyId } of properties('AWS::Logs::LogGroup')) {
      if (!KmsKeyId) continue;
      // In each partition: the principal has its suffix.
      expect(JSON.stringify(keys[KmsKeyId['Fn::GetAtt'][0]]?.Properties.KeyPolicy)).toContain(
        '"logs.",{"Ref":"AWS::Region"},".",{"Ref":"AWS::URLSuffix"}',
      );
    }
  });

  test('leaves nothing behind a first deployment that fails which the next one would trip over', () => {
    const resources: Record<string, { Type: string; DeletionPolicy?: string; Properties?: Record<string, unknown> }> =
      template.toJSON().Resources;
    const named = [
      'BackupVaultName',
      'BucketName',
      'DBInstanceIdentifier',
      'FunctionName',
      'LogGroupName',
      'QueueName',
    ];
    const inTheWay = Object.entries(resources).filter(
      ([, { Type, DeletionPolicy, Properties = {} }]) =>
        DeletionPolicy === 'Retain' &&
        (Type === 'AWS::Lambda::Version' || named.some((name) => typeof Properties[name] === 'string')),
    );
    expect(inTheWay.map(([id]) => id)).toEqual([]);
  });

  test('makes no function before it may send to its dead letter queue, which Lambda tries out', () => {
    const policies = Object.entries(template.findResources('AWS::IAM::ManagedPolicy'));
    for (const { Properties, DependsOn = [] } of Object.values(template.findResources('AWS::Lambda::Function'))) {
      const queue = JSON.stringify(Properties.DeadLetterConfig?.TargetArn);
      if (!queue) continue;
      const role = Properties.Role['Fn::GetAtt'][0];
      // What a role names is there before the role, and so before the function.
      const named = JSON.stringify(template.findResources('AWS::IAM::Role')[role]?.Properties.ManagedPolicyArns ?? []);
      const sends = policies.filter(
        ([id, policy]) =>
          (named.includes(`"${id}"`) ||
            (DependsOn.includes(id) && JSON.stringify(policy.Properties.Roles).includes(role))) &&
          JSON.stringify(policy.Properties.PolicyDocument).includes(
            `"sqs:SendMessage","Effect":"Allow","Resource":${queue}`,
          ),
      );
      expect(sends.map(([id]) => id)).toEqual([expect.stringMatching(/Basics/)]);
    }
  });

  test('names no partition, so that it deploys in all of them', () => {
    expect(JSON.stringify(template.toJSON())).not.toMatch(/"arn:aws(-[a-z]+)*:/);
  });

  test('has alarms that look back at most as far as CloudWatch does', () => {
    for (const { Period = 60, EvaluationPeriods } of properties('AWS::CloudWatch::Alarm')) {
      expect(Period % 60).toBe(0);
      expect(Period * EvaluationPeriods).toBeLessThanOrEqual(Period < 3600 ? 86_400 : 604_800);
    }
  });

  test('describes itself no longer than AWS allows', () => {
    const limits = {
      'AWS::CloudWatch::Alarm': ['AlarmDescription', 1024],
      'AWS::Events::Rule': ['Description', 512],
      'AWS::IAM::Role': ['Description', 1000],
      'AWS::Lambda::Function': ['Description', 256],
      'AWS::Scheduler::Schedule': ['Description', 512],
    } as const;
    for (const [type, [property, most]] of Object.entries(limits)) {
      for (const each of properties(type)) expect(JSON.stringify(each[property] ?? '').length).toBeLessThan(most);
    }
  });
});

test('more names than IAM takes in one policy are refused; as many as it takes are not', () => {
  const named = (count: number) => () => {
    const stack = new Stack(new App({ builtinCloudFormationValidation: false }), 'Stack');
    const stacks = Array.from({ length: count }, (_, index) => `shop-production-service-${index}`);
    new ConfigurationBackups(stack, 'It', { stacks, parameters: [], taskDefinitions: [] });
    Template.fromStack(stack);
  };
  expect(named(80)).toThrow(/its policy has at least \d+ characters, and IAM allows 6144/);
  expect(named(30)).not.toThrow();
});

describe('a topic that is told of alarms', () => {
  const told = (stack: Stack, props: sns.TopicProps) => {
    const notify = new sns.Topic(stack, 'Operators', props);
    new ArchiveBucket(stack, 'Archive', { replication: { bucketName: 'west', region: 'us-west-2' }, notify });
    new ProtectedVault(stack, 'Vault', { notify });
    return Template.fromStack(stack);
  };
  const newStack = () => new Stack(new App({ builtinCloudFormationValidation: false }), 'Stack');
  const statementsFor = (template: Template, type: string) =>
    Object.values(template.findResources(type))
      .flatMap(({ Properties }) => (Properties.PolicyDocument ?? Properties.KeyPolicy).Statement)
      .filter(({ Principal }) => Principal.Service === 'cloudwatch.amazonaws.com');

  test('lets them in, though it has a policy of its own, which takes the place of the one by default', () => {
    expect(statementsFor(told(newStack(), { enforceSSL: true }), 'AWS::SNS::TopicPolicy')).toEqual([
      expect.objectContaining({
        Effect: 'Allow',
        Action: 'sns:Publish',
        Condition: {
          ArnLike: { 'aws:SourceArn': { 'Fn::Join': ['', expect.arrayContaining([':alarm:*'])] } },
          StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } },
        },
      }),
    ]);
  });

  describe('whose owner wrote a policy beside it', () => {
    const write = (stack: Stack, topic: sns.ITopic) =>
      new sns.TopicPolicy(stack, 'Policy', { topics: [topic], enforceSSL: true });

    test('keeps that one alone', () => {
      const stack = newStack();
      const notify = new sns.Topic(stack, 'Operators');
      write(stack, notify);
      new ProtectedVault(stack, 'Vault', { notify });
      Template.fromStack(stack).resourceCountIs('AWS::SNS::TopicPolicy', 1);
    });

    test('after the alarms is refused, since one of the two would be lost', () => {
      const stack = newStack();
      const notify = new sns.Topic(stack, 'Operators');
      new ProtectedVault(stack, 'Vault', { notify });
      write(stack, notify);
      expect(() => Template.fromStack(stack)).toThrow(/'Stack\/Policy\/Resource' is a second policy of it/);
    });
  });

  test('lets them use its key', () => {
    const stack = newStack();
    const template = told(stack, { masterKey: new kms.Key(stack, 'Key') });
    const [statement, ...others] = statementsFor(template, 'AWS::KMS::Key');
    expect(statement.Action).toEqual(['kms:Decrypt', 'kms:GenerateDataKey*']);
    expect(others).toEqual([]);
  });
});
