/**
 * The HTTP server: one endpoint on loopback for all services and regions. The credential scope of a request's signature
 * names both; a request that is not signed with this run's keys reaches none of them.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Call, CallError, REGION_NAME, type Reply, shown } from './call';
import { escapeXml } from './query-protocol';
import { type Caller, type Claim, claimOf, dropSignature, verify, verifyBody } from './signature';

export interface Service {
  answer(call: Call): Promise<Reply> | Reply;
  /**
   * Bytes that the body of a request may have.
   *
   * @default 1 MiB: parameters, not data
   */
  readonly mostBytes?: (method: string, url: URL) => number;
}

/** Handlers by the service names that signatures use. */
export type Services = Readonly<Record<string, Service>>;

const MOST_BYTES = 1024 * 1024;

export interface RunningServer {
  readonly endpoint: string;
  close(): Promise<void>;
}

/**
 * Serves until closed.
 *
 * @param port 0 for any that is free
 * @param callers whose keys requests have to be signed with; others may be added while it serves
 */
export async function serve(services: Services, port: number, callers: readonly Caller[]): Promise<RunningServer> {
  const server = createServer((request, response) => {
    const id = randomUUID();
    answer(services, callers, id, request)
      .then((reply) => send(response, reply, id))
      .catch((error: unknown) => {
        // The unread rest of the body would be taken for the next request.
        if (!request.complete) response.setHeader('connection', 'close');
        if (response.headersSent) response.destroy();
        else send(response, failure(error), id);
      });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const isTaken = error.code === 'EADDRINUSE';
      reject(
        isTaken
          ? new Error(`port ${port} of 127.0.0.1 is taken, so the region can't be served there; choose another`)
          : error,
      );
    });
    // Loopback only: only this machine reaches it.
    server.listen({ host: '127.0.0.1', port }, resolve);
  });
  const { port: actual } = server.address() as AddressInfo;
  return { endpoint: `http://127.0.0.1:${actual}`, close: () => close(server) };
}

async function answer(
  services: Services,
  callers: readonly Caller[],
  id: string,
  request: IncomingMessage,
): Promise<Reply> {
  refuseForeign(request);
  const { method = 'GET', headers } = request;
  const { path, url } = target(request.url ?? '/');
  const signed = { method, path, query: url.searchParams, headers };
  const claim = claimOf(signed, callers);
  const service = Object.hasOwn(services, claim.service) ? services[claim.service] : undefined;
  // If the headers have the body's hash, the signature is verified before the body is read.
  if (claim.payloadHash !== undefined) await verify(signed, claim);
  const body = await readBody(request, service?.mostBytes?.(method, url) ?? MOST_BYTES);
  if (claim.payloadHash === undefined) await verify(signed, claim, body);
  verifyBody(claim, body);
  if (!service) throw notServed(services, claim);
  if (!REGION_NAME.test(claim.region)) throw new CallError('InvalidRegion', `there is no region '${claim.region}'`);
  dropSignature(url.searchParams);
  return service.answer({ id, method, path, url, headers, body, region: claim.region, caller: claim.caller.arn });
}

/**
 * A browser sends the page's origin and the host name that it resolved; AWS tools send neither. So a web page that is
 * open on this machine can't call a rehearsal, not even under a name of its own that resolves to loopback.
 */
function refuseForeign({ headers, socket }: IncomingMessage): void {
  if (headers.origin !== undefined) {
    throw new CallError('AccessDenied', 'a rehearsal takes no request from a web page (header Origin)', 403);
  }
  const hosts = ['127.0.0.1', 'localhost'].map((name) => `${name}:${socket.localPort}`);
  if (hosts.includes(headers.host ?? '')) return;
  const message = `a rehearsal is reached as ${hosts.join(' or ')}, not as '${shown(headers.host ?? '')}' (header Host)`;
  throw new CallError('AccessDenied', message, 403);
}

/** The path as it was sent, and the URL to read the query from. */
function target(sent: string): { path: string; url: URL } {
  const path = sent.split('?', 1)[0] ?? '';
  if (!path.startsWith('/') || /%(?![0-9a-f]{2})/i.test(sent)) {
    throw new CallError('InvalidURI', `Couldn't parse the specified URI: ${shown(sent)}`);
  }
  return { path, url: new URL(`http://127.0.0.1${sent}`) };
}

async function readBody(request: IncomingMessage, most: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > most) {
      throw new CallError('EntityTooLarge', `a rehearsal takes at most ${most} bytes in this request`, 413);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function notServed(services: Services, { service }: Claim): CallError {
  const known = Object.keys(services).join(', ');
  return new CallError('NotImplemented', `a rehearsal does not model the service '${service}'; known: ${known}`, 501);
}

function send(response: ServerResponse, reply: Reply, id: string): void {
  response.writeHead(reply.status, { 'x-amzn-requestid': id, 'x-amz-request-id': id, ...reply.headers });
  response.end(reply.body);
}

/** An error before a service has the request: in a form in which clients of all protocols find its code. */
function failure(error: unknown): Reply {
  const { code, status, message } =
    error instanceof CallError ? error : { code: 'InternalFailure', status: 500, message: String(error) };
  const inside = `<Type>${status < 500 ? 'Sender' : 'Receiver'}</Type><Code>${code}</Code><Message>${escapeXml(message)}</Message>`;
  const body = `<ErrorResponse><Error>${inside}</Error></ErrorResponse>`;
  return { status, headers: { 'content-type': 'text/xml', 'x-amzn-errortype': code }, body };
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
