/** One table on both sides: which columns are copied, by which key rows are matched, and how a row is hashed. */
import { createHash } from 'node:crypto';
import { escapeIdentifier, escapeLiteral } from 'pg';
import { type Column, describeTable, type Key, type Table } from './catalog';
import type { TableName, TableRef } from './protocol';
import { TablesRefused } from './refusals';
import { quoted, type Session } from './session';

export type Side = 'live' | 'copy';

export interface Pair {
  readonly name: string;
  readonly live: Column;
  readonly copy: Column;
}

export interface Pairing {
  readonly name: TableName;
  readonly live: Table;
  readonly copy: Table;
  readonly pairs: readonly Pair[];
  readonly key: { readonly live: Key; readonly copy: Key } | null;
  /** Whether rows pass in PostgreSQL's binary form. */
  readonly binary: boolean;
  readonly shape: string;
}

/**
 * Types of PostgreSQL's own whose equal values are spelled alike, so that a hash of the value sees every difference.
 * Others are hashed as text: `1.0` and `1.00` are equal numerics, and an enum's hash is that of its OID.
 */
const HASHED_AS_THEY_ARE = new Set([
  'smallint',
  'integer',
  'bigint',
  'boolean',
  'text',
  'character varying',
  'uuid',
  'bytea',
  'date',
  'timestamp without time zone',
  'timestamp with time zone',
]);

export const sameType = ({ live, copy }: Pair): boolean => live.type === copy.type;

export function pairingOf(name: TableName, live: Table, copy: Table): Pairing {
  const inCopy = new Map(copy.columns.map((column) => [column.name, column]));
  const pairs = live.columns.flatMap((column) => {
    const other = inCopy.get(column.name);
    // What is generated on one side and written on the other is copied; a generated column takes no values.
    return other === undefined || column.generated ? [] : [{ name: column.name, live: column, copy: other }];
  });
  const names = ({ columns }: Key) => JSON.stringify(columns);
  const [key = null] = live.keys.flatMap((own) => {
    const other = copy.keys.find((candidate) => names(candidate) === names(own));
    return other && own.columns.every((column) => pairs.some((pair) => pair.name === column))
      ? [{ live: own, copy: other }]
      : [];
  });
  // A type of the user's own may have been made anew since, with other labels or parts behind the same name.
  const binary = pairs.every(
    (pair) => sameType(pair) && pair.live.oid === pair.copy.oid && pair.live.binary && pair.copy.binary,
  );
  const essence = [
    quoted(name),
    pairs.map(({ name: column, live: a, copy: b }) => [column, a.type, a.oid, b.type, b.oid]),
    [live, copy].map(({ kind, columns }) => [
      kind,
      columns.map((column) => [column.name, column.type, column.generated]),
    ]),
    key?.live.columns ?? null,
  ];
  const shape = createHash('sha256').update(JSON.stringify(essence)).digest('hex');
  return { name, live, copy, pairs, key, binary, shape };
}

/** @throws TablesRefused where the table is not on both sides as it was planned */
export async function pairAgain(live: Session, copy: Session, ref: TableRef): Promise<Pairing> {
  const [here, there] = [await describeTable(live, ref), await describeTable(copy, ref)];
  const pairing = here && there && pairingOf(ref, here, there);
  if (pairing?.shape === ref.shape) return pairing;
  throw new TablesRefused(
    `${quoted(ref)} ${pairing ? 'has other columns, types or keys than' : 'is not on both sides any more, as it was'} ` +
      'when the recovery was planned, so nothing more was done; plan it again',
  );
}

/** The pairing of a merge, whose rows need a key. */
export function keyOf(pairing: Pairing): { readonly live: Key; readonly copy: Key } {
  if (pairing.key) return pairing.key;
  throw new TablesRefused(`${quoted(pairing.name)} has no key on both sides, so its rows can't be matched; use 'swap'`);
}

/** The table's rows and no other table's. */
export const rowsOf = (pairing: Pairing, side: Side): string =>
  `${pairing[side].kind === 'r' ? 'ONLY ' : ''}${quoted(pairing.name)}`;

export const columnsOf = (pairing: Pairing, alias = ''): string =>
  pairing.pairs.map(({ name }) => `${alias && `${alias}.`}${escapeIdentifier(name)}`).join(', ');

/** 64 bits of a row's carried values; alike on both sides where the rows are. Staged rows are of the live side's types. */
export function rowHash(pairing: Pairing, side: Side, alias: string): string {
  const values = pairing.pairs.map((pair) => {
    const value = `${alias}.${escapeIdentifier(pair.name)}`;
    const { live, copy } = pair;
    if (sameType(pair)) {
      const asItIs = HASHED_AS_THEY_ARE.has(live.base) && live.deterministic && copy.deterministic;
      return asItIs ? value : `${value}::text`;
    }
    // As it arrives when it is copied: as text, read as the live column's type.
    return side === 'copy' && live.builtIn ? `${value}::text::${live.type}::text` : `${value}::text`;
  });
  return `hash_record_extended(ROW(${values.join(', ')}), 0)`;
}

/** The key's columns as a list. */
export const keyColumns = ({ columns }: Key, alias: string): string =>
  columns.map((name) => `${alias}.${escapeIdentifier(name)}`).join(', ');

/** Whether two rows have the same key, by the operators of the key's own index. */
export const sameKey = (key: Key, left: string, right: string, rightNames: readonly string[] = key.columns): string =>
  key.columns
    .map(
      (name, at) =>
        `${left}.${escapeIdentifier(name)} OPERATOR(${escapeIdentifier(key.schemas[at]!)}.=) ` +
        `${right}.${escapeIdentifier(rightNames[at]!)}`,
    )
    .join(' AND ');

/** Keys in a range: after the first, up to and with the second. */
export function inRange(
  pairing: Pairing,
  side: Side,
  alias: string,
  after: readonly string[] | null,
  upTo: readonly string[] | null,
): string {
  const key = keyOf(pairing)[side];
  const bound = (operator: string, values: readonly string[]) => {
    const literals = key.columns.map((name, at) => {
      const column = pairing[side].columns.find((candidate) => candidate.name === name)!;
      return `${escapeLiteral(values[at]!)}::${column.bareType}`;
    });
    const schema = escapeIdentifier(key.schemas[0]!);
    return `ROW(${keyColumns(key, alias)}) OPERATOR(${schema}.${operator}) ROW(${literals.join(', ')})`;
  };
  const bounds = [...(after ? [bound('>', after)] : []), ...(upTo ? [bound('<=', upTo)] : [])];
  return bounds.join(' AND ') || 'true';
}
