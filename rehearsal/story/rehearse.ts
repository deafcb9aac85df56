/**
 * The story of a backup that is proven, of two that are caught out, and of a copy that outlives its region: real
 * PostgreSQL, the shipped runbooks, no AWS.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateDBInstanceCommand,
  type CreateDBInstanceCommandInput,
  DeleteDBInstanceCommand,
  DescribeDBInstancesCommand,
  ModifyDBInstanceCommand,
  type RDSClient,
} from '@aws-sdk/client-rds';
import { zephyr } from '../../examples/zephyr/plan';
import type { DrillRequest, Evidence, RestorePointRequest } from '../../lambda/contract';
import { duration } from '../../lambda/evidence/evidence-text';
import type { Connection } from '../../lambda/examiner/protocol';
import { type Region, serveRegion } from '../region';
import { copyRound } from '../runbooks/copy-round';
import { DrillSite } from '../runbooks/drill-site';
import { rdsClient } from '../server/clients';
import type { Narrator } from './narrator';
import { fill, guideTest, loseRows, Writer } from './zephyr-data';

export const SYSTEMS = ['zephyr'] as const;

export interface RehearsalOptions {
  readonly system: (typeof SYSTEMS)[number];
  /** Votes in the database. */
  readonly rows: number;
  /** Keep data directories and snapshots after the end. */
  readonly keep: boolean;
  /** Where evidence is written to. */
  readonly evidence: string;
}

export interface RehearsedOutcome {
  readonly drill: string;
  readonly expected: Evidence['outcome'];
  readonly outcome: Evidence['outcome'];
  /** The outcome was the expected one, and for the reasons expected. */
  readonly asExpected: boolean;
  readonly recoveryTimeSeconds: number | null;
  readonly recoveryPointSeconds: number | null;
  readonly checksPassed: number;
  readonly checksFailed: number;
  readonly checksNotRun: number;
  readonly findings: readonly string[];
  /** Path of the evidence. */
  readonly evidence: string;
}

export interface Rehearsal {
  readonly system: string;
  readonly rows: number;
  readonly seconds: number;
  readonly objectives: { readonly rpoSeconds: number; readonly rtoSeconds: number };
  readonly drills: readonly RehearsedOutcome[];
  readonly asExpected: boolean;
  /** Where the region's files are, when they were kept. */
  readonly kept: string | null;
}

const REGION = 'us-east-1';
const OTHER_REGION = 'us-west-2';
const INSTANCE = 'zephyr-production-db';
const INSTANCE_CLASS = 'db.t3.large';
/** Any account will do, and any key: a rehearsal has no other. */
const ARN = `arn:aws:rds:${REGION}:123456789012:db:${INSTANCE}`;
const OTHER_KEY = `arn:aws:kms:${OTHER_REGION}:123456789012:alias/lifeboat-zephyr`;
const OWNER = { user: 'zephyr', password: 'only-for-rehearsals', database: zephyr.database };

export async function rehearse(options: RehearsalOptions, narrator: Narrator, stop: AbortSignal): Promise<Rehearsal> {
  narrator.chapter('1  A region starts on this machine');
  narrator.doingNow('starting RDS, S3 and Secrets Manager, on real PostgreSQL');
  const region = await serveRegion({ keep: options.keep });
  const story = new Story(region, options, narrator, stop);
  try {
    const told = story.tell();
    // Whatever goes on then fails when the region closes under it; that is no news any more.
    told.catch(() => {});
    await Promise.race([told, interrupted(stop)]);
    const drills = await told;
    narrator.chapter('Summary');
    const asExpected = drills.every((drill) => drill.asExpected);
    await region.close();
    return {
      system: options.system,
      rows: options.rows,
      seconds: narrator.elapsed(),
      objectives: zephyr.objectives,
      drills,
      asExpected,
      kept: options.keep ? region.folder : null,
    };
  } finally {
    narrator.end();
    await region.close();
  }
}

async function interrupted(stop: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const end = () => reject(new Error('interrupted; everything that was started has been ended'));
    if (stop.aborted) end();
    stop.addEventListener('abort', end, { once: true });
  });
}

class Story {
  private readonly clients: { endpoint: string; region: string };
  private readonly rds: RDSClient;

  constructor(
    private readonly region: Region,
    private readonly options: RehearsalOptions,
    private readonly narrator: Narrator,
    private readonly stop: AbortSignal,
  ) {
    this.clients = { endpoint: region.endpoint, region: REGION };
    this.rds = rdsClient(this.clients);
  }

