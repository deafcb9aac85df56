/**
 * The story of a backup that is proven, of two bad ones that are found, and of a copy that outlives its region: real
 * PostgreSQL, the shipped runbooks, no AWS.
 *
 * Each chapter is a method, and tell() has their order. A chapter begins with its title, changes the database or its
 * backups, and ends with a drill; the narrator counts them.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { zephyr } from '../../examples/zephyr/plan';
import type { DrillDefinition, RestorePointRequest } from '../../lambda/contract';
import type { Connection } from '../../lambda/examiner/protocol';
import type { Region } from '../region';
import { DrillSite } from '../runbooks/drill-site';
import { type DrillOutcome, type Expectation, outcomeOf, saveEvidence, tellOutcome } from './drill-outcome';
import type { Narrator } from './narrator';
import { dumpTest, fill, guideTest, loseRows, Writer } from './zephyr-data';
import { ARN, INSTANCE, INSTANCE_CLASS, OTHER_REGION, REGION, ZephyrInstance } from './zephyr-instance';

export interface StoryOptions {
  /** Votes in the database. */
  readonly rows: number;
  /** Where evidence is written to. */
  readonly evidence: string;
}

/** A drill of the story. */
interface StoryDrill extends Expectation {
  readonly drill: string;
  readonly restore: RestorePointRequest;
  /** @default - the database itself, in the region of the drill */
  readonly source?: DrillDefinition['source'];
  /** Table that the guide's own test is shown on. */
  readonly guide?: 'polls' | 'votes';
}

/** Of some 9,000 that a million votes take. */
const LOST_PAGES = 50;

export class Story {
  private readonly instance: ZephyrInstance;

  constructor(
    private readonly region: Region,
    private readonly options: StoryOptions,
    private readonly narrator: Narrator,
    private readonly stop: AbortSignal,
  ) {
    this.instance = new ZephyrInstance(region);
  }

  /** Tells all chapters. @returns the outcomes of their drills, in order */
  async tell(): Promise<DrillOutcome[]> {
    const site = await this.siteIn(REGION);
    this.narrator.say(`serving ${this.region.endpoint}, on loopback only; nothing here can reach AWS`, 'dim');
    const database = await this.databaseIsCreated();
    const writer = new Writer(database);
    const outcomes: DrillOutcome[] = [];
    try {
      const backedUpFrom = performance.now();
      await this.databaseIsBackedUp(writer);
      outcomes.push(await this.healthyBackupIsProven(site, backedUpFrom));
    } finally {
      await writer.stop();
    }
    outcomes.push(await this.corruptSnapshotIsCaught(site));
    outcomes.push(await this.lostRowsAreCaught(site, database));
    outcomes.push(await this.lostRegionIsSurvived());
    return outcomes;
  }

  private async databaseIsCreated(): Promise<Connection> {
    const { narrator, options } = this;
    narrator.chapter("Zephyr's database, created through the RDS API, and backed up as its guide says");
    narrator.doingNow(`CreateDBInstance ${INSTANCE}`);
    const database = await this.instance.create();
    const label = (votes: number) =>
      `loading ${votes.toLocaleString('en')} of ${options.rows.toLocaleString('en')} votes`;
    narrator.doingNow(label(0));
    const bytes = await fill(database, options.rows, (votes) => narrator.progress(label(votes)));
    narrator.say(
      `${(bytes / 2 ** 20).toFixed(0)} MiB at ${database.host}:${database.port}: try psql while it lasts`,
      'dim',
    );
    return database;
  }

  /** The same chapter: a snapshot and its copy in the other region, while the application writes on. */
  private async databaseIsBackedUp(writer: Writer): Promise<void> {
    const { narrator, stop } = this;
    narrator.doingNow('automated snapshot, while writes go on');
    await this.region.takeAutomatedSnapshot(REGION, INSTANCE);
    const copies = await this.instance.copySnapshots({
      stop,
      onStep: () => narrator.doingNow(`copies of all snapshots to ${OTHER_REGION}`),
    });
    narrator.say(`${copies} snapshots are in ${OTHER_REGION} now`, 'dim');
    narrator.doingNow('writes go on for three seconds');
    for (let tenths = 0; tenths < 30; tenths++) {
      await sleep(100);
      narrator.progress(`writes go on for three seconds: ${writer.written} votes`);
    }
    narrator.done();
  }

