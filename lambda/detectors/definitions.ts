/**
 * Has PostgreSQL write out the definition of every view, function, index and so on, and read every sequence: what a
 * catalog says of them must make sense, not only be readable.
 *
 * Writing out a view locks what it reads, so this goes by portions, and each one's locks are let go.
 */
import { DatabaseError } from 'pg';
import type { Context, Detector, Examined, Piece, Verdict } from '../examiner/detector';
import { NEVER_RELEASED } from '../examiner/facts';
import { isServersOwn, whatPostgresSaid } from '../examiner/postgres-error';
import type { Session } from '../examiner/session';

interface Kind {
  readonly name: string;
  readonly catalog: string;
  /** Column that identifies an object. */
  readonly id: string;
  readonly definition: string;
  readonly where: string;
}

const kind = (name: string, catalog: string, definition: string, { where = 'true', id = 'oid' } = {}): Kind => ({
  name,
  catalog,
  id,
  definition,
  where,
});

const expressions = 'pg_catalog.pg_get_expr(polqual, polrelid), pg_catalog.pg_get_expr(polwithcheck, polrelid)';

const KINDS: readonly Kind[] = [
  kind('views', 'pg_class', 'pg_catalog.pg_get_viewdef(oid)', { where: "relkind IN ('v', 'm')" }),
  kind('functions', 'pg_proc', 'pg_catalog.pg_get_functiondef(oid)', { where: "prokind <> 'a'" }),
  kind('indexes', 'pg_index', 'pg_catalog.pg_get_indexdef(indexrelid)', { id: 'indexrelid' }),
  kind('constraints', 'pg_constraint', 'pg_catalog.pg_get_constraintdef(oid)'),
  kind('triggers', 'pg_trigger', 'pg_catalog.pg_get_triggerdef(oid)'),
  kind('rules', 'pg_rewrite', 'pg_catalog.pg_get_ruledef(oid)'),
  kind('defaults', 'pg_attrdef', 'pg_catalog.pg_get_expr(adbin, adrelid)'),
  kind('policies', 'pg_policy', `pg_catalog.concat(${expressions})`),
  kind('partitions', 'pg_class', 'pg_catalog.pg_get_expr(relpartbound, oid)', { where: 'relispartition' }),
  kind('statistics', 'pg_statistic_ext', 'pg_catalog.pg_get_statisticsobjdef(oid)'),
  kind('sequences', 'pg_sequence', 'pg_catalog.pg_sequence_last_value(seqrelid)', {
    id: 'seqrelid',
    where: "pg_catalog.has_sequence_privilege(seqrelid, 'USAGE, SELECT')",
  }),
];

const PORTION = 500;
/** Broken objects of one kind that are named. */
const NAMED = 20;

export const definitions: Detector = {
  name: 'definitions',
  phase: 'rows',
  serves: ['readable'],
  objects: () =>
    `SELECT oid, name, 0 AS bytes, NULL AS blocks FROM (VALUES ${KINDS.map(({ name }, index) => `(${index + 1}, '${name}')`).join(', ')}) AS kind(oid, name)`,
  examine: readAll,
};

async function readAll(session: Session, { oid }: Piece, _: Context): Promise<Examined> {
  const kind = KINDS[oid - 1]!;
  const verdicts: Verdict[] = [];
  await session.rows("SET LOCAL lock_timeout = '1s'; SAVEPOINT definitions");
  let next = 0;
  while (verdicts.length < NAMED) {
    const portion = await read(session, kind, next, PORTION);
    if (!(portion instanceof DatabaseError)) {
      if (portion.count < PORTION) break;
      next = portion.last + 1;
      continue;
    }
    // One of them is broken, so they are gone through one by one.
    const ids = await session.rows(chosen(kind, next, PORTION, `${kind.id}::pg_catalog.oid`));
    for (const id of ids.map(([one]) => Number(one))) {
      const one = await read(session, kind, id, 1);
      if (one instanceof DatabaseError && verdicts.length < NAMED) {
        verdicts.push(verdictOn(await nameOf(session, kind, id), one));
      }
      next = id + 1;
    }
  }
  if (verdicts.length > 0) return { verdicts };
  return { verdicts: [{ check: 'readable', outcome: 'passed', observed: 'every definition and sequence read' }] };
}

const chosen = ({ catalog, id, where }: Kind, first: number, several: number, columns: string) =>
  `SELECT ${columns} FROM pg_catalog.${catalog} WHERE ${where} AND ${id} >= ${first} ORDER BY ${id} LIMIT ${several}`;

async function read(session: Session, kind: Kind, first: number, several: number) {
  try {
    const [found] = await session.rows(`
      SELECT pg_catalog.count(*), pg_catalog.max(${kind.id}), pg_catalog.count(pg_catalog.length((${kind.definition})::pg_catalog.text))
      FROM (${chosen(kind, first, several, '*')}) AS o`);
    await session.rows('ROLLBACK TO SAVEPOINT definitions');
    return { count: Number(found![0]), last: Number(found![1]) };
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    await session.rows('ROLLBACK TO SAVEPOINT definitions');
    return error;
  }
}

/** What is broken may have lost its name as well. */
async function nameOf(session: Session, { name, catalog, id }: Kind, oid: number): Promise<string> {
  const of = id === 'oid' ? catalog : 'pg_class';
  try {
    const [found] = await session.rows(
      `SELECT pg_catalog.pg_describe_object('pg_catalog.${of}'::pg_catalog.regclass, ${oid}, 0)`,
    );
    return found?.[0] ?? `${name}: ${oid}`;
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    await session.rows('ROLLBACK TO SAVEPOINT definitions');
    return `${name}: ${oid}`;
  }
}

function verdictOn(object: string, error: DatabaseError): Verdict {
  // A sequence's file may be gone.
  const damaged = isServersOwn(error, ['XX', '58']);
  if (isServersOwn(error, ['55P03'])) return { check: 'readable', object, outcome: 'not-run', ...NEVER_RELEASED };
  return {
    check: 'readable',
    object,
    outcome: damaged ? 'failed' : 'not-run',
    observed: whatPostgresSaid(error),
    expected: 'a definition that PostgreSQL can write out',
    remedy: damaged
      ? 'restore an earlier backup beside this one: the catalog is damaged there'
      : 'see whether the source writes it out, too',
  };
}
