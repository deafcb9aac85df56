import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  GetObjectLockConfigurationCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutBucketAclCommand,
  PutObjectCommand,
  PutObjectLockConfigurationCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import {
  CreateSecretCommand,
  DeleteSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
} from '@aws-sdk/client-secrets-manager';
import { GetParameterCommand, PutParameterCommand } from '@aws-sdk/client-ssm';
import { s3Client, secretsManagerClient, ssmClient } from '../../../rehearsal/server/clients';
import { useRegion } from '../../real/region';

const local = useRegion();
const place = () => local().region.clients('eu-central-1');
const Bucket = 'evidence';
let s3: S3Client;

beforeAll(async () => {
  s3 = s3Client(place());
  await s3.send(new CreateBucketCommand({ Bucket, ObjectLockEnabledForBucket: true }));
});

test('what is put is what is got, whatever the key and the way it was sent', async () => {
  const Key = 'plans/Zephyr & co/ä +%.json';
  const content = 'a "body"\r\nwith lines 😀';
  const put = await s3.send(
    new PutObjectCommand({
      Bucket,
      Key,
      Body: content,
      ContentType: 'application/json',
      Metadata: { run: '7' },
      ChecksumAlgorithm: 'SHA256',
    }),
  );
  const got = await s3.send(new GetObjectCommand({ Bucket, Key, ChecksumMode: 'ENABLED' }));
  expect(await got.Body!.transformToString()).toBe(content);
  expect(got).toMatchObject({ ContentType: 'application/json', Metadata: { run: '7' }, VersionId: put.VersionId });
  expect(got.ChecksumSHA256).toBe(put.ChecksumSHA256);
});

test('a stream sent in chunks arrives whole', async () => {
  const { Readable } = await import('node:stream');
  const chunks = Array.from({ length: 20 }, (_, index) => Buffer.alloc(70_000, index));
  const Body = Readable.from(chunks);
  await s3.send(new PutObjectCommand({ Bucket, Key: 'stream', Body, ContentLength: 1_400_000 }));
  const got = await s3.send(new GetObjectCommand({ Bucket, Key: 'stream' }));
  expect(Buffer.from(await got.Body!.transformToByteArray()).equals(Buffer.concat(chunks))).toBe(true);
});

test('content that does not fit its checksum is refused', async () => {
  const spoiled = new PutObjectCommand({ Bucket, Key: 'spoiled', Body: 'content', ChecksumCRC32: 'AAAAAA==' });
  await expect(s3.send(spoiled)).rejects.toMatchObject({ name: 'BadDigest' });
  await expect(s3.send(new HeadObjectCommand({ Bucket, Key: 'spoiled' }))).rejects.toMatchObject({ name: 'NotFound' });
});

test('of two that create the same object, one loses', async () => {
  const create = () => s3.send(new PutObjectCommand({ Bucket, Key: 'link-1', Body: 'x', IfNoneMatch: '*' }));
  const outcomes = await Promise.allSettled([create(), create()]);
  expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  const lost = outcomes.find((outcome) => outcome.status === 'rejected');
  expect(lost?.reason).toMatchObject({ name: 'PreconditionFailed', $metadata: { httpStatusCode: 412 } });
});

test('a locked version is not deleted, and a delete without a version only hides it', async () => {
  const put = new PutObjectCommand({
    Bucket,
    Key: 'locked',
    Body: 'evidence',
    ObjectLockMode: 'COMPLIANCE',
    ObjectLockRetainUntilDate: new Date(Date.now() + 60_000),
  });
  const { VersionId } = await s3.send(put);
  const remove = (more: object) => s3.send(new DeleteObjectCommand({ Bucket, Key: 'locked', ...more }));
  await expect(remove({ VersionId, BypassGovernanceRetention: true })).rejects.toMatchObject({ name: 'AccessDenied' });
  expect(await remove({})).toMatchObject({ DeleteMarker: true });
  await expect(s3.send(new GetObjectCommand({ Bucket, Key: 'locked' }))).rejects.toMatchObject({ name: 'NoSuchKey' });
  const version = await s3.send(new GetObjectCommand({ Bucket, Key: 'locked', VersionId }));
  expect(version.ObjectLockMode).toBe('COMPLIANCE');
});

