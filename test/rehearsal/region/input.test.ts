/** Input that no AWS tool sends: refused with a reason, never an error of the region's own, and never for long. */
import { CreateBucketCommand, ListBucketsCommand } from '@aws-sdk/client-s3';
import fc from 'fast-check';
import { S3 } from '../../../rehearsal/s3/s3';
import type { Call } from '../../../rehearsal/server/call';
import { s3Client } from '../../../rehearsal/server/clients';
import { useRegion } from '../../real/region';
import { type Sent, sendSigned } from '../../real/signed-request';

const local = useRegion();
const region = 'eu-central-1';
const sent = (service: string, request: Sent) => sendSigned(local().region, { region, service }, request);
const rds = (body: string) => sent('rds', { method: 'POST', body });
const json = (service: string, operation: string, body: string) =>
  sent(service, { method: 'POST', headers: { 'x-amz-target': `Service.${operation}` }, body });
const s3 = (method: string, path: string, body = '') => sent('s3', { method, path, body });

beforeAll(async () => {
  await s3Client(local().region.clients(region)).send(
    new CreateBucketCommand({ Bucket: 'bucket', ObjectLockEnabledForBucket: true }),
  );
});

const lock = (rule: string) =>
  s3(
    'PUT',
    '/bucket?object-lock',
    `<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention>${rule}</DefaultRetention></Rule></ObjectLockConfiguration>`,
  );

test.each<[string, () => Promise<{ status: number; code: string | undefined; body: string }>, string]>([
  ['an escape that is none, in a key', () => s3('GET', '/bucket/%zz'), 'InvalidURI'],
  ['an escape that is none, in a query', () => s3('GET', '/bucket?prefix=%'), 'InvalidURI'],
  ['an escape that is no UTF-8', () => s3('GET', '/bucket/%ff%fe'), 'InvalidURI'],
  [
    'an escape that is none, in a body',
    () => rds('Action=DescribeDBInstances&DBInstanceIdentifier=%zz'),
    'MalformedQueryString',
  ],
  ['half an address as a path', () => s3('GET', '//['), 'InvalidBucketName'],
  ['JSON null', () => json('ssm', 'GetParameter', 'null'), 'SerializationException'],
  ['a list as JSON', () => json('secretsmanager', 'GetSecretValue', '[1]'), 'SerializationException'],
  ['no JSON', () => json('ssm', 'GetParameter', '{'), 'SerializationException'],
  [
    'a number for a secret',
    () => json('secretsmanager', 'CreateSecret', '{"Name":"n","SecretString":1}'),
    'ValidationException',
  ],
  [
    'a name of 3,000 characters',
    () => json('secretsmanager', 'GetSecretValue', `{"SecretId":"${'arn:secret:'.repeat(300)}"}`),
    'ValidationException',
  ],
  ['a control character', () => rds('Action=DescribeDBInstances&DBInstanceIdentifier=a%00b'), 'MalformedInput'],
  [
    'a control character in a tag',
    () => rds('Action=AddTagsToResource&ResourceName=x&Tags.Tag.1.Key=a%1bb'),
    'MalformedInput',
  ],
  ['Days=1e300', () => lock('<Mode>GOVERNANCE</Mode><Days>1e300</Days>'), 'MalformedXML'],
  ['Days=-1', () => lock('<Mode>GOVERNANCE</Mode><Days>-1</Days>'), 'MalformedXML'],
  ['Years=101', () => lock('<Mode>COMPLIANCE</Mode><Years>101</Years>'), 'MalformedXML'],
  ['Days and Years', () => lock('<Mode>COMPLIANCE</Mode><Days>1</Days><Years>1</Years>'), 'MalformedXML'],
  ['a lock that is no configuration', () => s3('PUT', '/bucket?object-lock', '<a/>'), 'MalformedXML'],
  ['XML without a status', () => s3('PUT', '/bucket?versioning', '<Status>On</Status>'), 'MalformedXML'],
  ['a key of 1,025 bytes', () => s3('PUT', `/bucket/${'k'.repeat(1023)}%C3%A4`), 'KeyTooLongError'],
  ['max-keys=1e300', () => s3('GET', '/bucket?list-type=2&max-keys=1e300'), 'InvalidArgument'],
  [
    'a legal hold that is neither on nor off',
    () => sent('s3', { method: 'PUT', path: '/bucket/a', headers: { 'x-amz-object-lock-legal-hold': 'yes' } }),
    'InvalidArgument',
  ],
  [
    'a control character in a name of JSON',
    () => json('ssm', 'PutParameter', '{"Name":"a\\u0000b","Value":"v","Type":"String"}'),
    'ValidationException',
  ],
  ['a duration of -1', () => rds('Action=DescribeEvents&Duration=-1'), 'InvalidParameterValue'],
  [
    'a time after its end',
    () => rds('Action=DescribeEvents&StartTime=2026-02-01&EndTime=2026-01-01'),
    'InvalidParameterCombination',
  ],
  ['an unknown mode', () => lock('<Mode>FOREVER</Mode><Days>1</Days>'), 'MalformedXML'],
  ['a number of 400 digits', () => rds(`Action=DescribeDBInstances&MaxRecords=${'9'.repeat(400)}`), 'MalformedInput'],
  ['a time that only JavaScript understands', () => rds('Action=DescribeEvents&StartTime=1'), 'MalformedInput'],
  [
    'a region that is none',
    () => s3('PUT', '/other', '<LocationConstraint>nowhere\u2603</LocationConstraint>'),
    'InvalidLocationConstraint',
  ],
])('%s is a mistake of the sender, and said to be', async (_, request, code) => {
  const answer = await request();
  expect(answer).toMatchObject({ status: 400, code });
  expect(answer.body.length).toBeLessThan(1000);
});

