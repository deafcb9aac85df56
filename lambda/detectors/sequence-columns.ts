/** Columns that take their values from a sequence: one that is behind them makes the next insert fail. */
import { DatabaseError, escapeIdentifier, escapeLiteral } from 'pg';
import type { Session } from '../examiner/session';

export interface SequenceColumn {
  readonly column: string;
  /** Ready for SQL. */
  readonly sequence: string;
  readonly increment: string;
  /** The aggregate that gives the value furthest on. */
  readonly furthest: string;
}

/**
 * By identity, a partitioned table's included, or by a default that is nextval() and nothing else.
 *
 * @param table its name in the statement
 */
export async function sequenceColumnsOf(session: Session, oid: number, table: string): Promise<SequenceColumn[]> {
  const found = await session.rows(`
    WITH used AS (
      SELECT a.attname, d.objid AS sequence
      FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_attribute p ON p.attrelid = d.refobjid AND p.attnum = d.refobjsubid
      JOIN pg_catalog.pg_attribute a ON a.attrelid = ${oid} AND a.attname = p.attname AND a.attidentity <> ''
      WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
        AND d.deptype = 'i' AND d.refobjid = ANY (ARRAY(SELECT ${oid}::pg_catalog.oid UNION SELECT relid FROM pg_catalog.pg_partition_ancestors(${oid})))
      UNION
      SELECT a.attname, d.refobjid
      FROM pg_catalog.pg_attrdef f JOIN pg_catalog.pg_attribute a ON a.attrelid = f.adrelid AND a.attnum = f.adnum
      JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND d.objid = f.oid
        AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
      WHERE f.adrelid = ${oid} AND pg_catalog.pg_get_expr(f.adbin, f.adrelid) ~ '^nextval\\(''.*''::regclass\\)$')
    SELECT used.attname, pg_catalog.format('%I.%I', n.nspname, c.relname), s.seqincrement
    FROM used JOIN pg_catalog.pg_sequence s ON s.seqrelid = used.sequence JOIN pg_catalog.pg_class c ON c.oid = s.seqrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute a ON a.attrelid = ${oid} AND a.attname = used.attname
    WHERE NOT s.seqcycle AND a.atttypid IN ('pg_catalog.int2'::pg_catalog.regtype, 'pg_catalog.int4'::pg_catalog.regtype,
      'pg_catalog.int8'::pg_catalog.regtype, 'pg_catalog.numeric'::pg_catalog.regtype) ORDER BY a.attnum`);
  return found.map(([column, sequence, increment]) => ({
    column: column!,
    sequence: sequence!,
    increment: increment!,
    furthest: `pg_catalog.${Number(increment) > 0 ? 'max' : 'min'}(${table}.${escapeIdentifier(column!)})`,
  }));
}

/** @param furthest what the column holds; it is compared by the server, and told to nobody */
export async function isBehind(session: Session, of: SequenceColumn, furthest: string | null): Promise<boolean> {
  if (furthest === null) return false;
  const operator = Number(of.increment) > 0 ? '<=' : '>=';
  try {
    const [compared] = await session.reading(`
      SELECT last_value::pg_catalog.numeric + CASE WHEN is_called THEN ${of.increment} ELSE 0 END ${operator} ${escapeLiteral(furthest)}::pg_catalog.numeric
      FROM ${of.sequence}`);
    return compared?.[0] === 't';
  } catch (error) {
    // That the sequence can't be read is told where sequences are read.
    if (!(error instanceof DatabaseError)) throw error;
    return false;
  }
}
