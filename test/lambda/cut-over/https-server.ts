/** A real HTTPS server on loopback, with a certificate from an authority that the test has made. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { Authority, type Certified } from './authority';

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export type Handler = (asked: Asked, response: ServerResponse) => void;

export class HttpsServer {
  public readonly asked: Asked[] = [];

  private constructor(
    private readonly server: Server,
    public readonly authority: Authority,
  ) {}

  public static async serve(
    handler: Handler,
    authority = new Authority(),
    certified?: Certified,
  ): Promise<HttpsServer> {
    const { certificate: cert, key } = certified ?? authority.issue();
    const server = createServer({ cert, key }, (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const { method = '', url: path = '', headers } = request;
        const asked = { method, path, headers, body: Buffer.concat(chunks).toString() };
        own.asked.push(asked);
        handler(asked, response);
      });
    });
    const own = new HttpsServer(server, authority);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return own;
  }

  public get origin(): string {
    return `https://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  public async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
