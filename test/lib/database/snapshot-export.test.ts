import { App, CfnParameter, Duration, Stack } from 'aws-cdk-lib';
import { Match } from 'aws-cdk-lib/assertions';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as rds from 'aws-cdk-lib/aws-rds';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as sns from 'aws-cdk-lib/aws-sns';
import { lastGood, parse, type SnapshotExportRequest, snapshotExportRequest } from '../../../lambda/contract';
import { type Exported, exportName, exportSnapshot } from '../../../lambda/rds/export-snapshot';
import { ArchiveTier, Recurrence, SnapshotExport, type SnapshotExportProps, Weekday } from '../../../lib';
import { DATABASE, MINUTE, SimulatedDatabase, type Troubles } from '../../simulated/database';
import { passesNag } from '../../template/nag';
import { ACCOUNT, allows, REGION, resolved, statementsOf } from '../../template/policies';
import { importedDatabase, newDatabase, newStack, Template } from '../../template/stacks';

function newExport(props: Partial<SnapshotExportProps> = {}, stack = newStack()) {
  const bucket = s3.Bucket.fromBucketName(stack, 'Bucket', 'exports');
  new SnapshotExport(stack, 'Weekly', { database: importedDatabase(stack), bucket, ...props });
  return Template.fromStack(stack);
}

/** What its schedule hands over, as the runbook reads it. */
function handedOver(template: Template) {
  const schedules = Object.entries(template.findResources('AWS::Scheduler::Schedule'));
  const schedule = schedules.find(([id]) => !id.includes('Watch'))?.[1];
  const request = parse(snapshotExportRequest, JSON.parse(resolved(schedule?.Properties.Target.Input)), 'request');
  return { schedule, request };
}