  private async healthyBackupIsProven(site: DrillSite, backedUpFrom: number): Promise<DrillOutcome> {
    this.narrator.chapter('The drill: restore a random moment of the last minutes beside it, and check what came back');
    return this.drill(site, {
      drill: 'healthy backup',
      restore: {
        kind: 'random',
        withinSeconds: Math.max(1, Math.floor((performance.now() - backedUpFrom) / 1000) - 1),
      },
      expected: 'passed',
      because: [],
    });
  }

  private async corruptSnapshotIsCaught(site: DrillSite): Promise<DrillOutcome> {
    const { narrator, region } = this;
    narrator.chapter('The same drill, when storage lost some pages of the snapshot, and no read fails');
    narrator.doingNow('automated snapshot');
    const snapshot = await region.takeAutomatedSnapshot(REGION, INSTANCE);
    const { blocks } = await region.zeroPages({ region: REGION, snapshot, table: 'votes' }, LOST_PAGES);
    narrator.say(
      `${blocks.length} pages of votes are zeroes in ${snapshot}, which PostgreSQL takes for new and empty ones`,
    );
    return this.drill(site, {
      drill: 'corrupt snapshot',
      restore: { kind: 'latest-snapshot' },
      expected: 'failed',
      because: [/^readable: .*votes/, /^indexes agree with tables: .*votes/],
      guide: 'votes',
    });
  }

  private async lostRowsAreCaught(site: DrillSite, database: Connection): Promise<DrillOutcome> {
    const { narrator } = this;
    narrator.chapter('The same drill, after a migration lost rows');
    const { orphaned } = await loseRows(database);
    narrator.say(
      `3 polls were deleted, ${orphaned.toLocaleString('en')} votes still refer to them, and audit_logs is empty`,
    );
    narrator.doingNow('automated snapshot: it holds the loss');
    await this.region.takeAutomatedSnapshot(REGION, INSTANCE);
    return this.drill(site, {
      drill: 'lost rows',
      restore: { kind: 'latest-snapshot' },
      expected: 'failed',
      because: [/^foreign keys hold: .*votes/, /^nothing was lost since the last proof: .*audit_logs/],
      guide: 'polls',
    });
  }

  private async lostRegionIsSurvived(): Promise<DrillOutcome> {
    const { narrator } = this;
    narrator.chapter(`${REGION} is lost: the same drill in ${OTHER_REGION}, with what was copied there`);
    narrator.doingNow('DeleteDBInstance, with all its automated backups');
    await this.instance.delete();
    return this.drill(await this.siteIn(OTHER_REGION), {
      drill: 'region lost',
      source: { instance: INSTANCE, copied: { from: ARN, instanceClass: INSTANCE_CLASS } },
      restore: { kind: 'latest-snapshot' },
      expected: 'passed',
      because: [],
    });
  }

  private siteIn(region: string): Promise<DrillSite> {
    return DrillSite.build(this.region.clients(region));
  }

  private async drill(site: DrillSite, { drill, source, restore, guide, ...expectation }: StoryDrill) {
    const { narrator, options, stop } = this;
    let guideSays: string | undefined;
    let dumpSays: string | undefined;
    const result = await site.run(
      {
        plan: 'Zephyr',
        target: 'Polls',
        drill,
        source: source ?? { instance: INSTANCE },
        restore,
        checks: [...zephyr.checks],
        objectives: zephyr.objectives,
        database: zephyr.database,
      },
      {
        stop,
        onStep: (name) => narrator.doingNow(name),
        onCopy: async (connection) => {
          if (!guide) return;
          guideSays = await guideTest(connection, guide);
          dumpSays = await dumpTest(connection, guide);
        },
      },
    );
    narrator.done();
    const path = await saveEvidence(join(options.evidence, site.region), result);
    const outcome = outcomeOf(result.document, expectation, path);
    tellOutcome(narrator, result.document, outcome, { guide: guideSays, dump: dumpSays });
    return outcome;
  }
}
