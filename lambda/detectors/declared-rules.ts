/** Rules that a table declares for each row: NOT NULL, CHECK, and the constraints of the domains in its columns. */
import { escapeIdentifier } from 'pg';
import type { Session } from '../examiner/session';

export interface Rule {
  /** As in `NOT NULL` or `CHECK positive`. */
  readonly name: string;
  /** SQL that is true for a row that breaks it. */
  readonly broken: string;
  /** What it depends on besides the row, as in `now(), CURRENT_USER`: then a row that kept it once may break it today. */
  readonly changing?: string;
}

/** How many arguments PostgreSQL passes to a function at most. */
const MAX_ARGUMENTS = 100;

/**
 * What a stored expression calls that is not IMMUTABLE, since pg_depend lists no functions of PostgreSQL's own. A cast
 * by way of text calls functions of both types and names neither, so there every type counts that the expression has.
 */
const changing = (expression: string) => `(
  SELECT pg_catalog.string_agg(DISTINCT called.name, ', ') FROM (
    SELECT p.proname || '()' FROM pg_catalog.regexp_matches(${expression}, ':(?:funcid|opfuncid) ([0-9]+)', 'g') AS found (id)
    JOIN pg_catalog.pg_proc p ON p.oid = found.id[1]::pg_catalog.oid WHERE p.provolatile <> 'i'
    UNION ALL SELECT 'CURRENT_DATE, CURRENT_USER or the like' WHERE ${expression} ~ '{SQLVALUEFUNCTION '
    UNION ALL SELECT 'the text of type ' || t.typname
    FROM pg_catalog.regexp_matches(${expression}, ':[a-z]*type ([0-9]+)', 'g') AS found (id)
    JOIN pg_catalog.pg_type t ON t.oid = found.id[1]::pg_catalog.oid
    JOIN pg_catalog.pg_proc p ON p.oid IN (t.typinput, t.typoutput)
    WHERE p.provolatile <> 'i' AND ${expression} ~ '{COERCEVIAIO ') AS called (name))`;

/** A table, as a statement about it needs it. */
export interface Declared {
  /** What expressions call it that are about a whole row: its name without a schema. */
  readonly alias: string;
  readonly hasChecks: boolean;
  readonly mayHoldDomains: boolean;
}

/** Types that initdb does not number itself: domains, and what is made of them. */
export const MAY_HOLD_DOMAIN = 'a.atttypid >= 10000';

export async function rulesOf(session: Session, oid: number, declared: Declared): Promise<Rule[]> {
  const table = declared.alias;
  const columns = await session.rows(`
    SELECT a.attname FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = ${oid} AND a.attnum > 0 AND NOT a.attisdropped AND a.attnotnull
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conrelid = a.attrelid AND k.contype = 'n'
        AND NOT k.convalidated AND a.attnum = ANY (k.conkey)) ORDER BY a.attnum`);
  const checks = declared.hasChecks ? await checksOf(session, oid) : [];
  const notNull = columns.map(([name]) => `${table}.${escapeIdentifier(name!)}`);
  const groups = Array.from({ length: Math.ceil(notNull.length / MAX_ARGUMENTS) }, (_, group) =>
    notNull.slice(group * MAX_ARGUMENTS, (group + 1) * MAX_ARGUMENTS),
  );
  const anyNull = groups.map((group) => `pg_catalog.num_nulls(${group.join(', ')}) > 0`).join(' OR ');
  return [
    ...(anyNull === '' ? [] : [{ name: 'NOT NULL', broken: anyNull }]),
    ...checks.map(([name, expression, varies]) => ({
      name: `CHECK ${name}`,
      broken: `NOT (${expression})`,
      ...(varies && { changing: varies }),
    })),
    ...(declared.mayHoldDomains ? await domainRulesOf(session, oid, table) : []),
  ];
}

const checksOf = (session: Session, oid: number) =>
  session.rows(`
    SELECT conname, pg_catalog.pg_get_expr(conbin, conrelid), ${changing('conbin::pg_catalog.text')}
    FROM pg_catalog.pg_constraint k
    WHERE conrelid = ${oid} AND contype = 'c' AND convalidated
      AND coalesce((pg_catalog.to_jsonb(k) ->> 'conenforced')::pg_catalog.bool, true) ORDER BY conname`);

interface Type {
  readonly name: string;
  readonly kind: 'domain' | 'array' | 'composite';
  /** What a domain is declared over, or the elements of an array: an OID. */
  readonly of: string;
  /** The same, ready for SQL, and without the length or precision of a domain: a cast to those would alter the value. */
  readonly ofName: string;
  readonly notNull: boolean;
  readonly checks: readonly { readonly name: string; readonly expression: string; readonly changing: string | null }[];
  readonly fields: readonly { readonly name: string; readonly type: string }[];
}

/** By its index for each: joined, the planner would read all types there are, two of each table of the database. */
const TYPE = '(SELECT * FROM pg_catalog.pg_type WHERE oid = held.oid OFFSET 0)';

