/** The live database as a swap works on it: no lock is waited for longer than production can bear. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Deadline } from '../examiner/deadline';
import type { Row } from '../examiner/session';
import { hasCode } from '../tables/refusals';
import type { Session } from '../tables/session';
import type { Asks } from './names';

/** Readers and writers that come later queue behind a lock that is waited for, so this is the longest they wait. */
const LOCK_TIMEOUT_MS = 40;
/** Not the same each time, so that two that wait for each other don't meet again. */
const PAUSE_MS = [100, 500] as const;
/** What a swap needs at most, once it has its locks. */
const MARGIN_MS = 1_000;

export interface Won<T> {
  readonly value: T;
  readonly tries: number;
}

export class Live implements Asks {
  constructor(
    private readonly session: Session,
    public readonly deadline: Deadline,
  ) {}

  public rows(sql: string): Promise<readonly Row[]> {
    return this.session.rows(sql);
  }

  /** Commits what is done, or nothing of it. Each statement sees what was committed before it. */
  public transaction<T>(work: () => Promise<T>, pins: Readonly<Record<string, string>> = {}): Promise<T> {
    return this.session.transaction('READ WRITE', work, pins);
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
        // Not free in time, two that waited for each other, or a statement that was cut off as it waited.
        if (!hasCode(error, '55P03', '40P01', '57014')) throw error;
      }
      const pause = PAUSE_MS[0] + Math.random() * (PAUSE_MS[1] - PAUSE_MS[0]);
      if (this.deadline.left() < pause + MARGIN_MS) return undefined;
      await sleep(pause);
    }
    return undefined;
  }
}
