/** The plan: what would be done, and all reasons why it can't be. Reads catalogs alone, and writes nothing. */
import { describeTable, type Table } from './catalog';
import { together } from './pace';
import { type Pairing, pairingOf, sameType } from './pairing';
import type { Plan, PlannedTable, PlanTables, TableName, Way } from './protocol';
import { TablesRefused } from './refusals';
import { quoted, type Session } from './session';

/** What hangs on a table, for a swap. */
export interface Inventory {
  readonly carried: readonly string[];
  readonly refused: readonly string[];
  readonly warnings: readonly string[];
}

/** @param inventory of what a swap has to carry over, for tables that are on both sides */
export async function planTables(
  { way, tables }: PlanTables,
  live: Session,
  copy: Session,
  inventory: (pairing: Pairing) => Promise<Inventory>,
): Promise<Plan> {
  const refused = [...(await refusalsOfSides(live, copy)), ...refusalsOfNames(tables)];
  const pairings: Pairing[] = [];
  const planned = new Map<Pairing, PlannedTable>();
  for (const name of tables) {
    const [here, there] = await together(describeTable(live, name), describeTable(copy, name));
    if (!here)
      refused.push(`${quoted(name)} is not in the live database; create it from its migrations, then try again`);
    if (!there) refused.push(`${quoted(name)} is not in the restored copy; choose an earlier moment to restore`);
    if (!here || !there) continue;
    const pairing = pairingOf(name, here, there);
    refused.push(...refusalsOf(pairing, way));
    const hanging = way === 'swap' ? await inventory(pairing) : { carried: [], refused: [], warnings: [] };
    refused.push(...hanging.refused);
    pairings.push(pairing);
    planned.set(pairing, plannedTable(pairing, way, hanging));
  }
  return { done: true, tables: parentsFirst(pairings).map((pairing) => planned.get(pairing)!), refused };
}

function plannedTable(pairing: Pairing, way: Way, { carried, warnings }: Inventory): PlannedTable {
  const { name, pairs, key, copy, binary, shape } = pairing;
  return {
    schema: name.schema,
    table: name.table,
    shape,
    columns: pairs.map((pair) => ({
      name: pair.name,
      type: pair.live.type,
      ...(!sameType(pair) && { typeInCopy: pair.copy.type }),
    })),
    key: key?.live.columns ?? null,
    bytes: copy.bytes,
    rows: copy.rows,
    binary,
    carried,
    warnings: [...warningsOf(pairing, way), ...warnings],
  };
}

async function refusalsOfSides(live: Session, copy: Session): Promise<string[]> {
  const [, [theirs]] = await together(Promise.resolve(), copy.read(MAY_CREATE));
  const [ours] = await live.read(MAY_CREATE);
  const publications = await live.read('SELECT pubname FROM pg_publication WHERE puballtables ORDER BY 1');
  return [
    ...[
      [ours, live],
      [theirs, copy],
    ].flatMap(([row, session]) => {
      const [may, user, database] = row as readonly string[];
      const { side } = session as Session;
      return may === 't'
        ? []
        : [
            `${side}: ${user} may not create schemas, which Lifeboat needs for its own tables; GRANT CREATE ON DATABASE ${database} TO ${user}`,
          ];
    }),
    ...publications.map(
      ([name]) =>
        `publication ${name} publishes all tables, so it would send Lifeboat's own to subscribers that do not have them, ` +
        'and their replication would stop; publish tables by name instead',
    ),
  ];
}

const MAY_CREATE = `
  SELECT has_database_privilege(current_database(), 'CREATE'), quote_ident(current_user), quote_ident(current_database())`;

function refusalsOfNames(tables: readonly TableName[]): string[] {
  const names = tables.map(({ table }) => table);
  const twice = tables.filter(({ table }, at) => names.indexOf(table) !== at);
  return [
    ...(tables.length === 0 ? ['no table is named; name at least one'] : []),
    ...twice.map(
      (name) =>
        `${quoted(name)} has the name of another table of this recovery, and staged tables keep their names; ` +
        'recover one after the other',
    ),
  ];
}

/** @throws TablesRefused where a run's name can't be part of names of tables */
export function refuseNames(run: string): void {
  if (/^[a-z0-9]{1,20}$/.test(run)) return;
  throw new TablesRefused("'run' has to be 1 to 20 lower-case letters and digits, since tables are named after it");
}

const WRITES: Readonly<Record<Way, readonly string[]>> = {
  'insert-missing': ['SELECT', 'INSERT', 'DELETE'],
  'overwrite-changed': ['SELECT', 'UPDATE'],
  swap: ['SELECT'],
};

function refusalsOf(pairing: Pairing, way: Way): string[] {
  const name = quoted(pairing.name);
  const { live, copy } = pairing;
  const refused: string[] = [];
  for (const [side, table, rights] of [
    ['the live database', live, WRITES[way]],
    ['the restored copy', copy, ['SELECT']],
  ] as const) {
    refused.push(...refusalsOfTable(name, side, table, rights));
  }
  if (copy.unlogged) {
    refused.push(`${name} is unlogged in the restored copy, where such tables come back empty; it can't be recovered`);
  }
  if (pairing.pairs.length === 0) refused.push(`${name} has no column that is on both sides; choose another moment`);
  return [...refused, ...(way === 'swap' ? refusalsOfSwap(name, pairing) : refusalsOfMerge(name, pairing, way))];
}

