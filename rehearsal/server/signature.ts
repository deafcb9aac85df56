/**
 * Only clients with keys of this run may call a rehearsal. Every request is signed with them by AWS's Signature
 * Version 4, and signed again here to compare. So web pages in a browser, other users of the machine, and names that
 * resolve to loopback have no access.
 *
 * The signatures of an upload's chunks, which follow that of its headers, are not checked.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { Hash } from '@smithy/core/serde';
import { getSigningKey, SignatureV4Base } from '@smithy/signature-v4';
import type { ChecksumConstructor } from '@smithy/types';
import { CallError, shown } from './call';

/** Keys of one run. AWS refuses them, should a request ever get there. */
export interface RehearsalKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** Keys, and whose they are. */
export interface Caller {
  readonly keys: RehearsalKeys;
  readonly arn: string;
}

const KEY_PREFIX = 'AKIAREHEARSAL';

export function newKeys(): RehearsalKeys {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const random = Array.from(randomBytes(7), (byte) => letters[byte % letters.length]).join('');
  return { accessKeyId: `${KEY_PREFIX}${random}`, secretAccessKey: randomBytes(30).toString('base64') };
}

/** The keys of a rehearsal that a shell has exported; undefined if it has none, or keys of AWS. */
export function exportedKeys(environment: NodeJS.ProcessEnv): RehearsalKeys | undefined {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = environment;
  return accessKeyId?.startsWith(KEY_PREFIX) && secretAccessKey ? { accessKeyId, secretAccessKey } : undefined;
}

export interface SignedRequest {
  readonly method: string;
  /** As it was sent: encoded, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
}

/** What a request claims before its signature is checked. */
export interface Claim {
  readonly caller: Caller;
  readonly service: string;
  readonly region: string;
  readonly scope: string;
  /** As in `20260131T235959Z`. */
  readonly date: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  /** Of the signed body; undefined if it is not in a header, and has to be computed. */
  readonly payloadHash: string | undefined;
}

/** Removes the signature from a URL's parameters, so that those of the request are left. */
export function dropSignature(query: URLSearchParams): void {
  for (const name of [...query.keys()]) if (SIGNATURE_PARAMETERS.has(name.toLowerCase())) query.delete(name);
}

const SIGNATURE_PARAMETERS = new Set(
  ['algorithm', 'credential', 'date', 'expires', 'signedheaders', 'signature', 'content-sha256', 'security-token'].map(
    (name) => `x-amz-${name}`,
  ),
);

const ALGORITHM = 'AWS4-HMAC-SHA256';
const CREDENTIAL = /^([^/]{1,64})\/(\d{8})\/([a-z0-9-]{1,32})\/([a-z0-9-]{1,32})\/aws4_request$/;
const DATE = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;
const HASH = /^[0-9a-f]{64}$/;
/** AWS's limit. */
const SKEW_MS = 15 * 60_000;
const LONGEST_EXPIRY_SECONDS = 7 * 86_400;

/**
 * Reads what a request claims, from its headers or, presigned, from its URL.
 *
 * @throws CallError with status 403 for other keys than the run's, and for a signature that is incomplete or too old
 */
export function claimOf(request: SignedRequest, callers: readonly Caller[]): Claim {
  const { headers, query } = request;
  const parts = query.has('X-Amz-Signature') ? presigned(query) : inHeaders(headers);
  const [, key, day, region, service] = CREDENTIAL.exec(parts.credential) ?? [];
  if (key === undefined || day === undefined || region === undefined || service === undefined) {
    throw refused(
      'IncompleteSignature',
      'the credential scope of the signature is not key/date/region/service/aws4_request',
    );
  }
  const caller = callers.find(({ keys }) => isSame(key, keys.accessKeyId));
  if (!caller) {
    throw refused(
      'InvalidClientTokenId',
      'the request is signed with keys of another run, or of AWS; use those that this run has printed',
    );
  }
  if (!parts.date.startsWith(day))
    throw refused('SignatureDoesNotMatch', 'its date is not that of its credential scope');
  refuseTime(parts.date, parts.expiresSeconds);
  refuseUnsigned(headers, parts.signedHeaders);
  return {
    caller,
    service,
    region,
    scope: `${day}/${region}/${service}/aws4_request`,
    date: parts.date,
    signedHeaders: parts.signedHeaders,
    signature: parts.signature,
    // Only S3 takes uploads whose content is not signed.
    payloadHash: parts.payloadHash ?? (query.has('X-Amz-Signature') && service === 's3' ? UNSIGNED : undefined),
  };
}

const UNSIGNED = 'UNSIGNED-PAYLOAD';

/** Headers that change a request must be signed, so that nobody can add any to a captured request. */
function refuseUnsigned(headers: IncomingHttpHeaders, signedHeaders: readonly string[]): void {
  const absent = signedHeaders.find((name) => !Object.hasOwn(headers, name));
  if (absent !== undefined) {
    throw refused('SignatureDoesNotMatch', `the signed header '${shown(absent)}' is missing`);
  }
  const meant = (name: string) => name === 'host' || (name.startsWith('x-amz-') && name !== 'x-amz-content-sha256');
  const unsigned = Object.keys(headers).find((name) => meant(name) && !signedHeaders.includes(name));
  if (unsigned === undefined) return;
  throw refused('AccessDenied', `There were headers present in the request which were not signed: ${shown(unsigned)}`);
}

function inHeaders(headers: IncomingHttpHeaders) {
  const { authorization = '' } = headers;
  if (authorization === '') {
    throw refused(
      'MissingAuthenticationToken',
      'the request is not signed; sign it with the keys that this run has printed',
    );
  }
  const [algorithm, ...rest] = authorization.split(' ');
  const fields = new Map(
    rest
      .join('')
      .split(',')
      .map((field) => [field.split('=')[0], field.slice(field.indexOf('=') + 1)]),
  );
  const payloadHash = headers['x-amz-content-sha256'];
  return complete({
    algorithm,
    credential: fields.get('Credential'),
    signedHeaders: fields.get('SignedHeaders'),
    signature: fields.get('Signature'),
    date: headers['x-amz-date'],
    payloadHash: typeof payloadHash === 'string' ? payloadHash : undefined,
    expiresSeconds: undefined,
  });
}

function presigned(query: URLSearchParams) {
  const of = (name: string) => query.get(`X-Amz-${name}`) ?? undefined;
  const expires = Number(of('Expires') ?? Number.NaN);
  if (!(expires > 0 && expires <= LONGEST_EXPIRY_SECONDS)) {
    throw refused('AuthorizationQueryParametersError', 'X-Amz-Expires has to be from 1 to 604800 seconds');
  }
  return complete({
    algorithm: of('Algorithm'),
    credential: of('Credential'),
    signedHeaders: of('SignedHeaders'),
    signature: of('Signature'),
    date: of('Date'),
    payloadHash: of('Content-Sha256') ?? query.get('x-amz-content-sha256') ?? undefined,
    expiresSeconds: expires,
  });
}

function complete<Rest>(
  parts: Rest & Record<'algorithm' | 'credential' | 'signedHeaders' | 'signature' | 'date', unknown>,
) {
  const { algorithm, credential, signedHeaders, signature, date, ...rest } = parts;
  if (algorithm !== ALGORITHM) throw refused('IncompleteSignature', `a rehearsal takes ${ALGORITHM} alone`);
  const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
  if (!isText(credential) || !isText(signedHeaders) || !isText(signature) || !isText(date)) {
    throw refused('IncompleteSignature', 'a signature has Credential, SignedHeaders, Signature and X-Amz-Date');
  }
  return { ...rest, credential, signature, date, signedHeaders: signedHeaders.split(';') };
}

function refuseTime(date: string, expiresSeconds: number | undefined): void {
  const [, year, month, day, hour, minute, second] = DATE.exec(date)?.map(Number) ?? [];
  const time = Date.UTC(year ?? Number.NaN, (month ?? 1) - 1, day, hour, minute, second);
  const age = Date.now() - time;
  const limit = expiresSeconds === undefined ? SKEW_MS : expiresSeconds * 1000;
  if (age <= limit && age >= -SKEW_MS) return;
  throw refused('RequestExpired', "the signature has no valid date, or one too far from this machine's; sign again");
}

/**
 * Signs the request again.
 *
 * @param body given when the claim has no hash of it
 * @throws CallError with status 403 when the two signatures differ
 */
export async function verify(request: SignedRequest, claim: Claim, body?: Buffer): Promise<void> {
  const expected = await new Again(claim).signature(request, claim, body);
  if (isSame(claim.signature, expected)) return;
  throw refused(
    'SignatureDoesNotMatch',
    'the signature does not match this request and the keys of this run; use those that this run has printed',
  );
}

/** @throws CallError when a body does not have the signed hash */
export function verifyBody(claim: Claim, body: Buffer): void {
  const { payloadHash } = claim;
  if (payloadHash === undefined || !HASH.test(payloadHash) || payloadHash === sha256(body)) return;
  const message = "The provided 'x-amz-content-sha256' header does not match what was computed.";
  throw new CallError('XAmzContentSHA256Mismatch', message);
}

const Sha256 = Hash.bind(null, 'sha256') as unknown as ChecksumConstructor;

class Again extends SignatureV4Base {
  private readonly keys: RehearsalKeys;

