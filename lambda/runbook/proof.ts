/**
 * Proofs of identity: a presigned call of STS GetCallerIdentity, which the runbook sends to see who signed it.
 *
 * A signed header carries what the proof is for, as in the tokens of EKS, so it serves for nothing else. Whoever holds a
 * proof can do no more with it than learn that identity, for 15 minutes.
 */
import { createHash } from 'node:crypto';
import { Hash } from '@smithy/core/serde';
import { SignatureV4 } from '@smithy/signature-v4';
import type { AwsCredentialIdentity, ChecksumConstructor, Provider } from '@smithy/types';
import type { Identified, Identify } from './approval';
import { identityOf } from './identity';

const HEADER = 'x-lifeboat-proof-of';
const ACTION = { Action: 'GetCallerIdentity', Version: '2011-06-15' };
const VALID_SECONDS = 900;
const WAIT_MS = 10_000;

export interface ProofOptions {
  readonly region: string;
  readonly credentials: AwsCredentialIdentity | Provider<AwsCredentialIdentity>;
  /** Of a rehearsal. @default - STS in that region */
  readonly endpoint?: string;
  /** @default Date.now */
  readonly clock?: () => number;
}

/**
 * Proves who holds the credentials. The proof is valid for 15 minutes.
 *
 * @param binding what it is for, as a hash in hexadecimal
 */
export async function prove(binding: string, options: ProofOptions): Promise<string> {
  const { region, credentials, endpoint = `https://sts.${region}.amazonaws.com`, clock = Date.now } = options;
  const { protocol, hostname, port, host, origin } = new URL(endpoint);
  const sha256 = Hash.bind(null, 'sha256') as unknown as ChecksumConstructor;
  const signer = new SignatureV4({ service: 'sts', region, credentials, sha256 });
  const request = {
    method: 'GET',
    protocol,
    hostname,
    ...(port === '' ? {} : { port: Number(port) }),
    path: '/',
    query: ACTION,
    headers: { host, [HEADER]: binding },
  };
  const signed = await signer.presign(request, { expiresIn: VALID_SECONDS, signingDate: new Date(clock()) });
  return `${origin}/?${new URLSearchParams(signed.query as Record<string, string>)}`;
}

/**
 * What the proof of whoever starts a run has to carry, as a hash: what is started, with which request.
 *
 * @param request its own `startedBy`, which is the proof, is left out
 */
export function startBinding(
  { plan, target, recovery }: { readonly plan: string; readonly target: string; readonly recovery: string },
  request: object,
): string {
  const asked = JSON.stringify(request, (name, value) => (name === 'startedBy' ? undefined : sorted(value)));
  return createHash('sha256')
    .update(JSON.stringify([plan, target, recovery, asked]))
    .digest('hex');
}

/** The order of fields means nothing, and may change on the way. */
const sorted = (value: unknown) =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)))
    : value;

/** STS did not answer: worth another try, unlike an answer that refuses. */
class StsNotReady extends Error {
  override readonly name = 'StsNotReady';
}

export interface IdentifyOptions {
  /** Of a rehearsal, whose proofs alone are taken then. @default - STS in the region that the proof names */
  readonly endpoint?: string;
  /** @default Date.now */
  readonly clock?: () => number;
}

/** Checks proofs by sending them to STS, and to nothing else. Call it inside a step: neither its result nor its errors contain the proof. */
export const identifyBySts =
  ({ endpoint, clock = Date.now }: IdentifyOptions = {}): Identify =>
  async (proof, binding) => {
    const why = refusal(proof, endpoint, clock());
    if (why !== undefined) return { why };
    const response = await fetch(proof, {
      headers: { [HEADER]: binding },
      redirect: 'error',
      signal: AbortSignal.timeout(WAIT_MS),
    }).catch(() => undefined);
    const text = (await response?.text().catch(() => undefined)) ?? '';
    if (!response || response.status >= 500 || response.status === 429) {
      throw new StsNotReady(`STS did not answer (${response ? `status ${response.status}` : 'no connection'})`);
    }
    return response.ok ? identified(text) : { why: `STS refused it: ${within(text, 'Code') ?? response.status}` };
  };

function identified(answer: string): Identified {
  const identity = identityOf(within(answer, 'Arn') ?? '');
  const isWhole = identity !== undefined && identity.account === within(answer, 'Account');
  return isWhole ? { identity } : { why: 'STS answered without an identity that Lifeboat understands' };
}

/** The text of an element that holds no markup. */
const within = (xml: string, element: string) =>
  new RegExp(`<${element}>([\\w+=,.@:/-]{1,2048})</${element}>`).exec(xml)?.[1];

const HOST = /^sts\.([a-z]{2,4}(?:-[a-z]{2,12}){1,3}-\d{1,2})\.amazonaws\.com(?:\.cn)?$/;
const DATE = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;
const MOST_SKEW_MS = 5 * 60_000;
/** All that a proof may have, each once. */
const REQUIRED = [
  'Action',
  'Version',
  ...['Algorithm', 'Credential', 'Date', 'Expires', 'SignedHeaders', 'Signature'].map((name) => `X-Amz-${name}`),
];
const OPTIONAL = ['X-Amz-Security-Token'];

/** Why a proof is not sent at all: it must lead to STS, do nothing but identify, and be fresh. */
function refusal(proof: string, endpoint: string | undefined, now: number): string | undefined {
  if (!URL.canParse(proof)) return 'it is not a URL';
  const url = new URL(proof);
  const { searchParams: query } = url;
  const origin = endpoint === undefined ? undefined : new URL(endpoint).origin;
  const [, region] = HOST.exec(url.hostname) ?? [];
  const isSts =
    origin === undefined ? url.origin === `https://${url.hostname}` && region !== undefined : url.origin === origin;
  if (!isSts || url.username !== '' || url.password !== '') return 'it does not lead to STS in a region';
  if (url.pathname !== '/' || url.hash !== '') return 'it is not a call of STS as Lifeboat signs them';
  const names = [...query.keys()].filter((name) => !OPTIONAL.includes(name)).sort();
  const isExact = names.join() === [...REQUIRED].sort().join() && query.getAll('X-Amz-Security-Token').length <= 1;
  if (!isExact || query.get('Action') !== ACTION.Action || query.get('Version') !== ACTION.Version) {
    return 'it is not a call of GetCallerIdentity as Lifeboat signs them';
  }
  if (query.get('X-Amz-SignedHeaders') !== `host;${HEADER}`) return 'its signature covers other headers';
  const [, , scoped, service] = query.get('X-Amz-Credential')?.split('/') ?? [];
  if (service !== 'sts' || (region !== undefined && scoped !== region))
    return 'it is signed for another service or region';
  return expiry(query, now);
}

function expiry(query: URLSearchParams, now: number): string | undefined {
  const [, year, month, day, hour, minute, second] = DATE.exec(query.get('X-Amz-Date') ?? '')?.map(Number) ?? [];
  const signed = Date.UTC(year ?? Number.NaN, (month ?? 1) - 1, day, hour, minute, second);
  const seconds = Number(query.get('X-Amz-Expires'));
  if (!(seconds > 0 && seconds <= VALID_SECONDS)) return `it is not limited to ${VALID_SECONDS} seconds`;
  if (!(signed <= now + MOST_SKEW_MS)) return 'it is dated in the future';
  return now < signed + seconds * 1000 ? undefined : 'it is older than its validity; sign again';
}
