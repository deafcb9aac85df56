/** The drills written by hand: functions and their schedules, where evidence lies, and the alarms. */
import { Duration, RemovalPolicy, type Stack } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import * as events from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as rds from 'aws-cdk-lib/aws-rds';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { ScheduleExpression } from 'aws-cdk-lib/aws-scheduler';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import type * as sns from 'aws-cdk-lib/aws-sns';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import * as ssm from 'aws-cdk-lib/aws-ssm';
import { zephyr } from '../../examples/zephyr/plan';
import { addFunction, addSchedule, allow, codeWith, type Site } from './functions';
import { drillNetwork } from './network';
import { copyPermissions, PREFIX, rdsArn, TAGS } from './permissions';

const HOURLY = ScheduleExpression.rate(Duration.hours(1));

export function addDrills(stack: Stack, database: rds.DatabaseInstance, topic: sns.ITopic): void {
  const key = new kms.Key(stack, 'DrillKey', { enableKeyRotation: true });
  key.grantEncryptDecrypt(new iam.ServicePrincipal(`logs.${stack.region}.amazonaws.com`));
  const evidence = evidenceBucket(stack, key);
  const network = drillNetwork(stack, key);
  const passwordKey = new secretsmanager.Secret(stack, 'PasswordKey', {
    encryptionKey: key,
    generateSecretString: { passwordLength: 64, excludePunctuation: true },
  });
  const deadLetterQueue = new sqs.Queue(stack, 'NotStarted', {
    encryption: sqs.QueueEncryption.SQS_MANAGED,
    enforceSSL: true,
    retentionPeriod: Duration.days(14),
  });
  const site: Site = { stack, key, deadLetterQueue };

  const examiner = addExaminer(site, network);
  const readEvidence = [
    allow(['s3:GetObject'], [evidence.arnForObjects('evidence/*')]),
    allow(['s3:PutObject'], [evidence.arnForObjects('evidence/*')], { Null: { 's3:if-none-match': 'false' } }),
    allow(['s3:ListBucket'], [evidence.bucketArn], { StringLike: { 's3:prefix': 'evidence/*' } }),
    allow(['kms:Decrypt', 'kms:GenerateDataKey'], [key.keyArn], {
      StringEquals: { 'kms:ViaService': `s3.${stack.region}.amazonaws.com` },
    }),
  ];
  const signingKey = new kms.Key(stack, 'SigningKey', {
    keySpec: kms.KeySpec.ECC_NIST_P256,
    keyUsage: kms.KeyUsage.SIGN_VERIFY,
  });
  // Only deployment knows these, so the file names the variables that hold them.
  const environment = {
    SOURCE: database.instanceIdentifier,
    SUBNET_GROUP: network.subnetGroup.subnetGroupName,
    SECURITY_GROUP: network.copies.securityGroupId,
    EXAMINER: examiner.functionArn,
    PASSWORD_KEY: passwordKey.secretArn,
    EVIDENCE: evidence.bucketName,
    SIGNING_KEY: signingKey.keyArn,
  };
  const of = (fromEnvironment: keyof typeof environment) => ({ fromEnvironment });
  const definition = {
    plan: 'Zephyr',
    target: 'Polls',
    drill: 'Monthly',
    source: { instance: of('SOURCE') },
    restore: { kind: 'random', withinSeconds: Duration.days(7).toSeconds() },
    copy: {
      prefix: PREFIX,
      subnetGroup: of('SUBNET_GROUP'),
      securityGroups: [of('SECURITY_GROUP')],
      expiresAfterSeconds: Duration.hours(6).toSeconds(),
    },
    database: zephyr.database,
    checks: zephyr.checks,
    objectives: zephyr.objectives,
    examiner: of('EXAMINER'),
    passwordKey: of('PASSWORD_KEY'),
    evidenceBucket: of('EVIDENCE'),
    signingKey: of('SIGNING_KEY'),
  };
  const conductor = addFunction(
    site,
    'Conductor',
    'drill-restore',
    [
      ...copyPermissions(stack, database, network.subnetGroup),
      allow(['lambda:InvokeFunction'], [examiner.functionArn]),
      allow(['secretsmanager:GetSecretValue'], [passwordKey.secretArn]),
      allow(['kms:Decrypt'], [key.keyArn], {
        StringEquals: { 'kms:ViaService': `secretsmanager.${stack.region}.amazonaws.com` },
      }),
    ],
    {
      code: codeWith(stack, 'drill-restore', definition),
      environment,
      timeout: Duration.minutes(15),
      memorySize: 512,
      durableConfig: { executionTimeout: Duration.hours(6), retentionPeriod: Duration.days(90) },
      currentVersionOptions: { removalPolicy: RemovalPolicy.RETAIN },
    },
    // With what else it may do, the policy would be too long for IAM.
    [...readEvidence, allow(['kms:GetPublicKey', 'kms:Sign'], [signingKey.keyArn])],
  );
  const live = new lambda.Alias(stack, 'Live', { aliasName: 'live', version: conductor.function.currentVersion });
  addSchedule(site, 'Monthly', live, ScheduleExpression.cron({ minute: '0', hour: '10', weekDay: 'SUN#1' }), {
    reason: 'scheduled',
  });

  const small = { timeout: Duration.minutes(5), memorySize: 256 };
  const janitor = addFunction(
    site,
    'Janitor',
    'delete-expired',
    [
      allow(['rds:DescribeDBInstances', 'rds:ListTagsForResource'], ['*']),
      allow(['rds:DeleteDBInstance'], [rdsArn(stack, 'db', `${PREFIX}*`)], {
        Null: Object.fromEntries(TAGS.map((tag) => [`aws:ResourceTag/${tag}`, 'false'])),
      }),
    ],
    small,
  );
  addSchedule(site, 'JanitorHourly', janitor.function, HOURLY, { prefix: PREFIX });
  const watch = addFunction(
    site,
    'Watch',
    'watch-drills',
    [
      ...readEvidence,
      allow(['kms:GetPublicKey'], [signingKey.keyArn]),
      allow(['s3:GetObjectVersion'], [evidence.arnForObjects('evidence/*')]),
      allow(['s3:ListBucketVersions'], [evidence.bucketArn], { StringLike: { 's3:prefix': 'evidence/*' } }),
    ],
    small,
  );
  addSchedule(site, 'WatchHourly', watch.function, HOURLY, {
    evidenceBucket: evidence.bucketName,
    signingKey: signingKey.keyArn,
    drills: [{ plan: 'Zephyr', target: 'Polls', drill: 'Monthly' }],
  });
  new ssm.StringParameter(stack, 'Deployed', {
    parameterName: '/by-hand/polls/monthly',
    stringValue: stack.toJsonString({ function: live.functionArn, evidenceBucket: evidence.bucketName }),
  });
  new events.Rule(stack, 'Ended', {
    eventPattern: {
      source: ['aws.lambda'],
      detailType: ['Durable Execution Status Change'],
      detail: {
        status: ['FAILED', 'STOPPED', 'TIMED_OUT'],
        functionArn: [{ prefix: `${conductor.function.functionArn}:` }],
      },
    },
    targets: [
      new LambdaFunction(watch.function, {
        event: events.RuleTargetInput.fromObject({
          plan: 'Zephyr',
          target: 'Polls',
          drill: 'Monthly',
          status: events.EventField.fromPath('$.detail.status'),
          execution: events.EventField.fromPath('$.detail.durableExecutionArn'),
        }),
      }),
    ],
  });
  addAlarms(stack, topic, { janitor: janitor.function, deadLetterQueue });
}

