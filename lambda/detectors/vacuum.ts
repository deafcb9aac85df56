/** Vacuums a table of the copy, so that of its index entries only those of lost rows lead nowhere. */
import type { Context } from '../examiner/detector';
import { lockTimeout } from '../examiner/facts';
import type { Session } from '../examiner/session';

/** A vacuum passes over a page that somebody holds, as the checkpointer does while it writes it: so it has another try. */
const TRIES = 4;

/**
 * @param table ready for SQL
 * @returns whether every page is known to be all-visible now: then none is new, held, or without content
 */
export async function vacuum(session: Session, oid: number, table: string, { facts }: Context): Promise<boolean> {
  const { version, functions } = facts;
  // A vacuum ends with a look at all tables of the database, which only later versions leave out; TOAST has its own turn.
  const spared = [version >= 140_000 && ', PROCESS_TOAST OFF', version >= 160_000 && ', SKIP_DATABASE_STATS'];
  const options = `INDEX_CLEANUP ON, TRUNCATE OFF${spared.filter(Boolean).join('')}`;
  const pins = lockTimeout(facts);
  await session.alone(`VACUUM (${options}, DISABLE_PAGE_SKIPPING) ${table}`, pins);
  for (let tries = 1; tries < TRIES && functions.pgVisibilityMap; tries++) {
    const [left] = await session.transaction('READ ONLY', () =>
      session.rows(`SELECT pg_catalog.count(*) FROM ${functions.pgVisibilityMap}(${oid}) WHERE NOT all_visible`),
    );
    if (left![0] === '0') return true;
    await session.alone(`VACUUM (${options}) ${table}`, pins);
  }
  return false;
}

/**
 * Vacuums it again.
 *
 * @returns whether that made a page all-visible: then the vacuum before had left something, or somebody wrote since
 */
export async function vacuumsMore(session: Session, oid: number, table: string, context: Context): Promise<boolean> {
  const { pgVisibilityMap } = context.facts.functions;
  const visible = async () => {
    if (!pgVisibilityMap) return 0;
    const [counted] = await session.transaction('READ ONLY', () =>
      session.rows(`SELECT pg_catalog.count(*) FROM ${pgVisibilityMap}(${oid}) WHERE all_visible`),
    );
    return Number(counted![0]);
  };
  const before = await visible();
  await vacuum(session, oid, table, context);
  return !pgVisibilityMap || (await visible()) > before;
}
