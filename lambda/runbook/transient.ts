/** Which errors are worth another try. */
import { isServerError, isThrottlingError, isTransientError } from '@smithy/core/retry';

/** Names of this app's errors for what does not answer yet. */
const NOT_READY = ['CopyNotReady', 'ExaminerNotReady', 'StsNotReady'];

/** Worth another try: throttling, server errors of AWS, broken connections, and instances that do not answer yet. */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const failure = error as Parameters<typeof isTransientError>[0];
  return (
    isThrottlingError(failure) || isTransientError(failure) || isServerError(failure) || NOT_READY.includes(error.name)
  );
}