  constructor({ region, service, caller: { keys } }: Claim) {
    // All services except S3 sign the path with one more encoding than it is sent with.
    super({
      region,
      service,
      credentials: keys,
      sha256: Sha256,
      uriEscapePath: service !== 's3',
      applyChecksum: false,
    });
    this.keys = keys;
  }

  async signature({ method, path, query, headers }: SignedRequest, claim: Claim, body: Buffer | undefined) {
    const names = new Set(query.keys());
    names.delete('X-Amz-Signature');
    const bag = Object.fromEntries([...names].map((name) => [name, query.getAll(name)]));
    const signed: Record<string, string> = {};
    for (const name of claim.signedHeaders) {
      const value = headers[name];
      signed[name] = (Array.isArray(value) ? value.join(',') : (value ?? '')).trim().replace(/[ \t\r\n]+/g, ' ');
    }
    const request = { method, path, query: bag, headers: signed, hostname: '', protocol: 'http:' };
    const canonical = this.createCanonicalRequest(
      request,
      signed,
      claim.payloadHash ?? sha256(body ?? Buffer.alloc(0)),
    );
    const day = claim.date.slice(0, 8);
    const key = await getSigningKey(this.sha256, this.keys, day, claim.region, claim.service);
    const hash = new this.sha256(key);
    hash.update(Buffer.from(await this.createStringToSign(claim.date, claim.scope, canonical, ALGORITHM)));
    return Buffer.from(await hash.digest()).toString('hex');
  }
}

function sha256(body: Buffer): string {
  return createHash('sha256').update(body).digest('hex');
}

/** Takes the same time wherever they differ. */
function isSame(one: string, other: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
}

function refused(code: string, message: string): CallError {
  return new CallError(code, message, 403);
}
