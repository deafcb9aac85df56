/** How long the call of a function that reaches databases may take. */

/** Milliseconds left; PostgreSQL reads a timeout of 0 as none at all. */
export interface Deadline {
  left(): number;
}

/** The part of a Lambda's context that counts here. */
export interface CallLimit {
  getRemainingTimeInMillis(): number;
}

/** Of a call whose caller sets no limit itself: less than the 14 minutes of the shipped functions. */
const USUAL_SECONDS = 780;

/** Kept back for answering, after the last statement was cut off. */
const MARGIN_MS = 20_000;

/** When the work of a call has to end. */
export function deadlineOf(limit: CallLimit | undefined, budgetSeconds = USUAL_SECONDS): Deadline {
  const budget = limit ? limit.getRemainingTimeInMillis() - MARGIN_MS : budgetSeconds * 1000;
  const end = performance.now() + budget;
  return { left: () => end - performance.now() };
}
