/** S3 as far as runbooks and guides use it: path-style buckets and objects, versions, Object Lock. */

import { type Call, CallError, header, REGION_NAME, type Reply, shown } from '../server/call';
import { escapeXml } from '../server/query-protocol';
import { Bucket, type ObjectVersion } from './bucket';
import { listBuckets, listObjects, listVersions } from './listing';
import { configureLock, legalHoldOf, lockConfiguration, retentionOf } from './object-lock';
import { malformedXml, tag } from './request-xml';
import { readUpload } from './upload-body';

const XML = { 'content-type': 'application/xml' };
const NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"';
/** URL parameters that don't select another operation: the SDKs' own, and those that the operations below read. */
const HARMLESS = new Set(['x-id', 'versionId', 'list-type', 'prefix', 'delimiter', 'max-keys', 'continuation-token']);
for (const name of ['start-after', 'encoding-type', 'fetch-owner', 'key-marker', 'version-id-marker'])
  HARMLESS.add(name);
/** Headers of an object that are returned as they were sent. */
const KEPT =
  /^(content-(type|encoding|disposition|language)|cache-control|expires|x-amz-meta-.*|x-amz-storage-class|x-amz-server-side-encryption.*)$/;
/** Headers of an upload that have an effect on S3 but not here, so they are refused. */
const UNHEEDED = /^x-amz-(acl|grant-.*|tagging|website-redirect-location|write-offset-bytes)$/;
/** Valid names of buckets; others are refused. */
const BUCKET_NAME = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

const MOST_KEY_BYTES = 1024;
const MOST_OBJECT_BYTES = 64 * 1024 * 1024;
const MOST_CONTROL_BYTES = 64 * 1024;
const MOST_BUCKETS = 100;

export class S3 {
  /** @param limits on the objects, which are kept in memory */
  constructor(private readonly limits = { bytes: 512 * 1024 * 1024, versions: 100_000 }) {}

  /** Names are shared by all regions, as S3's are. */
  private readonly buckets = new Map<string, Bucket>();

  /** Objects of a rehearsal are reports, not dumps; all else has a few lines of XML at most. */
  public static mostBytes(method: string, { pathname, searchParams }: URL): number {
    const isUpload = method === 'PUT' && /^\/[^/]+\/./.test(pathname) && aspectOf(searchParams) === undefined;
    return isUpload ? MOST_OBJECT_BYTES : MOST_CONTROL_BYTES;
  }

  public answer(call: Call): Reply {
    try {
      const [name, key] = place(call.path);
      const aspect = aspectOf(call.url.searchParams);
      if (name === '' && key === '') return this.atRoot(call);
      if (name === '') throw new CallError('InvalidBucketName', 'The specified bucket is not valid.');
      return key === '' ? this.atBucket(call, name, aspect) : this.atObject(call, this.bucket(name), key, aspect);
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      const body = `<Error><Code>${error.code}</Code><Message>${escapeXml(error.message)}</Message><RequestId>${call.id}</RequestId></Error>`;
      return { status: error.status, headers: XML, body: call.method === 'HEAD' ? '' : body };
    }
  }

  private atRoot(call: Call): Reply {
    if (call.method !== 'GET') throw notModelled(call, 'the service');
    return xml(listBuckets([...this.buckets.values()]));
  }

  private atBucket(call: Call, name: string, aspect: string | undefined): Reply {
    if (call.method === 'PUT' && aspect === undefined) return this.create(call, name);
    const bucket = this.bucket(name);
    switch (`${call.method} ${aspect ?? ''}`) {
      case 'HEAD ':
        return { status: 200, headers: { 'x-amz-bucket-region': bucket.region }, body: '' };
      case 'GET ':
        if (call.url.searchParams.get('list-type') !== '2') throw notModelled(call, 'a bucket, as ListObjects of old');
        return xml(listObjects(bucket, call.url.searchParams));
      case 'GET versions':
        return xml(listVersions(bucket, call.url.searchParams));
      case 'GET location':
        return xml(
          `<LocationConstraint ${NAMESPACE}>${bucket.region === 'us-east-1' ? '' : bucket.region}</LocationConstraint>`,
        );
      case 'GET versioning':
        return xml(
          `<VersioningConfiguration ${NAMESPACE}>${bucket.isVersioned ? '<Status>Enabled</Status>' : ''}</VersioningConfiguration>`,
        );
      case 'PUT versioning':
        if (tag(call, 'Status') === 'Suspended') throw notModelled(call, 'a bucket, to suspend it');
        if (tag(call, 'Status') !== 'Enabled') throw malformedXml('Status has to be Enabled or Suspended');
        bucket.isVersioned = true;
        return empty();
      case 'GET object-lock':
        return xml(lockConfiguration(bucket));
      case 'PUT object-lock':
        configureLock(bucket, call);
        return empty();
      case 'DELETE ':
        if (bucket.versions('').length > 0) {
          throw new CallError('BucketNotEmpty', 'The bucket you tried to delete is not empty', 409);
        }
        this.buckets.delete(name);
        return empty(204);
      default:
        throw notModelled(call, 'a bucket');
    }
  }

