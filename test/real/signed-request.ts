/** Requests of a client that is no SDK: signed as AWS has it, and sent as they are. */
import { createHash, createHmac } from 'node:crypto';
import { type IncomingHttpHeaders, request } from 'node:http';
import type { RehearsalKeys } from '../../rehearsal/server/signature';

export interface Sent {
  readonly method?: string;
  /** With its query; sent as it is. */
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

export interface Answer {
  readonly status: number;
  readonly code: string | undefined;
  readonly body: string;
  readonly headers: IncomingHttpHeaders;
}

/** Sends a request as it is given. fetch() would mend paths, and takes no Host. */
export function send(endpoint: string, { method = 'GET', path = '/', headers = {}, body = '' }: Sent): Promise<Answer> {
  const { hostname, port } = new URL(endpoint);
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, method, path, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const code = /<Code>(.*?)<\/Code>/.exec(text)?.[1] ?? /"__type":"(\w+)"/.exec(text)?.[1];
        resolve({ status: response.statusCode ?? 0, code, body: text, headers: response.headers });
      });
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** The headers that sign a request, by hand: what the server compares with is another implementation. */
export function signature(
  endpoint: string,
  keys: RehearsalKeys,
  scope: { readonly region: string; readonly service: string; readonly date?: Date },
  { method = 'GET', path = '/', headers = {}, body = '' }: Sent,
): Record<string, string> {
  const { region, service, date = new Date() } = scope;
  const long = date.toISOString().replace(/[-:]|\.\d+/g, '');
  const hash = createHash('sha256').update(body).digest('hex');
  const signed: Record<string, string> = {
    ...headers,
    host: new URL(endpoint).host,
    'x-amz-content-sha256': hash,
    'x-amz-date': long,
  };
  const names = Object.keys(signed).sort();
  const [bare = '/', query = ''] = path.split('?');
  const parameters = query === '' ? [] : query.split('&').map((part) => (part.includes('=') ? part : `${part}=`));
  const canonical = [
    method,
    service === 's3' ? bare : encodeURIComponent(bare).replaceAll('%2F', '/'),
    parameters.sort().join('&'),
    ...names.map((name) => `${name}:${signed[name]}`),
    '',
    names.join(';'),
    hash,
  ].join('\n');
  const of = `${long.slice(0, 8)}/${region}/${service}/aws4_request`;
  const digest = createHash('sha256').update(canonical).digest('hex');
  const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();
  const key = of
    .split('/')
    .reduce<string | Buffer>((before, part) => hmac(before, part), `AWS4${keys.secretAccessKey}`);
  const made = hmac(key, `AWS4-HMAC-SHA256\n${long}\n${of}\n${digest}`).toString('hex');
  const authorization = `AWS4-HMAC-SHA256 Credential=${keys.accessKeyId}/${of}, SignedHeaders=${names.join(';')}, Signature=${made}`;
  return { ...signed, authorization };
}

/** Signs a request, and sends it. */
export function sendSigned(
  { endpoint, keys }: { readonly endpoint: string; readonly keys: RehearsalKeys },
  scope: { readonly region: string; readonly service: string },
  sent: Sent,
): Promise<Answer> {
  return send(endpoint, { ...sent, headers: { ...sent.headers, ...signature(endpoint, keys, scope, sent) } });
}
