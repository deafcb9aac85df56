/**
 * A session on the live database, which is written to: encrypted and verified unless it is on this machine. Its triggers
 * fire as for everybody else, and no lock is waited for longer than production can bear.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, DatabaseError, type QueryArrayResult } from 'pg';
import { clientFor, isLoopback, MessageTooLong, type Tls } from '../examiner/client';
import { CopyRefused, ended, unreachable } from '../examiner/lost-session';
import { PINS, settings } from '../examiner/pins';
import type { Connection } from '../examiner/protocol';
import type { Deadline, Row } from '../examiner/session';
import type { Asks } from './names';

/** Readers and writers that come later queue behind a lock that is waited for, so this is the longest they wait. */
export const LOCK_TIMEOUT_MS = 40;
/** Not the same each time, so that two that wait for each other don't meet again. */
const PAUSE_MS = [100, 500] as const;

/** The lock was not free in time, two waited for each other, or the statement that waits was cut off. */
const BUSY = new Set(['55P03', '40P01', '57014']);

export interface Won<T> {
  readonly value: T;
  readonly tries: number;
}

export class Live implements Asks {
  private hungUp: Error | undefined;

  private constructor(
    private readonly client: Client,
    private readonly where: string,
    public readonly deadline: Deadline,
  ) {}

  /** @throws CopyNotReady, CopyRefused */
  public static async open(connection: Connection, tls: Tls | undefined, deadline: Deadline): Promise<Live> {
    const { host, port } = connection;
    if (!tls && !isLoopback(host)) {
      throw new CopyRefused(
        `${host} is not this machine, so without TLS its password and rows would travel in the clear; ` +
          'give the certificate authorities to trust',
      );
    }
    const client = clientFor(connection, tls, Math.max(1, Math.ceil(deadline.left())), PINS);
    const live = new Live(client, `${host}:${port}`, deadline);
    client.on('error', (error) => {
      live.hungUp ??= error;
    });
    try {
      await client.connect();
      return live;
    } catch (error) {
      await live.close();
      throw unreachable(live.where, error);
    }
  }

  public async rows(sql: string): Promise<readonly Row[]> {
    try {
      const result = await this.client.query<(string | null)[]>({ text: sql, rowMode: 'array' });
      const results: QueryArrayResult<(string | null)[]>[] = Array.isArray(result) ? result : [result];
      return results[results.length - 1]!.rows;
    } catch (error) {
      if (error instanceof DatabaseError && !this.hungUp && error.severity === 'ERROR') throw error;
      const last = error instanceof DatabaseError || error instanceof MessageTooLong ? error : this.hungUp;
      if (last instanceof DatabaseError || last instanceof MessageTooLong) throw ended(this.where, last);
      throw unreachable(this.where, this.hungUp ?? error);
    }
  }

  /** Commits what is done, or nothing of it. Each statement sees what was committed before it. */
  public async transaction<T>(work: () => Promise<T>, pins: Readonly<Record<string, string>> = {}): Promise<T> {
    const statement_timeout = String(Math.max(1, Math.floor(this.deadline.left())));
    const all = settings('SET LOCAL', { ...PINS, statement_timeout, lock_timeout: '2s', ...pins });
    await this.rows(`BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; ${all}`);
    let result: T;
    try {
      result = await work();
    } catch (error) {
      // Where the session is lost, the transaction is, too, and why it was lost is told already.
      await this.rows('ROLLBACK').catch(() => undefined);
      throw error;
    }
    await this.rows('COMMIT');
    return result;
  }

  /**
   * A transaction that takes locks which production needs: tried again, after a pause, where they are not free at once.
   *
   * @returns undefined where they were not free until the time of the call, or the tries, were over
   */
  public async briefly<T>(work: () => Promise<T>, most = 100): Promise<Won<T> | undefined> {
    for (let tries = 1; tries <= most; tries++) {
      try {
        return { value: await this.transaction(work, { lock_timeout: `${LOCK_TIMEOUT_MS}ms` }), tries };
      } catch (error) {
        if (!(error instanceof DatabaseError) || !BUSY.has(error.code ?? '')) throw error;
      }
      const pause = PAUSE_MS[0] + Math.random() * (PAUSE_MS[1] - PAUSE_MS[0]);
      if (this.deadline.left() < pause + MARGIN_MS) return undefined;
      await sleep(pause);
    }
    return undefined;
  }

  public async close(): Promise<void> {
    await this.client.end().catch(() => undefined);
  }
}

/** What a swap needs at most, once it has its locks. */
const MARGIN_MS = 1_000;
