/** What a table declares of each of its rows: NOT NULL, CHECK, and the constraints of its columns' domains. */
import { escapeIdentifier } from 'pg';
import type { Session } from '../examiner/session';

export interface Rule {
  /** As in `NOT NULL` or `CHECK positive`. */
  readonly name: string;
  /** SQL that is true of a row `t` that breaks it. */
  readonly broken: string;
}

export async function rulesOf(session: Session, oid: number): Promise<Rule[]> {
  const columns = await session.rows(`
    SELECT a.attname FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = ${oid} AND a.attnum > 0 AND NOT a.attisdropped AND a.attnotnull
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conrelid = a.attrelid AND k.contype = 'n'
        AND NOT k.convalidated AND a.attnum = ANY (k.conkey)) ORDER BY a.attnum`);
  const checks = await session.rows(`
    SELECT conname, pg_catalog.pg_get_expr(conbin, conrelid) FROM pg_catalog.pg_constraint k
    WHERE conrelid = ${oid} AND contype = 'c' AND convalidated
      AND coalesce((pg_catalog.to_jsonb(k) ->> 'conenforced')::pg_catalog.bool, true) ORDER BY conname`);
  const notNull = columns.map(([name]) => `t.${escapeIdentifier(name!)}`);
  return [
    ...(notNull.length > 0 ? [{ name: 'NOT NULL', broken: `pg_catalog.num_nulls(${notNull.join(', ')}) > 0` }] : []),
    ...checks.map(([name, expression]) => ({ name: `CHECK ${name}`, broken: `NOT (${expression})` })),
    ...(await domainRulesOf(session, oid)),
  ];
}

/** A domain may be declared over another, whose constraints hold as well. */
async function domainRulesOf(session: Session, oid: number): Promise<Rule[]> {
  const found = await session.rows(`
    WITH RECURSIVE domain AS (
      SELECT a.attname, a.attnum, d.oid, d.typname, d.typbasetype, d.typnotnull, d.typtypmod
      FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type d ON d.oid = a.atttypid
      WHERE a.attrelid = ${oid} AND a.attnum > 0 AND NOT a.attisdropped AND d.typtype = 'd'
      UNION ALL
      SELECT o.attname, o.attnum, d.oid, d.typname, d.typbasetype, d.typnotnull, d.typtypmod
      FROM domain o JOIN pg_catalog.pg_type d ON d.oid = o.typbasetype WHERE d.typtype = 'd'),
    base AS (
      SELECT o.attnum, pg_catalog.format_type(o.typbasetype, NULL) AS name
      FROM domain o JOIN pg_catalog.pg_type b ON b.oid = o.typbasetype WHERE b.typtype <> 'd')
    SELECT o.attname, o.typname, k.conname, pg_catalog.pg_get_expr(k.conbin, 0), base.name, o.typnotnull
    FROM domain o JOIN base USING (attnum)
    LEFT JOIN pg_catalog.pg_constraint k ON k.contypid = o.oid AND k.contype = 'c' AND k.convalidated
    WHERE k.oid IS NOT NULL OR o.typnotnull ORDER BY o.attnum, k.conname`);
  const rules = found.flatMap(([column, domain, constraint, expression, base, notNull]): Rule[] => {
    const value = `t.${escapeIdentifier(column!)}`;
    return [
      ...(notNull === 't' ? [{ name: `NOT NULL of domain ${domain}`, broken: `${value} IS NULL` }] : []),
      // Outside of a domain, VALUE is a name like any other.
      ...(constraint === null
        ? []
        : [
            {
              name: `CHECK ${constraint} of domain ${domain}`,
              broken: `NOT (SELECT (${expression}) FROM (SELECT ${value}::${base} AS value) AS v)`,
            },
          ]),
    ];
  });
  return [...new Map(rules.map((rule) => [rule.name + rule.broken, rule])).values()];
}
