/** Counts the orphans of declared foreign keys: rows written while triggers were off are never checked later. */
import { CannotCheck, displayName, userSchema } from '../examiner/catalog';
import type { Context, Detector, Examined, Piece } from '../examiner/detector';
import { rowsOf } from '../examiner/row-checks';
import type { Session } from '../examiner/session';
import { sizeOf } from '../examiner/sizes';
import { FIND_IN_SOURCE } from './verdicts';

/** Without partitions' own: they hold where their partitioned table's does. */
const size = (table: string) =>
  `coalesce((SELECT pg_catalog.sum(${sizeOf('relid')}) FROM pg_catalog.pg_partition_tree(${table})),
    ${sizeOf(table)})`;

export const foreignKeys: Detector = {
  name: 'foreign keys',
  phase: 'references',
  serves: ['foreign-keys'],
  objects: () => `
    SELECT k.oid, k.conname || ' on ' || ${displayName('n', 'c')} AS name, ${size('k.conrelid')} + ${size('k.confrelid')} AS bytes,
      NULL AS blocks
    FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE k.contype = 'f' AND k.conparentid = 0 AND ${userSchema('n')}`,
  examine: countOrphans,
};

async function countOrphans(session: Session, { oid }: Piece, _: Context): Promise<Examined> {
  const key = await describe(session, oid);
  // An index-only scan believes the visibility map, and finds parents whose rows are gone.
  await session.rows('SET LOCAL enable_indexonlyscan = off');
  const [orphans] = await session.reading(
    `SELECT pg_catalog.count(*) FROM ${key.child} AS child WHERE (${key.bound}) AND NOT ${key.hasParent}`,
  );
  if (orphans![0] === '0') return { verdicts: [{ check: 'foreign-keys', outcome: 'passed', observed: 'holds' }] };
  return {
    verdicts: [
      {
        check: 'foreign-keys',
        outcome: key.kept ? 'failed' : 'warning',
        observed: `${rowsOf(Number(orphans![0]))} without a parent${key.kept ? '' : ', though the key was never validated'}`,
        expected: 'every declared foreign key to hold',
        remedy: key.kept ? FIND_IN_SOURCE : 'correct the rows in the source and VALIDATE CONSTRAINT, or drop the key',
      },
    ],
  };
}

interface Key {
  /** Ready for SQL. */
  readonly child: string;
  /** True for a row `child` that the key applies to, by its MATCH type. */
  readonly bound: string;
  readonly hasParent: string;
  /** Whether PostgreSQL has ever compared all rows. */
  readonly kept: boolean;
}

/** As the declaration has it: of several columns, with its own operators, by the collation of the parent's columns. */
async function describe(session: Session, oid: number): Promise<Key> {
  const [declared] = await session.rows(`
    SELECT ${relation('k.conrelid')}, ${relation('k.confrelid')},
      pg_catalog.string_agg(pg_catalog.format('parent.%I OPERATOR(%I.%s) child.%I%s', p.attname, o.nspname, op.oprname, c.attname,
        CASE WHEN p.attcollation <> c.attcollation AND p.attcollation <> 0
          THEN pg_catalog.format(' COLLATE %I.%I', cn.nspname, co.collname) ELSE '' END), ' AND ')
        FILTER (WHERE NOT (temporal.temporal AND pair.number = pg_catalog.cardinality(k.conkey))),
      pg_catalog.string_agg(pg_catalog.format('child.%I IS NOT NULL', c.attname),
        CASE k.confmatchtype WHEN 'f' THEN ' OR ' ELSE ' AND ' END),
      temporal.temporal, k.convalidated, ${enforced},
      (pg_catalog.array_agg(pg_catalog.quote_ident(p.attname) ORDER BY pair.number DESC))[1],
      (pg_catalog.array_agg(pg_catalog.quote_ident(c.attname) ORDER BY pair.number DESC))[1]
    FROM pg_catalog.pg_constraint k,
    LATERAL (SELECT coalesce((pg_catalog.to_jsonb(k) ->> 'conperiod')::pg_catalog.bool, false) AS temporal) AS temporal,
    ROWS FROM (pg_catalog.unnest(k.conkey), pg_catalog.unnest(k.confkey), pg_catalog.unnest(k.conpfeqop))
      WITH ORDINALITY AS pair(child, parent, operator, number)
    JOIN pg_catalog.pg_operator op ON op.oid = pair.operator JOIN pg_catalog.pg_namespace o ON o.oid = op.oprnamespace,
    pg_catalog.pg_attribute c, pg_catalog.pg_attribute p
    LEFT JOIN pg_catalog.pg_collation co ON co.oid = p.attcollation
    LEFT JOIN pg_catalog.pg_namespace cn ON cn.oid = co.collnamespace
    WHERE k.oid = ${oid} AND c.attrelid = k.conrelid AND c.attnum = pair.child
      AND p.attrelid = k.confrelid AND p.attnum = pair.parent
    GROUP BY k.oid, temporal.temporal`);
  if (!declared) throw new CannotCheck('it does not exist any more');
  const [child, parent, matches, bound, temporal, validated, isEnforced, whole, part] = declared;
  // A period needs no one parent: several may cover it together.
  const covered = `coalesce(child.${part} OPERATOR(pg_catalog.<@) (SELECT pg_catalog.range_agg(parent.${whole}) FROM ${parent} AS parent
    WHERE ${matches ?? 'true'} AND parent.${whole} OPERATOR(pg_catalog.&&) child.${part}), false)`;
  return {
    child: child!,
    bound: bound!,
    hasParent: temporal === 't' ? covered : `EXISTS (SELECT FROM ${parent} AS parent WHERE ${matches})`,
    kept: validated === 't' && isEnforced === 't',
  };
}

/** Since 18 a key may be declared and not kept. */
const enforced = "coalesce((pg_catalog.to_jsonb(k) ->> 'conenforced')::pg_catalog.bool, true)";

/** Rows of inheriting tables are not bound by a foreign key; those of partitions are. */
const relation = (oid: string) =>
  `(SELECT pg_catalog.format('%s%I.%I', CASE t.relkind WHEN 'p' THEN '' ELSE 'ONLY ' END, n.nspname, t.relname)
    FROM pg_catalog.pg_class t JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace WHERE t.oid = ${oid})`;