test.each([
  ['rds', () => rds(`Action=DescribeDBInstances&DBInstanceIdentifier=${'x'.repeat(5000)}`)],
  [
    'rds, an ARN',
    () => rds(`Action=ListTagsForResource&ResourceName=arn:aws:rds:a:123456789012:db:${'x'.repeat(5000)}`),
  ],
  ['rds, an operation', () => rds(`Action=${'x'.repeat(5000)}`)],
  ['rds, a parameter', () => rds(`Action=DescribeDBInstances&${'x'.repeat(5000)}=1`)],
  ['ssm', () => json('ssm', 'GetParameter', `{"Name":"${'x'.repeat(2000)}"}`)],
  ['ssm, a parameter', () => json('ssm', 'GetParameter', `{"${'x'.repeat(5000)}":1}`)],
  ['s3', () => s3('POST', `/bucket?${'x'.repeat(5000)}`)],
])('a message repeats little of what was sent: %s', async (_, request) => {
  const { status, body } = await request();
  expect(status).toBeGreaterThanOrEqual(400);
  expect(/x{201}/.test(body)).toBe(false);
});

test('blanks in XML take no time to speak of', async () => {
  const answer = await s3('PUT', '/bucket?versioning', `<VersioningConfiguration><Status>${' '.repeat(60_000)}`);
  expect(answer).toMatchObject({ status: 400, code: 'MalformedXML' });
});

test('a list of no keys is complete, for whoever asks on until it is', async () => {
  await s3('PUT', '/bucket/key');
  const { body } = await s3('GET', '/bucket?list-type=2&max-keys=0');
  expect(body).toContain('<IsTruncated>false</IsTruncated>');
});

test('XML of more than 64 KiB is refused, and what comes after it is served', async () => {
  const answer = await s3('PUT', '/bucket?versioning', ' '.repeat(70_000)).then(
    ({ status }) => status,
    () => 'connection closed',
  );
  expect([413, 'connection closed']).toContain(answer);
  const { Buckets } = await s3Client(local().region.clients(region)).send(new ListBucketsCommand({}));
  expect(Buckets).toHaveLength(1);
});

test('objects have a limit together, as what they fill is memory', () => {
  const small = new S3({ bytes: 1000, versions: 3 });
  const put = (path: string, bytes: number) => {
    const url = new URL(`http://127.0.0.1${path}`);
    const body = Buffer.alloc(bytes);
    const call: Call = { id: '1', method: 'PUT', path, url, headers: {}, body, region, caller: 'ada' };
    return small.answer(call).status;
  };
  expect(put('/bucket', 0)).toBe(200);
  expect([put('/bucket/a', 600), put('/bucket/b', 600), put('/bucket/b', 400), put('/bucket/c', 1)]).toEqual([
    200, 507, 200, 507,
  ]);
});

