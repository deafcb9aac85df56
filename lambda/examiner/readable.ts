/**
 * Really reads every table: `count(*)` may be answered from an index and pass over a damaged page. A piece without an
 * object speaks for the check as a whole.
 */
import { DatabaseError } from 'pg';
import { CannotCheck, userSchema } from './catalog';
import { sqlClass, whatPostgresSaid } from './postgres-error';
import type { Work } from './protocol';
import type { Session } from './session';
import type { ExaminedCopy, Verdict } from './verdict';

const EMPTY_COPY: Verdict = {
  outcome: 'failed',
  observed: 'no tables found',
  expected: 'at least one table: a copy without any is what a failed restore leaves',
};

export async function readable(session: Session, work: Work, copy: ExaminedCopy): Promise<Verdict> {
  if (work.oid === undefined) return hasTables(session);
  const verify = copy.reader === 'verify_heapam';
  // Damage shows as internal errors, as missing files, and to those who decode values, as values of no sense.
  const damage = verify ? ['XX', '58'] : ['XX', '58', '22'];
  try {
    return await (verify ? verifyHeap : readRows)(session, work, work.oid, copy);
  } catch (error) {
    if (!(error instanceof DatabaseError) || !damage.includes(sqlClass(error))) throw error;
    return unreadable(work, whatPostgresSaid(error));
  }
}

async function hasTables(session: Session): Promise<Verdict> {
  const [found] = await session.rows(`
    SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND ${userSchema('n')}`);
  return found![0] === '0' ? EMPTY_COPY : { outcome: 'passed', observed: `${found![0]} tables found` };
}

async function verifyHeap(session: Session, work: Work, oid: number, copy: ExaminedCopy): Promise<Verdict> {
  const { verifyHeapam } = copy.amcheck;
  if (!verifyHeapam) throw new CannotCheck(`${copy.user} may not call verify_heapam, though the survey could`);
  const [from, to] = work.blocks ?? [];
  // Vacuum may have cut empty blocks off the end since the survey.
  const range =
    from === undefined
      ? ''
      : `, startblock := ${from}, endblock := least(${to}, pg_relation_size(${oid}) / current_setting('block_size')::int - 1)`;
  const problems = await session.rows(
    `SELECT blkno, msg FROM ${verifyHeapam}(${oid}, on_error_stop := true, check_toast := true${range}) LIMIT 1`,
  );
  const [problem] = problems;
  if (problem) return unreadable(work, `block ${problem[0]}: ${problem[1]}`);
  return { outcome: 'passed', observed: `every page verified with amcheck's verify_heapam; ${damageSeen(copy)}` };
}

async function readRows(session: Session, work: Work, oid: number, copy: ExaminedCopy): Promise<Verdict> {
  // The row as a whole, TOAST included: no index holds it, so the table itself is read.
  const hash = 'count(hash_record_extended(whole.*, 0))';
  const text = 'count(hashtextextended((whole.*)::text, 0))';
  const [named] = await session.rows(`
    SELECT format('%I.%I', n.nspname, c.relname), current_setting('server_version_num')::int >= 140000
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = ${oid}`);
  if (!named) throw new CannotCheck(`table "${work.object}" does not exist any more`);
  const [table, hashesRows] = named;
  const where = work.blocks
    ? ` WHERE whole.ctid >= '(${work.blocks[0]},0)' AND whole.ctid < '(${work.blocks[1] + 1},0)'`
    : '';
  const read = async (what: string) => session.rows(`SELECT ${what} FROM ONLY ${table} AS whole${where}`);
  await session.rows('SAVEPOINT reading');
  try {
    await read(hashesRows === 't' ? hash : text);
  } catch (error) {
    // json, xml and others have no hash function.
    if (!(error instanceof DatabaseError) || error.code !== '42883') throw error;
    await session.rows('ROLLBACK TO SAVEPOINT reading');
    await read(text);
  }
  return { outcome: 'passed', observed: `every row read in full and hashed; ${damageSeen(copy)}` };
}

const damageSeen = ({ checksums }: ExaminedCopy) =>
  checksums ? 'page checksums are on' : 'page checksums are off, so damage inside a value can go unseen';

const unreadable = ({ object }: Work, observed: string): Verdict => ({
  outcome: 'failed',
  observed: `${object}: ${observed}`,
  expected: 'every page of every table to be readable',
});
