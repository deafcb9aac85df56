/**
 * The dry run: which rows only the copy has, which differ, and which only the live table has.
 *
 * Goes through the key in ranges. Both sides hash a range; where the hashes differ, the live side's keys and hashes are
 * copied beside the copy's rows and joined there. What is found is written into a list in the copy, which is what gets
 * approved: a row that somebody deletes afterwards is not on it, so it is not brought back.
 */
import { createHash } from 'node:crypto';
import { escapeIdentifier } from 'pg';
import type { Deadline } from '../examiner/deadline';
import { type Done, doneOf, type Entry, enter, makeLedger, makeTable, take } from './ledger';
import { Pace, together } from './pace';
import { inRange, keyColumns, keyOf, type Pairing, pairAgain, rowHash, rowsOf, type Side, sameKey } from './pairing';
import { type ChangedBy, type CompareTable, type Comparison, OWN_SCHEMA, type TableName } from './protocol';
import { TablesRefused } from './refusals';
import { quoted, type Session } from './session';

/** Rows of a range, unless they are wide. */
const ROWS = 20_000;
const BYTES = 32 * 1024 ** 2;
/** How many times as many rows of the live table alone are counted at a time. */
const TAIL = 5;
const NAMED_TRANSACTIONS = 20;

/** One range of the comparison, as its ledger row has it; its rows of the list are those after `lo`, up to `hi`. */
export interface ComparedRange {
  readonly after: readonly string[] | null;
  readonly upTo: readonly string[] | null;
  readonly from: number;
  readonly to: number;
  readonly rowsInCopy: number;
  readonly rowsInLive: number;
  readonly missing: number;
  readonly changed: number;
  readonly extra: number;
  readonly sha256: string;
}

const entryOf = (run: string, table: TableName): Entry => ({ run, table, task: 'compare' });
const listOf = (run: string, pairing: Pairing) => ({
  run,
  table: pairing.name,
  purpose: 'list',
  schema: OWN_SCHEMA,
  name: `list_${run}_${pairing.copy.oid}`,
});

/** Names of the key's columns in the list, where they can't be mistaken for its own. */
export const listKey = (pairing: Pairing): readonly string[] =>
  keyOf(pairing).copy.columns.map((_, at) => `k${at + 1}`);

export async function rangesOf(copy: Session, run: string, table: TableName): Promise<readonly ComparedRange[]> {
  return (await doneOf(copy, entryOf(run, table))).map(({ counts }) => counts as unknown as ComparedRange);
}

const isWhole = (ranges: readonly ComparedRange[]) => ranges.length > 0 && ranges[ranges.length - 1]!.upTo === null;

/** SHA-256 of the list; undefined while the comparison is not done. */
export function listHash(pairing: Pairing, ranges: readonly ComparedRange[]): string | undefined {
  if (!isWhole(ranges)) return undefined;
  const hash = createHash('sha256').update(pairing.shape);
  for (const { sha256 } of ranges) hash.update(sha256);
  return hash.digest('hex');
}

/** @throws TablesRefused where the list is not the one that was approved */
export async function approvedRanges(
  copy: Session,
  run: string,
  pairing: Pairing,
  list: string,
): Promise<readonly ComparedRange[]> {
  const ranges = await rangesOf(copy, run, pairing.name);
  if (listHash(pairing, ranges) === list) return ranges;
  throw new TablesRefused(
    `${quoted(pairing.name)}: the list of rows in the restored copy is not the one that was approved, so nothing was ` +
      'copied; compare again, and have the new list approved',
  );
}

export async function compareTable(
  { run, table }: CompareTable,
  live: Session,
  copy: Session,
  deadline: Deadline,
): Promise<Comparison> {
  const pairing = await pairAgain(live, copy, table);
  await makeLedger(copy);
  const key = keyOf(pairing).copy;
  const columns = key.columns.map((name, at) => `t.${escapeIdentifier(name)} AS k${at + 1}`).join(', ');
  const list = await makeTable(
    copy,
    listOf(run, pairing),
    `AS SELECT 0::bigint AS n, ''::text AS kind, ${columns}, 0::bigint AS live_hash, '0'::xid AS by
     FROM ${quoted(table)} t WITH NO DATA`,
    `ALTER TABLE ${OWN_SCHEMA}.${escapeIdentifier(listOf(run, pairing).name)} ADD PRIMARY KEY (n)`,
  );
  const comparison = new Running(run, pairing, list, live, copy, [...(await rangesOf(copy, run, table))]);
  const pace = new Pace(deadline, `comparing a range of ${quoted(table)}`);
  while (!comparison.isDone && pace.goesOn()) {
    if ((await pace.do(() => comparison.next())) === undefined) break;
  }
  return comparison.result();
}

