/**
 * Makes a database of the copy fit for examination: the copy is ours, so the rights that are needed are taken. What is
 * refused only narrows how closely it can be looked at. All of it is said in the evidence.
 */
import { escapeIdentifier } from 'pg';
import { attempt, refusalOf } from './attempt';
import { userSchema } from './catalog';
import { EXTENSIONS, SCHEMA } from './extensions';
import { many } from './figures';
import { CopyNotReady, CopyRefused } from './lost-session';
import { printable } from './postgres-error';
import type { Connection } from './protocol';
import { createReader, dropReader, readerOf } from './reader';
import { renameUnreadable } from './rename-unreadable';
import type { Session } from './session';

/**
 * @param open a session as somebody
 * @returns what a reader of the evidence has to know of it
 */
export async function prepare(
  session: Session,
  connection: Connection,
  open: (as: Connection) => Promise<Session>,
): Promise<string[]> {
  await attempt(session, `CREATE SCHEMA IF NOT EXISTS ${SCHEMA}`);
  for (const extension of EXTENSIONS) {
    await attempt(session, `CREATE EXTENSION IF NOT EXISTS ${extension} SCHEMA ${SCHEMA}`);
  }
  const notes: string[] = [];
  const take = async (part: Promise<string[]>) => {
    const refused = await refusalOf(async () => notes.push(...(await part)));
    if (refused)
      notes.push(`The restored instance could not be prepared in full, so less of it may be examined: ${refused}.`);
  };
  await take(joinOwners(session));
  await take(renameUnreadable(session));
  await take(liftRowSecurity(session));
  const refused = (await createReader(session, connection)) ?? (await cannotLogIn(connection, open));
  if (refused) {
    await dropReader(session, connection);
    notes.push(
      `A user that may only read could not be made on the restored instance (${refused}), so functions of the database ran with the ` +
        "master user's rights where rows were read.",
    );
  } else {
    await take(allowFunctions(session, readerOf(connection).user));
  }
  return notes;
}

async function cannotLogIn(connection: Connection, open: (as: Connection) => Promise<Session>) {
  try {
    await (await open(readerOf(connection))).close();
    return undefined;
  } catch (error) {
    if (!(error instanceof CopyNotReady) && !(error instanceof CopyRefused)) throw error;
    return 'it can not log in';
  }
}

/** A master user owns nothing of what applications made; a member of the owner may vacuum and alter it, and catalogs as well. */
async function joinOwners(session: Session): Promise<string[]> {
  const owners = await find(
    session,
    `SELECT r.rolname FROM pg_catalog.pg_roles r
     WHERE r.oid IN (
         SELECT c.relowner FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE ${userSchema('n')}
         UNION ALL SELECT datdba FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
       AND NOT r.rolsuper AND NOT pg_catalog.pg_has_role(r.oid, 'USAGE') ORDER BY r.rolname`,
  );
  const joined: string[] = [];
  for (const [owner] of owners) {
    const refused = await attempt(session, `GRANT ${escapeIdentifier(owner!)} TO CURRENT_USER`);
    if (!refused) joined.push(printable(owner!));
  }
  return joined.length > 0
    ? [`The master user was made a member of the tables' owners on the restored instance: ${some(joined)}.`]
    : [];
}

/** Forced or not: rows that a policy hides are missing from every count. */
async function liftRowSecurity(session: Session): Promise<string[]> {
  const tables = await find(
    session,
    `SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), c.relforcerowsecurity
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relrowsecurity AND c.relkind IN ('r', 'p') AND ${userSchema('n')} ORDER BY c.oid`,
  );
  const lifted: string[] = [];
  const kept: string[] = [];
  for (const [table] of tables) {
    const off = 'NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY';
    const refused = await attempt(session, `ALTER TABLE ${table} ${off}`);
    if (refused) kept.push(`${printable(table!)} (${refused})`);
    else lifted.push(printable(table!));
  }
  return [
    ...(lifted.length > 0
      ? [`Row security was lifted on the restored instance, to read every row: ${some(lifted)}.`]
      : []),
    ...(kept.length > 0 ? [`Row security could not be lifted on the restored instance: ${some(kept)}.`] : []),
  ];
}

/** Constraints and views call functions that not everybody may call. */
async function allowFunctions(session: Session, reader: string): Promise<string[]> {
  const closed = await find(
    session,
    `SELECT p.oid::pg_catalog.regprocedure::pg_catalog.text FROM pg_catalog.pg_proc p
     JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
     WHERE p.proacl IS NOT NULL AND p.prokind IN ('f', 'a', 'w') AND ${userSchema('n')} AND n.nspname <> '${SCHEMA}'
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
         AND d.objid = p.oid AND d.deptype = 'e')
       AND NOT EXISTS (SELECT FROM pg_catalog.aclexplode(p.proacl) a WHERE a.grantee = 0 AND a.privilege_type = 'EXECUTE')
     ORDER BY p.oid`,
  );
  const refused: string[] = [];
  for (const [signature] of closed) {
    const no = await attempt(session, `GRANT EXECUTE ON FUNCTION ${signature} TO ${escapeIdentifier(reader)}`);
    if (no) refused.push(printable(signature!));
  }
  return refused.length > 0
    ? [`Rows are read as a user that may not call these functions, which only their owner can allow: ${some(refused)}.`]
    : [];
}

const NAMED = 10;

const some = (names: readonly string[]) =>
  names.length > NAMED
    ? `${names.slice(0, NAMED).join(', ')} and ${many(names.length - NAMED, 'more', 'more')}`
    : names.join(', ');

const find = (session: Session, sql: string) => session.transaction('READ ONLY', () => session.rows(sql));