function addExaminer(site: Site, network: ReturnType<typeof drillNetwork>): lambda.Function {
  const { stack } = site;
  const attachment = [
    'ec2:AssignPrivateIpAddresses',
    'ec2:CreateNetworkInterface',
    'ec2:DeleteNetworkInterface',
    'ec2:DescribeNetworkInterfaces',
    'ec2:DescribeSubnets',
    'ec2:UnassignPrivateIpAddresses',
  ];
  const examiner = addFunction(site, 'Examiner', 'examine', [], {
    timeout: Duration.minutes(14),
    memorySize: 1024,
    vpc: network.vpc,
    vpcSubnets: network.vpcSubnets,
    securityGroups: [network.examiner],
    deadLetterQueue: undefined,
  });
  examiner.function.node.addDependency(
    new iam.ManagedPolicy(stack, 'ExaminerAttachment', {
      roles: [examiner.role],
      statements: [allow(attachment, ['*'])],
    }),
  );
  new iam.ManagedPolicy(stack, 'ExaminerNoCalls', {
    roles: [examiner.role],
    statements: [
      new iam.PolicyStatement({
        effect: iam.Effect.DENY,
        actions: attachment,
        resources: ['*'],
        conditions: { ArnEquals: { 'lambda:SourceFunctionArn': examiner.function.functionArn } },
      }),
    ],
  });
  return examiner.function;
}

