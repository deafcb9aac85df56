/** Settings that hide damage, in a configuration that was restored with the database: they are taken off the copy. */
import { DatabaseError, escapeIdentifier } from 'pg';
import type { Session } from './session';

export const HIDING = ['zero_damaged_pages', 'ignore_checksum_failure'] as const;

/** The result of a check that reads pages under such a setting. */
export const hidden = (name: string, user: string) => ({
  observed: `'${name}' is on, so that damaged pages are read as if they were sound, and ${user} may not turn it off`,
  remedy: `turn '${name}' off in the source: in its parameter group, or by ALTER DATABASE or ALTER ROLE ... RESET`,
});

/**
 * @returns what a reader has to know of it. Sessions that are opened afterwards have the settings off, where allowed.
 */
export async function takeOffHidingSettings(session: Session): Promise<string[]> {
  const on = await session.transaction('READ ONLY', () =>
    session.rows(`
      SELECT name, pg_catalog.current_database(), current_user FROM pg_catalog.pg_settings
      WHERE name IN (${HIDING.map((name) => `'${name}'`).join(', ')}) AND setting = 'on'`),
  );
  const notes: string[] = [];
  for (const [name, database, user] of on) {
    const [where, who] = [escapeIdentifier(database!), escapeIdentifier(user!)];
    // The first one counts for autovacuum as well, the second one for us whatever else sets it.
    const off = [`ALTER DATABASE ${where} RESET ${name}`, `ALTER ROLE ${who} IN DATABASE ${where} SET ${name} = off`];
    const taken = [];
    for (const statement of off) taken.push(await attempt(session, statement));
    if (taken.some(Boolean))
      notes.push(`'${name}' was on in the restored database, and was turned off on the restored instance.`);
  }
  return notes;
}

/** Whether PostgreSQL took it. */
async function attempt(session: Session, statement: string): Promise<boolean> {
  try {
    await session.transaction('READ WRITE', () => session.rows(statement));
    return true;
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    return false;
  }
}
