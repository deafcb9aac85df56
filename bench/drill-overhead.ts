/** What the runbook adds to a restore: a whole drill, against its restore and its checks done by hand. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateDBInstanceCommand,
  DescribeDBInstanceAutomatedBackupsCommand,
  DescribeDBInstancesCommand,
  type RDSClient,
} from '@aws-sdk/client-rds';
import { zephyr } from '../examples/zephyr/plan';
import type { Evidence } from '../lambda/contract';
import type { Connection } from '../lambda/examiner/protocol';
import { type Region, serveRegion } from '../rehearsal/region';
import { DrillSite } from '../rehearsal/runbooks/drill-site';
import { rdsClient } from '../rehearsal/server/clients';
import { connect, fill } from '../rehearsal/story/zephyr-data';
import { deleteCopy, restoreByHand } from './by-hand/restore';
import { alternate, type Measurement, type Progress, ratio, seconds, secondsOf } from './measurement';

const ROWS = 1_000_000;
/** Pairs, after one that warms the machine's caches up. */
const ROUNDS = 5;
const REGION = 'us-east-1';
const SOURCE = 'zephyr-production-db';
const OWNER = { user: 'zephyr', password: 'only-for-rehearsals', database: zephyr.database };

export async function drillOverhead(progress: Progress): Promise<Measurement[]> {
  const region = await serveRegion();
  try {
    return await measure(region, progress);
  } finally {
    await region.close();
  }
}

async function measure(region: Region, progress: Progress): Promise<Measurement[]> {
  const clients = region.clients(REGION);
  const rds = rdsClient(clients);
  progress(`filling Zephyr's database: ${ROWS.toLocaleString('en')} votes`);
  const database = await create(rds);
  await fill(database, ROWS, () => {});
  progress('automated snapshot, then writes that a restore has to recover');
  await region.takeAutomatedSnapshot(REGION, SOURCE);
  const moment = await writeOn(database, rds);

  const site = await DrillSite.build(clients);
  const drill = async () => {
    const { document } = await site.run({
      plan: 'Zephyr',
      target: 'Polls',
      drill: 'bench',
      source: { instance: SOURCE },
      restore: { kind: 'time', time: moment.toISOString() },
      checks: [...zephyr.checks],
      objectives: zephyr.objectives,
      database: OWNER.database,
    });
    if (document.outcome !== 'passed') throw new Error(`the drill failed: ${document.findings.join('; ')}`);
    recovered.push(recoverySeconds(document));
  };
  const byHand = async () => {
    const took = await secondsOf(() => restoreByHand(rds, SOURCE, moment, OWNER));
    await deleteCopy(rds);
    return took;
  };
  const recovered: number[] = [];
  progress('one restore of each kind that does not count');
  await byHand();
  await drill();
  recovered.length = 0;
  progress(`drills and restores by hand, ${ROUNDS} each`);
  const compared = await alternate(ROUNDS, () => secondsOf(drill), byHand);
  return [
    {
      what: `drill of ${ROWS.toLocaleString('en')} rows / its restore and checks by hand`,
      limit: 1.3,
      ...ratio(compared, seconds),
    },
    {
      what: 'its recovery time / the same by hand',
      limit: null,
      ...ratio({ ours: recovered, theirs: compared.theirs }, seconds),
    },
  ];
}

async function create(rds: RDSClient): Promise<Connection> {
  await rds.send(
    new CreateDBInstanceCommand({
      DBInstanceIdentifier: SOURCE,
      DBInstanceClass: 'db.t3.large',
      Engine: 'postgres',
      AllocatedStorage: 100,
      MasterUsername: OWNER.user,
      MasterUserPassword: OWNER.password,
      DBName: OWNER.database,
      BackupRetentionPeriod: 1,
    }),
  );
  for (;;) {
    const { DBInstances } = await rds.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: SOURCE }));
    const { DBInstanceStatus, Endpoint } = DBInstances?.[0] ?? {};
    if (DBInstanceStatus === 'available' && Endpoint?.Address && Endpoint.Port) {
      return { host: Endpoint.Address, port: Endpoint.Port, ...OWNER };
    }
    await sleep(50);
  }
}

/** Rewrites a quarter of the votes and adds a tenth. @returns a moment after it, once it can be restored */
async function writeOn(database: Connection, rds: RDSClient): Promise<Date> {
  const client = await connect(database);
  try {
    await client.query('UPDATE votes SET choice = 1 + choice % 3 WHERE id % 4 = 0');
    await client.query(`
      WITH opened AS (
        INSERT INTO polls (room_code, question, options)
        SELECT 'late ' || i, 'Question ' || i, ARRAY['yes', 'no'] FROM generate_series(1, ${ROWS / 10_000}) i
        RETURNING id
      )
      INSERT INTO votes (poll_id, participant_id, choice)
      SELECT opened.id, participants.id, 1 FROM opened, participants`);
    await client.query('VACUUM (ANALYZE) votes');
  } finally {
    await client.end();
  }
  const moment = new Date(Math.ceil(Date.now() / 1000) * 1000);
  for (;;) {
    const { DBInstanceAutomatedBackups: [backup] = [] } = await rds.send(
      new DescribeDBInstanceAutomatedBackupsCommand({ DBInstanceIdentifier: SOURCE }),
    );
    if ((backup?.RestoreWindow?.LatestTime ?? 0) > moment) return moment;
    await sleep(200);
  }
}

function recoverySeconds({ recoveryTime }: Evidence): number {
  if (!recoveryTime) throw new Error('the drill passed and measured no recovery time');
  return recoveryTime.seconds;
}
