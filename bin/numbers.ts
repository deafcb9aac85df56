/** Numbers that options take, each with the bounds it must keep to. */
import { InvalidArgumentError } from 'commander';
import { HOLD_MOST_DAYS } from '../lambda/contract';

export function count(text: string): number {
  // Number() takes an empty text for 0, and 1e300 for a whole number.
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number from 0, in 1 to 9 digits.');
}

export function port(text: string): number {
  if (count(text) > 65_535) throw new InvalidArgumentError('Ports go up to 65535.');
  return count(text);
}

export function rows(text: string): number {
  if (count(text) < 10_000) throw new InvalidArgumentError('Fewer rows than 10000 leave no page to damage unnoticed.');
  return count(text);
}

export function days(text: string): number {
  if (count(text) < 1 || count(text) > HOLD_MOST_DAYS) {
    throw new InvalidArgumentError(`It must be 1 to ${HOLD_MOST_DAYS} days.`);
  }
  return count(text);
}
