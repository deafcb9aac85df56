/** In a file of its own, so that plain functions don't bundle the durable SDK. */

/** An error as an operator reads it: AWS's name for it where it has one. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // The SDK wraps what a step threw: AWS's name is in the cause.
  const cause = error.cause instanceof Error ? error.cause : error;
  return cause.name === 'Error' || cause.name === 'StepError' ? cause.message : `${cause.name}: ${cause.message}`;
}
