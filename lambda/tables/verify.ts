/** Reads what was staged and what the copy holds, each by itself: nothing that a COPY changed gets into the live table. */

import type { Deadline } from '../examiner/deadline';
import { type Done, doneOf, type Entry, enter, take } from './ledger';
import { Pace, together } from './pace';
import { type Pairing, pairAgain, rowHash, type Side } from './pairing';
import type { Verified, VerifyStaged } from './protocol';
import { TablesRefused } from './refusals';
import type { Session } from './session';
import { quoted } from './session';
import { type Piece, pagesOf, piecesOf, stagedName } from './stage';

/** @param ledger a session on the live database beside the one that reads there */
export async function verifyStaged(
  request: VerifyStaged,
  live: Session,
  copy: Session,
  ledger: Session,
  deadline: Deadline,
): Promise<Verified> {
  const pairing = await pairAgain(live, copy, request.table);
  const [ours, theirs] = await together(
    pagesOf(live, stagedName(request.table), 's'),
    piecesOf(request, pairing, copy),
  );
  const pace = new Pace(deadline, `reading a range of ${quoted(request.table)}`);
  const [staged, source] = await together(
    readAll(request, pairing, 'live', 's', ours, live, live, pace),
    readAll(request, pairing, 'copy', 'c', theirs, copy, ledger, pace),
  );
  const rows = staged.reduce((sum, range) => sum + range.rows, 0);
  if (staged.length < ours.length || source.length < theirs.length) return { done: false, rows };
  const [is, should] = [fingerprint(staged), fingerprint(source)];
  if (is === should) return { done: true, rows, fingerprint: is };
  throw new TablesRefused(
    `${quoted(request.table)}: the staged rows are not those of the restored copy (fingerprint ${is} instead of ${should}), ` +
      'so the live table was not touched; clean up, and start the recovery again',
  );
}

async function readAll(
  { run, table }: VerifyStaged,
  pairing: Pairing,
  side: Side,
  alias: string,
  pieces: readonly Piece[],
  reader: Session,
  ledger: Session,
  pace: Pace,
): Promise<readonly Done[]> {
  const entry: Entry = { run, table, task: `verify ${side}` };
  const before = await doneOf(ledger, entry);
  const known = new Map(before.map((done) => [`${done.part} ${done.lo}`, done]));
  const results: Done[] = [];
  for (const piece of pieces) {
    const already = known.get(`${piece.part} ${piece.lo}`);
    if (already) results.push(already);
    else if (pace.goesOn()) {
      const done = await pace.do(() => readPiece(pairing, side, alias, piece, entry, reader, ledger));
      if (done === undefined) break;
      results.push(done);
    }
  }
  return results;
}

async function readPiece(
  pairing: Pairing,
  side: Side,
  alias: string,
  piece: Piece,
  entry: Entry,
  reader: Session,
  ledger: Session,
): Promise<Done> {
  const [row] = await reader.read(
    `SELECT count(*), coalesce(sum(h), 0), coalesce(bit_xor(h), 0)
     FROM (SELECT ${rowHash(pairing, side, alias)} AS h FROM ${piece.from} OFFSET 0) r`,
  );
  const [count, sum, xor] = row as readonly [string, string, string];
  const done = { part: piece.part, lo: piece.lo, hi: piece.hi, rows: Number(count), counts: { sum, xor } };
  await ledger.transaction('READ WRITE', async () => {
    // A call beside this one may have read the same, with the same result: nobody else writes to either.
    if (await take(ledger, entry, piece)) await enter(ledger, entry, done);
  });
  return done;
}

/** Count, sum and exclusive or: rows that are there twice cancel each other in the last one alone. */
function fingerprint(ranges: readonly Done[]): string {
  let [rows, sum, xor] = [0, 0n, 0n];
  for (const { rows: count, counts } of ranges) {
    rows += count;
    sum += BigInt(String(counts.sum));
    xor ^= BigInt(String(counts.xor));
  }
  return `${rows} ${sum} ${BigInt.asUintN(64, xor).toString(16).padStart(16, '0')}`;
}