function refusalsOfTable(name: string, side: string, table: Table, rights: readonly string[]): string[] {
  const refused: string[] = [];
  if (!['r', 'p'].includes(table.kind)) {
    refused.push(`${name} is not an ordinary or partitioned table in ${side}; name the table that holds the rows`);
  }
  if (table.inherited) {
    refused.push(
      `${name} has tables that inherit from it in ${side}, and their rows seem to be its own; name each of them`,
    );
  }
  if (table.hidesRows) {
    refused.push(
      `${name}: row security hides rows from this user in ${side}, so they would count as missing; connect as its owner`,
    );
  }
  const lacking = rights.filter((right) => !table.rights.includes(right));
  if (lacking.length > 0) refused.push(`${name}: this user lacks ${lacking.join(', ')} in ${side}; grant it`);
  return refused;
}

function refusalsOfSwap(name: string, { live, pairs }: Pairing): string[] {
  const known = new Set(pairs.map((pair) => pair.name));
  return live.columns
    .filter((column) => !known.has(column.name) && !column.generated)
    .map(
      (column) =>
        `${name}: the column ${column.name} is only in the live database, so a swap would lose its values; use a merge`,
    );
}

function refusalsOfMerge(name: string, pairing: Pairing, way: Way): string[] {
  const { live, key, pairs } = pairing;
  const refused: string[] = [];
  if (key === null) {
    refused.push(
      `${name} has no primary key, and no unique key of NOT NULL columns, that is the same on both sides, so its rows ` +
        "can't be matched; use 'swap', or add a key",
    );
  }
  for (const column of key?.live.columns ?? []) {
    const pair = pairs.find((candidate) => candidate.name === column)!;
    if (pair.live.collation !== pair.copy.collation) {
      refused.push(
        `${name}: the key column ${column} sorts by ${pair.live.collation} in the live database and by ` +
          `${pair.copy.collation} in the restored copy, so ranges of keys do not match; use 'swap'`,
      );
    }
  }
  if (key && new Set([...key.live.schemas, ...key.copy.schemas]).size > 1) {
    refused.push(
      `${name}: its key compares columns by operators of several schemas, which is not supported; use 'swap'`,
    );
  }
  if (live.rules.length > 0) {
    refused.push(
      `${name} has rules (${live.rules.join(', ')}), which would write something else; drop them, or use 'swap'`,
    );
  }
  const known = new Set(pairs.map((pair) => pair.name));
  const needed = live.columns.filter(
    (column) =>
      !known.has(column.name) && column.notNull && !column.hasDefault && !column.identity && !column.generated,
  );
  if (way === 'insert-missing') {
    for (const column of needed) {
      refused.push(
        `${name}: the column ${column.name} takes no NULL, has no default and is not in the restored copy, so no row ` +
          'can be inserted; give it a default',
      );
    }
  } else {
    const fixed = pairs.filter((pair) => pair.live.identity === 'a' && !key?.live.columns.includes(pair.name));
    for (const pair of fixed) {
      refused.push(
        `${name}: the column ${pair.name} is GENERATED ALWAYS AS IDENTITY, so it can't be set back; ` +
          `ALTER COLUMN ${pair.name} SET GENERATED BY DEFAULT, or use 'swap'`,
      );
    }
  }
  return refused;
}

function warningsOf({ live, copy, pairs }: Pairing, way: Way): string[] {
  const known = new Set(pairs.map((pair) => pair.name));
  const onlyIn = (table: Table) =>
    table.columns.filter((column) => !known.has(column.name) && !column.generated).map((column) => column.name);
  const [here, there] = [onlyIn(live), onlyIn(copy)];
  const otherTypes = pairs.filter((pair) => !sameType(pair));
  return [
    ...(there.length > 0 ? [`Columns only in the restored copy are not recovered: ${there.join(', ')}.`] : []),
    ...(here.length > 0 && way === 'insert-missing'
      ? [`Columns only in the live database get their default in inserted rows: ${here.join(', ')}.`]
      : []),
    ...otherTypes.map(
      (pair) =>
        `${pair.name} is ${pair.copy.type} in the restored copy and ${pair.live.type} in the live database: values are ` +
        'converted as text, and the recovery stops where one does not fit.',
    ),
    ...(live.triggers.length > 0 && way !== 'swap'
      ? [`Triggers of the live table fire for each row that is written: ${live.triggers.join(', ')}.`]
      : []),
  ];
}

/** Tables that others refer to come first. In a circle the order is that of the request. */
function parentsFirst(pairings: readonly Pairing[]): readonly Pairing[] {
  const left = [...pairings];
  const ordered: Pairing[] = [];
  while (left.length > 0) {
    const names = new Set(left.map(({ name }) => quoted(name)));
    const free = left.findIndex(({ name, live }) =>
      live.foreignKeys.every(({ to }) => !names.has(to) || to === quoted(name)),
    );
    ordered.push(...left.splice(Math.max(0, free), 1));
  }
  return ordered;
}
