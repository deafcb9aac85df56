/** What synth of a fleet with drills takes, against the same resources written down bare; and what a drill adds to it. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DATABASES_PER_STACK, STACKS } from './fleet/size';
import { alternate, type Measurement, type Progress, ratio, seconds, secondsOf } from './measurement';
import { synthesise } from './synthesise';

const ROUNDS = 3;
const DATABASES = STACKS * DATABASES_PER_STACK;
const FLEET = join(__dirname, 'fleet', 'protected.js');
const BARE = join(__dirname, 'fleet', 'bare.js');

export async function synthOfFleet(progress: Progress): Promise<Measurement[]> {
  progress(`synthesising ${DATABASES} databases with a drill each, and the same resources bare, ${ROUNDS} times each`);
  const folder = mkdtempSync(join(tmpdir(), 'lifeboat-bench-'));
  try {
    const env = { FLEET: await synthesise(FLEET, folder) };
    const compared = await alternate(
      ROUNDS,
      () => secondsOf(() => synthesise(FLEET, folder)),
      () => secondsOf(() => synthesise(BARE, folder, env)),
    );
    const resources = resourcesOfDrills(env.FLEET);
    return [
      { what: `synth of ${DATABASES} databases with drills / bare`, limit: 2.5, ...ratio(compared, seconds) },
      {
        what: 'resources that a drill adds',
        measured: resources,
        unit: '',
        limit: 11,
        from: `a stack without its site, over ${DATABASES_PER_STACK} drills`,
      },
    ];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Of one of the fleet's stacks, for each of its drills; shared ones count by their share. */
function resourcesOfDrills(outdir: string): number {
  const { Resources } = JSON.parse(readFileSync(join(outdir, 'Fleet1.template.json'), 'utf8'));
  const site = Object.keys(Resources).filter((id) => /^Site(?!WatchDrills)/.test(id));
  return (Object.keys(Resources).length - site.length) / DATABASES_PER_STACK;
}
