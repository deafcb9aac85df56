/** Who may call a rehearsal: whoever holds the keys of its run, and no web page. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DescribeDBInstancesCommand } from '@aws-sdk/client-rds';
import { CreateBucketCommand, GetObjectCommand, HeadBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { Hash } from '@smithy/core/serde';
import { SignatureV4 } from '@smithy/signature-v4';
import type { HttpRequest } from '@smithy/types';
import { rdsClient, s3Client } from '../../../rehearsal/server/clients';
import { newKeys } from '../../../rehearsal/server/signature';
import { writeExports } from '../../../rehearsal/shell-exports';
import { useRegion } from '../../real/region';
import { type Sent, send, sendSigned, signature } from '../../real/signed-request';

const local = useRegion();
const SCOPE = { region: 'eu-central-1', service: 'rds' };
const REMOVE: Sent = {
  method: 'POST',
  body: 'Action=DeleteDBInstance&DBInstanceIdentifier=orders&SkipFinalSnapshot=true&Version=2014-10-31',
};

beforeAll(() => local().createDatabase('orders', { BackupRetentionPeriod: 0 }));

/** Headers of a request that is signed as it should be. */
const signed = (sent = REMOVE, date?: Date) =>
  signature(local().region.endpoint, local().region.keys, { ...SCOPE, date }, sent);
const orders = () =>
  local()
    .describe('orders')
    .then(({ DBInstanceStatus }) => DBInstanceStatus);

const changed: [string, () => Record<string, string>, string][] = [
  ['no signature', () => ({}), 'MissingAuthenticationToken'],
  ['an Origin', () => ({ ...signed(), origin: 'https://example.com' }), 'AccessDenied'],
  ['the Origin null', () => ({ ...signed(), origin: 'null' }), 'AccessDenied'],
  [
    'a foreign Host',
    () => ({ ...signed(), host: `rebound.example:${new URL(local().region.endpoint).port}` }),
    'AccessDenied',
  ],
  ['a Host without its port', () => ({ ...signed(), host: '127.0.0.1' }), 'AccessDenied'],
  ['keys of another run', () => signature(local().region.endpoint, newKeys(), SCOPE, REMOVE), 'InvalidClientTokenId'],
  [
    'the key of this run and another secret',
    () =>
      signature(local().region.endpoint, { ...newKeys(), accessKeyId: local().region.keys.accessKeyId }, SCOPE, REMOVE),
    'SignatureDoesNotMatch',
  ],
  [
    'a signature of another body',
    () => signed({ ...REMOVE, body: 'Action=DescribeDBInstances' }),
    'XAmzContentSHA256Mismatch',
  ],
  ['a signature of another method', () => signed({ ...REMOVE, method: 'PUT' }), 'SignatureDoesNotMatch'],
  ['a signature of another path', () => signed({ ...REMOVE, path: '/x' }), 'SignatureDoesNotMatch'],
  ['a signature of yesterday', () => signed(REMOVE, new Date(Date.now() - 86_400_000)), 'RequestExpired'],
  ['a signature of tomorrow', () => signed(REMOVE, new Date(Date.now() + 86_400_000)), 'RequestExpired'],
  [
    'a date that is none',
    () => ({ ...signed(), 'x-amz-date': `${signed()['x-amz-date']!.slice(0, 8)}T999999Z` }),
    'RequestExpired',
  ],
  ...['constructor', '__proto__', 'x-absent'].map((name): [string, () => Record<string, string>, string] => [
    `the signed header ${name}, which is not there`,
    () => ({ ...signed(), authorization: signed().authorization!.replace('SignedHeaders=', `SignedHeaders=${name};`) }),
    'SignatureDoesNotMatch',
  ]),
  [
    'a header that means something, added after it was signed',
    () => ({ ...signed(), 'x-amz-bypass-governance-retention': 'true' }),
    'AccessDenied',
  ],
  [
    'half a signature',
    () => ({ ...signed(), authorization: signed().authorization!.split(', Sig')[0]! }),
    'IncompleteSignature',
  ],
  [
    'the keys alone, as signatures were not checked once',
    () => ({
      authorization: `AWS4-HMAC-SHA256 Credential=${local().region.keys.accessKeyId}/20260101/eu-central-1/rds/aws4_request`,
    }),
    'IncompleteSignature',
  ],
];

test.each(changed)('a request with %s does nothing', async (_, headers, code) => {
  const answer = await send(local().region.endpoint, { ...REMOVE, headers: headers() });
  expect(answer).toMatchObject({ status: code.startsWith('XAmz') ? 400 : 403, code });
  expect(await orders()).toBe('available');
});

test('a request that any web page can make, with credentials in its URL, does nothing', async () => {
  const scope = `${local().region.keys.accessKeyId}/20260101/eu-central-1/rds/aws4_request`;
  const path = `/?Action=DeleteDBInstance&DBInstanceIdentifier=orders&X-Amz-Credential=${encodeURIComponent(scope)}`;
  expect(await send(local().region.endpoint, { ...REMOVE, path })).toMatchObject({ status: 403 });
  expect(await orders()).toBe('available');
});

