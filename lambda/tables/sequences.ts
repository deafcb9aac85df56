/** Sequences of a live table, moved on behind rows that were inserted with numbers of their own: never back. */
import { escapeIdentifier, escapeLiteral } from 'pg';
import type { Pairing } from './pairing';
import type { Session } from './session';

/** @returns the sequences that were moved on, by name */
export async function advanceSequences(live: Session, pairing: Pairing, staged: string): Promise<readonly string[]> {
  const carried = new Set(pairing.pairs.map(({ name }) => name));
  const moved: string[] = [];
  for (const { column, name } of pairing.live.sequences.filter((sequence) => carried.has(sequence.column))) {
    const [settings] = await live.read(
      `SELECT seqincrement FROM pg_sequence WHERE seqrelid = ${escapeLiteral(name)}::regclass`,
    );
    const increment = Number(settings![0]);
    const furthest = increment > 0 ? 'max' : 'min';
    const behind = `
      SELECT r.furthest FROM (SELECT ${furthest}(${escapeIdentifier(column)})::bigint AS furthest FROM ${staged}) r,
        ${name} s WHERE r.furthest ${increment > 0 ? '>' : '<'} s.last_value
        OR r.furthest = s.last_value AND NOT s.is_called`;
    if ((await live.read(behind)).length === 0) continue;
    await live.transaction('READ WRITE', async () => {
      // Nobody draws a number until this ends, so what is read is what is replaced.
      await live.rows(`ALTER SEQUENCE ${name} INCREMENT BY ${settings![0]}`);
      const [row] = await live.rows(behind);
      if (row === undefined) return;
      await live.rows(`SELECT setval(${escapeLiteral(name)}::regclass, ${row[0]})`);
      moved.push(name);
    });
  }
  return moved;
}
