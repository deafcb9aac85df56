/** What synth of Zephyr production takes, against a hand-written app with the same resources. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { alternate, type Measurement, type Progress, ratio, seconds, secondsOf } from './measurement';
import { ROOT, synthesise } from './synthesise';

const ROUNDS = 7;
const ZEPHYR = { app: join(ROOT, 'dist', 'bin', 'app.js'), stack: 'Zephyr-production' };
const BY_HAND = { app: join(__dirname, 'by-hand', 'stack.js'), stack: 'ByHand-production' };
type Synthesised = typeof ZEPHYR;

export async function synthOfZephyr(progress: Progress): Promise<Measurement[]> {
  progress(`synthesising Zephyr and the same by hand, ${ROUNDS} times each`);
  const folder = mkdtempSync(join(tmpdir(), 'lifeboat-bench-'));
  try {
    const flaws = differences(await resourcesOf(ZEPHYR, folder), await resourcesOf(BY_HAND, folder));
    const compared = await alternate(
      ROUNDS,
      () => secondsOf(() => synthesise(ZEPHYR.app, folder)),
      () => secondsOf(() => synthesise(BY_HAND.app, folder)),
    );
    return [{ what: 'synth of Zephyr production / the same by hand', limit: 1.5, flaws, ...ratio(compared, seconds) }];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

type Counts = Map<string, number>;

/** How many there are of each type. */
async function resourcesOf(synthesised: Synthesised, folder: string): Promise<Counts> {
  const outdir = await synthesise(synthesised.app, folder);
  const { Resources } = JSON.parse(readFileSync(join(outdir, `${synthesised.stack}.template.json`), 'utf8'));
  const counts: Counts = new Map();
  for (const { Type } of Object.values<{ Type: string }>(Resources)) counts.set(Type, (counts.get(Type) ?? 0) + 1);
  return counts;
}

function differences(zephyr: Counts, byHand: Counts): string[] {
  return [...new Set([...zephyr.keys(), ...byHand.keys()])]
    .map((type) => ({ type, ours: zephyr.get(type) ?? 0, theirs: byHand.get(type) ?? 0 }))
    .filter(({ ours, theirs }) => ours !== theirs)
    .map(({ type, ours, theirs }) => `not comparable, Zephyr has ${ours} ${type}, by hand there are ${theirs}`);
}