  private atObject(call: Call, bucket: Bucket, key: string, aspect: string | undefined): Reply {
    const versionId = call.url.searchParams.get('versionId') ?? undefined;
    switch (`${call.method} ${aspect ?? ''}`) {
      case 'PUT ':
        for (const name of Object.keys(call.headers)) {
          if (UNHEEDED.test(name) || name === 'x-amz-copy-source') throw notModelled(call, `an object with ${name}`);
        }
        if (Buffer.byteLength(key) > MOST_KEY_BYTES) throw new CallError('KeyTooLongError', 'Your key is too long');
        this.refuseBeyond(call.body.length);
        return put(call, bucket, key);
      case 'GET ':
      case 'HEAD ':
        return get(call, existing(bucket, key, versionId));
      case 'DELETE ': {
        const bypass = header(call, 'x-amz-bypass-governance-retention') === 'true';
        const marker = bucket.delete(key, versionId, bypass);
        const headers: Record<string, string> = marker
          ? { 'x-amz-delete-marker': 'true', 'x-amz-version-id': marker.versionId }
          : {};
        return { status: 204, headers, body: '' };
      }
      case 'GET retention': {
        const { retention } = existing(bucket, key, versionId);
        if (!retention) {
          const message = 'The specified object does not have a ObjectLock configuration';
          throw new CallError('NoSuchObjectLockConfiguration', message, 404);
        }
        const until = retention.until.toISOString();
        return xml(
          `<Retention ${NAMESPACE}><Mode>${retention.mode}</Mode><RetainUntilDate>${until}</RetainUntilDate></Retention>`,
        );
      }
      case 'GET legal-hold': {
        const status = existing(bucket, key, versionId).legalHold ? 'ON' : 'OFF';
        return xml(`<LegalHold ${NAMESPACE}><Status>${status}</Status></LegalHold>`);
      }
      default:
        throw notModelled(call, 'an object');
    }
  }

  private refuseBeyond(more: number): void {
    const buckets = [...this.buckets.values()];
    const bytes = buckets.reduce((sum, bucket) => sum + bucket.bytes, more);
    const count = buckets.reduce((sum, bucket) => sum + bucket.versions('').length, 0);
    const { limits } = this;
    if (bytes <= limits.bytes && count < limits.versions) return;
    const message = `a rehearsal keeps ${limits.bytes} bytes in ${limits.versions} versions of objects at most; delete some`;
    throw new CallError('InsufficientStorage', message, 507);
  }

  private create(call: Call, name: string): Reply {
    if (!BUCKET_NAME.test(name)) throw new CallError('InvalidBucketName', 'The specified bucket is not valid.');
    if (this.buckets.has(name)) {
      const message = 'Your previous request to create the named bucket succeeded and you already own it.';
      throw new CallError('BucketAlreadyOwnedByYou', message, 409);
    }
    if (this.buckets.size >= MOST_BUCKETS) {
      throw new CallError('TooManyBuckets', 'You have attempted to create more buckets than allowed');
    }
    const region = tag(call, 'LocationConstraint') ?? call.region;
    if (!REGION_NAME.test(region)) {
      throw new CallError('InvalidLocationConstraint', 'The specified location-constraint is not valid');
    }
    const isLockable = header(call, 'x-amz-bucket-object-lock-enabled')?.toLowerCase() === 'true';
    this.buckets.set(name, new Bucket(name, region, isLockable));
    return { status: 200, headers: { location: `/${name}` }, body: '' };
  }

  private bucket(name: string): Bucket {
    const bucket = this.buckets.get(name);
    if (bucket) return bucket;
    throw new CallError('NoSuchBucket', 'The specified bucket does not exist', 404);
  }
}