/** From the columns of a table down. Most tables have no type that could hold a domain. */
const typesOf = (oid: number) => `
  WITH RECURSIVE held (oid) AS (
    SELECT atttypid FROM pg_catalog.pg_attribute WHERE attrelid = ${oid} AND attnum > 0 AND NOT attisdropped
    UNION
    SELECT part.oid FROM held, LATERAL ${TYPE} AS t, LATERAL (
      SELECT t.typbasetype WHERE t.typtype = 'd'
      UNION ALL SELECT t.typelem WHERE t.typcategory = 'A'
      UNION ALL SELECT a.atttypid FROM pg_catalog.pg_attribute a
        WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped) AS part (oid))
  SELECT t.oid, t.typname, CASE WHEN t.typtype = 'd' THEN 'domain' WHEN t.typcategory = 'A' THEN 'array' ELSE 'composite' END,
    CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.typelem END,
    pg_catalog.format_type(CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.typelem END, -1), t.typnotnull,
    (SELECT pg_catalog.json_agg(pg_catalog.json_build_object('name', k.conname, 'expression', pg_catalog.pg_get_expr(k.conbin, 0),
        'changing', ${changing('k.conbin::pg_catalog.text')}) ORDER BY k.conname)
      FROM pg_catalog.pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c' AND k.convalidated),
    (SELECT pg_catalog.json_agg(pg_catalog.json_build_object('name', a.attname, 'type', a.atttypid::pg_catalog.text) ORDER BY a.attnum)
      FROM pg_catalog.pg_attribute a WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped)
  FROM held, LATERAL ${TYPE} AS t WHERE t.typtype IN ('d', 'c') OR t.typcategory = 'A'`;

/** Wherever a column holds a domain: itself, in a field of a composite, in an element of an array. */
async function domainRulesOf(session: Session, oid: number, table: string): Promise<Rule[]> {
  const found = await session.rows(typesOf(oid));
  const types = new Map(
    found.map(([type, name, kind, of, ofName, notNull, checks, fields]): [string, Type] => [
      type!,
      {
        name: name!,
        kind: kind as Type['kind'],
        of: of!,
        ofName: ofName!,
        notNull: notNull === 't',
        checks: JSON.parse(checks ?? '[]'),
        fields: JSON.parse(fields ?? '[]'),
      },
    ]),
  );
  if (![...types.values()].some(({ kind }) => kind === 'domain')) return [];
  const columns = await session.rows(`
    SELECT attname, atttypid FROM pg_catalog.pg_attribute
    WHERE attrelid = ${oid} AND attnum > 0 AND NOT attisdropped ORDER BY attnum`);
  const rules = columns.flatMap(([name, type]) => rulesWithin(types, type!, `${table}.${escapeIdentifier(name!)}`, 1));
  return [...new Map(rules.map((rule) => [rule.name + rule.broken, rule])).values()];
}

/** @param value SQL of a value of the type; `depth` keeps names of values within values apart */
function rulesWithin(types: ReadonlyMap<string, Type>, oid: string, value: string, depth: number): Rule[] {
  const type = types.get(oid);
  if (!type) return [];
  const within = (part: string, of: string) => rulesWithin(types, of, part, depth + 1);
  const missing = `pg_catalog.num_nulls(${value}) > 0`; // of a composite, IS NULL is about its fields
  switch (type.kind) {
    case 'domain': {
      // A domain may be declared over another, whose constraints hold as well. A cast to that one would enforce them.
      const base = `${value}::${baseName(types, type)}`;
      return [
        ...(type.notNull ? [{ name: `NOT NULL of domain ${type.name}`, broken: missing }] : []),
        ...type.checks.map(({ name, expression, changing }) => ({
          name: `CHECK ${name} of domain ${type.name}`,
          // Outside of a domain, VALUE is a name like any other.
          broken: `NOT (SELECT (${expression}) FROM (SELECT ${base} AS value) AS v)`,
          ...(changing && { changing }),
        })),
        ...within(base, type.of),
      ];
    }
    case 'array': {
      const element = `e${depth}`;
      return within(`${element}.v`, type.of).map(({ broken, ...rule }) => ({
        ...rule,
        broken: `EXISTS (SELECT FROM (SELECT pg_catalog.unnest(${value}) AS v) AS ${element} WHERE ${broken})`,
      }));
    }
    case 'composite':
      return type.fields.flatMap((field) =>
        within(`(${value}).${escapeIdentifier(field.name)}`, field.type).map(({ broken, ...rule }) => ({
          ...rule,
          broken: `NOT (${missing}) AND (${broken})`,
        })),
      );
  }
}

/** Of what a domain is in the end. */
function baseName(types: ReadonlyMap<string, Type>, domain: Type): string {
  const of = types.get(domain.of);
  return of?.kind === 'domain' ? baseName(types, of) : domain.ofName;
}