  async tell(): Promise<RehearsedOutcome[]> {
    const { narrator, region } = this;
    const site = await DrillSite.build(this.clients);
    narrator.say(`serving ${region.endpoint}, on loopback only; nothing here can reach AWS`, 'dim');

    narrator.chapter("2  Zephyr's database, created through the RDS API, and backed up as its guide says");
    const database = await this.create();
    const loadedAt = Date.now();
    const writer = new Writer(database);
    const outcomes: RehearsedOutcome[] = [];
    try {
      narrator.doingNow('automated snapshot, while writes go on');
      await region.takeAutomatedSnapshot(REGION, INSTANCE);
      await this.copyAway();
      await this.letTimePass(writer);

      narrator.chapter('3  The drill: restore a random moment of the last minutes beside it, and check what came back');
      outcomes.push(
        await this.drill(site, 'healthy backup', {
          restore: { kind: 'random', withinSeconds: Math.max(1, Math.floor((Date.now() - loadedAt) / 1000) - 1) },
          expected: 'passed',
          because: [],
        }),
      );
    } finally {
      await writer.stop();
    }

    narrator.chapter('4  The same drill, when one page of the snapshot is damaged');
    narrator.doingNow('automated snapshot');
    const snapshot = await region.takeAutomatedSnapshot(REGION, INSTANCE);
    const { block } = await region.corruptPage({ region: REGION, snapshot, table: 'votes' });
    narrator.say(`200 bytes of block ${block} of votes are damaged in ${snapshot}`);
    outcomes.push(
      await this.drill(site, 'corrupt snapshot', {
        restore: { kind: 'latest-snapshot' },
        expected: 'failed',
        because: [/^readable: .*votes/],
        guide: 'votes',
      }),
    );

    narrator.chapter('5  The same drill, after a migration lost rows');
    const { orphaned } = await loseRows(database);
    narrator.say(`3 polls are gone from under ${orphaned.toLocaleString('en')} votes, and audit_logs is empty`);
    narrator.doingNow('automated snapshot: it holds the loss');
    await region.takeAutomatedSnapshot(REGION, INSTANCE);
    outcomes.push(
      await this.drill(site, 'lost rows', {
        restore: { kind: 'latest-snapshot' },
        expected: 'failed',
        because: [/^foreign keys hold: .*votes/, /^nothing was lost since the last proof: .*audit_logs/, /^row count of audit_logs/],
        guide: 'polls',
      }),
    );

    narrator.chapter(`6  ${REGION} is lost: the same drill in ${OTHER_REGION}, with what was copied there`);
    await this.lose();
    outcomes.push(
      await this.drill(await DrillSite.build({ endpoint: region.endpoint, region: OTHER_REGION }), 'region lost', {
        source: { instance: INSTANCE, copied: { from: ARN, instanceClass: INSTANCE_CLASS } },
        restore: { kind: 'latest-snapshot' },
        expected: 'passed',
        because: [],
      }),
    );
    return outcomes;
  }

  /** Brings what there is into the other region, as `BackupCopy.snapshots()` has it. */
  private async copyAway(): Promise<void> {
    const { narrator, region, stop } = this;
    const { copied } = await copyRound(
      region.endpoint,
      {
        plan: 'Zephyr',
        target: 'Polls',
        copy: 'Snapshots',
        source: { kind: 'automated', region: REGION, instance: INSTANCE, arn: ARN },
        destination: { region: OTHER_REGION, key: OTHER_KEY },
        keepSeconds: 7 * 86_400,
        shareWith: [],
      },
      { stop, onStep: () => narrator.doingNow(`copies of all snapshots to ${OTHER_REGION}`) },
    );
    narrator.say(`${copied.length} snapshots are in ${OTHER_REGION} now`, 'dim');
  }

  /** The database goes, and all its backups in its region with it. */
  private async lose(): Promise<void> {
    const { narrator, rds, region } = this;
    narrator.doingNow('DeleteDBInstance, with all its automated backups');
    const DBInstanceIdentifier = INSTANCE;
    await rds.send(
      new ModifyDBInstanceCommand({ DBInstanceIdentifier, DeletionProtection: false, ApplyImmediately: true }),
    );
    await this.endpoint();
    await rds.send(
      new DeleteDBInstanceCommand({ DBInstanceIdentifier, SkipFinalSnapshot: true, DeleteAutomatedBackups: true }),
    );
    while (region.instances(REGION).length > 0) await sleep(20);
  }

  private async create(): Promise<Connection> {
    const { narrator, options } = this;
    const settings: CreateDBInstanceCommandInput = {
      DBInstanceIdentifier: INSTANCE,
      DBInstanceClass: INSTANCE_CLASS,
      Engine: 'postgres',
      AllocatedStorage: 100,
      MasterUsername: OWNER.user,
      MasterUserPassword: OWNER.password,
      DBName: OWNER.database,
      BackupRetentionPeriod: 30,
      PreferredBackupWindow: '03:00-04:00',
      PreferredMaintenanceWindow: 'sun:04:00-sun:05:00',
      DeletionProtection: true,
    };
    narrator.doingNow(`CreateDBInstance ${INSTANCE}`);
    await this.rds.send(new CreateDBInstanceCommand(settings));
    const { host, port } = await this.endpoint();
    const database = { host, port, ...OWNER };
    const label = (votes: number) =>
      `loading ${votes.toLocaleString('en')} of ${options.rows.toLocaleString('en')} votes`;
    narrator.doingNow(label(0));
    const bytes = await fill(database, options.rows, (votes) => narrator.progress(label(votes)));
    narrator.say(`${(bytes / 2 ** 20).toFixed(0)} MiB at ${host}:${port}: try psql while it lasts`, 'dim');
    return database;
  }

