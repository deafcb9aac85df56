/** One request over HTTPS, with the certificate verified, and bounded in time and in what is read. */
import { type RequestOptions, request } from 'node:https';

export interface HttpsRequest {
  readonly url: URL;
  /** @default GET */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /**
   * Authorities, as PEM, that the certificate must come from.
   *
   * @default - those that Node trusts
   */
  readonly authorities?: string;
  readonly milliseconds: number;
  /** What lies beyond is not read. */
  readonly mostBytes: number;
}

export interface HttpsAnswer {
  readonly status: number;
  readonly location?: string;
  readonly body: Buffer;
  /** Whether there was more than was read. */
  readonly cut: boolean;
}

/** @throws Error named TimeoutError, or the network's own, with its code */
export function fetchHttps(wanted: HttpsRequest): Promise<HttpsAnswer> {
  const { url, method = 'GET', headers = {}, body, authorities, milliseconds, mostBytes } = wanted;
  if (url.protocol !== 'https:') throw new Error(`${url.origin} is not reached by HTTPS, so it is not asked`);
  return new Promise((resolve, reject) => {
    const options: RequestOptions = {
      method,
      headers: { ...headers, ...(body !== undefined && { 'content-length': String(Buffer.byteLength(body)) }) },
      ca: authorities,
      // Whatever NODE_TLS_REJECT_UNAUTHORIZED says.
      rejectUnauthorized: true,
      minVersion: 'TLSv1.2',
      agent: false,
    };
    const call = request(url, options, (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      const end = (cut: boolean) => {
        const { statusCode: status = 0, headers: received } = response;
        resolve({ status, location: received.location, body: Buffer.concat(chunks), cut });
        call.destroy();
      };
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk.subarray(0, mostBytes - size));
        size += chunk.length;
        if (size > mostBytes) end(true);
      });
      response.on('end', () => end(false));
      response.on('error', reject);
    });
    const timer = setTimeout(() => {
      const message = `${url.host} did not answer within ${milliseconds / 1000} s`;
      call.destroy(Object.assign(new Error(message), { name: 'TimeoutError' }));
    }, milliseconds);
    call.on('close', () => clearTimeout(timer));
    call.on('error', reject);
    call.end(body);
  });
}