describe('the construct', () => {
  test('hands over a request that the runbook accepts, every Sunday', () => {
    const { schedule, request } = handedOver(newExport());
    expect(request).toMatchObject({ instance: 'orders', bucket: 'exports', prefix: 'snapshot-exports/Test-Weekly' });
    expect(request.statusPrefix).toBe('status/snapshot-exports/Test-Weekly/orders/');
    expect(schedule?.Properties.ScheduleExpression).toBe('cron(0 6 ? * SUN *)');
  });

  test('runs when asked', () => {
    newExport({ schedule: Recurrence.weekly({ weekday: Weekday.FRIDAY, hour: 1 }) }).hasResourceProperties(
      'AWS::Scheduler::Schedule',
      { ScheduleExpression: 'cron(0 1 ? * FRI *)' },
    );
  });

  test.each(['exports/orders/', 'exports/orders'])(
    'the prefix %j of an archive tier is that of the exports in it',
    (prefix) => {
      expect(handedOver(newExport({ prefix })).request).toMatchObject({ prefix: 'exports/orders' });
      expect(() => ArchiveTier.prefixed(prefix, {})).not.toThrow();
    },
  );

  test('RDS writes as a role that reaches its folder, and nothing else', () => {
    const statements = statementsOf(newExport({ prefix: 'exports/orders' }), /^WeeklyRole/);
    const may = (action: string, resource: string) => allows(statements, { action, resources: [resource] });
    for (const action of ['s3:PutObject', 's3:PutObjectTagging', 's3:GetObject', 's3:DeleteObject']) {
      expect([action, may(action, 'arn:aws:s3:::exports/exports/orders/x')]).toEqual([action, true]);
      expect([action, may(action, 'arn:aws:s3:::exports/elsewhere/x')]).toEqual([action, false]);
    }
    for (const action of ['s3:ListBucket', 's3:GetBucketLocation'])
      expect(may(action, 'arn:aws:s3:::exports')).toBe(true);
    for (const action of ['s3:DeleteBucket', 's3:PutBucketPolicy'])
      expect(may(action, 'arn:aws:s3:::exports')).toBe(false);
    newExport().hasResourceProperties('AWS::IAM::Role', {
      AssumeRolePolicyDocument: { Statement: [{ Principal: { Service: 'export.rds.amazonaws.com' } }] },
    });
  });

  test('its function exports automated snapshots of its database, by that role and key, and deletes nothing', () => {
    const statements = statementsOf(newExport(), /^WeeklyExporterRole/);
    const snapshot = (name: string) => `arn:aws:rds:${REGION}:${ACCOUNT}:snapshot:${name}`;
    const may = (action: string, resource: string, context = {}) =>
      allows(statements, { action, resources: [resource], context });
    expect(may('rds:StartExportTask', snapshot('rds:orders-2026-11-20-03-12'))).toBe(true);
    expect(may('rds:StartExportTask', snapshot('rds:orders-archive-2026-11-20-03-12'))).toBe(false);
    expect(may('rds:StartExportTask', snapshot('by-hand'))).toBe(false);
    expect(may('rds:DeleteDBSnapshot', snapshot('rds:orders-2026-11-20-03-12'))).toBe(false);
    const role = resolved({
      'Fn::GetAtt': [
        Object.keys(newExport().findResources('AWS::IAM::Role')).find((id) => /^WeeklyRole/.test(id)),
        'Arn',
      ],
    });
    expect(may('iam:PassRole', role, { 'iam:PassedToService': 'export.rds.amazonaws.com' })).toBe(true);
    expect(may('iam:PassRole', role, { 'iam:PassedToService': 'lambda.amazonaws.com' })).toBe(false);
  });

  test('RDS may use its key in the name of its function, and nobody may otherwise', () => {
    const template = newExport();
    const statements = statementsOf(template, /^WeeklyExporterRole/);
    const [id] = Object.keys(template.findResources('AWS::KMS::Key'));
    const key = `<${id}.Arn>`;
    const may = (operation: string, context = {}, resource = key) =>
      allows(statements, { action: `kms:${operation}`, resources: [resource], context });
    const inName = { 'kms:ViaService': `rds.${REGION}.amazonaws.com` };
    // The operations that API references of StartExportTask have named of its caller.
    const operations = ['Decrypt', 'Encrypt', 'GenerateDataKey', 'GenerateDataKeyWithoutPlaintext'];
    for (const operation of [...operations, 'ReEncryptFrom', 'ReEncryptTo', 'RetireGrant']) {
      expect([operation, may(operation, inName), may(operation)]).toEqual([operation, true, false]);
      expect(may(operation, inName, `arn:aws:kms:${REGION}:${ACCOUNT}:key/another`)).toBe(false);
    }
    expect(may('DescribeKey')).toBe(true);
    expect(may('CreateGrant', { 'kms:GrantIsForAWSResource': 'true' })).toBe(true);
    expect(may('CreateGrant', inName)).toBe(false);
  });

  test('its function says that an export is good, in one file that RDS does not reach, and reads none', () => {
    const stack = newStack();
    const encryptionKey = new kms.Key(stack, 'BucketKey');
    const bucket = new s3.Bucket(stack, 'Encrypted', { encryptionKey });
    const template = newExport({ bucket, prefix: 'weekly' }, stack);
    const [files, byKey] = [bucket.bucketArn, encryptionKey.keyArn].map((arn) => resolved(stack.resolve(arn)));
    const of = (role: RegExp) => {
      const statements = statementsOf(template, role);
      return (action: string, resource: string, context = {}) =>
        allows(statements, { action, resources: [resource], context });
    };
    const [handler, rds] = [of(/^WeeklyExporterRole/), of(/^WeeklyRole/)];
    expect(handler('s3:PutObject', `${files}/status/weekly/orders/last-good.json`)).toBe(true);
    expect(handler('s3:PutObject', `${files}/status/weekly/orders/sizes.json`)).toBe(false);
    expect(handler('s3:PutObject', `${files}/weekly/x`)).toBe(false);
    expect(rds('s3:PutObject', `${files}/status/weekly/orders/last-good.json`)).toBe(false);
    expect(handler('s3:GetObject', `${files}/weekly/x`)).toBe(false);
    expect(handler('s3:ListBucket', String(files), { 's3:prefix': 'weekly/orders-1/' })).toBe(true);
    expect(handler('s3:ListBucket', String(files), { 's3:prefix': 'logs/' })).toBe(false);
    const through = (service: string) => ({ 'kms:ViaService': `${service}.${REGION}.amazonaws.com` });
    expect(handler('kms:GenerateDataKey', String(byKey), through('s3'))).toBe(true);
    expect(handler('kms:GenerateDataKey', String(byKey), through('sns'))).toBe(false);
  });

  test('rings when an export broke off, was not started, is missing for two days, or of an unusual size', () => {
    const stack = newStack();
    const alarms = Object.values(
      newExport({ notify: new sns.Topic(stack, 'Alerts') }, stack).findResources('AWS::CloudWatch::Alarm'),
    );
    const rings = alarms.map(({ Properties }) => [Properties.MetricName, Properties.Threshold]);
    expect(rings.sort()).toEqual([
      ['ApproximateNumberOfMessagesVisible', 0],
      ['BackupSizeChange', 50],
      ['DurableExecutionFailed', 0],
      ['DurableExecutionTimedOut', 0],
      ['Errors', 0],
      ['SecondsSinceBackup', 9 * 86_400],
    ]);
    for (const { Properties } of alarms) expect(Properties.AlarmActions).toHaveLength(1);
  });

  test('is overdue, and of an unusual size, when it is told to be, under a name of its own', () => {
    const stack = newStack();
    const template = newExport({ overdueAfter: Duration.days(8), sizeTolerance: 10, backupName: 'tables' }, stack);
    for (const [MetricName, Threshold] of [
      ['SecondsSinceBackup', 8 * 86_400],
      ['BackupSizeChange', 10],
    ]) {
      const Dimensions = [{ Name: 'Backup', Value: 'tables' }];
      template.hasResourceProperties('AWS::CloudWatch::Alarm', { MetricName, Threshold, Dimensions });
    }
    const weekly = stack.node.findChild('Weekly') as SnapshotExport;
    for (const metric of [weekly.metricAge(), weekly.metricSize(), weekly.metricSizeChange()]) {
      expect(metric.dimensions).toEqual({ Backup: 'tables' });
    }
  });

  describe('refuses', () => {
    const app = new App();
    const [here, there] = ['us-east-1', 'us-west-2'].map(
      (region) => new Stack(app, region, { env: { region, account: ACCOUNT } }),
    ) as [Stack, Stack];
    const inHere = (props: Partial<SnapshotExportProps>) => () =>
      new SnapshotExport(here, `Weekly${here.node.children.length}`, {
        database: importedDatabase(here, `orders-${here.node.children.length}`),
        bucket: s3.Bucket.fromBucketName(here, `Bucket${here.node.children.length}`, 'exports'),
        ...props,
      });

    test('a bucket, a key or a database of another region, all at once', () => {
      const bucket = s3.Bucket.fromBucketAttributes(here, 'There', { bucketName: 'exports', region: 'us-west-2' });
      const elsewhere = inHere({ bucket, encryptionKey: new kms.Key(there, 'Key'), database: importedDatabase(there) });
      for (const what of ['bucket', 'encryptionKey', 'database']) {
        expect(elsewhere).toThrow(`'${what}' is in us-west-2 and the export in us-east-1, so RDS would refuse it`);
      }
      expect(inHere({ encryptionKey: new kms.Key(here, 'Key') })).not.toThrow();
    });

    test('an engine whose snapshots RDS does not export', () => {
      const engine = rds.DatabaseInstanceEngine.oracleSe2({ version: rds.OracleEngineVersion.VER_19 });
      const stack = newStack();
      expect(() => newExport({ database: newDatabase(stack, { engine }) }, stack)).toThrow(
        "'database' runs oracle-se2, and RDS exports only snapshots of mariadb, mysql, postgres",
      );
      const own = newStack();
      expect(() => newExport({ database: newDatabase(own) }, own)).not.toThrow();
    });

    test('a database that has no automated snapshots', () => {
      const without = (days: number) => () => {
        const stack = newStack();
        newExport({ database: newDatabase(stack, { backupRetention: Duration.days(days) }) }, stack);
      };
      expect(without(0)).toThrow('there would be no snapshot to export');
      expect(without(1)).not.toThrow();
    });

    test.each(['/exports/', '/exports', 'exports//', 'a//b/', '/', ''])('the prefix %j', (prefix) => {
      expect(() => newExport({ prefix })).toThrow(
        `'prefix' is '${prefix}', which has a folder without a name, so exports would not be where readers expect them; write it as in`,
      );
    });

    test.each([
      ['exports/a:b', '":"'],
      ['my exports', '" "'],
      ['a`b"c\\d', '"`", "\\"", "\\\\"'],
    ])('the prefix %j, which RDS would not write as it is', (prefix, odd) => {
      expect(() => newExport({ prefix })).toThrow(`'prefix' is '${prefix}', which contains ${odd}; RDS refuses colons`);
      expect(() => newExport({ prefix: prefix.replace(/[^a-z]/g, '_') })).not.toThrow();
    });

    test('no path of a construct, which is made to fit', () => {
      const stack = newStack();
      const bucket = s3.Bucket.fromBucketName(stack, 'Bucket', 'exports');
      const { request } = new SnapshotExport(stack, 'All of: it', { database: importedDatabase(stack), bucket });
      expect(request.prefix).toBe('snapshot-exports/Test-All-of--it');
    });

    test('two exports of one database under one prefix, where one that fails would be taken for the other', () => {
      const both = (database: (stack: Stack) => [rds.IDatabaseInstance, rds.IDatabaseInstance]) => () => {
        const stack = newStack();
        const bucket = new s3.Bucket(stack, 'Both');
        for (const [index, one] of database(stack).entries()) {
          new SnapshotExport(stack, `Weekly${index}`, { database: one, bucket, prefix: 'weekly' });
        }
        Template.fromStack(stack);
      };
      const made = (stack: Stack) => newDatabase(stack);
      expect(
        both((stack) => {
          const database = made(stack);
          return [database, database];
        }),
      ).toThrow("'Test/Weekly1' and 'Test/Weekly0' both write success markers under");
      expect(both((stack) => [made(stack), importedDatabase(stack)])).not.toThrow();
    });

    test('an age that every export reaches', () => {
      expect(() => newExport({ overdueAfter: Duration.days(7) })).toThrow("'overdueAfter' is 7 days");
    });

    test('nothing that is known only at deployment', () => {
      const stack = newStack();
      const name = new CfnParameter(stack, 'Name').valueAsString;
      expect(() =>
        newExport({ bucket: s3.Bucket.fromBucketName(stack, 'Later', name), prefix: name }, stack),
      ).not.toThrow();
    });
  });

  test("passes cdk-nag's packs in a stack of its own", () => {
    passesNag((stack) => {
      const key = new kms.Key(stack, 'TopicKey', { enableKeyRotation: true });
      newExport({ notify: new sns.Topic(stack, 'Alerts', { masterKey: key, enforceSSL: true }) }, stack);
    });
  });

  test('its key keeps its logical ID, and stays when the stack goes', () => {
    const template = newExport();
    expect(Object.keys(template.findResources('AWS::KMS::Key'))).toEqual(['WeeklyKey0C0884BD']);
    template.hasResource('AWS::KMS::Key', { DeletionPolicy: 'Retain' });
    template.hasResourceProperties('AWS::Lambda::Function', { DurableConfig: Match.anyValue() });
  });
});

