/**
 * The examiner: checks a restored instance for the conductor, and returns what it found.
 *
 * A plain function without any AWS permission, in subnets without a way out. The call carries the copy's password, so
 * nothing here logs the call, and no error repeats it.
 */
import { DatabaseError } from 'pg';
import type { Tls } from '../examiner/client';
import { type CallLimit, deadlineOf } from '../examiner/deadline';
import type { Detector } from '../examiner/detector';
import { list } from '../examiner/listing';
import { CopyRefused } from '../examiner/lost-session';
import { whatPostgresSaidOfStatement } from '../examiner/postgres-error';
import type { CheckTask, Connection, ExaminerRequest, ExaminerResponse } from '../examiner/protocol';
import { Session } from '../examiner/session';
import { runChecks } from './run-checks';
import { describeServer } from './server';
import type { Open } from './sessions';
import { survey } from './survey';

export interface ExaminerOptions {
  /**
   * Authorities that the copy's certificate must come from.
   *
   * @default - none: only copies on this machine are examined, as rehearsals make them
   */
  readonly tls?: Tls;
  /** @default 4 */
  readonly connections?: number;
  /**
   * Seconds a call may take, where its caller sets no limit itself.
   *
   * @default 780
   */
  readonly budgetSeconds?: number;
}

/** @param detectors what to look for */
export const examineWith =
  (detectors: readonly Detector[], { tls, connections = 4, budgetSeconds }: ExaminerOptions) =>
  async (request: ExaminerRequest, limit?: CallLimit): Promise<ExaminerResponse> => {
    const deadline = deadlineOf(limit, budgetSeconds);
    const open: Open = (as, own = deadline) => Session.open(as, tls, own);
    try {
      if (request.task === 'check') return await runChecks(request, detectors, open, deadline, connections);
      const session = await open(request.connection);
      return await answer(session, request, detectors, open).finally(() => session.close());
    } catch (error) {
      // Not of any one check, but of finding out what there is: a damaged catalog, or a user with too few rights.
      if (error instanceof DatabaseError)
        throw new CopyRefused(`the restored instance can't be examined: ${whatPostgresSaidOfStatement(error)}`);
      throw error;
    }
  };

function answer(
  session: Session,
  request: Exclude<ExaminerRequest, CheckTask>,
  detectors: readonly Detector[],
  open: (as: Connection) => Promise<Session>,
): Promise<ExaminerResponse> {
  switch (request.task) {
    case 'server':
      return describeServer(session, (database) => open({ ...request.connection, database }), request.kept);
    case 'survey':
      return survey(session, request, detectors, open);
    case 'list':
      return list(session);
  }
}
