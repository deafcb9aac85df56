import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { App, CfnParameter, Duration, Stack, Validations } from 'aws-cdk-lib';
import { Match } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as rds from 'aws-cdk-lib/aws-rds';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import * as sns from 'aws-cdk-lib/aws-sns';
import { AwsSolutionsChecks, HIPAASecurityChecks, NIST80053R5Checks } from 'cdk-nag';
import { Construct } from 'constructs';
import { lastMadeKey } from '../../../lambda/contract';
import {
  ArchiveBucket,
  ArchiveTier,
  type DumpedDatabaseOptions,
  DumpSource,
  DumpTier,
  LogicalDump,
  type LogicalDumpProps,
  Recurrence,
  StorageTransition,
} from '../../../lib';
import { allows, resolved, statementsOf } from '../../template/policies';
import { importedDatabase, newStack, Template, warningsOf } from '../../template/stacks';

function network(stack: Stack): ec2.Vpc {
  const vpc = stack.node.tryFindChild('Network') as ec2.Vpc | undefined;
  return vpc ?? new ec2.Vpc(stack, 'Network', { maxAzs: 2, natGateways: 1 });
}

function ownDatabase(stack: Stack, props: Partial<rds.DatabaseInstanceProps> = {}): rds.DatabaseInstance {
  return new rds.DatabaseInstance(stack, 'Database', {
    engine: rds.DatabaseInstanceEngine.postgres({ version: rds.PostgresEngineVersion.VER_16 }),
    vpc: network(stack),
    databaseName: 'shop',
    ...props,
  });
}

function dumped(props: Partial<LogicalDumpProps> = {}, stack = newStack()) {
  const dump = new LogicalDump(stack, 'Dump', {
    source: props.source ?? DumpSource.database(ownDatabase(stack)),
    vpc: network(stack),
    ...props,
  });
  return { stack, dump, template: Template.fromStack(stack) };
}

const secretOf = (stack: Stack, id = 'Secret') => secretsmanager.Secret.fromSecretNameV2(stack, id, 'shop/dump');

/** Of an imported database, that nothing is known of but what is said. */
const importedSource = (stack: Stack, options: DumpedDatabaseOptions = {}, id = 'orders') =>
  DumpSource.database(importedDatabase(stack, id), {
    credentials: secretOf(stack, `${id}Secret`),
    databaseName: 'shop',
    postgresVersion: '17',
    ...options,
  });

const said = (props: Partial<LogicalDumpProps>, options: DumpedDatabaseOptions = {}) => {
  const stack = newStack();
  return () => dumped({ source: importedSource(stack, options), ...props }, stack);
};

const containers = (template: Template) => {
  const [task] = Object.values(template.findResources('AWS::ECS::TaskDefinition'));
  const [dump, store] = task?.Properties.ContainerDefinitions ?? [];
  return { task: task?.Properties, dump, store };
};

test("dumps with the instance's own version of PostgreSQL, and stores with the AWS CLI, joined by a volume", () => {
  const { dump, store, task } = containers(dumped().template);
  expect(dump.Image).toBe('public.ecr.aws/docker/library/postgres:16');
  expect(store.Image).toMatch(/^public\.ecr\.aws\/aws-cli\/aws-cli:2\.\d+\.\d+$/);
  expect(task.Volumes).toEqual([{ Name: 'pipes' }]);
  for (const container of [dump, store]) {
    expect(container).toMatchObject({ Essential: true, MountPoints: [{ ContainerPath: '/pipes', ReadOnly: false }] });
    expect(container.Environment).toContainEqual({ Name: 'WORK', Value: '/pipes' });
  }
});

test('the containers run the shell that the tests run, and ECS takes its size', () => {
  const { dump, store, task } = containers(dumped().template);
  for (const { Command } of [dump, store]) {
    const script = Command[Command.indexOf('-c') + 1];
    expect(script).toContain('pg_restore --data-only');
    execFileSync('bash', ['-n', '-c', script]);
  }
  expect([dump.EntryPoint, dump.Command.slice(0, 2), dump.Command.at(-1)]).toEqual([
    ['timeout'],
    ['--kill-after=60', '21600'],
    'dump',
  ]);
  expect([store.EntryPoint, store.Command.at(-1)]).toEqual([['bash'], 'store']);
  expect(JSON.stringify(task).length).toBeLessThan(64 * 1024);
});