function put(call: Call, bucket: Bucket, key: string): Reply {
  const before = bucket.find(key);
  const exists = before?.content !== undefined;
  const [isNew, isSame] = [header(call, 'if-none-match'), header(call, 'if-match')];
  if (isNew !== undefined && isNew !== '*') throw notModelled(call, `an object, If-None-Match: ${shown(isNew)}`);
  if ((isNew === '*' && exists) || (isSame !== undefined && exists && before.etag !== isSame)) {
    throw new CallError('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold', 412);
  }
  if (isSame !== undefined && !exists) throw new CallError('NoSuchKey', 'The specified key does not exist.', 404);
  const { content, checksums } = readUpload(call);
  const headers: Record<string, string> = { ...checksums };
  for (const [name, value] of Object.entries(call.headers)) {
    if (KEPT.test(name) && typeof value === 'string') headers[name] = value;
  }
  // The transfer encoding does not belong to the object.
  const encoding = headers['content-encoding']?.replace(/(^|,\s*)aws-chunked/, '').replace(/^,\s*/, '');
  if (encoding) headers['content-encoding'] = encoding;
  else delete headers['content-encoding'];
  const version = bucket.put(key, content, headers, { retention: retentionOf(call), legalHold: legalHoldOf(call) });
  const versionHeader: Record<string, string> = bucket.isVersioned ? { 'x-amz-version-id': version.versionId } : {};
  return { status: 200, headers: { etag: version.etag, ...checksums, ...versionHeader }, body: '' };
}

function get(call: Call, version: ObjectVersion): Reply {
  if (header(call, 'range')) throw notModelled(call, 'an object, with a Range');
  if (header(call, 'if-none-match') === version.etag) return { status: 304, headers: { etag: version.etag }, body: '' };
  const { retention } = version;
  const wantsChecksum = header(call, 'x-amz-checksum-mode')?.toUpperCase() === 'ENABLED';
  const kept = Object.entries(version.headers).filter(([name]) => wantsChecksum || !name.startsWith('x-amz-checksum'));
  const headers: Record<string, string> = {
    'content-type': 'binary/octet-stream',
    ...Object.fromEntries(kept),
    etag: version.etag,
    'last-modified': version.modified.toUTCString(),
    'content-length': String(version.content!.length),
    'accept-ranges': 'bytes',
  };
  if (version.versionId !== 'null') headers['x-amz-version-id'] = version.versionId;
  if (version.legalHold) headers['x-amz-object-lock-legal-hold'] = 'ON';
  if (retention) {
    headers['x-amz-object-lock-mode'] = retention.mode;
    headers['x-amz-object-lock-retain-until-date'] = retention.until.toISOString();
  }
  return { status: 200, headers, body: call.method === 'HEAD' ? '' : version.content! };
}

function existing(bucket: Bucket, key: string, versionId: string | undefined): ObjectVersion {
  const version = bucket.find(key, versionId);
  if (version?.content !== undefined) return version;
  if (version && versionId !== undefined) {
    throw new CallError('MethodNotAllowed', 'The specified method is not allowed against this resource.', 405);
  }
  throw new CallError(versionId ? 'NoSuchVersion' : 'NoSuchKey', 'The specified key does not exist.', 404);
}

/** Bucket and key of a path, decoded. */
function place(path: string): [string, string] {
  const [, bucket = '', key = ''] = /^\/([^/]*)\/?(.*)$/s.exec(path) ?? [];
  try {
    return [decodeURIComponent(bucket), decodeURIComponent(key)];
  } catch {
    throw new CallError('InvalidURI', "Couldn't parse the specified URI: its escapes are not UTF-8.");
  }
}

/** The subresource of a bucket or object in a request, such as `versioning`; undefined for itself. */
function aspectOf(parameters: URLSearchParams): string | undefined {
  return [...parameters.keys()].find((parameter) => !HARMLESS.has(parameter));
}

function notModelled(call: Call, at: string): CallError {
  const query = shown([...call.url.searchParams.keys()].join('&'));
  const what = `${call.method}${query && ` ?${query}`} of ${at}`;
  return new CallError('NotImplemented', `a rehearsal's S3 does not model ${what}`, 501);
}

function xml(body: string): Reply {
  return { status: 200, headers: XML, body: `<?xml version="1.0" encoding="UTF-8"?>\n${body}` };
}

function empty(status = 200): Reply {
  return { status, headers: {}, body: '' };
}
