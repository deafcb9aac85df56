/** Health by an HTTPS endpoint. It is asked as deployed, and never sent on to another host. */
import { fetchHttps } from './https';
import type { HealthCheck } from './way';

const MILLISECONDS = 10_000;
/** Only the status counts; a little is read, so that an answer that breaks off is noticed. */
const MOST_BYTES = 64 * 1024;
const MOST_REDIRECTS = 5;

export interface HttpHealth {
  readonly url: string;
  /** @default 200 */
  readonly status?: number;
  /**
   * Authorities, as PEM, that its certificate must come from.
   *
   * @default - those that Node trusts
   */
  readonly authorities?: string;
  /** @default 10 000 */
  readonly milliseconds?: number;
}

export class HttpHealthCheck implements HealthCheck {
  public readonly name: string;
  private readonly start: URL;

  constructor(private readonly of: HttpHealth) {
    this.start = new URL(of.url);
    if (this.start.protocol !== 'https:') {
      throw new Error(
        `health check '${this.start.origin}' is not HTTPS, so anybody on the way could answer; use https:`,
      );
    }
    // Without its query, which may hold a token.
    this.name = `${this.start.origin}${this.start.pathname}`;
  }

  async look(): Promise<{ healthy: boolean; state: string }> {
    try {
      return await this.ask(this.start, 0);
    } catch (error) {
      const { name, message, code } = error as Error & { code?: string };
      return { healthy: false, state: `it did not answer (${name === 'TimeoutError' ? message : (code ?? message)})` };
    }
  }

  private async ask(url: URL, redirects: number): Promise<{ healthy: boolean; state: string }> {
    const { status: wanted = 200, authorities, milliseconds = MILLISECONDS } = this.of;
    const answer = await fetchHttps({ url, authorities, milliseconds, mostBytes: MOST_BYTES });
    const state = `it answered with status ${answer.status}`;
    if (answer.status === wanted) return { healthy: true, state };
    if (answer.status < 300 || answer.status > 399 || answer.location === undefined) {
      return { healthy: false, state: `${state}, not ${wanted}` };
    }
    if (!URL.canParse(answer.location, url)) return { healthy: false, state: `${state}, to an invalid address` };
    const next = new URL(answer.location, url);
    if (next.origin !== url.origin) {
      return { healthy: false, state: `${state}, to ${next.origin}; another host is not asked` };
    }
    if (redirects === MOST_REDIRECTS) return { healthy: false, state: `${state} more than ${MOST_REDIRECTS} times` };
    return this.ask(next, redirects + 1);
  }
}
