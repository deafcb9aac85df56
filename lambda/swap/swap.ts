/**
 * The swap: in one transaction, under locks that are asked for a few milliseconds at a time, tables leave their schema and
 * others of the same names enter it, with all that is bound to them. What hangs on them is compared before the commit.
 * It is its own undo: then the old tables are those that enter.
 */
import { escapeIdentifier, escapeLiteral } from 'pg';
import type { TableName } from '../tables/protocol';
import { TablesRefused } from '../tables/refusals';
import {
  type ForeignKey,
  foreignKeys,
  type Member,
  materializedViewsOf,
  membersOf,
  publicationsOf,
  type Sequence,
  sequencesOf,
  statisticsOf,
  triggersOf,
  viewsOf,
} from './anatomy';
import { type Applying, applyCaptured, BATCH, captureNames, captureOff, captureOn } from './capture';
import { applying, conflicts, mustBeCaptured, refuseOrphans } from './catch-up';
import { differences, preparedDefinition } from './definition';
import type { Live } from './live';
import { type Asks, inSchema, namesOf, quoted, sqlName } from './names';
import { counted, note, noting, type Phase } from './state';

/** Which tables take the place of which. */
export interface Exchange {
  readonly run: string;
  readonly tables: readonly TableName[];
  /** The schema that the tables come from which are to be live, and the one that the others go to. */
  readonly from: string;
  readonly to: string;
  /** What the states become. */
  readonly phase: Phase;
}

export interface Exchanged {
  readonly lockedMs: number;
  readonly tries: number;
  readonly applied: number;
}

/** @returns undefined where the locks were not free in the time of this call */
export async function exchange(live: Live, task: Exchange): Promise<Exchanged | undefined> {
  const edges = await live.transaction(async () => {
    await refuseOrphans(live, task.tables, task.from);
    return edgesOf(live, task);
  });
  let locked = 0;
  const won = await live.briefly(async () => {
    const plan = await planOf(live, task, edges);
    const definition = await preparedDefinition(live, task.tables);
    const applied = new Map<TableName, number>();
    // What can be applied before the locks is not applied under them.
    for (const [table, state] of plan.states) {
      applied.set(table, await conflicts(table, () => applyCaptured(live, state)));
    }
    // Nobody else uses those, but a vacuum may be at work on them, and would be waited for under all the other locks.
    for (const name of plan.incoming) await live.rows(`LOCK TABLE ${name} IN ACCESS EXCLUSIVE MODE`);
    locked = performance.now();
    await live.rows(`SET LOCAL statement_timeout = ${LOCKING_MS}; DO $lock$ BEGIN ${plan.lock} END $lock$;
      SET LOCAL statement_timeout = ${Math.max(1, Math.floor(live.deadline.left()))}`);
    const before = await definition();
    let last = 0;
    for (const [table, captured] of plan.states) {
      for (let taken = BATCH; taken === BATCH; last += taken) {
        taken = await conflicts(table, () => applyCaptured(live, captured));
        applied.set(table, applied.get(table)! + taken);
      }
    }
    const notes = [...applied].map(([table, count]) =>
      noting(
        task.run,
        table,
        `phase = '${task.phase}', mark = NULL, ${counted(count)}, last_applied = ${last},
          validate = ${escapeLiteral(JSON.stringify(plan.validate))}`,
      ),
    );
    await live.rows([...plan.statements, ...notes].join(';\n'));
    const found = differences(before, await definition());
    if (found.length > 0) {
      throw new TablesRefused(
        `${namesOf(task.tables)}: what would be live differs from what is (${found.slice(0, SHOWN).join('; ')}` +
          `${found.length > SHOWN ? `; and ${found.length - SHOWN} more` : ''}), so nothing was swapped. Somebody may have ` +
          'changed a definition since: change it back, or clean up this recovery and start another one',
      );
    }
    return last;
  });
  if (!won) return undefined;
  const lockedMs = Math.round((performance.now() - locked) * 10) / 10;
  await live.transaction(async () => {
    for (const table of task.tables) await note(live, task.run, table, `locked_ms = ${lockedMs}, tries = ${won.tries}`);
  });
  return { lockedMs, tries: won.tries, applied: won.value };
}

