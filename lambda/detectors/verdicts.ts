/** Verdicts that several detectors give, and their remedies. */
import type { DatabaseError } from 'pg';
import type { Context, Detector, Verdict } from '../examiner/detector';
import { isServersOwn } from '../examiner/postgres-error';

export const COMPARE_TABLE = 'restore an earlier backup beside this one, and compare the table';
export const FIND_IN_SOURCE =
  'find the rows in the source too; where they are there, correct them, else restore an earlier backup';

/** Damaged pages, and files that can't be read. */
export const isUnreadable = (error: unknown): error is DatabaseError => isServersOwn(error, ['58', 'XX001', 'XX002']);

/** The check that damage counts against: the first that is asked for. */
export function firstWanted({ serves }: Pick<Detector, 'serves'>, { wanted }: Context): Verdict['check'] {
  const first = serves.find((kind) => wanted.has(kind));
  if (!first) throw new Error(`none of the checks ${serves.join(', ')} is wanted`);
  return first;
}

export const thousands = (count: number) => count.toLocaleString('en-US');