test('connects by TLS that is verified, and has user and password from Secrets Manager only', () => {
  const { dump, store } = containers(dumped().template);
  expect(dump.Environment).toContainEqual({ Name: 'PGSSLMODE', Value: 'verify-full' });
  expect(dump.Secrets.map(({ Name }: { Name: string }) => Name).sort()).toEqual(['PGPASSWORD', 'PGUSER']);
  expect(store.Secrets).toBeUndefined();
});

test('starts with its own user and password only, whether the secret is of this app or known by its name', () => {
  const database = { action: 'secretsmanager:GetSecretValue', context: {} };
  const named = statementsOf(said({})().template, /ExecutionRole/);
  const secret = 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:shop/dump';
  expect(allows(named, { ...database, resources: [`${secret}-a1B2c3`] })).toBe(true);
  expect(allows(named, { ...database, resources: [`${secret}-of-others-a1B2c3`] })).toBe(false);

  const stack = newStack();
  const encryptionKey = new kms.Key(stack, 'Key');
  const credentials = rds.Credentials.fromGeneratedSecret('shop', { encryptionKey });
  const { template } = dumped({ source: DumpSource.database(ownDatabase(stack, { credentials })) }, stack);
  const own = statementsOf(template, /ExecutionRole/);
  const [attachment = ''] = Object.keys(template.findResources('AWS::SecretsManager::SecretTargetAttachment'));
  expect(allows(own, { ...database, resources: [`<${attachment}>`] })).toBe(true);
  const [key] = Object.keys(template.findResources('AWS::KMS::Key')).filter((id) => id.startsWith('Key'));
  const decrypt = { action: 'kms:Decrypt', resources: [`<${key}.Arn>`] };
  const via = (service: string) => ({
    ...decrypt,
    context: { 'kms:ViaService': `${service}.eu-west-1.amazonaws.com` },
  });
  expect([via('secretsmanager'), via('rds'), decrypt].map((call) => allows(own, call))).toEqual([true, false, false]);
});

test('reads the secret of the master user of an instance that is made from a snapshot, too', () => {
  const stack = newStack();
  const database = new rds.DatabaseInstanceFromSnapshot(stack, 'Restored', {
    engine: rds.DatabaseInstanceEngine.postgres({ version: rds.PostgresEngineVersion.VER_16 }),
    vpc: network(stack),
    databaseName: 'shop',
    snapshotIdentifier: 'orders-before-loss',
    credentials: rds.SnapshotCredentials.fromGeneratedSecret('shop'),
  });
  expect(DumpSource.database(database).credentials).toBe(database.secret);
  expect(database.secret).toBeDefined();
  expect(DumpSource.database(importedDatabase(stack)).credentials).toBeUndefined();
});

test('writes and reads its own dumps, and deletes nothing', () => {
  const { stack, dump, template } = dumped();
  const statements = statementsOf(template, /^DumpTaskRole/);
  const bucket = resolved(stack.resolve(dump.bucket.bucketArn));
  const may = (action: string, key: string) => allows(statements, { action, resources: [`${bucket}/${key}`] });
  for (const key of [
    'daily/Dump/2026-11-20/x.dump',
    'yearly/Dump/2026/x.manifest.json',
    'dumps/Dump/last-readable.json',
  ]) {
    expect([key, may('s3:PutObject', key), may('s3:GetObject', key), may('s3:AbortMultipartUpload', key)]).toEqual([
      key,
      true,
      true,
      true,
    ]);
    expect([key, may('s3:DeleteObject', key), may('s3:DeleteObjectVersion', key)]).toEqual([key, false, false]);
  }
  expect(may('s3:PutObject', 'daily/Other/2026-11-20/x.dump')).toBe(false);
});

test('keeps daily dumps 30 days, weekly 90, monthly a year and yearly seven, each under its prefix', () => {
  dumped().template.hasResourceProperties('AWS::S3::Bucket', {
    LifecycleConfiguration: {
      Rules: Match.arrayWith([
        Match.objectLike({ Prefix: 'yearly/', ExpirationInDays: 2557 }),
        Match.objectLike({ Prefix: 'monthly/', ExpirationInDays: 365 }),
        Match.objectLike({ Prefix: 'weekly/', ExpirationInDays: 90 }),
        Match.objectLike({ Prefix: 'daily/', ExpirationInDays: 30 }),
      ]),
    },
  });
});

