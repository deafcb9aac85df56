/** Results for objects that could not be examined in full. */
import { DatabaseError } from 'pg';
import { CannotCheck } from '../examiner/catalog';
import type { Context, Detector, Examined, Verdict } from '../examiner/detector';
import { NEVER_RELEASED } from '../examiner/facts';
import { many } from '../examiner/figures';
import { isDamage, isServersOwn, remedyFor, whatPostgresSaid } from '../examiner/postgres-error';

/** A detector at work. */
interface Examination {
  readonly detector: Detector;
  readonly context: Context;
}

/** Damage counts against the first check; what can't be examined leaves all of them without an answer. */
export function explain(error: CannotCheck | DatabaseError, detector: Detector, context: Context): Verdict[] {
  if (isDamage(error)) return failedAs(whatPostgresSaid(error), detector, context);
  const kinds = detector.serves.filter((kind) => context.wanted.has(kind));
  const cause = isServersOwn(error, ['55P03'])
    ? new CannotCheck(NEVER_RELEASED.observed, NEVER_RELEASED.remedy)
    : error;
  const observed = cause instanceof DatabaseError ? whatPostgresSaid(cause) : cause.message;
  const remedy = cause instanceof DatabaseError ? remedyFor(cause) : cause.remedy;
  return kinds.map((check) => ({ check, outcome: 'not-run', observed, ...(remedy && { remedy }) }));
}

export function failedAs(observed: string, { serves }: Detector, { wanted }: Context): Verdict[] {
  const remedy = 'restore an earlier backup beside this one, and compare the object';
  return serves
    .filter((kind) => wanted.has(kind))
    .map((check, index) =>
      index === 0
        ? { check, outcome: 'failed', observed, expected: 'undamaged data', remedy }
        : { check, outcome: 'not-run', observed: 'it is damaged', remedy },
    );
}

/** Settings that were restored with the database may make damaged pages no more than a warning. */
export function withWarnings(
  examined: Examined,
  warnings: readonly string[],
  { serves }: Detector,
  { wanted }: Context,
): Examined {
  const check = serves.find((kind) => wanted.has(kind));
  // Damage that ends a statement is warned of as well.
  const told = examined.verdicts.some(({ outcome }) => outcome === 'failed');
  if (warnings.length === 0 || told || !check) return examined;
  const failed: Verdict = {
    check,
    outcome: 'failed',
    observed: `PostgreSQL warned: ${warnings[0]}`,
    expected: 'undamaged data',
    remedy: 'restore an earlier backup beside this one, and compare the object',
  };
  return { ...examined, verdicts: [...examined.verdicts.filter(({ outcome }) => outcome !== 'passed'), failed] };
}

/** @param share milliseconds that it had */
export const tooSlow = (share: number) =>
  new CannotCheck(
    `it did not end within ${many(Math.round(share / 1000), 'second')}, in its second try`,
    'see whether a function that it calls waits, or never ends; where it is only large, give the restored instance a larger class',
  );

export function endedSession({ detector, context }: Examination): Examined {
  const error = new CannotCheck(
    'the session that read it was ended, twice, while the server went on',
    'see whether a function that it calls ends sessions, sets exit_on_error, or raises texts of more than 16 MB',
  );
  return { verdicts: explain(error, detector, context) };
}

export function crashed({ detector, context }: Examination): Examined {
  const kinds = detector.serves.filter((kind) => context.wanted.has(kind));
  return {
    verdicts: kinds.map((check) => ({
      check,
      outcome: 'failed',
      observed: 'reading it made the server crash, twice',
      expected: 'data that can be read',
      remedy: 'restore an earlier backup beside this one and compare the object; keep the damaged restore for analysis',
    })),
  };
}