class Running {
  /** Where one range differs, the next one probably does, so its hash is not asked for. */
  private differs = false;
  private hasDigest = false;
  private readonly size: number;

  constructor(
    private readonly run: string,
    private readonly pairing: Pairing,
    private readonly list: string,
    private readonly live: Session,
    private readonly copy: Session,
    private ranges: ComparedRange[],
  ) {
    const { rows, bytes } = pairing.copy;
    this.size = Math.max(200, Math.min(ROWS, Math.floor((BYTES * (rows || ROWS)) / Math.max(1, bytes))));
  }

  public get isDone(): boolean {
    return isWhole(this.ranges);
  }

  /** Compares the next range. */
  public async next(): Promise<true> {
    const last = this.ranges[this.ranges.length - 1];
    const after = last?.upTo ?? null;
    const upTo = (await this.bound('copy', after, this.size)) ?? (await this.bound('live', after, this.size * TAIL));
    const hashes = this.differs ? undefined : await this.hashes(after, upTo);
    const range =
      hashes && hashes[0].join() === hashes[1].join()
        ? await this.alike(after, upTo, Number(hashes[0][0]))
        : hashes && hashes[0][0] === '0'
          ? await this.onlyLive(after, upTo, Number(hashes[1][0]))
          : await this.different(after, upTo);
    if (range === undefined) {
      // Another call did it.
      this.ranges = [...(await rangesOf(this.copy, this.run, this.pairing.name))];
      return true;
    }
    this.differs = range.missing + range.changed > 0;
    this.ranges.push(range);
    return true;
  }

  public async result(): Promise<Comparison> {
    const sum = (count: 'rowsInCopy' | 'rowsInLive' | 'missing' | 'changed' | 'extra') =>
      this.ranges.reduce((total, range) => total + range[count], 0);
    const by = await this.copy.read(
      `SELECT by, count(*) FROM ${this.list} WHERE kind = 'c' GROUP BY by ORDER BY count(*) DESC, by::text LIMIT ${NAMED_TRANSACTIONS}`,
    );
    const changedBy = by.map(([transaction, rows]): ChangedBy => ({ transaction: transaction!, rows: Number(rows) }));
    const list = listHash(this.pairing, this.ranges);
    return {
      done: this.isDone,
      rowsInCopy: sum('rowsInCopy'),
      rowsInLive: sum('rowsInLive'),
      missing: sum('missing'),
      changed: sum('changed'),
      extra: sum('extra'),
      changedBy,
      ...(list && { list }),
    };
  }

  private session(side: Side): Session {
    return side === 'live' ? this.live : this.copy;
  }

  private within(side: Side, after: readonly string[] | null, upTo: readonly string[] | null): string {
    return `${rowsOf(this.pairing, side)} t WHERE ${inRange(this.pairing, side, 't', after, upTo)}`;
  }

  /** The key so many rows ahead; null where there are fewer. */
  private async bound(side: Side, after: readonly string[] | null, rows: number): Promise<readonly string[] | null> {
    const key = keyOf(this.pairing)[side];
    const texts = key.columns.map((name) => `t.${escapeIdentifier(name)}::text`).join(', ');
    const [row] = await this.session(side).read(
      `SELECT ${texts} FROM ${this.within(side, after, null)} ORDER BY ${keyColumns(key, 't')} OFFSET ${rows - 1} LIMIT 1`,
    );
    return (row as readonly string[] | undefined) ?? null;
  }

  private hashes(after: readonly string[] | null, upTo: readonly string[] | null) {
    const of = async (side: Side) =>
      (
        await this.session(side).read(
          `SELECT count(*), sum(h), bit_xor(h) FROM (
             SELECT ${rowHash(this.pairing, side, 't')} AS h FROM ${this.within(side, after, upTo)} OFFSET 0) r`,
        )
      )[0]!;
    return together(of('copy'), of('live'));
  }