describe('the storage class', () => {
  const { STANDARD_IA, GLACIER_IR, ...archives } = {
    STANDARD_IA: s3.StorageClass.INFREQUENT_ACCESS,
    GLACIER_IR: s3.StorageClass.GLACIER_INSTANT_RETRIEVAL,
    GLACIER: s3.StorageClass.GLACIER,
    DEEP_ARCHIVE: s3.StorageClass.DEEP_ARCHIVE,
  };
  const written = (storageClass: s3.StorageClass, tier?: ArchiveTier, change?: (bucket: s3.IBucket) => void) => {
    const stack = newStack();
    const bucket = tier && new ArchiveBucket(stack, 'Archive', { tiers: [tier] }).bucket;
    const tiers = [DumpTier.DAILY];
    new LogicalDump(stack, 'Dump', { source: importedSource(stack), vpc: network(stack), storageClass, bucket, tiers });
    if (bucket) change?.(bucket);
    const { store } = containers(Template.fromStack(stack));
    return { store, told: warningsOf(stack).filter((warning) => warning.includes("'daily/Dump/'")) };
  };

  test('is that which is asked for, and S3 Standard where none is', () => {
    expect(written(STANDARD_IA).store.Environment).toContainEqual({ Name: 'STORAGE_CLASS', Value: 'STANDARD_IA' });
    expect(JSON.stringify(containers(dumped().template).store.Environment)).not.toContain('STORAGE_CLASS');
  });

  test.each(Object.entries(archives))(
    'is not %s, which nobody reads at once; Glacier Instant Retrieval is',
    (name, storageClass) => {
      expect(said({ storageClass })).toThrow(`'storageClass' is ${name}, which can't be read at once`);
      expect(said({ storageClass: GLACIER_IR })).not.toThrow();
    },
  );

  const ofDays = (days: number) => Duration.days(days);
  /** Versions of what expired are there for as long as is said besides. */
  const kept = (days: number, versions: number) =>
    ArchiveTier.daily({ expireAfter: ofDays(days), noncurrentVersions: { expireAfter: ofDays(versions) } });

  test('is warned of where dumps are gone before it is paid for, their versions included', () => {
    expect(written(STANDARD_IA, kept(20, 9)).told).toEqual([
      expect.stringMatching(
        /deleted 29 days after they were written to STANDARD_IA, which is billed for at least 30 days, so 1 unused days.*lifeboat:paid-storage-unused/,
      ),
    ]);
    expect(written(STANDARD_IA, kept(20, 10)).told).toEqual([]);
    expect(written(GLACIER_IR, kept(59, 30)).told).toHaveLength(1);
    expect(written(GLACIER_IR, kept(60, 30)).told).toEqual([]);
  });

  test('is warned of where dumps move on before it is paid for', () => {
    const moved = (day: number) =>
      ArchiveTier.daily({ transitions: [StorageTransition.glacierFlexibleRetrieval(ofDays(day))] });
    expect(written(STANDARD_IA, moved(29)).told).toEqual([expect.stringContaining('move to GLACIER 29 days after')]);
    expect(written(STANDARD_IA, moved(30)).told).toEqual([]);
  });

  test('is held against rules that the bucket is told later, and against its own archive', () => {
    const later = (bucket: s3.IBucket) => {
      if (bucket instanceof s3.Bucket) {
        bucket.addLifecycleRule({ expiration: ofDays(5), noncurrentVersionExpiration: ofDays(1) });
      }
    };
    expect(written(STANDARD_IA, ArchiveTier.prefixed('other/', {}), later).told).toEqual([
      expect.stringContaining('deleted 6 days after'),
    ]);
    expect(written(STANDARD_IA).told).toEqual([]);
    expect(written(GLACIER_IR).told).toEqual([expect.stringContaining('deleted 60 days after')]);
  });
});

test('asks for the rarest tier first, in whatever order they are named', () => {
  const { store } = containers(dumped({ tiers: [DumpTier.DAILY, DumpTier.MONTHLY] }).template);
  expect(store.Environment).toContainEqual({ Name: 'TIERS', Value: 'monthly daily' });
});

