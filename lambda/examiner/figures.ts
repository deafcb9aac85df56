/** Numbers as people read them. */

export const many = (count: number, one: string, several = `${one}s`): string =>
  `${count} ${count === 1 ? one : several}`;

/** As PostgreSQL gives sizes: in powers of 1024. */
export function size(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), units.length - 1);
  const value = bytes / 1024 ** power;
  return `${value >= 100 || power === 0 ? Math.round(value) : Number(value.toPrecision(3))} ${units[power]}`;
}

/**
 * Compares a number as PostgreSQL writes it with one of a check: digit by digit, since JavaScript's numbers have 53
 * bits.
 *
 * @returns below, at or above 0, as sorting wants it; NaN where one is not a number
 */
export function compareNumbers(value: string, expected: number): number {
  const one = digits(value);
  const other = digits(String(expected));
  // Not finite, so nothing is lost in JavaScript's.
  if (!one || !other) return Number(value) === expected ? 0 : Number(value) - expected;
  const places = Math.max(one.places, other.places);
  const difference = scaled(one, places) - scaled(other, places);
  return difference === 0n ? 0 : difference < 0n ? -1 : 1;
}

interface Digits {
  readonly all: bigint;
  /** How many of them stand behind the point. */
  readonly places: number;
}

function digits(text: string): Digits | undefined {
  const parts = /^([-+]?)(\d+)(?:\.(\d+))?(?:e([-+]?\d+))?$/i.exec(text);
  if (!parts) return undefined;
  const [, sign, whole = '', fraction = '', exponent = '0'] = parts;
  const all = BigInt(whole + fraction) * (sign === '-' ? -1n : 1n);
  const places = fraction.length - Number(exponent);
  return places >= 0 ? { all, places } : { all: all * 10n ** BigInt(-places), places: 0 };
}

const scaled = ({ all, places }: Digits, to: number) => all * 10n ** BigInt(to - places);

/** As in `at least 1 and at most 5`. */
export const bounds = (atLeast: number | undefined, atMost: number | undefined): string =>
  [atLeast === undefined ? [] : `at least ${atLeast}`, atMost === undefined ? [] : `at most ${atMost}`]
    .flat()
    .join(' and ');
