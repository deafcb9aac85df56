/** `lifeboat evidence verify` as an auditor runs it: the bundled command in a process of its own. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { EvidenceChain } from '../../lambda/evidence/evidence-chain';
import { keysUnder, readBytes } from '../../lambda/evidence/objects';
import { toPem } from '../../lambda/evidence/signing';
import type { Verification } from '../../lambda/evidence/verify-evidence';
import { localSigner } from '../../rehearsal/runbooks/local-signer';
import { s3Client } from '../../rehearsal/server/clients';
import { useRegion } from '../real/region';
import { draft } from '../simulated/evidence';

const COMMAND = join(__dirname, '..', '..', 'dist', 'bin', 'lifeboat.js');
const local = useRegion();
const folder = mkdtempSync(join(tmpdir(), 'lifeboat-evidence-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function verify(...args: readonly string[]): Promise<{ code: number | null; out: string; err: string }> {
  const { accessKeyId, secretAccessKey } = local().region.keys;
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [COMMAND, 'evidence', 'verify', ...args], {
      env: { PATH: process.env.PATH, AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey },
    });
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk) => {
      out += chunk;
    });
    child.stderr.on('data', (chunk) => {
      err += chunk;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, out, err }));
  });
}

const signer = localSigner();
const s3 = () => s3Client(local().region.clients(local().name));
const inBucket = (bucket: string) => [
  '--bucket',
  bucket,
  '--endpoint',
  local().region.endpoint,
  '--region',
  local().name,
];

/** A bucket with a chain of three documents. */
async function newBucket(bucket: string): Promise<string> {
  await s3().send(new CreateBucketCommand({ Bucket: bucket, ObjectLockEnabledForBucket: true }));
  const chain = new EvidenceChain(s3(), bucket, { plan: 'Shop', target: 'Orders' }, signer);
  for (const run of ['a', 'b', 'c']) await chain.append(draft(run, { plan: 'Shop', target: 'Orders' }));
  return bucket;
}

/** As `aws s3 sync` copies it. */
async function synced(bucket: string): Promise<string> {
  const copy = join(folder, bucket);
  for (const key of await keysUnder(s3(), bucket, 'evidence/')) {
    const path = join(copy, key);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, await readBytes(s3(), bucket, key));
  }
  return copy;
}

test('proves a bucket, and a copy of it without AWS, and says with which key', async () => {
  const bucket = await newBucket('proven');
  const { fingerprint } = await signer.publicKey();
  const copy = await synced(bucket);
  for (const args of [
    inBucket(bucket),
    [copy],
    [join(copy, 'evidence', 'Shop')],
    [join(copy, 'evidence/Shop/Orders')],
  ]) {
    const { code, out, err } = await verify(...args);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain('3 documents, 3 signed; the newest, 00000003.json, passed at 2026-11-01T10:20:00.000Z');
    expect(out).toContain(`signed with key ${fingerprint}`);
    expect(out).toMatch(/^proven: /m);
  }
});

test('finds what is hidden under a delete marker, and what was written over, by the versions of a bucket', async () => {
  const bucket = await newBucket('tampered');
  const [first, , third] = ['1', '2', '3'].map((n) => `evidence/Shop/Orders/0000000${n}.json`);
  await s3().send(new DeleteObjectCommand({ Bucket: bucket, Key: third }));
  await s3().send(new PutObjectCommand({ Bucket: bucket, Key: first, Body: 'rewritten' }));
  const { code, out } = await verify(...inBucket(bucket), '--json');
  expect(code).toBe(1);
  const { proven, chains }: Verification = JSON.parse(out);
  expect(proven).toBe(false);
  expect(chains[0]?.problems.map(({ kind, file }) => `${kind}: ${file}`).sort()).toEqual([
    'altered: 00000001.json',
    'altered: 00000001.json',
    'hidden: 00000003.json',
  ]);
});

test('finds what is altered or missing in a folder', async () => {
  const copy = await synced(await newBucket('copied'));
  const orders = join(copy, 'evidence', 'Shop', 'Orders');
  const second = join(orders, '00000002.json');
  writeFileSync(second, readFileSync(second, 'utf8').replace('"passed"', '"failed"'));
  rmSync(join(orders, '00000003.json'));
  const { code, out } = await verify(copy);
  expect(code).toBe(1);
  expect(out).toMatch(/ALTERED: 00000002\.json does not have the bytes that were signed/);
  expect(out).toMatch(/GAP: 00000003\.json was signed, but is not here/);
  expect(out).toMatch(/^NOT proven: 2 problems$/m);
});

test('trusts the keys that it is given, and no others', async () => {
  const copy = await synced(await newBucket('trusted'));
  const pem = async (name: string, by = signer) => {
    const file = join(folder, name);
    writeFileSync(file, toPem(await by.publicKey()));
    return file;
  };
  expect((await verify(copy, '--key', await pem('own.pem'))).code).toBe(0);
  const stranger = await verify(copy, '--key', await pem('stranger.pem', localSigner()));
  expect([stranger.code, stranger.out]).toEqual([1, expect.stringContaining('WRONGLY SIGNED: 00000003.json')]);
});

test('says that there is no evidence, which is no proof', async () => {
  const empty = join(folder, 'empty');
  mkdirSync(empty);
  expect(await verify(empty)).toEqual({ code: 1, out: 'no evidence was found here, so nothing is proven\n', err: '' });
});

test.each([
  ['nothing', [], 'either a folder or --bucket'],
  ['both a folder and a bucket', ['.', '--bucket', 'b'], 'either a folder or --bucket'],
  ['a folder that is not there', ['/nowhere/at/all'], 'ENOENT'],
  ['a key that is not there', ['.', '--key', '/nowhere.pem'], "'--key' /nowhere.pem can't be used: ENOENT"],
  ['a key that is none', ['.', '--key', __filename], "evidence-command.test.ts can't be used"],
] as const)('ends as misused when given %s', async (_, args, says) => {
  const { code, out, err } = await verify(...args);
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(err).toContain(says);
});

test('shows names of files as they are, and lets none move the cursor', async () => {
  const hostile = join(folder, 'ho\u001b[2Jstile');
  mkdirSync(hostile);
  writeFileSync(join(hostile, '00000001.json'), 'x');
  const { code, out } = await verify(folder);
  expect(code).toBe(1);
  expect(out).toContain('ho\\u001b[2Jstile: 1 document, 0 signed');
  expect(out).not.toContain('\u001b');
  expect(readdirSync(hostile)).toEqual(['00000001.json']);
});