test('is watched where it says that it is readable, and is called good nowhere', () => {
  const { template } = dumped();
  const { store } = containers(template);
  const schedules = Object.values(template.findResources('AWS::Scheduler::Schedule'));
  const inputs = schedules.flatMap(({ Properties }) => Properties.Target.Input ?? []).map(resolved);
  const { backups } = JSON.parse(inputs.find((input) => input.includes('"backups"')) ?? '{}');
  expect(backups).toEqual([{ backup: 'Test-Dump', prefix: 'dumps/Dump/', state: 'readable' }]);
  const Value = lastMadeKey(backups[0].prefix, backups[0].state);
  expect(store.Environment).toContainEqual({ Name: 'LAST_READABLE', Value });
  const told = Object.values(template.findResources('AWS::CloudWatch::Alarm'));
  expect(told.map(({ Properties }) => Properties.AlarmDescription).join()).not.toMatch(/\bgood\b/);
});

test('rings when a dump fails, and when the newest readable one is too old, even when nobody says so', () => {
  const { template } = dumped({ schedule: Recurrence.daily({ hour: 3 }), timeout: Duration.hours(2) });
  template.hasResourceProperties('AWS::CloudWatch::Alarm', {
    MetricName: 'SecondsSinceBackup',
    Threshold: (24 + 2 + 1) * 3600,
    TreatMissingData: 'breaching',
  });
  template.hasResourceProperties('AWS::Logs::MetricFilter', { FilterPattern: '"lifeboat: failed"' });
  template.hasResourceProperties('AWS::CloudWatch::Alarm', { MetricName: 'DumpFailed-Test-Dump', Threshold: 0 });
});

test('rings when a dump is half as large as usual, or half as large again, unless told another share', () => {
  for (const [Threshold, props] of [
    [50, {}],
    [20, { sizeTolerance: 20 }],
  ] as const) {
    dumped(props).template.hasResourceProperties('AWS::CloudWatch::Alarm', {
      MetricName: 'BackupSizeChange',
      Threshold,
    });
  }
});

test('its schedule may start this task in this cluster, and nothing else', () => {
  const { template } = dumped();
  const statements = statementsOf(template, /^DumpSchedulerRole/);
  const [task] = Object.keys(template.findResources('AWS::ECS::TaskDefinition'));
  const [cluster] = Object.keys(template.findResources('AWS::ECS::Cluster'));
  const run = (resource: string, of: string) =>
    allows(statements, { action: 'ecs:RunTask', resources: [resource], context: { 'ecs:cluster': of } });
  expect(run(`<${task}>`, `<${cluster}.Arn>`)).toBe(true);
  expect(run(`<${task}>`, 'another')).toBe(false);
  expect(run('another', `<${cluster}.Arn>`)).toBe(false);
});

describe('a database of the same stack', () => {
  const warned = (open: (database: rds.DatabaseInstance, dump: LogicalDump) => void) => {
    const stack = newStack();
    const database = ownDatabase(stack);
    open(database, new LogicalDump(stack, 'Dump', { source: DumpSource.database(database), vpc: network(stack) }));
    Template.fromStack(stack);
    return warningsOf(stack).filter((warning) => warning.includes('lifeboat:dump-shut-out'));
  };

  test('that lets nobody of the dump in is warned of', () => {
    expect(warned(() => undefined)).toEqual([expect.stringContaining('dump.connections.allowToDefaultPort(database)')]);
    const others = (database: rds.DatabaseInstance) =>
      database.connections.allowDefaultPortFrom(
        new ec2.SecurityGroup(database, 'App', { vpc: network(Stack.of(database)) }),
      );
    expect(warned(others)).toHaveLength(1);
  });

  test('that lets it in, or the addresses of the network, is not', () => {
    expect(warned((database, dump) => dump.connections.allowToDefaultPort(database))).toEqual([]);
    expect(warned((database, dump) => database.connections.allowDefaultPortFrom(dump))).toEqual([]);
    const addresses = (database: rds.DatabaseInstance) =>
      database.connections.allowDefaultPortFrom(ec2.Peer.ipv4('10.0.0.0/16'));
    expect(warned(addresses)).toEqual([]);
  });
});

