/** What a benchmark finds out, and how it is measured: by turns, and by medians. */

export interface Measurement {
  readonly what: string;
  readonly measured: number;
  /** `times`, `s` or `KB`. */
  readonly unit: string;
  /** The most there may be; null where the number is told and held to nothing. */
  readonly limit: number | null;
  /** What the number was made of. */
  readonly from: string;
  /** Why the number means nothing, whatever it is. */
  readonly flaws?: readonly string[];
}

export const isOk = ({ measured, limit, flaws = [] }: Measurement): boolean =>
  flaws.length === 0 && (limit === null || measured <= limit);

/** Told what is going on. */
export type Progress = (doing: string) => void;

export interface Compared {
  readonly ours: readonly number[];
  readonly theirs: readonly number[];
}

/**
 * Runs both by turns, so that whatever else the machine does meets both alike; and each goes first as often as the
 * other.
 *
 * @param ours measures once
 * @param theirs measures what it is compared with
 */
export async function alternate(
  rounds: number,
  ours: () => Promise<number>,
  theirs: () => Promise<number>,
): Promise<Compared> {
  const results = { ours: [] as number[], theirs: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    if (round % 2 === 1) results.theirs.push(await theirs());
    results.ours.push(await ours());
    if (round % 2 === 0) results.theirs.push(await theirs());
  }
  return results;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.slice(Math.ceil(sorted.length / 2) - 1, Math.floor(sorted.length / 2) + 1);
  return middle.reduce((sum, value) => sum + value, 0) / middle.length;
}

/** The ratio of two medians, and what it came of. */
export function ratio({ ours, theirs }: Compared, show: (value: number) => string) {
  const [mine, other] = [median(ours), median(theirs)];
  return {
    measured: mine / other,
    unit: 'times',
    from: `${show(mine)} against ${show(other)}, medians of ${ours.length}`,
  };
}

export async function secondsOf(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

export const seconds = (value: number) => `${value.toFixed(2)} s`;