/** All locks together: whoever comes later waits for as long. */
const LOCKING_MS = 40;
/** Of differences. */
const SHOWN = 10;

interface Plan {
  readonly incoming: readonly string[];
  /**
   * Views, then tables that refer to these, then these: the order in which readers and foreign keys lock them. LOCK of a
   * view would lock all that it reads, too, by the rights of its owner; giving it the owner that it has locks it alone.
   */
  readonly lock: string;
  readonly statements: readonly string[];
  readonly states: ReadonlyMap<TableName, Applying>;
  readonly validate: readonly string[];
}

async function planOf(db: Asks, { run, tables, from, to }: Exchange, edges: Edges): Promise<Plan> {
  const members = await membersOf(db, tables);
  const [views, materialized, statistics, sequences, triggers, publications, keysIn, within] = [
    await viewsOf(db, tables),
    await materializedViewsOf(db, tables),
    await statisticsOf(db, tables),
    await sequencesOf(db, tables),
    await triggersOf(db, tables),
    await publicationsOf(db, tables),
    await foreignKeys(db, tables, 'in'),
    await foreignKeys(db, tables, 'within'),
  ];
  const states = new Map<TableName, Applying>();
  for (const table of tables) {
    states.set(table, await applying(db, run, table, await mustBeCaptured(db, run, table), from));
  }
  const own = new Set(members.map(sqlName));
  const roots = members.filter(({ oid, root }) => oid === root);
  const parts = (root: Member) => members.filter((member) => member.root === root.oid).map(sqlName);
  const capture = (root: Member) =>
    captureNames(run, [...states].find(([table]) => sqlName(table) === sqlName(root))![1].state.old);
  const serials = sequences.filter(({ identity }) => !identity);
  const out = (table: TableName) => sqlName(inSchema(table, to));
  const added = [...keysIn, ...within];
  const statements = [
    ...keysIn.map(({ on, name }) => `ALTER TABLE ${on} DROP CONSTRAINT ${escapeIdentifier(name)}`),
    ...publications.map(({ name, table }) => `ALTER PUBLICATION ${escapeIdentifier(name)} DROP TABLE ${table}`),
    ...roots.map((root) => captureOff(parts(root), sqlName(root))),
    ...serials.map(({ schema, name }) => `ALTER SEQUENCE ${quoted(schema, name)} OWNED BY NONE`),
    ...materialized.map(({ schema, name }) => `ALTER MATERIALIZED VIEW ${quoted(schema, name)} SET SCHEMA ${to}`),
    ...statistics.map(({ schema, name }) => `ALTER STATISTICS ${quoted(schema, name)} SET SCHEMA ${to}`),
    ...members.map((member) => `ALTER TABLE ${sqlName(member)} SET SCHEMA ${to}`),
    ...members.map(
      (member) => `ALTER TABLE ${sqlName(inSchema(member, from))} SET SCHEMA ${escapeIdentifier(member.schema)}`,
    ),
    ...statistics.map(
      ({ schema, name }) => `ALTER STATISTICS ${quoted(from, name)} SET SCHEMA ${escapeIdentifier(schema)}`,
    ),
    ...materialized.map(
      ({ schema, name }) => `ALTER MATERIALIZED VIEW ${quoted(from, name)} SET SCHEMA ${escapeIdentifier(schema)}`,
    ),
    ...serials.map(
      ({ schema, name, table, column }) =>
        `ALTER SEQUENCE ${quoted(schema, name)} OWNED BY ${sqlName(table)}.${escapeIdentifier(column)}`,
    ),
    ...sequences.map((sequence) => moveOn(sequence, edges, to)),
    ...views.map(({ replace }) => replace.replace(/;\s*$/, '')),
    ...triggers.flatMap(({ table, name, enabled }) => [
      `ALTER TABLE ${sqlName(table)} ${MODES[enabled]} TRIGGER ${escapeIdentifier(name)}`,
      `ALTER TABLE ${out(table)} DISABLE TRIGGER ${escapeIdentifier(name)}`,
    ]),
    ...roots.map((root) => captureOn(parts(root), sqlName(root), capture(root))),
    ...publications.map(
      ({ name, table, part }) => `ALTER PUBLICATION ${escapeIdentifier(name)} ADD TABLE ${table}${part}`,
    ),
    // Those among the tables stay with the ones that leave, until they are dropped there.
    ...within.flatMap(({ on, name }) => [`ALTER TABLE ${on} DROP CONSTRAINT IF EXISTS ${escapeIdentifier(name)}`]),
    ...added.flatMap(({ on, name, definition, comment }) => [
      `ALTER TABLE ${on} ADD CONSTRAINT ${escapeIdentifier(name)} ${definition} NOT VALID`,
      ...(comment === null
        ? []
        : [`COMMENT ON CONSTRAINT ${escapeIdentifier(name)} ON ${on} IS ${escapeLiteral(comment)}`]),
    ]),
  ];
  return {
    states,
    statements,
    incoming: members.map((member) => sqlName(inSchema(member, from))),
    lock: [
      ...views.map(({ name, owner }) => `ALTER VIEW ${name} OWNER TO ${owner};`),
      ...materialized.map(
        ({ schema, name, owner }) => `ALTER MATERIALIZED VIEW ${quoted(schema, name)} OWNER TO ${owner};`,
      ),
      `LOCK TABLE ${[...new Set([...keysIn.map(({ on }) => on), ...own])].join(', ')} IN ACCESS EXCLUSIVE MODE;`,
    ].join(' '),
    validate: [
      ...new Set([
        ...added.filter(({ valid }) => valid).map(validating),
        // Not yet valid since the swap before, but to become so.
        ...added
          .map(validating)
          .filter((statement) => [...states.values()].some(({ state }) => state.validate.includes(statement))),
      ]),
    ],
  };
}