describe('a database of another stack', () => {
  const inTwoStacks = (open: (database: rds.DatabaseInstance, dump: LogicalDump) => void) => {
    const app = new App({ builtinCloudFormationValidation: false });
    const data = new Stack(app, 'Data');
    const database = ownDatabase(data);
    const dumps = new Stack(app, 'Dumps');
    const dump = new LogicalDump(dumps, 'Dump', { source: DumpSource.database(database), vpc: network(data) });
    open(database, dump);
    return { app, dumps, data };
  };

  test('lets the dump in by a rule in the stack of the dump, and the two deploy one after the other', () => {
    const { app, data, dumps } = inTwoStacks((database, dump) => dump.connections.allowToDefaultPort(database));
    expect(() => app.synth()).not.toThrow();
    expect([dumps.dependencies, data.dependencies]).toEqual([[data], []]);
    Template.fromStack(dumps).hasResourceProperties('AWS::EC2::SecurityGroupIngress', {
      GroupId: { 'Fn::ImportValue': Match.stringLikeRegexp('DatabaseSecurityGroup') },
      SourceSecurityGroupId: { 'Fn::GetAtt': [Match.stringLikeRegexp('^DumpSecurityGroup'), 'GroupId'] },
    });
  });

  test('would need the dump, and the dump it, by the rule that nothing here proposes any more', () => {
    const { app } = inTwoStacks((database, dump) => database.connections.allowDefaultPortFrom(dump));
    expect(() => app.synth()).toThrow(/cyclic|cycle/i);
  });
});

test('its owner lets it in, and it goes out to the database and to AWS only', () => {
  const stack = newStack();
  const database = ownDatabase(stack);
  const dump = new LogicalDump(stack, 'Dump', { source: DumpSource.database(database), vpc: network(stack) });
  database.connections.allowDefaultPortFrom(dump);
  const template = Template.fromStack(stack);
  template.resourceCountIs('AWS::EC2::SecurityGroupIngress', 1);
  template.hasResourceProperties('AWS::EC2::SecurityGroup', {
    GroupDescription: 'Lifeboat: logical dump',
    SecurityGroupEgress: [Match.objectLike({ FromPort: 443 }), Match.objectLike({ FromPort: 5432 })],
  });
});

describe('refuses, and names the remedy', () => {
  test.each<[string, DumpedDatabaseOptions, string]>([
    [
      'no secret',
      { credentials: undefined },
      "'credentials' is missing, so the dump could not connect; state a secret",
    ],
    [
      'no database name',
      { databaseName: undefined },
      "'databaseName' is missing, so an empty database would be dumped",
    ],
    [
      'no version',
      { postgresVersion: undefined },
      "'postgresVersion' is missing, and pg_dump refuses servers newer than itself",
    ],
    [
      'a minor version',
      { postgresVersion: '17.2' },
      "'postgresVersion' is '17.2', not a major version, and there may be no such image",
    ],
  ])('%s', (_, options, message) => {
    expect(said({}, options)).toThrow(message);
  });

  test.each<[string, Partial<LogicalDumpProps>, string]>([
    ['no tier', { tiers: [] }, "'tiers' is empty, so no dump could be stored; state at least one"],
    ['a name with a slash', { backupName: 'a/b' }, "'backupName' is 'a/b', which is part of keys"],
    [
      '1000 CPU units',
      { cpu: 1000 },
      "'cpu' is 1000, which Fargate does not have; use one of 256, 512, 1024, 2048, 4096, 8192, 16384",
    ],
    [
      'too little memory',
      { cpu: 2048 },
      "'memoryMiB' is 2048, which Fargate does not have with 2048 CPU units; use 4096 to 16384",
    ],
    ['memory between two sizes', { cpu: 8192, memoryMiB: 17408 }, 'use 16384 to 61440 in steps of 4096'],
    ['59 seconds', { timeout: Duration.seconds(59) }, "'timeout' is 59 seconds, not a minute to a day"],
    ['over a day', { timeout: Duration.seconds(86_401) }, "'timeout' is 86401 seconds, not a minute to a day"],
  ])('%s', (_, props, message) => {
    expect(said(props)).toThrow(message);
  });

  test('all of it at once', () => {
    const wrong = said({}, { credentials: undefined, databaseName: undefined, postgresVersion: '17.2' });
    expect(wrong).toThrow(
      /:\n {2}'credentials' is missing[^\n]*\n {2}'databaseName' is missing[^\n]*\n {2}'postgresVersion' is '17.2'/,
    );
  });

  test('MariaDB', () => {
    const stack = newStack();
    const engine = rds.DatabaseInstanceEngine.mariaDb({ version: rds.MariaDbEngineVersion.VER_11_4_5 });
    expect(() => dumped({ source: DumpSource.database(ownDatabase(stack, { engine })) }, stack)).toThrow(
      'the database runs mariadb, and pg_dump reads only PostgreSQL',
    );
  });
});

