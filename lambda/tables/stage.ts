/**
 * Rows of the copy, into a table of the live database that nobody else uses: those of the approved list for a merge, all
 * of them for a swap. Cut into ranges, each in one transaction with its row of the ledger.
 */
import { escapeIdentifier, escapeLiteral } from 'pg';
import type { Deadline } from '../examiner/deadline';
import { approvedRanges, listKey, shaOf } from './compare';
import { doneOf, type Entry, enter, madeFor, makeLedger, makeTable, type Range, SCHEMAS_IN_LIVE, take } from './ledger';
import { Pace } from './pace';
import { columnsOf, inRange, keyOf, type Pairing, pairAgain, rowsOf, sameKey } from './pairing';
import { STAGING_SCHEMA, type Staged, type StageTable, type TableName, type Way } from './protocol';
import { TablesRefused } from './refusals';
import { quoted, type Session } from './session';

/** Bytes of a table that one range has, with what is stored out of line. */
const BYTES = 64 * 1024 ** 2;
const PAGE = 8192;

/** The column of staged rows of a merge that has the hash of the live row that was approved to be overwritten. */
export const LIVE_HASH = 'lifeboat live hash';
export const KINDS: Readonly<Record<Exclude<Way, 'swap'>, string>> = {
  'insert-missing': 'm',
  'overwrite-changed': 'c',
};

/** One range of the copy's rows, and which they are. */
export interface Piece extends Range {
  /** Follows `FROM`; the table's alias is `c`, and the list's, for merges, is `l`. */
  readonly from: string;
  /** How many rows the list has for it. */
  readonly rows?: number;
  /** Reads whether the list's rows are still those that were approved. */
  readonly unchanged?: string;
}

export const stagedName = (table: TableName): TableName => ({ schema: STAGING_SCHEMA, table: table.table });

/** All ranges of the copy's rows that have to be in the live database. */
export async function piecesOf(
  { run, way, list }: Pick<StageTable, 'run' | 'way' | 'list'>,
  pairing: Pairing,
  copy: Session,
): Promise<readonly Piece[]> {
  const ranges = await approvedRanges(copy, run, pairing, list);
  if (way === 'swap') return pagesOf(copy, pairing.name, 'c');
  const key = keyOf(pairing).copy;
  const table = await madeFor(copy, { run, table: pairing.name, purpose: 'list' });
  return ranges
    .filter(({ missing, changed }) => (way === 'insert-missing' ? missing : changed) > 0)
    .map(({ from, to, after, upTo, missing, changed, sha256 }) => ({
      part: 0,
      lo: from,
      hi: to,
      rows: way === 'insert-missing' ? missing : changed,
      // The bounds of the key keep it from reading the whole table, whatever the planner knows of the list.
      from: `${table} l JOIN ${rowsOf(pairing, 'copy')} c ON ${sameKey(key, 'c', 'l', listKey(pairing))}
        WHERE l.n > ${from} AND l.n <= ${to} AND l.kind = '${KINDS[way]}' AND ${inRange(pairing, 'copy', 'c', after, upTo)}`,
      unchanged: `SELECT ${shaOf(listKey(pairing))} = ${escapeLiteral(sha256)} FROM ${table} WHERE n > ${from} AND n <= ${to}`,
    }));
}

/** Ranges of pages of a table, or of its leaves: for tables that nobody writes to. */
export async function pagesOf(session: Session, name: TableName, alias: string): Promise<readonly Piece[]> {
  const leaves = await session.read(`
    SELECT c.oid::bigint, format('%I.%I', n.nspname, c.relname), pg_relation_size(c.oid) / ${PAGE}, pg_table_size(c.oid)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND c.oid IN (SELECT to_regclass(${escapeLiteral(quoted(name))}) UNION ALL
      SELECT relid FROM pg_partition_tree(${escapeLiteral(quoted(name))}) WHERE isleaf)
    ORDER BY c.oid`);
  return leaves.flatMap(([oid, leaf, pages, bytes]) => {
    const count = Number(pages);
    const size = Math.max(1, Math.floor((BYTES * count) / Math.max(1, Number(bytes))));
    return Array.from({ length: Math.ceil(count / size) }, (_, at): Piece => {
      const [lo, hi] = [at * size, (at + 1) * size];
      const from = `ONLY ${leaf} ${alias} WHERE ${alias}.ctid >= '(${lo},0)' AND ${alias}.ctid < '(${hi},0)'`;
      return { part: Number(oid), lo, hi, from };
    });
  });
}

