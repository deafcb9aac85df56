/** Apart from what runbooks are written in: plain functions don't carry the durable SDK for it. */

/** An error as an operator reads it: AWS's name for it where it has one. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // The SDK wraps what a step threw; the name AWS gave lies one deeper.
  const cause = error.cause instanceof Error ? error.cause : error;
  return cause.name === 'Error' || cause.name === 'StepError' ? cause.message : `${cause.name}: ${cause.message}`;
}
