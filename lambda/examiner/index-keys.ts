/** SQL for the keys of an index, as the planner must see them to use that very index. */

/** Each key of index `i` (a row of pg_index), with a function of its number, separated. */
const eachKey = (sql: string, separator: string) => `(
  SELECT pg_catalog.string_agg(${sql}, '${separator}' ORDER BY key.number)
  FROM pg_catalog.generate_series(1, i.indnkeyatts::pg_catalog.int4) AS key(number)
  JOIN pg_catalog.pg_opclass oc ON oc.oid = i.indclass[key.number - 1]
  LEFT JOIN pg_catalog.pg_collation co ON co.oid = i.indcollation[key.number - 1]
  LEFT JOIN pg_catalog.pg_namespace cn ON cn.oid = co.collnamespace)`;

const definition = 'pg_catalog.pg_get_indexdef(i.indexrelid, key.number, false)';

/** As in the index on `((true))` of a table that may have one row only. Bare, it means the number of a column, or nothing. */
const isConstant = `i.indkey[key.number - 1] = 0 AND ${definition} ~ '^\\((true|false|[0-9.]+)\\)$'`;

/** A column's name, or an expression in parentheses, with the index's own collation. */
const key = `${definition} ||
  CASE WHEN ${isConstant} THEN '::' || pg_catalog.format_type(oc.opcintype, NULL) ELSE '' END ||
  CASE WHEN co.oid IS NULL THEN '' ELSE pg_catalog.format(' COLLATE %I.%I', cn.nspname, co.collname) END`;

/** An operator of the key's operator family for the type that it indexes: 1 is less, 3 equal, 5 greater in B-trees; 1 equal in hashes. */
const operator = (strategy: string) => `(
  SELECT pg_catalog.format('OPERATOR(%I.%s)', o.nspname, op.oprname)
  FROM pg_catalog.pg_amop ao JOIN pg_catalog.pg_operator op ON op.oid = ao.amopopr
  JOIN pg_catalog.pg_namespace o ON o.oid = op.oprnamespace
  WHERE ao.amopfamily = oc.opcfamily AND ao.amoppurpose = 's' AND ao.amopstrategy = ${strategy}
    AND ao.amoplefttype = oc.opcintype AND ao.amoprighttype = oc.opcintype)`;

const isDescending = 'i.indoption[key.number - 1] & 1 = 1';

/**
 * `ORDER BY` of exactly a B-tree's order. Bit 1 of an option is DESC, bit 2 NULLS FIRST. Operators of any enum, array
 * or range are not named: a cast of a user's own makes their names mean several.
 */
export const orderOf = eachKey(
  `${key} || CASE WHEN oc.opcdefault AND EXISTS (SELECT FROM pg_catalog.pg_type t WHERE t.oid = oc.opcintype AND t.typtype = 'p')
      THEN CASE WHEN ${isDescending} THEN ' DESC' ELSE '' END
      ELSE ' USING ' || ${operator(`CASE WHEN ${isDescending} THEN 5 ELSE 1 END`)} END ||
    CASE WHEN i.indoption[key.number - 1] & 2 = 2 THEN ' NULLS FIRST' ELSE ' NULLS LAST' END`,
  ', ',
);

/** Whether the index has an order at all: where all keys are constants, the planner never uses it for one. */
export const hasOrder = `EXISTS (
  SELECT FROM pg_catalog.generate_series(1, i.indnkeyatts::pg_catalog.int4) AS key(number) WHERE NOT (${isConstant}))`;

/** As in `a, lower(b) COLLATE "C"`. */
export const keysOf = eachKey(key, ', ');

/** As in `a IS NOT NULL AND lower(b) IS NOT NULL`. */
export const noKeyIsNull = eachKey(`${definition} || ' IS NOT NULL'`, ' AND ');

/** The first key's operator of equality in a hash index. */
export const hashEquality = eachKey(operator('1'), ', ');

/** The condition of a partial index, else NULL. */
export const predicateOf = 'pg_catalog.pg_get_expr(i.indpred, i.indrelid)';