/** @param streams sessions of both sides, by pairs: as many ranges are copied at a time */
export async function stageTable(
  request: StageTable,
  streams: readonly (readonly [live: Session, copy: Session])[],
  deadline: Deadline,
): Promise<Staged> {
  const { run, way, table } = request;
  const [live, copy] = streams[0]!;
  const pairing = await pairAgain(live, copy, table);
  await makeLedger(live, SCHEMAS_IN_LIVE);
  const pieces = await piecesOf(request, pairing, copy);
  const staged = await makeStaging(request, pairing, live);
  const entry: Entry = { run, table, task: 'stage' };
  const done = await doneOf(live, entry);
  const isDone = new Set(done.map(({ part, lo }) => `${part} ${lo}`));
  const left = pieces.filter(({ part, lo }) => !isDone.has(`${part} ${lo}`));
  let rows = done.reduce((sum, range) => sum + range.rows, 0);
  const pace = new Pace(deadline, `copying a range of ${quoted(table)}`);
  let stopped = false;
  const stream = async ([into, outOf]: readonly [Session, Session]): Promise<void> => {
    while (!stopped && left.length > 0 && pace.goesOn()) {
      const piece = left.shift()!;
      const copied = await pace.do(() => copyPiece(entry, pairing, way, piece, staged, into, outOf));
      if (copied === undefined) {
        left.push(piece);
        return;
      }
      rows += copied;
    }
  };
  const ends = await Promise.allSettled(
    streams.map((pair) =>
      stream(pair).catch((error: unknown) => {
        stopped = true;
        throw error;
      }),
    ),
  );
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  return { done: left.length === 0, rows };
}

async function makeStaging({ run, way, table }: StageTable, pairing: Pairing, live: Session): Promise<string> {
  const { schema, table: name } = stagedName(table);
  const definition =
    way === 'swap'
      ? `(LIKE ${quoted(table)} INCLUDING GENERATED INCLUDING STORAGE INCLUDING COMPRESSION)`
      : `AS SELECT ${columnsOf(pairing, 't')}, 0::bigint AS ${escapeIdentifier(LIVE_HASH)} FROM ${quoted(table)} t WITH NO DATA`;
  if (way === 'swap' && pairing.live.kind === 'p') {
    const made = await madeFor(live, { run, table, purpose: 'staging' });
    if (made) return made;
    throw new TablesRefused(
      `${quoted(table)} is partitioned, and its shadow is not there yet; capture its writes first`,
    );
  }
  return makeTable(live, { run, table, purpose: 'staging', schema, name }, definition);
}

/** Rows copied; 0 where another call has done it. */
async function copyPiece(
  entry: Entry,
  pairing: Pairing,
  way: Way,
  piece: Piece,
  staged: string,
  live: Session,
  copy: Session,
): Promise<number> {
  const merge = way !== 'swap';
  const format = pairing.binary ? '(FORMAT binary)' : '';
  const out = `${columnsOf(pairing, 'c')}${merge ? ', l.live_hash' : ''}`;
  const into = `${columnsOf(pairing)}${merge ? `, ${escapeIdentifier(LIVE_HASH)}` : ''}`;
  return live.transaction('READ WRITE', async () => {
    if (!(await take(live, entry, piece))) return 0;
    const rows = await copy.transaction('READ ONLY', async () => {
      if (piece.unchanged && (await copy.row(piece.unchanged))[0] !== 't') {
        throw new TablesRefused(
          `${quoted(pairing.name)}: rows of the approved list in the restored copy were changed, so nothing was copied; ` +
            'compare again, and have the new list approved',
        );
      }
      return copy.copy(
        `COPY (SELECT ${out} FROM ${piece.from}${merge ? ' ORDER BY l.n' : ''}) TO STDOUT ${format}`,
        live,
        `COPY ${staged} (${into}) FROM STDIN ${format}`,
      );
    });
    if (piece.rows !== undefined && piece.rows !== rows) {
      throw new TablesRefused(
        `${quoted(pairing.name)}: ${piece.rows} rows of a range were approved, and the restored copy has ${rows} of them ` +
          'now; somebody writes to it, so compare again, and have the new list approved',
      );
    }
    await enter(live, entry, { ...piece, rows, counts: {} });
    return rows;
  });
}