test("a bucket's default retention locks what names none", async () => {
  await s3.send(
    new PutObjectLockConfigurationCommand({
      Bucket,
      ObjectLockConfiguration: {
        ObjectLockEnabled: 'Enabled',
        Rule: { DefaultRetention: { Mode: 'GOVERNANCE', Days: 30 } },
      },
    }),
  );
  const { ObjectLockConfiguration } = await s3.send(new GetObjectLockConfigurationCommand({ Bucket }));
  expect(ObjectLockConfiguration?.Rule?.DefaultRetention).toEqual({ Mode: 'GOVERNANCE', Days: 30 });
  const { VersionId } = await s3.send(new PutObjectCommand({ Bucket, Key: 'default', Body: 'x' }));
  const head = await s3.send(new HeadObjectCommand({ Bucket, Key: 'default' }));
  const days = (head.ObjectLockRetainUntilDate!.getTime() - Date.now()) / 86_400_000;
  expect(days).toBeCloseTo(30, 2);
  const remove = (more: object) => s3.send(new DeleteObjectCommand({ Bucket, Key: 'default', VersionId, ...more }));
  await expect(remove({})).rejects.toMatchObject({ name: 'AccessDenied' });
  await remove({ BypassGovernanceRetention: true });
});

test('lists come in pages, fold at a delimiter, and leave out what was deleted', async () => {
  const keys = ['l/a/1', 'l/a/2', 'l/b', 'l/c & d', 'l/e'];
  for (const Key of keys) await s3.send(new PutObjectCommand({ Bucket, Key, Body: Key }));
  await s3.send(new PutObjectCommand({ Bucket, Key: 'l/gone', Body: 'x' }));
  await s3.send(new DeleteObjectCommand({ Bucket, Key: 'l/gone' }));
  const seen: string[] = [];
  let ContinuationToken: string | undefined;
  do {
    const list = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: 'l/', MaxKeys: 2, ContinuationToken }));
    seen.push(...list.Contents!.map(({ Key }) => Key!));
    ContinuationToken = list.NextContinuationToken;
  } while (ContinuationToken);
  expect(seen).toEqual(keys);
  const folded = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: 'l/', Delimiter: '/' }));
  expect(folded.CommonPrefixes).toEqual([{ Prefix: 'l/a/' }]);
  expect(folded.Contents!.map(({ Key }) => Key)).toEqual(['l/b', 'l/c & d', 'l/e']);
});

test('what S3 can do beyond that answers 501', async () => {
  await expect(s3.send(new PutBucketAclCommand({ Bucket, ACL: 'private' }))).rejects.toMatchObject({
    name: 'NotImplemented',
    $metadata: { httpStatusCode: 501 },
  });
  const tagged = new PutObjectCommand({ Bucket, Key: 'tagged', Body: 'x', Tagging: 'a=b' });
  await expect(s3.send(tagged)).rejects.toThrow('x-amz-tagging');
});

test('secrets are kept by region, and replaced', async () => {
  const secrets = secretsManagerClient(place());
  const { ARN } = await secrets.send(new CreateSecretCommand({ Name: 'key', SecretString: 'first' }));
  await expect(secrets.send(new CreateSecretCommand({ Name: 'key', SecretString: 'x' }))).rejects.toMatchObject({
    name: 'ResourceExistsException',
  });
  await secrets.send(new PutSecretValueCommand({ SecretId: ARN, SecretString: 'second' }));
  expect((await secrets.send(new GetSecretValueCommand({ SecretId: 'key' }))).SecretString).toBe('second');
  const elsewhere = secretsManagerClient({ ...place(), region: 'us-east-1' });
  await expect(elsewhere.send(new GetSecretValueCommand({ SecretId: 'key' }))).rejects.toMatchObject({
    name: 'ResourceNotFoundException',
  });
  await expect(secrets.send(new DeleteSecretCommand({ SecretId: 'key' }))).rejects.toMatchObject({
    name: 'NotImplemented',
    message: expect.stringContaining('DeleteSecret'),
  });
});

test('parameters are put, and overwritten only when told so', async () => {
  const ssm = ssmClient(place());
  const put = (more: object) =>
    ssm.send(new PutParameterCommand({ Name: '/a/b', Value: '1', Type: 'String', ...more }));
  await put({});
  await expect(put({ Value: '2' })).rejects.toMatchObject({ name: 'ParameterAlreadyExists' });
  await put({ Value: '2', Overwrite: true });
  const { Parameter } = await ssm.send(new GetParameterCommand({ Name: '/a/b' }));
  expect(Parameter).toMatchObject({ Value: '2', Version: 2, Type: 'String' });
});