  private async endpoint(): Promise<{ host: string; port: number }> {
    for (;;) {
      const { DBInstances } = await this.rds.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: INSTANCE }));
      const { DBInstanceStatus, Endpoint } = DBInstances?.[0] ?? {};
      if (DBInstanceStatus === 'available' && Endpoint?.Address && Endpoint.Port) {
        return { host: Endpoint.Address, port: Endpoint.Port };
      }
      await sleep(50);
    }
  }

  private async letTimePass(writer: Writer): Promise<void> {
    this.narrator.doingNow('writes go on for three seconds');
    for (let tenths = 0; tenths < 30; tenths++) {
      await sleep(100);
      this.narrator.progress(`writes go on for three seconds: ${writer.written} votes`);
    }
    this.narrator.done();
  }

  private async drill(
    site: DrillSite,
    drill: string,
    wanted: {
      /** The database, unless it is there. */
      readonly source?: DrillRequest['source'];
      readonly restore: RestorePointRequest;
      readonly expected: Evidence['outcome'];
      /** Findings that there must be. */
      readonly because: readonly RegExp[];
      /** Table that the guide's own test is shown on. */
      readonly guide?: 'polls' | 'votes';
    },
  ): Promise<RehearsedOutcome> {
    const { narrator } = this;
    let guideSays: string | undefined;
    const { document, json, text, key } = await site.run(
      {
        plan: 'Zephyr',
        target: 'Polls',
        drill,
        source: wanted.source ?? { instance: INSTANCE },
        restore: wanted.restore,
        checks: [...zephyr.checks],
        objectives: zephyr.objectives,
        database: OWNER.database,
      },
      {
        stop: this.stop,
        onStep: (name) => narrator.doingNow(name),
        onCopy: async (connection) => {
          if (wanted.guide) guideSays = await guideTest(connection, wanted.guide);
        },
      },
    );
    narrator.done();
    const path = await this.save(site.region, key, json, text);
    const outcome = verdict(drill, document, wanted.expected, wanted.because, path);
    this.tellOutcome(document, outcome, guideSays);
    return outcome;
  }

  private tellOutcome(document: Evidence, outcome: RehearsedOutcome, guide: string | undefined) {
    const { narrator } = this;
    narrator.say('');
    if (guide) narrator.say(`the guide's own test: ${guide}`, 'yellow');
    const { restorePoint, freshnessSeconds } = document;
    if (document.outcome === 'passed') {
      narrator.say(`Lifeboat: PASSED, ${outcome.checksPassed} checks, restored to ${restorePoint?.time}`, 'green');
      const { recoveryTime, recoveryPoint } = document;
      if (recoveryTime && recoveryPoint) {
        narrator.say(
          `recovery time ${duration(recoveryTime.seconds)}, recovery point ${duration(recoveryPoint.seconds)}`,
        );
      }
      if (freshnessSeconds !== null) {
        narrator.say(`newest poll found: ${duration(freshnessSeconds)} before the restored moment`);
      }
    } else {
      narrator.say(`Lifeboat: FAILED, ${outcome.checksFailed} of ${document.checks.length} checks`, 'red');
      for (const finding of document.findings) narrator.say(`  ${finding}`);
    }
    if (!outcome.asExpected) narrator.say(`NOT what was expected: ${outcome.expected}`, 'red');
  }

  /** By region: each has a bucket of evidence of its own, and a chain in it. */
  private async save(region: string, key: string, json: string, text: string): Promise<string> {
    const folder = join(this.options.evidence, region);
    const path = join(folder, key.split('/').at(-1) ?? 'evidence.json');
    await mkdir(folder, { recursive: true });
    await writeFile(path, json);
    const readable = path.replace(/json$/, 'md');
    await writeFile(readable, text);
    return readable;
  }
}

function verdict(
  drill: string,
  { outcome, findings, checks, recoveryTime, recoveryPoint }: Evidence,
  expected: Evidence['outcome'],
  because: readonly RegExp[],
  path: string,
): RehearsedOutcome {
  const count = (wanted: string) => checks.filter((check) => check.outcome === wanted).length;
  return {
    drill,
    expected,
    outcome,
    asExpected: outcome === expected && because.every((reason) => findings.some((finding) => reason.test(finding))),
    recoveryTimeSeconds: recoveryTime?.seconds ?? null,
    recoveryPointSeconds: recoveryPoint?.seconds ?? null,
    checksPassed: count('passed'),
    checksFailed: count('failed'),
    checksNotRun: count('not-run'),
    findings,
    evidence: path,
  };
}
