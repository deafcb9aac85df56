/**
 * In a database without an encoding, SQL_ASCII, names may be bytes that are not UTF-8, which no statement of ours can
 * hold; and databases have the names that were given to them in the encoding of another. On the copy such names are
 * spelled as Latin-1 means them.
 */
import { escapeLiteral } from 'pg';
import { asOwner, type Refused, refusalOf } from './attempt';
import { userSchema } from './catalog';
import { many } from './figures';
import type { Row, Session } from './session';

/** Bytes as hex survive where text does not. */
const bytes = (name: string) =>
  `pg_catalog.encode(pg_catalog.convert_to(${name}::pg_catalog.text, 'SQL_ASCII'), 'hex')`;

/** What PostgreSQL cuts names to, in bytes. */
const MAX_NAME = 63;

export async function renameUnreadable(session: Session): Promise<string[]> {
  const [schemas, tables, columns] = await session.transaction('READ ONLY', async () => {
    const [encoding] = await session.rows("SELECT pg_catalog.current_setting('server_encoding')");
    if (encoding![0] !== 'SQL_ASCII') return [[], [], []];
    const relation = `pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'p', 'm') AND ${userSchema('n')}`;
    return [
      await session.rows(
        `SELECT n.oid, ${bytes('n.nspname')} FROM pg_catalog.pg_namespace n WHERE ${userSchema('n')} ORDER BY n.oid`,
      ),
      await session.rows(`SELECT c.oid, ${bytes('c.relname')} FROM ${relation} ORDER BY c.oid`),
      await session.rows(
        `SELECT c.oid, ${bytes('a.attname')}, a.attnum FROM pg_catalog.pg_attribute a, ${relation}
         AND a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attinhcount = 0 ORDER BY c.oid, a.attnum`,
      ),
    ];
  });
  let renamed = 0;
  let refused = 0;
  const change = async (row: Row, lookup: string, rename: (to: string) => string) => {
    const to = readable(row[1]!);
    if (to === undefined) return;
    const no = await refusalOf(() =>
      session.transaction('READ WRITE', () => session.rows(renaming(lookup, rename(escapeLiteral(to))))),
    );
    if (no) refused++;
    else renamed++;
  };
  for (const row of schemas!) {
    const lookup = `nspname FROM pg_catalog.pg_namespace WHERE oid = ${row[0]}`;
    await change(row, lookup, (to) => `pg_catalog.format('ALTER SCHEMA %I RENAME TO %I', old, ${to})`);
  }
  const qualified = (oid: string | null | undefined) =>
    `pg_catalog.format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_class c
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = ${oid}`;
  for (const row of tables!) {
    await change(row, qualified(row[0]), (to) => `'ALTER TABLE ' || old || pg_catalog.format(' RENAME TO %I', ${to})`);
  }
  for (const row of columns!) {
    const column = `(SELECT attname FROM pg_catalog.pg_attribute WHERE attrelid = ${row[0]} AND attnum = ${row[2]})`;
    const to = (name: string) =>
      `'ALTER TABLE ' || old || pg_catalog.format(' RENAME COLUMN %I TO %I', ${column}, ${name})`;
    await change(row, qualified(row[0]), to);
  }
  return told(renamed, refused);
}

/** Names of databases as they are: one has the encoding of the database that it was made in. */
export const AS_BYTES = { client_encoding: 'SQL_ASCII' } as const;

/** The same for databases, of which a session is asked for by name. */
export async function renameUnreadableDatabases(session: Session): Promise<string[]> {
  const found = await session.transaction(
    'READ ONLY',
    () =>
      session.rows(`SELECT oid, pg_catalog.encode(pg_catalog.namesend(datname), 'hex'), pg_catalog.pg_get_userbyid(datdba)
        FROM pg_catalog.pg_database WHERE NOT datistemplate ORDER BY oid`),
    AS_BYTES,
  );
  const unreadable = found.flatMap(([oid, hex, owner]) => {
    const to = readable(hex!);
    return to === undefined ? [] : [{ oid: oid!, to, owner: owner! }];
  });
  const refusals: (Refused | undefined)[] = [];
  for (const { oid, to, owner } of unreadable) {
    const rename = `pg_catalog.format('ALTER DATABASE %I RENAME TO %I', old, ${escapeLiteral(to)})`;
    const lookup = `datname FROM pg_catalog.pg_database WHERE oid = ${oid}`;
    refusals.push(await asOwner(session, owner, renaming(lookup, rename), AS_BYTES));
  }
  const refused = refusals.filter((one) => one !== undefined).length;
  return told(unreadable.length - refused, refused);
}

/** The old name is put in by the server, which alone can hold it. */
const renaming = (lookup: string, rename: string) =>
  `DO ${escapeLiteral(`DECLARE old pg_catalog.text; BEGIN SELECT ${lookup} INTO STRICT old; EXECUTE ${rename}; END`)}`;

function told(renamed: number, refused: number): string[] {
  return [
    ...(renamed > 0
      ? [
          `${many(renamed, 'name')} that ${renamed === 1 ? 'is' : 'are'} not UTF-8 ${renamed === 1 ? 'was' : 'were'} spelled as Latin-1 means ${renamed === 1 ? 'it' : 'them'}, on the restored instance.`,
        ]
      : []),
    ...(refused > 0
      ? [
          `${many(refused, 'name')} that ${refused === 1 ? 'is' : 'are'} not UTF-8 could not be changed on the restored instance, so what bears ${refused === 1 ? 'it' : 'them'} can't be examined; rename it in the source.`,
        ]
      : []),
  ];
}

/** The name that Latin-1 makes of the bytes; undefined where they are UTF-8 already. */
function readable(hex: string): string | undefined {
  const raw = Buffer.from(hex, 'hex');
  if (Buffer.from(raw.toString('utf8')).equals(raw)) return undefined;
  let name = raw.toString('latin1');
  while (Buffer.byteLength(name) > MAX_NAME) name = name.slice(0, -1);
  return name;
}