function addAlarms(
  stack: Stack,
  topic: sns.ITopic,
  watched: { janitor: lambda.IFunction; deadLetterQueue: sqs.IQueue },
): void {
  const hour = { period: Duration.hours(1) };
  const measured = (metricName: string, statistic: string) =>
    new cloudwatch.Metric({
      namespace: 'Lifeboat',
      metricName,
      dimensionsMap: { plan: 'Zephyr', target: 'Polls' },
      statistic,
      ...hour,
    });
  const above = cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD;
  const alarms: [string, cloudwatch.IMetric, number, cloudwatch.ComparisonOperator?][] = [
    ['DrillFailed', measured('DrillPassed', 'Minimum'), 1, cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD],
    ['ObjectiveMissed', measured('ObjectivesMissed', 'Maximum'), 0],
    ['Overdue', measured('SecondsSinceProven', 'Maximum'), Duration.days(36).toSeconds()],
    ['EvidenceAltered', measured('EvidenceProblems', 'Maximum'), 0],
    ['JanitorFailed', watched.janitor.metricErrors(hour), 0],
    ['NotStartedAny', watched.deadLetterQueue.metricApproximateNumberOfMessagesVisible(hour), 0],
  ];
  for (const [id, metric, threshold, comparisonOperator = above] of alarms) {
    new cloudwatch.Alarm(stack, id, {
      metric,
      threshold,
      comparisonOperator,
      evaluationPeriods: 1,
      treatMissingData:
        id === 'Overdue' ? cloudwatch.TreatMissingData.BREACHING : cloudwatch.TreatMissingData.NOT_BREACHING,
    }).addAlarmAction(new SnsAction(topic));
  }
}

function evidenceBucket(stack: Stack, encryptionKey: kms.IKey): s3.Bucket {
  const shared = {
    blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
    enforceSSL: true,
    versioned: true,
    removalPolicy: RemovalPolicy.RETAIN,
  };
  const evidence = new s3.Bucket(stack, 'Evidence', {
    ...shared,
    encryption: s3.BucketEncryption.KMS,
    encryptionKey,
    bucketKeyEnabled: true,
    objectLockEnabled: true,
    objectLockDefaultRetention: s3.ObjectLockRetention.governance(Duration.days(400)),
    serverAccessLogsBucket: new s3.Bucket(stack, 'AccessLogs', {
      ...shared,
      encryption: s3.BucketEncryption.S3_MANAGED,
      lifecycleRules: [{ expiration: Duration.days(400), noncurrentVersionExpiration: Duration.days(30) }],
    }),
    serverAccessLogsPrefix: 'evidence/',
  });
  const everywhere = { effect: iam.Effect.DENY, principals: [new iam.AnyPrincipal()] };
  const resources = [evidence.arnForObjects('evidence/*')];
  evidence.addToResourcePolicy(new iam.PolicyStatement({ ...everywhere, actions: ['s3:DeleteObject'], resources }));
  const conditions = { Null: { 's3:if-none-match': 'true' } };
  evidence.addToResourcePolicy(
    new iam.PolicyStatement({ ...everywhere, actions: ['s3:PutObject'], resources, conditions }),
  );
  return evidence;
}
