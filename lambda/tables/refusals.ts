/** Why a task could not go on. Texts are built from names, counts and conditions: they never quote rows. */
import { DatabaseError } from 'pg';
import { MessageTooLong } from '../examiner/client';
import { printable, whatPostgresSaidOfStatement } from '../examiner/postgres-error';

/** Another try would meet the same: somebody has to decide. */
export class TablesRefused extends Error {
  public override name = 'TablesRefused';
}

/** The session was lost or not given: another call goes on where the last transaction was committed. */
export class TablesNotReady extends Error {
  public override name = 'TablesNotReady';
}

/** Somebody else holds a lock for longer than this task waits: another call tries again. */
export class TablesBusy extends Error {
  public override name = 'TablesBusy';
}

/** The call's time is over; what was begun is rolled back. */
export class OutOfTime extends Error {}

/** Lock timeout and deadlock. */
const BUSY = new Set(['55P03', '40P01', '40001']);

export const isBusy = (error: unknown): error is DatabaseError =>
  error instanceof DatabaseError && BUSY.has(error.code ?? '');

export const hasCode = (error: unknown, ...codes: readonly string[]): error is DatabaseError =>
  error instanceof DatabaseError && codes.includes(error.code ?? '');

/** Starting, shutting down, out of connections, a password that is not in force yet; a connection that broke. */
const PASSING = /^(57P0[0-5]|53300|28P01|08...)$/;
const PASSING_FAULTS =
  /^(ECONN(REFUSED|RESET|ABORTED)|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|ERR_STREAM_.*|ABORT_ERR)$/;

/** Whether PostgreSQL ended the session with it. */
export const endsSession = (error: unknown): boolean =>
  !(error instanceof DatabaseError) || /^(57P0[0-5]|08...)$/.test(error.code ?? '');

/** What became of a session. It is built from codes and the server's words: the password can't be in it. */
export function lost(side: string, error: unknown): Error {
  if (error instanceof TablesRefused || error instanceof TablesNotReady || error instanceof OutOfTime) return error;
  const { code = '', message } = error as { code?: string; message?: string };
  const said =
    error instanceof DatabaseError
      ? whatPostgresSaidOfStatement(error)
      : printable(message || code || 'it did not say why');
  const passes = error instanceof MessageTooLong || code === '' || PASSING.test(code) || PASSING_FAULTS.test(code);
  return passes
    ? new TablesNotReady(`${side} takes no connection or lost it (${said}); call again to go on`)
    : new TablesRefused(`${side} refused the session (${said}), so nothing more was done`);
}
