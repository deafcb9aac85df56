/**
 * The HTTP server: one endpoint on loopback for all services and regions. Which ones a request means stands in the
 * credential scope of its signature; the signature itself is not checked, since there is nothing to protect.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Call, Reply } from './call';

/** Service name, as signatures have it, to what answers for it. */
export type Services = Readonly<Record<string, (call: Call) => Promise<Reply> | Reply>>;

/** Objects of a rehearsal are reports, not dumps. */
const MAX_BODY = 64 * 1024 * 1024;

export interface RunningServer {
  readonly endpoint: string;
  close(): Promise<void>;
}

/**
 * Serves until closed.
 *
 * @param port 0 for any that is free
 */
export async function serve(services: Services, port: number): Promise<RunningServer> {
  const server = createServer((request, response) => {
    answer(services, request, response).catch((error: unknown) => {
      if (!response.headersSent) send(response, failure(500, 'InternalFailure', String(error)), randomUUID());
      else response.destroy();
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
    // Loopback only: whoever reaches it is this machine.
    server.listen({ host: '127.0.0.1', port }, resolve);
  });
  const { port: actual } = server.address() as AddressInfo;
  return { endpoint: `http://127.0.0.1:${actual}`, close: () => close(server) };
}

async function answer(services: Services, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const id = randomUUID();
  const url = new URL(request.url ?? '/', 'http://127.0.0.1');
  const scope = credentialScope(request, url);
  if (!scope) {
    request.resume();
    send(
      response,
      failure(
        403,
        'MissingAuthenticationToken',
        'the request carries no signature, so its region and service are unknown',
      ),
      id,
    );
    return;
  }
  const serviceOf = Object.hasOwn(services, scope.service) ? services[scope.service] : undefined;
  if (!serviceOf) {
    request.resume();
    const message = `a rehearsal does not model the service '${scope.service}'; known: ${Object.keys(services).join(', ')}`;
    send(response, failure(501, 'NotImplemented', message), id);
    return;
  }
  const body = await readBody(request);
  if (!body) {
    response.setHeader('connection', 'close');
    send(response, failure(413, 'EntityTooLarge', `a rehearsal takes at most ${MAX_BODY} bytes in a request`), id);
    return;
  }
  const { method = 'GET', headers } = request;
  send(response, await serviceOf({ id, method, url, headers, body, region: scope.region }), id);
}

const SCOPE = /Credential=[^/,]+\/\d{8}\/([a-z0-9-]+)\/([a-z0-9-]+)\/aws4_request/;

function credentialScope(request: IncomingMessage, url: URL): { region: string; service: string } | undefined {
  const signed = `Credential=${url.searchParams.get('X-Amz-Credential')}`;
  const [, region, service] = SCOPE.exec(request.headers.authorization ?? signed) ?? [];
  return region && service ? { region, service } : undefined;
}

async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > MAX_BODY) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function send(response: ServerResponse, reply: Reply, id: string): void {
  response.writeHead(reply.status, { 'x-amzn-requestid': id, 'x-amz-request-id': id, ...reply.headers });
  response.end(reply.body);
}

/** An error before it is known which protocol the client speaks: all of them find their code in one of these. */
function failure(status: number, code: string, message: string): Reply {
  const text = message.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  const body = `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${text}</Message></Error></ErrorResponse>`;
  return { status, headers: { 'content-type': 'text/xml', 'x-amzn-errortype': code }, body };
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
