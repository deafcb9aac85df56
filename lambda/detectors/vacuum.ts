/** Vacuums a table of the copy, so that of its index entries only those of lost rows lead nowhere. */
import type { Context } from '../examiner/detector';
import type { Session } from '../examiner/session';

/** Whether the user may vacuum table `c`: its owner may, and so may the database's, its catalogs included. */
export const vacuumable = (version: number) => `(pg_catalog.pg_has_role(c.relowner, 'USAGE')
  OR EXISTS (SELECT FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()
    AND NOT c.relisshared AND pg_catalog.pg_has_role(d.datdba, 'USAGE'))
  ${version >= 170_000 ? "OR pg_catalog.has_table_privilege(c.oid, 'MAINTAIN')" : ''})`;

/** A vacuum passes over a page that somebody holds, as the checkpointer does while it writes it: so it has another try. */
const TRIES = 4;

/** @param table ready for SQL */
export async function vacuum(session: Session, oid: number, table: string, { facts }: Context): Promise<void> {
  const { version, functions } = facts;
  // A vacuum ends with a look at all tables of the database, which only later versions leave out; TOAST has its own turn.
  const spared = [version >= 140_000 && ', PROCESS_TOAST OFF', version >= 160_000 && ', SKIP_DATABASE_STATS'];
  const options = `INDEX_CLEANUP ON, TRUNCATE OFF${spared.filter(Boolean).join('')}`;
  await session.alone(`VACUUM (${options}, DISABLE_PAGE_SKIPPING) ${table}`);
  for (let tries = 1; tries < TRIES && functions.pgVisibilityMap; tries++) {
    const [left] = await session.transaction('READ ONLY', () =>
      session.rows(`SELECT pg_catalog.count(*) FROM ${functions.pgVisibilityMap}(${oid}) WHERE NOT all_visible`),
    );
    if (left![0] === '0') return;
    await session.alone(`VACUUM (${options}) ${table}`);
  }
}