describe('the runbook', () => {
  const request: SnapshotExportRequest = {
    instance: DATABASE,
    bucket: 'exports',
    prefix: 'weekly',
    statusPrefix: 'status/weekly/orders/',
    role: 'arn:aws:iam::111122223333:role/export',
    key: 'arn:aws:kms:eu-west-1:111122223333:key/1',
  };
  const newest = 'rds:orders-2026-11-20-03-12';

  function regionWith(troubles: Troubles = {}) {
    const region = new SimulatedDatabase(troubles);
    const automated = (name: string, daysAgo: number, Status = 'available') =>
      region.snapshot(name, daysAgo, {}, { SnapshotType: 'automated', Status });
    automated('rds:orders-2026-11-18-03-12', 2);
    automated(newest, 0.3);
    automated('rds:orders-2026-11-19-03-12', 1);
    region.snapshot('by-hand', 0.1, {});
    return region;
  }
  const run = (region: SimulatedDatabase) => region.run((rds, s3) => exportSnapshot({ rds, s3 }), request as unknown);
  const key = 'status/weekly/orders/last-good.json';
  const exporting = (region: SimulatedDatabase, count: number) => {
    for (let index = 0; index < count; index++) {
      region.exports.set(`other-${index}`, {
        ExportTaskIdentifier: `other-${index}`,
        Status: 'IN_PROGRESS',
        TaskStartTime: new Date(region.now + 10 * MINUTE * index),
      });
    }
  };

  test('exports the newest automated snapshot, and says where it lies', async () => {
    const region = regionWith();
    const taken = new Date(region.now - 0.3 * 86_400_000).toISOString();
    const execution = await run(region);
    const [task] = region.exports.keys();
    expect(execution).toMatchObject({
      status: 'succeeded',
      result: {
        exportTask: String(task),
        snapshot: newest,
        taken,
        bytes: 3500,
        location: `s3://exports/weekly/${task}/`,
        warning: null,
      } satisfies Exported,
    });
    expect(region.exports.get(String(task))).toMatchObject({
      SourceArn: expect.stringContaining(newest),
      S3BucketName: 'exports',
      S3Prefix: 'weekly',
      IamRoleArn: request.role,
      KmsKeyId: request.key,
    });
  });

  test('says that it is good, as old as its snapshot and as large as its files, and nothing else', async () => {
    const region = regionWith();
    const finished = new Date(region.now - 0.3 * 86_400_000).toISOString();
    // Another week's, in the same bucket.
    region.exports.set('orders-1', { ExportTaskIdentifier: 'orders-1', S3Prefix: 'weekly', Status: 'COMPLETE' });
    await run(region);
    expect([...region.objects.keys()]).toEqual([key]);
    expect(parse(lastGood, JSON.parse(String(region.objects.get(key))), key)).toEqual({ finished, bytes: 3500 });
  });

  test('does not take for good what RDS calls complete, and is not there', async () => {
    const region = regionWith();
    region.exportFiles = [];
    expect(await run(region)).toMatchObject({
      status: 'failed',
      error: expect.stringMatching(/is complete according to RDS, but s3:\/\/exports\/weekly\/orders-\S+ is empty/),
    });
    expect(region.objects.size).toBe(0);
  });

  test('waits while five exports of the account are in flight', async () => {
    const region = regionWith();
    const began = region.now;
    exporting(region, 5);
    expect((await run(region)).status).toBe('succeeded');
    expect(Number([...region.exports.values()].at(-1)?.TaskStartTime)).toBeGreaterThan(began + MINUTE);
    const free = regionWith();
    exporting(free, 4);
    await run(free);
    expect(Number([...free.exports.values()].at(-1)?.TaskStartTime)).toBeLessThan(began + MINUTE);
  });

  test('fails with what RDS says, so that the alarm rings', async () => {
    const region = regionWith();
    region.ends.export = 'FAILED';
    const execution = await run(region);
    expect(execution).toMatchObject({
      status: 'failed',
      error: expect.stringContaining('is FAILED: the key is disabled'),
    });
    expect(region.objects.size).toBe(0);
  });

  test('fails where RDS calls an export complete that lacks tables, and tells of other warnings', async () => {
    const region = regionWith();
    region.exportWarning = '{"skippedTables":["shop.public.votes"],"skippedObjectives":[],"general":[]}';
    expect(await run(region)).toMatchObject({
      status: 'failed',
      error: expect.stringMatching(/lacks tables that RDS skipped: .*shop\.public\.votes/),
    });
    expect(region.objects.size).toBe(0);
    const whole = regionWith();
    whole.exportWarning = '{"skippedTables":[],"skippedObjectives":[],"general":[{"reason":"see the docs"}]}';
    expect(await run(whole)).toMatchObject({ status: 'succeeded', result: { warning: whole.exportWarning } });
  });

  test('fails where there is no snapshot to export', async () => {
    const region = regionWith();
    region.snapshots.clear();
    expect(await run(region)).toMatchObject({
      status: 'failed',
      error: expect.stringContaining('has no automated snapshot that is available'),
    });
  });

  test.each(['orders', 'a'.repeat(63), `${'a'.repeat(46)}-b`])('its name is valid for %s', (instance) => {
    const name = exportName(instance, '0123456789ab');
    expect(name).toMatch(/^[a-z](-?[a-z0-9])*$/);
    expect(name.length).toBeLessThanOrEqual(60);
  });

  test('exports exactly once, through faults and crashes', async () => {
    for (let seed = 1; seed <= 40; seed++) {
      const rate = (seed % 4) / 20;
      const region = regionWith({ seed, throttled: rate, unavailable: rate, lost: rate, crashes: rate });
      const { status, metered } = await run(region);
      expect([seed, status]).toEqual([seed, 'succeeded']);
      expect(region.touched).toHaveLength(1);
      expect(JSON.parse(String(region.objects.get(key)))).toMatchObject({ bytes: 3500 });
      expect(metered).toBeLessThan(400);
    }
  });
});