test('a preflight of a browser gets no permission', async () => {
  const headers = { origin: 'https://example.com', 'access-control-request-method': 'POST' };
  const answer = await send(local().region.endpoint, { method: 'OPTIONS', headers });
  expect(answer.status).toBe(403);
  expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
});

test('clients with the keys are served: by the SDK, by hand, and without a hash of the body in a header', async () => {
  const { endpoint } = local().region;
  const { DBInstances } = await rdsClient(local().region.clients('eu-central-1')).send(
    new DescribeDBInstancesCommand({}),
  );
  expect(DBInstances).toHaveLength(1);
  const describe: Sent = { method: 'POST', body: 'Action=DescribeDBInstances&Version=2014-10-31' };
  expect((await sendSigned(local().region, SCOPE, describe)).status).toBe(200);
  // As the AWS CLI does for RDS.
  const signer = new SignatureV4({
    credentials: local().region.keys,
    ...SCOPE,
    sha256: Hash.bind(null, 'sha256') as never,
    applyChecksum: false,
  });
  const { host, hostname } = new URL(endpoint);
  const request = { method: 'POST', protocol: 'http:', hostname, path: '/', headers: { host }, body: describe.body };
  const { headers } = await signer.sign(request as HttpRequest);
  expect(Object.keys(headers)).not.toContain('x-amz-content-sha256');
  expect((await send(endpoint, { ...describe, headers })).status).toBe(200);
  expect((await send(endpoint, { ...describe, body: REMOVE.body, headers })).code).toBe('SignatureDoesNotMatch');
});

describe('a presigned URL', () => {
  const Bucket = 'reports';
  const Key = 'a b/ä+&=%.txt';
  beforeAll(async () => {
    const s3 = s3Client(local().region.clients('eu-central-1'));
    await s3.send(new CreateBucketCommand({ Bucket }));
    await s3.send(new PutObjectCommand({ Bucket, Key, Body: 'content' }));
    await s3.send(new HeadBucketCommand({ Bucket }));
    await s3.send(new GetObjectCommand({ Bucket, Key }));
  });

  async function presign(expiresIn: number, date = new Date()): Promise<string> {
    const { host, hostname } = new URL(local().region.endpoint);
    const signer = new SignatureV4({
      credentials: local().region.keys,
      region: 'eu-central-1',
      service: 's3',
      sha256: Hash.bind(null, 'sha256') as never,
      uriEscapePath: false,
      applyChecksum: false,
    });
    const path = `/${Bucket}/${Key.split('/').map(encodeURIComponent).join('/')}`;
    const headers = { host, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' };
    const request = { method: 'GET', protocol: 'http:', hostname, path, headers, query: { 'x-id': 'GetObject' } };
    const { query = {} } = await signer.presign(request as HttpRequest, { expiresIn, signingDate: date });
    const parameters = Object.entries(query).map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`);
    return `${path}?${parameters.join('&')}`;
  }

  test('gives what it was made for', async () => {
    const answer = await send(local().region.endpoint, { path: await presign(60) });
    expect(answer).toMatchObject({ status: 200, body: 'content' });
  });

  test('gives nothing once it has expired, or for another key', async () => {
    const old = await presign(60, new Date(Date.now() - 120_000));
    expect(await send(local().region.endpoint, { path: old })).toMatchObject({ status: 403, code: 'RequestExpired' });
    const other = (await presign(60)).replace('.txt', '.csv');
    expect(await send(local().region.endpoint, { path: other })).toMatchObject({ code: 'SignatureDoesNotMatch' });
    const longer = (await presign(60)).replace('Expires=60', 'Expires=6000');
    expect(await send(local().region.endpoint, { path: longer })).toMatchObject({ code: 'SignatureDoesNotMatch' });
  });
});

test('sockets, databases, keys and what else a run keeps are open to their owner alone', async () => {
  await writeExports(local().region, 'eu-central-1');
  const { folder } = local().region;
  const others: string[] = [];
  const walk = (path: string, depth: number) => {
    const { mode } = statSync(path);
    // A run's own folder is passed through by the account that PostgreSQL runs under, and listed by nobody else.
    if ((mode & 0o077) !== 0 && !(path === folder && (mode & 0o066) === 0)) others.push(path);
    if (statSync(path).isDirectory() && depth > 0)
      for (const name of readdirSync(path)) walk(join(path, name), depth - 1);
  };
  walk(folder, 2);
  expect(others).toEqual([]);
  const sockets = readdirSync(folder).filter((name) => existsSync(join(folder, name, '.s.PGSQL.5432')));
  if (process.platform === 'linux') expect(sockets).toHaveLength(1);
});