test('no input makes the region fail: every answer is a result or a reason', async () => {
  const name = fc.constantFrom(
    'orders',
    '',
    '-',
    'ORDERS',
    'arn:aws:rds:eu-central-1:123456789012:db:x',
    '__proto__',
    '\u{1f600}',
    'a\tb',
    '9'.repeat(300),
  );
  const word = fc.oneof(name, fc.string({ maxLength: 40 }), fc.string({ unit: 'binary', maxLength: 20 }));
  const operation = fc.constantFrom(
    ...['CreateDBInstance', 'ModifyDBInstance', 'DeleteDBInstance', 'DescribeDBInstances', 'CreateDBSnapshot'],
    ...['DescribeDBSnapshots', 'CopyDBSnapshot', 'RestoreDBInstanceFromDBSnapshot', 'RestoreDBInstanceToPointInTime'],
    ...['DescribeDBInstanceAutomatedBackups', 'StartDBInstanceAutomatedBackupsReplication', 'PromoteReadReplica'],
    ...['CreateDBInstanceReadReplica', 'AddTagsToResource', 'DescribeEvents', 'CreateDBSubnetGroup'],
    ...['CreateDBParameterGroup', 'ModifyDBSnapshotAttribute', 'DescribeDBSnapshotAttributes', 'ListTagsForResource'],
  );
  const parameter = fc.constantFrom(
    ...['DBInstanceIdentifier', 'DBSnapshotIdentifier', 'SourceDBInstanceIdentifier', 'TargetDBInstanceIdentifier'],
    ...['DBInstanceClass', 'Engine', 'MasterUsername', 'MasterUserPassword', 'AllocatedStorage', 'KmsKeyId', 'Marker'],
    ...['MaxRecords', 'Tags.Tag.1.Key', 'Tags.member.1.Value', 'Filters.Filter.1.Name', 'RestoreTime', 'StartTime'],
    ...[
      'ResourceName',
      'SourceDBSnapshotIdentifier',
      'TargetDBSnapshotIdentifier',
      'SourceDBInstanceArn',
      'DbiResourceId',
    ],
    ...['DBSubnetGroupName', 'DBSubnetGroupDescription', 'SubnetIds.SubnetIdentifier.1', 'DBParameterGroupName'],
    ...[
      'DBParameterGroupFamily',
      'Description',
      'AttributeName',
      'ValuesToAdd.AttributeValue.1',
      'BackupRetentionPeriod',
    ],
    ...['SkipFinalSnapshot', 'Duration', 'SourceType', 'PreferredBackupWindow', 'AvailabilityZone', 'Iops'],
  );
  const query = fc.tuple(operation, fc.array(fc.tuple(parameter, word), { maxLength: 12 }));
  await fc.assert(
    fc.asyncProperty(query, async ([Action, parameters]) => {
      const { status, body } = await rds(new URLSearchParams([['Action', Action], ...parameters]).toString());
      if (status === 500) throw new Error(body);
    }),
    { numRuns: 500 },
  );
  const value: fc.Arbitrary<unknown> = fc.oneof(word, fc.jsonValue({ maxDepth: 3 }));
  const members = fc.dictionary(
    fc.constantFrom('Name', 'Value', 'Type', 'SecretId', 'SecretString', 'VersionId', 'x'),
    value,
  );
  const call = fc.tuple(
    fc.constantFrom('GetParameter', 'PutParameter', 'CreateSecret', 'PutSecretValue', 'GetSecretValue'),
    members,
  );
  await fc.assert(
    fc.asyncProperty(call, async ([target, input]) => {
      const service = target.includes('Secret') ? 'secretsmanager' : 'ssm';
      const { status, body } = await json(service, target, JSON.stringify(input));
      if (status === 500) throw new Error(body);
    }),
    { numRuns: 300 },
  );
  const path = fc.tuple(
    fc.constantFrom('/', '/bucket', '/bucket/', '/bucket/a', '/b'),
    fc.constantFrom(
      '',
      '?versioning',
      '?versions',
      '?object-lock',
      '?retention',
      '?list-type=2',
      '?list-type=2&max-keys=x',
      '?x=1',
      '?versionId=1',
      '?list-type=2&continuation-token=%40',
    ),
  );
  const xml = fc.constantFrom(
    '',
    '<Status>Enabled</Status>',
    '<Mode>GOVERNANCE</Mode>',
    '<Days>0</Days>',
    '<',
    '</Status><Status>',
  );
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('GET', 'PUT', 'DELETE', 'HEAD', 'POST'),
      path,
      xml,
      async (method, [bare, query], body) => {
        const { status, body: said } = await s3(
          method,
          bare + query,
          method === 'PUT' || method === 'POST' ? body : '',
        );
        if (status === 500) throw new Error(said);
      },
    ),
    { numRuns: 300 },
  );
});
