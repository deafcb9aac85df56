/** A rehearsal from start to end: a region is served, the story is told in it, and everything is closed again. */
import { zephyr } from '../../examples/zephyr/plan';
import { serveRegion } from '../region';
import type { DrillOutcome } from './drill-outcome';
import type { Narrator } from './narrator';
import { Story, type StoryOptions } from './story';
import { untilStopped } from './until-stopped';

export const SYSTEMS = ['zephyr'] as const;

export interface RehearsalOptions extends StoryOptions {
  readonly system: (typeof SYSTEMS)[number];
  /** Keep data directories and snapshots after the end. */
  readonly keep: boolean;
}

export interface Rehearsal {
  readonly system: string;
  readonly rows: number;
  readonly seconds: number;
  readonly objectives: { readonly rpoSeconds: number; readonly rtoSeconds: number };
  readonly drills: readonly DrillOutcome[];
  readonly asExpected: boolean;
  /** Where the region's files are, when they were kept. */
  readonly kept: string | null;
}

/** @throws when the story could not be told to its end, or was stopped; the region is closed by then */
export async function rehearse(options: RehearsalOptions, narrator: Narrator, stop: AbortSignal): Promise<Rehearsal> {
  narrator.chapter('A region starts on this machine');
  narrator.doingNow('starting RDS, S3 and Secrets Manager, on real PostgreSQL');
  const region = await serveRegion({ keep: options.keep });
  const story = new Story(region, options, narrator, stop);
  try {
    const drills = await untilStopped(story.tell(), stop);
    narrator.heading('Summary');
    await region.close();
    return {
      system: options.system,
      rows: options.rows,
      seconds: narrator.elapsed(),
      objectives: zephyr.objectives,
      drills,
      asExpected: drills.every((drill) => drill.asExpected),
      kept: options.keep ? region.folder : null,
    };
  } finally {
    narrator.end();
    await region.close();
  }
}
