/**
 * What was lost since the last proof: compares two inventories.
 *
 * A table or a constraint that is gone fails, and so does a table that lost more than a share of its rows. Partitions
 * come and go with time, so they count as rows of their table. A table that was empty before is a queue: that it is
 * empty again is a warning, as is everything else that is gone.
 */
import { type Check, type DatabaseInventory, INVENTORY_KINDS } from '../contract';
import { many } from './figures';
import type { Listing } from './listing';
import type { Problem } from './protocol';

type NotShrunk = Extract<Check, { kind: 'not-shrunk' }>;

export interface Comparison {
  readonly failures: readonly Problem[];
  readonly warnings: readonly Problem[];
  readonly notRun: readonly Problem[];
  /** Tables that were compared. */
  readonly tables: number;
}

/** For how many proofs a table that was empty counts as a queue. */
const QUEUE_PROOFS = 12;

const LOST_SHARE = 0.5;

/** What a proof keeps of a database: its listing, with the rows that were counted in it. */
export function inventoryOf(
  listing: Listing,
  rows: ReadonlyMap<number, number>,
  before: DatabaseInventory | undefined,
): DatabaseInventory {
  const tables = new Map<string, { rows: number | null; partitions: number }>();
  for (const { oid, root, partition, unlogged, hollow } of listing.tables) {
    if (unlogged) continue;
    const table = tables.get(root) ?? { rows: 0, partitions: 0 };
    const own = hollow ? 0 : (rows.get(oid) ?? null);
    table.rows = table.rows === null || own === null ? null : table.rows + own;
    if (partition && !hollow) table.partitions++;
    tables.set(root, table);
  }
  const known = new Map(before?.tables.map((table) => [table.name, table]));
  return {
    name: listing.database,
    tables: [...tables].map(([name, { rows: counted, partitions }]) => {
      const since = known.get(name)?.emptied;
      const emptied = counted === 0 ? 1 : since === undefined ? undefined : since + 1;
      return {
        name,
        rows: counted,
        ...(partitions > 0 && { partitions }),
        ...(emptied !== undefined && { emptied }),
      };
    }),
    objects: Object.fromEntries(INVENTORY_KINDS.map((kind) => [kind, [...(listing.objects[kind] ?? [])]])),
    largeObjects: listing.largeObjects,
  };
}

export function compare(check: NotShrunk, now: DatabaseInventory, before: DatabaseInventory): Comparison {
  const { lostShare = LOST_SHARE, except = [] } = check;
  const excepted = matcher(except);
  const tables = new Map(now.tables.map((table) => [table.name, table]));
  const failures: Problem[] = [];
  const warnings: Problem[] = [];
  const notRun: Problem[] = [];
  const watched = before.tables.filter(({ name }) => !excepted(name));
  for (const { name, rows, emptied } of watched) {
    const found = tables.get(name);
    const queue = emptied !== undefined && emptied <= QUEUE_PROOFS;
    if (!found) {
      failures.push({ object: name, observed: `the table is gone; it held ${rowsIn(rows)}`, ...EXPECTED_TABLE(name) });
    } else if (rows !== null && found.rows === null) {
      notRun.push({ object: name, observed: `its rows could not be counted; it held ${rowsIn(rows)}` });
    } else if (rows !== null && found.rows !== null && found.rows < rows * (1 - lostShare)) {
      const observed = `${rowsIn(found.rows)}, ${rowsIn(rows)} at the last proof`;
      const expected = `at most ${Math.round(lostShare * 100)} % of its rows lost`;
      (queue ? warnings : failures).push({ object: name, observed, expected, remedy: EXCEPT(name) });
    }
  }
  const held = new Set(before.tables.map(({ name }) => name));
  const types = new Set(now.objects.type ?? []);
  const gone = (of: string) =>
    (held.has(of) && !tables.has(of)) || (of.startsWith(DOMAIN) && !types.has(of.slice(DOMAIN.length)));
  for (const kind of INVENTORY_KINDS) {
    const there = new Set(now.objects[kind] ?? []);
    for (const object of before.objects[kind] ?? []) {
      // Objects that went with their table are reported with the table, and those of an excepted table not at all.
      const table = tableOf(object);
      if (there.has(object) || gone(table) || excepted(table)) continue;
      const problem = { object, observed: `the ${kind} is gone`, expected: 'all that the last proof listed' };
      if (kind === 'constraint') failures.push({ ...problem, remedy: EXCEPT(table) });
      else warnings.push({ ...problem, remedy: 'where that was meant, the next proof no longer expects it' });
    }
  }
  if (now.largeObjects < before.largeObjects * (1 - lostShare)) {
    failures.push({
      object: 'large objects',
      observed: `${now.largeObjects}, ${before.largeObjects} at the last proof`,
      expected: `at most ${Math.round(lostShare * 100)} % of them lost`,
    });
  }
  return { failures, warnings, notRun, tables: watched.length };
}

/** Before the first proof there is the planner's estimate only, which may be old: what contradicts it is a warning. */
export function compareWithEstimates(listing: Listing, rows: ReadonlyMap<number, number>): Comparison {
  const estimated = listing.tables.filter(
    ({ estimate, unlogged, hollow }) => !unlogged && !hollow && (estimate ?? 0) > 0,
  );
  const warnings = estimated.flatMap(({ oid, root, estimate }): Problem[] =>
    rows.get(oid) === 0
      ? [
          {
            object: root,
            observed: `empty, although PostgreSQL's statistics estimate ${rowsIn(estimate)}`,
            expected: 'rows, unless they were deleted since the table was analyzed',
            remedy: 'compare with the source',
          },
        ]
      : [],
  );
  return { failures: [], warnings, notRun: [], tables: estimated.length };
}

/** Roles are the instance's. */
export function lostRoles(now: readonly string[], before: readonly string[]): Problem[] {
  return before
    .filter((role) => !now.includes(role))
    .map((role) => ({
      object: `role ${role}`,
      observed: 'the role is gone',
      expected: 'all that the last proof listed',
    }));
}

const rowsIn = (rows: number | null) => (rows === null ? 'an unknown number of rows' : many(rows, 'row'));

const EXCEPT = (name: string) =>
  `where that was meant, name it: RecoveryCheck.notShrunk({ except: [${JSON.stringify(name)}] })`;
const EXPECTED_TABLE = (name: string) => ({ expected: 'every table of the last proof', remedy: EXCEPT(name) });

/** As listings write it: the constraint, column, index, trigger, policy or grant, ` on `, and its table or domain. */
const tableOf = (object: string) => object.slice(object.lastIndexOf(' on ') + 1).replace(/^on /, '');

const DOMAIN = 'domain ';

/** Names as given, with or without `public`, and `*` for any characters. */
function matcher(patterns: readonly string[]): (name: string) => boolean {
  const expressions = patterns.map((pattern) => {
    const source = pattern
      .replace(/^public\./, '')
      .split('*')
      .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
      .join('.*');
    return new RegExp(`^${source}$`, 's');
  });
  return (name) => expressions.some((expression) => expression.test(name.replace(/^public\./, '')));
}
