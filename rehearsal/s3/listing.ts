/** S3's lists of buckets, objects and versions, as XML. */

import { CallError, shown } from '../server/call';
import { escapeXml } from '../server/query-protocol';
import { ACCOUNT } from '../server/world';
import type { Bucket, ObjectVersion } from './bucket';

const NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"';
const OWNER = `<Owner><ID>${ACCOUNT}</ID></Owner>`;

export function listBuckets(buckets: readonly Bucket[]): string {
  const entries = buckets.map(
    ({ name, created }) => `<Bucket><Name>${name}</Name><CreationDate>${created.toISOString()}</CreationDate></Bucket>`,
  );
  return `<ListAllMyBucketsResult ${NAMESPACE}>${OWNER}<Buckets>${entries.join('')}</Buckets></ListAllMyBucketsResult>`;
}

/** One page of the objects that exist now; keys up to a delimiter are folded into one entry. */
export function listObjects(bucket: Bucket, query: URLSearchParams): string {
  const prefix = query.get('prefix') ?? '';
  const delimiter = query.get('delimiter') ?? '';
  const size = pageSize(query);
  const token = query.get('continuation-token');
  const after = token === null ? (query.get('start-after') ?? '') : Buffer.from(token, 'base64url').toString();
  const entries = new Map<string, ObjectVersion | undefined>();
  for (const version of bucket.current(prefix)) {
    const end = delimiter === '' ? -1 : version.key.indexOf(delimiter, prefix.length);
    if (end < 0) entries.set(version.key, version);
    else entries.set(version.key.slice(0, end + delimiter.length), undefined);
  }
  const rest = [...entries].filter(([key]) => key > after);
  const items = rest.slice(0, size);
  const text = keyText(query);
  const contents = items.map(([key, version]) =>
    version
      ? `<Contents><Key>${text(key)}</Key>${facts(version)}<StorageClass>STANDARD</StorageClass></Contents>`
      : `<CommonPrefixes><Prefix>${text(key)}</Prefix></CommonPrefixes>`,
  );
  // For a page of no keys, S3 says that there are no more: otherwise clients would ask for ever.
  const isMore = size > 0 && rest.length > items.length;
  const last = items.at(-1)?.[0] ?? '';
  return [
    `<ListBucketResult ${NAMESPACE}><Name>${bucket.name}</Name><Prefix>${text(prefix)}</Prefix>`,
    `<KeyCount>${items.length}</KeyCount><MaxKeys>${size}</MaxKeys><IsTruncated>${isMore}</IsTruncated>`,
    delimiter && `<Delimiter>${text(delimiter)}</Delimiter>`,
    query.get('encoding-type') === 'url' && '<EncodingType>url</EncodingType>',
    isMore && `<NextContinuationToken>${Buffer.from(last).toString('base64url')}</NextContinuationToken>`,
    ...contents,
    '</ListBucketResult>',
  ]
    .filter(Boolean)
    .join('');
}

/** All versions and delete markers; in one page, since rehearsals hold few. */
export function listVersions(bucket: Bucket, query: URLSearchParams): string {
  const prefix = query.get('prefix') ?? '';
  const versions = bucket.versions(prefix);
  if (versions.length > pageSize(query)) {
    throw new CallError('NotImplemented', 'a rehearsal does not model paging through versions; narrow the prefix', 501);
  }
  const text = keyText(query);
  const entries = versions.map((version) => {
    const isLatest = bucket.find(version.key) === version;
    const name = version.content ? 'Version' : 'DeleteMarker';
    const common = `<Key>${text(version.key)}</Key><VersionId>${version.versionId}</VersionId><IsLatest>${isLatest}</IsLatest>`;
    return `<${name}>${common}${facts(version)}${OWNER}</${name}>`;
  });
  return [
    `<ListVersionsResult ${NAMESPACE}><Name>${bucket.name}</Name><Prefix>${text(prefix)}</Prefix>`,
    '<IsTruncated>false</IsTruncated>',
    query.get('encoding-type') === 'url' && '<EncodingType>url</EncodingType>',
    ...entries,
    '</ListVersionsResult>',
  ]
    .filter(Boolean)
    .join('');
}

function facts(version: ObjectVersion): string {
  const modified = `<LastModified>${version.modified.toISOString()}</LastModified>`;
  if (!version.content) return modified;
  return `${modified}<ETag>${escapeXml(version.etag)}</ETag><Size>${version.content.length}</Size>`;
}

/** Keys can hold what XML can't; clients ask for URL encoding then. */
function keyText(query: URLSearchParams): (key: string) => string {
  if (query.get('encoding-type') !== 'url') return escapeXml;
  return (key) => encodeURIComponent(key).replaceAll('%2F', '/');
}

function pageSize(query: URLSearchParams): number {
  const size = query.get('max-keys') ?? '1000';
  if (/^\d{1,10}$/.test(size)) return Math.min(Number(size), 1000);
  throw new CallError('InvalidArgument', `max-keys is '${shown(size)}', but has to be a whole number of keys`);
}