  private alike(after: readonly string[] | null, upTo: readonly string[] | null, rows: number) {
    return this.entered(after, upTo, async () => ({
      rowsInCopy: rows,
      rowsInLive: rows,
      missing: 0,
      changed: 0,
      extra: 0,
      sha256: '',
    }));
  }

  private onlyLive(after: readonly string[] | null, upTo: readonly string[] | null, rows: number) {
    return this.entered(after, upTo, async () => ({
      rowsInCopy: 0,
      rowsInLive: rows,
      missing: 0,
      changed: 0,
      extra: rows,
      sha256: '',
    }));
  }

  /** Brings the live side's keys and hashes beside the copy's rows, and joins them there. */
  private different(after: readonly string[] | null, upTo: readonly string[] | null) {
    const { pairing, list, copy, live } = this;
    const key = keyOf(pairing).copy;
    const names = listKey(pairing);
    const digest = 'pg_temp.digest';
    const format = pairing.binary ? '(FORMAT binary)' : '';
    return live.transaction('READ ONLY', () =>
      this.entered(after, upTo, async (from) => {
        if (!this.hasDigest) {
          await copy.rows(
            `CREATE TEMP TABLE digest ON COMMIT DELETE ROWS AS
             SELECT ${names.join(', ')}, live_hash AS h, by FROM ${list} WITH NO DATA`,
          );
          this.hasDigest = true;
        }
        const rowsInLive = await live.copy(
          `COPY (SELECT ${keyColumns(keyOf(pairing).live, 't')}, ${rowHash(pairing, 'live', 't')}, t.xmin
             FROM ${this.within('live', after, upTo)}) TO STDOUT ${format}`,
          copy,
          `COPY ${digest} FROM STDIN ${format}`,
        );
        const own = key.columns.map((name) => `c.${escapeIdentifier(name)}`);
        const found = await copy.row(`
          WITH c AS MATERIALIZED (
            SELECT ${keyColumns(key, 't')}, ${rowHash(pairing, 'copy', 't')} AS "lifeboat hash"
            FROM ${this.within('copy', after, upTo)}
          ), put AS (
            INSERT INTO ${list} SELECT ${from} + row_number() OVER (ORDER BY ${own.join(', ')}),
              CASE WHEN d.h IS NULL THEN 'm' ELSE 'c' END, ${own.join(', ')}, d.h, d.by
            FROM c LEFT JOIN ${digest} d ON ${sameKey(key, 'c', 'd', names)}
            WHERE d.h IS DISTINCT FROM c."lifeboat hash" RETURNING *
          )
          SELECT (SELECT count(*) FROM c), count(*) FILTER (WHERE kind = 'm'), count(*) FILTER (WHERE kind = 'c'),
            ${shaOf(names)} FROM put`);
        const [rowsInCopy, missing, changed] = found.slice(0, 3).map(Number) as [number, number, number];
        const extra = rowsInLive - (rowsInCopy - missing);
        return { rowsInCopy, rowsInLive, missing, changed, extra, sha256: found[3]! };
      }),
    );
  }

  /** @returns undefined where another call has done the range meanwhile */
  private entered(
    after: readonly string[] | null,
    upTo: readonly string[] | null,
    work: (from: number) => Promise<Omit<ComparedRange, 'after' | 'upTo' | 'from' | 'to'>>,
  ): Promise<ComparedRange | undefined> {
    const entry = entryOf(this.run, this.pairing.name);
    const number = this.ranges.length;
    const from = this.ranges[number - 1]?.to ?? 0;
    return this.copy.transaction('READ WRITE', async () => {
      if (!(await take(this.copy, entry, { part: 0, lo: number, hi: number }))) return undefined;
      const counts = await work(from);
      const range = { ...counts, after, upTo, from, to: from + counts.missing + counts.changed };
      const done: Done = { part: 0, lo: number, hi: number, rows: counts.rowsInCopy, counts: { ...range } };
      await enter(this.copy, entry, done);
      return range;
    });
  }
}

/** SHA-256 of rows of a list, which aggregates the rows that it is given. */
export const shaOf = (names: readonly string[]): string =>
  `encode(sha256(textsend(coalesce(string_agg(ROW(n, kind, ${names.join(', ')}, live_hash)::text, E'\\n' ORDER BY n), ''))), 'hex')`;
