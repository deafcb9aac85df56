/** Drops what a run made in the live database for its merges, and nothing that its ledger does not name. After that, no undo. */
import { escapeLiteral } from 'pg';
import { LEDGER, OBJECTS } from './ledger';
import { type Cleaned, OWN_SCHEMA, STAGING_SCHEMA } from './protocol';
import type { Session } from './session';

export async function cleanMerges(live: Session, run: string): Promise<Cleaned> {
  const [known] = await live.read(`SELECT to_regclass('${OBJECTS}')`);
  if (known![0] === null) return { done: true, dropped: [] };
  const ours = `run = ${escapeLiteral(run)}`;
  const dropped = await live.transaction('READ WRITE', async () => {
    const made = await live.rows(
      `SELECT quote_ident(schema) || '.' || quote_ident(name), to_regclass(quote_ident(schema) || '.' || quote_ident(name))
       FROM ${OBJECTS} WHERE ${ours} AND schema IN ('${OWN_SCHEMA}', '${STAGING_SCHEMA}') ORDER BY 1`,
    );
    const there = made.flatMap(([name, found]) => (found === null ? [] : [name!]));
    for (const name of there) await live.rows(`DROP TABLE ${name}`);
    await live.rows(`DELETE FROM ${OBJECTS} WHERE ${ours}; DELETE FROM ${LEDGER} WHERE ${ours}`);
    return there;
  });
  return { done: true, dropped: [...dropped, ...(await dropEmpty(live))] };
}

/** The ledger goes with the last run, and a schema once nothing is in it. */
async function dropEmpty(live: Session): Promise<string[]> {
  return live.transaction('READ WRITE', async () => {
    await live.rows("SELECT pg_advisory_xact_lock(hashtextextended('lifeboat', 0))");
    const [left] = await live.rows(`SELECT EXISTS (SELECT FROM ${OBJECTS}) OR EXISTS (SELECT FROM ${LEDGER})`);
    if (left![0] === 't') return [];
    await live.rows(`DROP TABLE ${OBJECTS}, ${LEDGER}`);
    const dropped: string[] = [];
    for (const schema of [OWN_SCHEMA, STAGING_SCHEMA]) {
      const [found] = await live.rows(
        `SELECT count(*) FROM pg_depend WHERE refclassid = 'pg_namespace'::regclass AND refobjid = to_regnamespace('${schema}')`,
      );
      const [exists] = await live.rows(`SELECT to_regnamespace('${schema}') IS NOT NULL`);
      if (exists![0] !== 't' || found![0] !== '0') continue;
      await live.rows(`DROP SCHEMA ${schema}`);
      dropped.push(schema);
    }
    return dropped;
  });
}
