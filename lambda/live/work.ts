/**
 * The examiner of recoveries, as far as it works on databases in production: it counts, and keeps writers out.
 *
 * A plain function without any AWS permission. The call carries passwords, so nothing here logs the call, and no error
 * repeats it.
 */
import { DatabaseError } from 'pg';
import type { Tls } from '../examiner/client';
import { type CallLimit, type Deadline, deadlineOf } from '../examiner/deadline';
import { CopyNotReady, CopyRefused } from '../examiner/lost-session';
import { whatPostgresSaidOfStatement } from '../examiner/postgres-error';
import type { Connection } from '../examiner/protocol';
import { Session } from '../examiner/session';
import { fence, fenceBefore, fenceLook, liftFence, OF_USERS } from './fence';
import { health } from './health';
import type { LiveRequest, LiveResponse } from './protocol';
import { tally } from './tally';

export interface LiveOptions {
  /** Authorities that certificates must come from. @default - none: only databases on this machine are reached */
  readonly tls?: Tls;
  /** Seconds a call may take, where its caller sets no limit itself. @default 780 */
  readonly budgetSeconds?: number;
}

export const workOnLive =
  ({ tls, budgetSeconds }: LiveOptions) =>
  async (request: LiveRequest, limit?: CallLimit): Promise<LiveResponse> => {
    const deadline = deadlineOf(limit, budgetSeconds);
    const open = (as: Connection) => Session.open(as, tls, deadline);
    try {
      const session = await openFor(request, open);
      return await answer(session, request, open, deadline).finally(() => session.close());
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
      throw new CopyRefused(`the database refused '${request.task}': ${whatPostgresSaidOfStatement(error)}`);
    }
  };

/** An earlier try may have changed the password already, or given it back. */
async function openFor(request: LiveRequest, open: (as: Connection) => Promise<Session>): Promise<Session> {
  const { connection } = request;
  if (request.task !== 'fence' && request.task !== 'lift-fence') return open(connection);
  const fenced = { ...connection, password: request.fencePassword };
  const [first, second] = request.task === 'fence' ? [connection, fenced] : [fenced, connection];
  return open(first).catch((error: unknown) => {
    if (error instanceof CopyNotReady) return open(second);
    throw error;
  });
}

async function answer(
  session: Session,
  request: LiveRequest,
  open: (as: Connection) => Promise<Session>,
  deadline: Deadline,
): Promise<LiveResponse> {
  switch (request.task) {
    case 'databases': {
      const names = () =>
        session.rows(`SELECT d.datname FROM pg_catalog.pg_database d WHERE ${OF_USERS} ORDER BY d.datname`);
      return { names: (await session.transaction('READ ONLY', names)).map(([name]) => name!) };
    }
    case 'tally':
      return tally(session, request, deadline);
    case 'fence-before':
      return fenceBefore(session);
    case 'fence':
      return fence(session, request.before, request.fencePassword);
    case 'fence-look':
      return fenceLook(session, (database) => open({ ...request.connection, database }));
    case 'lift-fence':
      return liftFence(session, request.before, request.connection.password);
    case 'health':
      return health(session, request.sql);
  }
}
