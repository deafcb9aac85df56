/** Bodies of S3 uploads: SDKs send them in chunks with a checksum after them, which is checked as S3 does. */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { type Call, CallError, header } from '../server/call';

export interface Upload {
  readonly content: Buffer;
  /** Checksum headers of the upload, which are returned with the object. */
  readonly checksums: Readonly<Record<string, string>>;
}

const BASE64 = /^[A-Za-z0-9+/]{1,88}={0,2}$/;
const CHECKSUM = /^x-amz-checksum-(crc32|crc32c|crc64nvme|sha1|sha256)$/;

/** Reads an upload, and refuses one whose content does not match its checksum. */
export function readUpload(call: Call): Upload {
  const isChunked = header(call, 'x-amz-content-sha256')?.startsWith('STREAMING-') ?? false;
  const { content, trailers } = isChunked ? readChunks(call.body) : { content: call.body, trailers: {} };
  const checksums: Record<string, string> = {};
  for (const [name, value] of Object.entries({ ...call.headers, ...trailers })) {
    if (!CHECKSUM.test(name) || typeof value !== 'string') continue;
    if (!BASE64.test(value)) throw new CallError('InvalidRequest', `Value for ${name} header is invalid.`);
    checksums[name] = value;
  }
  for (const [name, value] of Object.entries(checksums)) {
    const computed = checksum(name, content);
    if (computed !== undefined && computed !== value) {
      throw new CallError('BadDigest', `The ${name} you specified did not match the calculated checksum.`);
    }
  }
  const md5 = header(call, 'content-md5');
  if (md5 && createHash('md5').update(content).digest('base64') !== md5) {
    throw new CallError('BadDigest', 'The Content-MD5 you specified did not match what we received.');
  }
  return { content, checksums };
}

/** Form of a chunk's size line; a signature may follow the size. */
const SIZE_LINE = /^([0-9a-f]+)(;.*)?$/i;

/** Clients send some KiB in each. */
const MOST_CHUNKS = 65_536;

function readChunks(body: Buffer): { content: Buffer; trailers: Record<string, string> } {
  const chunks: Buffer[] = [];
  const trailers: Record<string, string> = {};
  let offset = 0;
  const line = () => {
    const end = body.indexOf('\r\n', offset);
    if (end < 0) throw new CallError('IncompleteBody', 'The chunked body ends early.');
    const text = body.toString('latin1', offset, end);
    offset = end + 2;
    return text;
  };
  for (;;) {
    const size = SIZE_LINE.exec(line())?.[1];
    if (size === undefined) throw new CallError('InvalidRequest', 'The body is not chunked as its headers say.');
    const length = Number.parseInt(size, 16);
    if (length === 0) break;
    if (offset + length > body.length) throw new CallError('IncompleteBody', 'The chunked body ends early.');
    if (chunks.length === MOST_CHUNKS)
      throw new CallError('InvalidRequest', `The body has more than ${MOST_CHUNKS} chunks.`);
    chunks.push(body.subarray(offset, offset + length));
    offset += length + 2;
  }
  while (offset < body.length) {
    const text = line();
    if (text === '') break;
    const colon = text.indexOf(':');
    const name = text.slice(0, colon).trim().toLowerCase();
    if (CHECKSUM.test(name)) trailers[name] = text.slice(colon + 1).trim();
  }
  return { content: Buffer.concat(chunks), trailers };
}

/** Undefined for the two algorithms that Node can't compute: their checksums are kept and returned unchecked. */
function checksum(headerName: string, content: Buffer): string | undefined {
  const algorithm = CHECKSUM.exec(headerName)?.[1];
  if (algorithm === 'sha1' || algorithm === 'sha256') return createHash(algorithm).update(content).digest('base64');
  if (algorithm !== 'crc32') return undefined;
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32(content));
  return bytes.toString('base64');
}
