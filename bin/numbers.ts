/** Numbers that options take, each with the bounds it must keep to. */
import { InvalidArgumentError } from 'commander';
import { HOLD_MOST_DAYS } from '../lambda/contract';

export function count(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 0) throw new InvalidArgumentError('It must be a whole number from 0.');
  return number;
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
