/** Cuts work into calls: bounded in bytes to read and in objects to look at, and never ahead of what must come before. */
import type { Detector, Phase } from '../examiner/detector';
import { PHASES } from '../examiner/detector';
import type { Work } from '../examiner/protocol';

/** What one call reads in a few minutes, even from storage that a fresh copy still loads from its snapshot. */
export const CALL_BYTES = 8 * 1024 ** 3;

/** Beyond this many the calls themselves add up, so each one gets more to do. */
const MAX_CALLS = 100;

/** What one call looks at within its time, at some milliseconds each. */
const CALL_OBJECTS = 5_000;

export interface Listed {
  readonly oid: number;
  readonly bytes: number;
  /** Null where it can't be read in parts. */
  readonly blocks: number | null;
}

/** Ranges of a detector's objects, in the order of their OIDs. An object too large for one call is cut by its blocks. */
export function cutObjects(detector: Detector, checks: readonly number[], objects: readonly Listed[]): Work[] {
  const works: Work[] = [];
  let open: Listed[] = [];
  let held = 0;
  const close = () => {
    const [first] = open;
    const last = open[open.length - 1];
    if (first && last) {
      works.push({ detector: detector.name, checks, oids: [first.oid, last.oid], objects: open.length, bytes: held });
    }
    [open, held] = [[], 0];
  };
  for (const object of objects) {
    const { oid, bytes, blocks } = object;
    const parts = blocks === null ? 1 : Math.min(Math.ceil(bytes / CALL_BYTES), blocks);
    if (parts > 1 && blocks !== null) {
      close();
      for (const range of cutBlocks(blocks, parts)) {
        works.push({
          detector: detector.name,
          checks,
          oids: [oid, oid],
          blocks: range,
          objects: 1,
          bytes: Math.ceil(bytes / parts),
        });
      }
      continue;
    }
    if (open.length >= CALL_OBJECTS || (open.length > 0 && held + bytes > CALL_BYTES)) close();
    open.push(object);
    held += bytes;
  }
  close();
  return works;
}

/** Ranges of blocks, of about the same length. */
export function cutBlocks(blocks: number, parts: number): readonly (readonly [from: number, to: number])[] {
  return Array.from({ length: parts }, (_, part) => [
    Math.floor((blocks * part) / parts),
    Math.floor((blocks * (part + 1)) / parts) - 1,
  ]);
}

/** Fills calls in the order of the phases: a phase may share a call with the next one, which begins once it has ended. */
export function fillCalls(works: readonly Work[], phaseOf: (detector: string) => Phase): Work[][] {
  const ordered = [...works].sort((a, b) => PHASES.indexOf(phaseOf(a.detector)) - PHASES.indexOf(phaseOf(b.detector)));
  const total = works.reduce((sum, { bytes }) => sum + bytes, 0);
  const room = Math.max(CALL_BYTES, total / MAX_CALLS);
  const calls: Work[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  let objects = 0;
  for (const work of ordered) {
    if (bytes + work.bytes > room || objects + work.objects > CALL_OBJECTS) {
      calls.push([]);
      [bytes, objects] = [0, 0];
    }
    calls[calls.length - 1]!.push(work);
    bytes += work.bytes;
    objects += work.objects;
  }
  return calls;
}
