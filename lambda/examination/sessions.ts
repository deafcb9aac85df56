/** The sessions that a call works with at once: all as the same user, and open again after the server crashed. */

import type { Deadline } from '../examiner/deadline';
import { CopyNotReady } from '../examiner/lost-session';
import type { Connection } from '../examiner/protocol';
import type { Session } from '../examiner/session';

/** How long a server that crashed may take to recover. */
const RECONNECT_MS = 120_000;

/** How long it may take to end another one. */
const TERMINATE_MS = 5_000;

/** Opens a session as somebody; for as long as the call lasts, unless it says otherwise. */
export type Open = (as: Connection, deadline?: Deadline) => Promise<Session>;

export class Sessions {
  private sessions: Session[] = [];
  private as: Connection | undefined;
  private lost = false;

  /** @param wanted how many to use at most */
  constructor(
    private readonly open: Open,
    private readonly deadline: Deadline,
    private readonly wanted: number,
  ) {}

  public get count(): number {
    return this.sessions.length;
  }

  public get leader(): Session {
    return this.at(0);
  }

  public at(index: number): Session {
    const session = this.sessions[index];
    if (!session) throw new Error(`there is no session number ${index}; ${this.count} are open`);
    return session;
  }

  /**
   * Has so many open, if that many are wanted, and all of them as somebody.
   *
   * Fewer are slower, not blind; none at all is an error. The first opens alone: where PostgreSQL has room for one
   * only, several at once would each find it taken by the others, and none would get in.
   */
  public async become(as: Connection, count: number): Promise<void> {
    if (this.as?.user !== as.user) await this.close();
    this.as = as;
    if (this.count === 0) this.sessions.push(await this.openWhenReady(as));
    const missing = Math.max(0, Math.min(count, this.wanted) - this.count);
    const attempts = await Promise.allSettled(Array.from({ length: missing }, () => this.open(as)));
    this.sessions.push(...attempts.flatMap((attempt) => (attempt.status === 'fulfilled' ? [attempt.value] : [])));
  }

  /** Ends what one is still running: a function can catch that it is cancelled, and go on. The call may be over by now. */
  public async terminate(index: number): Promise<void> {
    if (!this.as) throw new Error('no session was open before');
    const end = performance.now() + TERMINATE_MS;
    const other = await this.open(this.as, { left: () => end - performance.now() });
    await other.terminate(this.at(index)).finally(() => other.close());
  }

  /** Opens one again. A server that crashed takes connections once it has recovered. */
  public async reopen(index: number): Promise<void> {
    if (!this.as) throw new Error('no session was open before');
    await this.at(index).close();
    this.lost = true;
    this.sessions[index] = await this.openWhenReady(this.as);
  }

  public async close(): Promise<void> {
    await Promise.all(this.sessions.map((session) => session.close()));
    this.sessions = [];
    this.as = undefined;
  }

  private async openWhenReady(as: Connection): Promise<Session> {
    const end = performance.now() + (this.lost ? Math.min(RECONNECT_MS, this.deadline.left()) : 0);
    for (;;) {
      try {
        return await this.open(as);
      } catch (error) {
        if (!(error instanceof CopyNotReady) || performance.now() > end) throw error;
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }
  }
}