test.each<[string, Partial<LogicalDumpProps>]>([
  ['all that is asked for', {}],
  ['more CPU and memory', { cpu: 8192, memoryMiB: 20480 }],
  ['the smallest task', { cpu: 256, memoryMiB: 512 }],
  ['a minute', { timeout: Duration.minutes(1) }],
  ['a day', { timeout: Duration.hours(24) }],
  ['a single tier', { tiers: [DumpTier.WEEKLY] }],
  ['the longest name there may be of letters', { backupName: 'Orders_2.main-db' }],
])('takes an imported database with %s', (_, props) => {
  expect(said(props)).not.toThrow();
});

test('refuses to take the dumps of one database for those of another: same name, same bucket', () => {
  const dumps = (first: Partial<LogicalDumpProps>, second: Partial<LogicalDumpProps>) => {
    const stack = newStack();
    const { bucket } = new ArchiveBucket(stack, 'Archive', {});
    for (const [id, props] of Object.entries({ Orders: first, Users: second })) {
      new LogicalDump(new Construct(stack, id), 'Dump', {
        source: importedSource(stack, {}, `${id}Database`),
        vpc: network(stack),
        bucket,
        ...props,
      });
    }
    return () => Template.fromStack(stack);
  };
  expect(dumps({}, {})).toThrow(
    /Users\/Dump' and '.*Orders\/Dump' both write success markers under 'dumps\/Dump\/' of one bucket/,
  );
  expect(dumps({}, { backupName: 'users' })).not.toThrow();
  expect(dumps({ bucket: undefined }, {})).not.toThrow();
});

test('a version that is known at deployment only is not compared', () => {
  const stack = newStack();
  const postgresVersion = new CfnParameter(stack, 'Version').valueAsString;
  expect(() => dumped({ source: importedSource(stack, { postgresVersion }) }, stack)).not.toThrow();
});

test("passes cdk-nag's packs in a stack of its own", () => {
  const app = new App();
  const stack = new Stack(app, 'Dumps');
  const masterKey = new kms.Key(stack, 'Key', { enableKeyRotation: true });
  const notify = new sns.Topic(stack, 'Alerts', { masterKey, enforceSSL: true });
  const vpc = ec2.Vpc.fromVpcAttributes(stack, 'Network', {
    vpcId: 'vpc-0123456789abcdef0',
    availabilityZones: ['a', 'b'],
    privateSubnetIds: ['subnet-0123456789abcdef0', 'subnet-0123456789abcdef1'],
    privateSubnetRouteTableIds: ['rtb-0123456789abcdef0', 'rtb-0123456789abcdef1'],
  });
  const shared = { source: importedSource(stack), vpc, notify };
  new LogicalDump(stack, 'Own', shared);
  const server = {
    host: 'db.shop.internal',
    databaseName: 'shop',
    credentials: secretOf(stack),
    postgresVersion: '16',
    certificateAuthorities: readFileSync(join(__dirname, '../../template/self-signed.cert.pem'), 'utf8'),
  };
  new LogicalDump(stack, 'Server', { ...shared, source: DumpSource.server(server) });
  new LogicalDump(stack, 'Shared', { ...shared, bucket: new ArchiveBucket(stack, 'Archive').bucket });
  const packs = [AwsSolutionsChecks, NIST80053R5Checks, HIPAASecurityChecks].map((Pack) => new Pack(app));
  Validations.of(app).addPlugins(...packs);
  expect(() => app.synth()).not.toThrow();
});

test('what holds dumps keeps its logical ID', () => {
  const stack = newStack();
  new LogicalDump(stack, 'Dump', { source: importedSource(stack), vpc: network(stack) });
  const template = Template.fromStack(stack);
  const ids = ['AWS::S3::Bucket', 'AWS::KMS::Key'].flatMap((type) => Object.keys(template.findResources(type)));
  expect(ids.sort()).toEqual(['DumpArchiveAccessLogsC4473A47', 'DumpArchiveBucketDBAAC9B7', 'DumpKeyD870786D']);
});