const validating = ({ on, name }: ForeignKey): string =>
  `ALTER TABLE ${on} VALIDATE CONSTRAINT ${escapeIdentifier(name)}`;

const MODES: Readonly<Record<string, string>> = { D: 'DISABLE', O: 'ENABLE', A: 'ENABLE ALWAYS', R: 'ENABLE REPLICA' };

/** The furthest number that each sequence's column holds: read before the locks, since that may take a while. */
type Edges = ReadonlyMap<string, string | null>;

async function edgesOf(db: Asks, { tables, from }: Exchange): Promise<Edges> {
  const edges = new Map<string, string | null>();
  for (const { schema, name, table, column, ascending } of await sequencesOf(db, tables)) {
    const [found] = await db.rows(`SELECT ${ascending ? 'max' : 'min'}(${escapeIdentifier(column)})::bigint
      FROM ${sqlName(inSchema(table, from))}`);
    edges.set(quoted(schema, name), found![0] ?? null);
  }
  return edges;
}

/** On, never back: behind all numbers that were given, and all that are in the table, whichever is further. */
function moveOn({ schema, name, identity, ascending }: Sequence, edges: Edges, to: string): string {
  const sequence = quoted(schema, name);
  const given = (of: string) => `(SELECT CASE WHEN is_called THEN last_value END FROM ${of})`;
  // An identity's sequence stays with its column, so the one that was live has left with the table.
  const all = [given(sequence), edges.get(sequence) ?? 'NULL', ...(identity ? [given(quoted(to, name))] : [])];
  return `SELECT setval(${escapeLiteral(sequence)}::regclass, v)
    FROM (SELECT ${ascending ? 'greatest' : 'least'}(${all.join(', ')}) v) AS moved WHERE v IS NOT NULL`;
}
