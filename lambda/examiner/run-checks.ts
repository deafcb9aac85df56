/**
 * Runs one batch of checks: over several sessions at once, all of which see the one exported snapshot, read-only.
 *
 * A check that fails is a finding, and so is one that can't be made; only losing the copy itself is an error. What does
 * not fit the time budget is reported as not run, never waited for.
 */
import { DatabaseError } from 'pg';
import type { Check } from '../contract';
import { CannotCheck, findAmcheck } from './catalog';
import { foreignKeys } from './foreign-keys';
import { indexes } from './indexes';
import { notEmptied } from './not-emptied';
import { isDamage, whatPostgresSaid } from './postgres-error';
import type { CheckTask, Finding, Work } from './protocol';
import { readable } from './readable';
import { fresh, noOrphans, nothingAfter, rowCount } from './row-checks';
import { CopySilent, type Deadline, type Session } from './session';
import { userQuery } from './user-query';
import type { ExaminedCopy, Verdict } from './verdict';

/**
 * @param open another session on the copy
 * @param connections how many to use at most
 */
export async function runChecks(
  task: CheckTask,
  open: () => Promise<Session>,
  deadline: Deadline,
  connections: number,
): Promise<Finding[]> {
  const sessions = await openSome(open, Math.min(connections, task.work.length));
  try {
    const copy = await beginTogether(sessions, task);
    // Longest first, so that no long piece is left over for the end.
    const queue = [...task.work].sort((a, b) => b.bytes - a.bytes);
    const findings: Finding[] = [];
    const serve = async (session: Session) => {
      for (let work = queue.shift(); work; work = queue.shift()) {
        const verdict = await runPiece(session, task.checks[work.check], work, copy, deadline);
        findings.push({ work, ...verdict });
      }
    };
    await Promise.all(sessions.map(serve));
    return findings;
  } finally {
    await Promise.all(sessions.map((session) => session.close()));
  }
}

/**
 * Fewer sessions than wanted are slower, not blind; none at all is an error. The first opens alone: where PostgreSQL has
 * room for one only, several at once would each find it taken by the others, and none would get in.
 */
async function openSome(open: () => Promise<Session>, wanted: number): Promise<Session[]> {
  const first = await open();
  const attempts = await Promise.allSettled(Array.from({ length: wanted - 1 }, open));
  return [first, ...attempts.flatMap((attempt) => (attempt.status === 'fulfilled' ? [attempt.value] : []))];
}

/** Puts all sessions onto one snapshot. */
async function beginTogether(sessions: readonly Session[], task: CheckTask): Promise<ExaminedCopy> {
  const [leader, ...others] = sessions;
  const begin = 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY';
  // Parameter groups may cut sessions or transactions off; not every version knows these settings.
  const unlimited =
    "SELECT set_config(name, '0', false) FROM pg_settings WHERE name IN ('idle_session_timeout', 'transaction_timeout')";
  const [exported] = await leader!.rows(`${begin}; ${unlimited};
    SELECT pg_export_snapshot(), current_setting('data_checksums'), current_user`);
  const [snapshot, checksums, user] = exported!;
  const [amcheck] = await Promise.all([
    findAmcheck(leader!),
    ...others.map((session) => session.rows(`${begin}; SET TRANSACTION SNAPSHOT '${snapshot}'; ${unlimited}`)),
  ]);
  const { reader, restorePoint, tablesWithRows } = task;
  return { amcheck, checksums: checksums === 'on', user: user!, reader, restorePoint, tablesWithRows };
}

async function runPiece(
  session: Session,
  check: Check | undefined,
  work: Work,
  copy: ExaminedCopy,
  deadline: Deadline,
): Promise<Verdict> {
  if (!check) return { outcome: 'not-run', reason: `the request has no check number ${work.check}` };
  const left = Math.floor(deadline.left());
  if (left <= 0) return outOfTime;
  try {
    await session.rows(`SAVEPOINT piece; SET LOCAL statement_timeout = ${left}`);
    const verdict = await attempt(session, check, work, copy, deadline);
    // Going back mends the transaction, if a statement failed; where none did, there is nothing to lose.
    await session.rows('ROLLBACK TO SAVEPOINT piece; RELEASE SAVEPOINT piece');
    return verdict;
  } catch (error) {
    if (error instanceof CopySilent) return outOfTime;
    throw error;
  }
}

async function attempt(
  session: Session,
  check: Check,
  work: Work,
  copy: ExaminedCopy,
  deadline: Deadline,
): Promise<Verdict> {
  try {
    return await verdictOn(session, check, work, copy);
  } catch (error) {
    if (error instanceof CannotCheck || error instanceof DatabaseError) return explain(error, deadline);
    throw error;
  }
}

const outOfTime: Verdict = { outcome: 'not-run', reason: 'ran out of time', outOfTime: true };

function explain(error: CannotCheck | DatabaseError, deadline: Deadline): Verdict {
  if (isDamage(error)) return { outcome: 'failed', observed: whatPostgresSaid(error), expected: 'undamaged data' };
  if (!(error instanceof DatabaseError)) return { outcome: 'not-run', reason: error.message };
  if (error.code === '57014' && deadline.left() < 1_000) return outOfTime;
  return { outcome: 'not-run', reason: whatPostgresSaid(error) };
}

function verdictOn(session: Session, check: Check, work: Work, copy: ExaminedCopy): Promise<Verdict> {
  switch (check.kind) {
    case 'readable':
      return readable(session, work, copy);
    case 'indexes':
      return indexes(session, work, copy);
    case 'foreign-keys':
      return foreignKeys(session, work);
    case 'not-emptied':
      return notEmptied(session, check, copy);
    case 'row-count':
      return rowCount(session, check);
    case 'fresh':
      return fresh(session, check, copy);
    case 'nothing-after':
      return nothingAfter(session, check, copy);
    case 'no-orphans':
      return noOrphans(session, check);
    case 'query':
      return userQuery(session, check);
  }
}
