/** Proofs of identity, made with real signatures and checked by a region that signs again. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { identityOf, sameIdentity } from '../../../lambda/runbook/identity';
import { identifyBySts, prove, startBinding } from '../../../lambda/runbook/proof';
import { isTransient } from '../../../lambda/runbook/transient';
import { useRegion } from '../../real/region';

const local = useRegion();
const BINDING = 'b'.repeat(64);
const options = () => ({ region: local().name, endpoint: local().region.endpoint, credentials: local().region.keys });
const check = (proof: string, binding = BINDING, clock = Date.now) =>
  identifyBySts({ endpoint: local().region.endpoint, clock })(proof, binding);

test('a proof tells who signed it: a user, or a session of a role', async () => {
  expect(await check(await prove(BINDING, options()))).toEqual({
    identity: {
      arn: 'arn:aws:iam::123456789012:user/rehearsal',
      account: '123456789012',
      role: null,
      name: 'rehearsal',
    },
  });
  const ada = { ...options(), credentials: local().region.person('ada') };
  expect(await check(await prove(BINDING, ada))).toEqual({
    identity: {
      arn: 'arn:aws:sts::123456789012:assumed-role/Operators/ada',
      account: '123456789012',
      role: 'Operators',
      name: 'ada',
    },
  });
});

test('it proves nothing for anything else than what it was signed for', async () => {
  expect(await check(await prove(BINDING, options()), 'c'.repeat(64))).toEqual({
    why: 'STS refused it: SignatureDoesNotMatch',
  });
});

test('nor with keys that nobody was given, or of a temporary session that was left out', async () => {
  const { accessKeyId } = local().region.keys;
  const forged = await prove(BINDING, { ...options(), credentials: { accessKeyId, secretAccessKey: 'guessed' } });
  expect(await check(forged)).toEqual({ why: 'STS refused it: SignatureDoesNotMatch' });
  const unknown = await prove(BINDING, { ...options(), credentials: { accessKeyId: 'AKIAX', secretAccessKey: 'x' } });
  expect(await check(unknown)).toEqual({ why: 'STS refused it: InvalidClientTokenId' });
});

const changed = (proof: string, name: string, value: string) => {
  const url = new URL(proof);
  url.searchParams.set(name, value);
  return url.href;
};

test.each([
  ['another host', (proof: string) => proof.replace(/^http:\/\/[^/]+/, 'https://evil.example'), /does not lead to STS/],
  ['another action', (proof: string) => changed(proof, 'Action', 'GetSessionToken'), /not a call of GetCallerIdentity/],
  ['one more parameter', (proof: string) => changed(proof, 'DurationSeconds', '1'), /not a call of GetCallerIdentity/],
  ['a second action', (proof: string) => `${proof}&Action=GetSessionToken`, /not a call of GetCallerIdentity/],
  ['a path', (proof: string) => proof.replace('/?', '/other?'), /not a call of STS/],
  ['a password', (proof: string) => proof.replace('http://', 'http://a:b@'), /does not lead to STS/],
  ['a longer validity', (proof: string) => changed(proof, 'X-Amz-Expires', '3600'), /not limited to 900 seconds/],
  ['other signed headers', (proof: string) => changed(proof, 'X-Amz-SignedHeaders', 'host'), /covers other headers/],
  ['text', () => 'yes', /not a URL/],
])('is not even sent with %s', async (_, change, why) => {
  expect(await check(change(await prove(BINDING, options())))).toEqual({ why: expect.stringMatching(why) });
});

test('is not sent when it is old, or dated in the future', async () => {
  const at = (minutes: number) => () => Date.now() + minutes * 60_000;
  const proof = await prove(BINDING, options());
  expect(await check(proof, BINDING, at(15.1))).toEqual({ why: expect.stringMatching(/older than its validity/) });
  expect(await check(proof, BINDING, at(-6))).toEqual({ why: 'it is dated in the future' });
});

test('outside rehearsals it leads to STS of the region that it is signed for, or it is not sent', async () => {
  const real = async (host: string, region = 'eu-west-1') =>
    identifyBySts()(
      await prove(BINDING, { region, credentials: local().region.keys, endpoint: `https://${host}` }),
      BINDING,
    );
  const elsewhere = [
    'sts.evil.example',
    'sts.eu-west-1.amazonaws.com.evil.example',
    'evil-sts.eu-west-1.amazonaws.com',
    'sts.eu-west-1.amazonaws.com:8443',
    's3.eu-west-1.amazonaws.com',
    'sts.amazonaws.com',
  ];
  for (const host of elsewhere) expect(await real(host)).toEqual({ why: 'it does not lead to STS in a region' });
  expect(await real('sts.us-east-1.amazonaws.com')).toEqual({ why: 'it is signed for another service or region' });
  expect(await identifyBySts()(await prove(BINDING, options()), BINDING)).toEqual({
    why: 'it does not lead to STS in a region',
  });
});

test('an STS that does not answer is worth another try, and the error does not hold the proof', async () => {
  const server = createServer((_, response) => response.writeHead(503).end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const proof = await prove(BINDING, { ...options(), endpoint });
  const failure = () => identifyBySts({ endpoint })(proof, BINDING).catch((error: Error) => error);
  const busy = await failure();
  await new Promise((resolve) => server.close(resolve));
  const gone = await failure();
  for (const error of [busy, gone]) {
    expect(isTransient(error)).toBe(true);
    expect(String(error)).not.toContain('X-Amz');
  }
});

test('whoever starts a run proves it for that request alone, in whatever order its fields arrive', () => {
  const of = { plan: 'Protection', target: 'Orders', recovery: 'Recovery' };
  const request = { action: 'recover', to: { at: '2026-11-20T03:12:00Z' }, reason: 'bad migration' };
  const binding = startBinding(of, request);
  const { reason, to, action } = request;
  expect(startBinding(of, { startedBy: 'https://...', reason, to, action })).toBe(binding);
  const others = [
    startBinding(of, { ...request, to: { at: '2026-11-20T03:13:00Z' } }),
    startBinding(of, { ...request, dryRun: true }),
    startBinding({ ...of, target: 'Votes' }, request),
  ];
  expect(new Set([binding, ...others]).size).toBe(4);
});

describe('one person', () => {
  const role = (name: string, session: string) => `arn:aws:sts::123456789012:assumed-role/${name}/${session}`;
  const user = (name: string) => `arn:aws:iam::123456789012:user/people/${name}`;
  const same = (one: string, other: string) => {
    const [first, second] = [identityOf(one), identityOf(other)];
    if (!first || !second) throw new Error('not an identity');
    return sameIdentity(first, second);
  };
  test.each([
    ['the same session', role('Ops', 'ada'), role('Ops', 'ada'), true],
    ['the same name in two roles', role('Ops', 'ada@example.com'), role('Admin', 'Ada@example.com'), true],
    ['a user who assumed a role under the same name', user('ada'), role('Ops', 'ada'), true],
    ['two names in one role', role('Ops', 'ada'), role('Ops', 'grace'), false],
    ['two users', user('ada'), user('grace'), false],
    [
      'a made-up name in the same role: it could be anyone',
      role('Ops', 'botocore-session-17'),
      role('Ops', 'ada'),
      true,
    ],
    [
      'a made-up name in another role, as of an alarm',
      role('Alarms', 'i-0123456789abcdef0'),
      role('Ops', 'ada'),
      false,
    ],
  ])('%s', (_, one, other, expected) => {
    expect(same(one, other)).toBe(expected);
    expect(same(other, one)).toBe(expected);
  });

  test.each(['arn:aws:iam::123456789012:role/Ops', 'arn:aws:s3:::bucket', 'ada', `${user('ada')}\n`])(
    '%j is nobody that calls AWS',
    (arn) => expect(identityOf(arn)).toBeUndefined(),
  );
});
