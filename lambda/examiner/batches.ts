/** Cuts work into batches that each fit one call: bounded in bytes to read, and in pieces to report. */
import type { Work } from './protocol';

/** What one call reads in a few minutes, even from storage that a fresh copy still loads from its snapshot. */
export const BATCH_BYTES = 8 * 1024 ** 3;

/** Beyond this the calls themselves add up, so each one gets more to do. */
const MAX_BATCHES = 100;

/** Bounds the answer of a call, which becomes a step's stored result. */
const BATCH_PIECES = 500;

/** Evenly filled batches: the largest piece goes first, each into the batch with least to read so far. */
export function cutBatches(work: readonly Work[]): readonly (readonly Work[])[] {
  const total = work.reduce((sum, { bytes }) => sum + bytes, 0);
  const byBytes = Math.min(Math.ceil(total / BATCH_BYTES), MAX_BATCHES);
  const count = Math.max(1, byBytes, Math.ceil(work.length / BATCH_PIECES));
  const batches = Array.from({ length: count }, () => ({ bytes: 0, pieces: [] as Work[] }));
  for (const piece of [...work].sort((a, b) => b.bytes - a.bytes)) {
    const open = batches.filter(({ pieces }) => pieces.length < BATCH_PIECES);
    const emptiest = open.reduce((least, batch) => (batch.bytes < least.bytes ? batch : least));
    emptiest.pieces.push(piece);
    emptiest.bytes += piece.bytes;
  }
  return batches.map(({ pieces }) => pieces).filter((pieces) => pieces.length > 0);
}

/** Block ranges of a table, each of at most a batch's bytes. */
export function cutBlocks(blocks: number, bytes: number): readonly (readonly [from: number, to: number])[] {
  const pieces = Math.min(Math.ceil(bytes / BATCH_BYTES), blocks);
  return Array.from({ length: pieces }, (_, piece) => [
    Math.floor((blocks * piece) / pieces),
    Math.floor((blocks * (piece + 1)) / pieces) - 1,
  ]);
}
