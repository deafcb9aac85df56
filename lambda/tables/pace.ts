/** How much of a task one call does: unit by unit, as long as another as long as the longest is likely to fit. */

import type { Deadline } from '../examiner/deadline';
import { OutOfTime, TablesRefused } from './refusals';

/** Kept for what is begun and ended around a unit. */
const SPARE_MS = 1_000;
/** A call that had less left, when it began its first unit, says nothing of the unit's length. */
const ENOUGH_MS = 5_000;

export class Pace {
  private longest = 0;
  private done = 0;

  constructor(
    private readonly deadline: Deadline,
    /** What a unit is, as the error names it where one does not fit into a call. */
    private readonly unit: string,
  ) {}

  /** Whether there is time for another unit. The first is always begun. */
  public goesOn(): boolean {
    return this.done === 0 || this.deadline.left() > SPARE_MS + this.longest * 1.5;
  }

  /**
   * Does one unit.
   *
   * @returns undefined where the call's time ended within it: what it did is rolled back
   * @throws TablesRefused where that was the first unit of the call, so that another call would not end it either
   */
  public async do<T>(work: () => Promise<T>): Promise<T | undefined> {
    const start = performance.now();
    const left = this.deadline.left();
    try {
      const result = await work();
      this.done++;
      this.longest = Math.max(this.longest, performance.now() - start);
      return result;
    } catch (error) {
      if (!(error instanceof OutOfTime)) throw error;
      if (this.done > 0 || left < ENOUGH_MS) return undefined;
      throw new TablesRefused(`${this.unit} did not end within the time of one call, and would not in another one`);
    }
  }
}

/** Waits for both, and fails with the first failure: none goes on behind the caller's back. */
export async function together<A, B>(first: Promise<A>, second: Promise<B>): Promise<readonly [A, B]> {
  await Promise.allSettled([first, second]);
  return [await first, await second];
}
