/** What a drill needs for thousands of tables: its time for each, its memory, and the size of what it says. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Check, GENERIC_CHECKS } from '../lambda/contract';
import { examine } from '../lambda/detectors/examine';
import { conclude } from '../lambda/examiner/conclusion';
import type { Connection, Finding } from '../lambda/examiner/protocol';
import { examinerOf } from '../lambda/runbook/examiner-client';
import { pack } from '../lambda/runbook/step-result';
import { runFolder } from '../rehearsal/machine/workspace';
import { type Cluster, createCluster } from '../rehearsal/postgres/cluster';
import { type Measurement, median, type Progress, seconds, secondsOf } from './measurement';

const FEW = 300;
const SEVERAL = 3_000;
const MANY = 20_000;
const INDEXES = 3;
const KB = 1024;

export async function manyTables(progress: Progress): Promise<Measurement[]> {
  const folder = runFolder();
  const cluster = await createCluster({ folder: join(folder, 'database'), superuserIsClient: true });
  try {
    await cluster.start();
    return await measure(cluster, progress);
  } finally {
    await cluster.remove();
    await rm(folder, { recursive: true, force: true });
  }
}

async function measure(cluster: Cluster, progress: Progress): Promise<Measurement[]> {
  const connections: Connection[] = [];
  for (const tables of [FEW, SEVERAL, MANY]) {
    progress(`making ${tables.toLocaleString('en')} tables of ${INDEXES} indexes`);
    connections.push(await fill(cluster, tables));
  }
  const [few, several, many] = connections as [Connection, Connection, Connection];
  const perTable: number[] = [];
  for (let round = 0; round < 3; round++) {
    progress(`examining ${FEW} tables, and ${SEVERAL.toLocaleString('en')}`);
    const one = await secondsOf(() => examineAll(few));
    const other = await secondsOf(() => examineAll(several));
    perTable.push(other / SEVERAL / (one / FEW));
  }
  progress(`examining ${MANY.toLocaleString('en')} tables`);
  const largest = { answer: 0, step: 0, memory: 0 };
  const took = await secondsOf(() => examineAll(many, largest));
  return [
    {
      what: `time for each of ${SEVERAL.toLocaleString('en')} tables / of ${FEW}`,
      measured: median(perTable),
      unit: 'times',
      limit: 1.5,
      from: `medians of ${perTable.length}`,
    },
    {
      what: `${MANY.toLocaleString('en')} tables with ${(MANY * INDEXES).toLocaleString('en')} indexes examined`,
      measured: took,
      unit: 's',
      limit: null,
      from: `${seconds((took / MANY) * 1000)} for a thousand`,
    },
    {
      what: 'its memory, this benchmark included',
      measured: largest.memory,
      unit: 'KB',
      limit: 512 * KB,
      from: 'the peak',
    },
    {
      what: 'its largest answer',
      measured: largest.answer,
      unit: 'KB',
      limit: 6 * KB,
      from: 'listing, survey and checks',
    },
    {
      what: 'its largest result of a step',
      measured: largest.step,
      unit: 'KB',
      limit: 255,
      from: 'compressed where needed',
    },
  ];
}

/** As one after the other of an application's tables: keys, an index for queries and a unique one. */
export async function fill(cluster: Cluster, tables: number): Promise<Connection> {
  const database = `of_${tables}`;
  await cluster.query(`CREATE DATABASE ${database}`);
  const batch = 500;
  for (let from = 1; from <= tables; from += batch) {
    await cluster.query(
      `DO $$ BEGIN FOR n IN ${from}..${Math.min(tables, from + batch - 1)} LOOP
         EXECUTE pg_catalog.format('CREATE TABLE table_%s (id int PRIMARY KEY, email text NOT NULL UNIQUE, made timestamptz)', n);
         EXECUTE pg_catalog.format('INSERT INTO table_%s SELECT i, i, now() FROM pg_catalog.generate_series(1, 10) i', n);
         EXECUTE pg_catalog.format('CREATE INDEX ON table_%s (made)', n);
       END LOOP; END $$`,
      [],
      database,
    );
  }
  await cluster.query('VACUUM ANALYZE', [], database);
  return { ...cluster.superuser, database };
}

export async function examineAll(connection: Connection, largest = { answer: 0, step: 0, memory: 0 }): Promise<void> {
  const checks: readonly Check[] = GENERIC_CHECKS;
  const examiner = examinerOf(examine({}));
  const watch = setInterval(() => {
    largest.memory = Math.max(largest.memory, process.memoryUsage.rss() / KB);
  }, 100);
  const weighed = <T>(answer: T): T => {
    const text = JSON.stringify(answer);
    largest.answer = Math.max(largest.answer, Buffer.byteLength(text) / KB);
    return answer;
  };
  const stepped = <T>(answer: T): T => {
    largest.step = Math.max(largest.step, Buffer.byteLength(JSON.stringify(pack(weighed(answer)))) / KB);
    return answer;
  };
  try {
    weighed(await examiner.list({ connection }));
    const survey = stepped(await examiner.survey({ connection, checks, main: true }));
    const findings: Finding[] = [];
    const queue = [...survey.calls];
    for (let work = queue.shift(); work; work = queue.shift()) {
      const checked = stepped(
        await examiner.check({ connection, checks, work, restorePoint: new Date().toISOString() }),
      );
      findings.push(...checked.findings);
      if (checked.left.length > 0) queue.unshift(checked.left);
    }
    const wrong = conclude(checks, [{ survey, findings }]).filter(({ outcome }) => outcome === 'failed');
    if (wrong.length > 0) throw new Error(`healthy tables failed: ${JSON.stringify(wrong)}`);
  } finally {
    clearInterval(watch);
  }
}
