/** What the checks of a drill cost: against amcheck, as pg_amcheck runs it, and a count of every table, by the same SQL by hand. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Check } from '../lambda/contract';
import { examine } from '../lambda/detectors/examine';
import { conclude } from '../lambda/examiner/conclusion';
import type { Connection, Finding } from '../lambda/examiner/protocol';
import { examinerOf } from '../lambda/runbook/examiner-client';
import { runFolder } from '../rehearsal/machine/workspace';
import { type Cluster, createCluster } from '../rehearsal/postgres/cluster';
import { alternate, type Measurement, type Progress, ratio, seconds, secondsOf } from './measurement';

const ROWS = 2_000_000;
const ROUNDS = 3;
const DATABASE = 'bench';

const CHECKS: readonly Check[] = [
  { kind: 'readable' },
  { kind: 'indexes' },
  { kind: 'constraints' },
  { kind: 'foreign-keys' },
];

const SCHEMA = `
  CREATE EXTENSION amcheck;
  CREATE TABLE rooms (id serial PRIMARY KEY, name text NOT NULL UNIQUE);
  INSERT INTO rooms (name) SELECT 'room ' || n FROM generate_series(1, 20000) n;
  CREATE TABLE votes (id uuid PRIMARY KEY, room int NOT NULL REFERENCES rooms, voter text NOT NULL CHECK (voter <> ''),
    choice int NOT NULL CHECK (choice BETWEEN 1 AND 9), at timestamptz NOT NULL, details jsonb);
  INSERT INTO votes SELECT gen_random_uuid(), 1 + n % 20000, 'voter ' || n % 50000, 1 + n % 9, now() - n * interval '1 second',
    jsonb_build_object('n', n, 'tags', jsonb_build_array('a', 'b', n % 7)) FROM generate_series(1, ${ROWS}) n;
  CREATE INDEX votes_room ON votes (room); CREATE INDEX votes_at ON votes (at)`;

export async function examination(progress: Progress): Promise<Measurement[]> {
  const folder = runFolder();
  const cluster = await createCluster({
    folder: join(folder, 'database'),
    settings: { autovacuum: 'off' },
    superuserIsClient: true,
  });
  try {
    await cluster.start();
    progress(`filling a database: ${ROWS.toLocaleString('en')} rows with keys and indexes`);
    await cluster.query(`CREATE DATABASE ${DATABASE}`);
    await cluster.query(SCHEMA, [], DATABASE);
    await cluster.query('VACUUM ANALYZE', [], DATABASE);
    return await measure(cluster, progress);
  } finally {
    await cluster.remove();
    await rm(folder, { recursive: true, force: true });
  }
}

async function measure(cluster: Cluster, progress: Progress): Promise<Measurement[]> {
  const ours = () => secondsOf(() => checks({ ...cluster.superuser, database: DATABASE }));
  const theirs = () => secondsOf(() => byHand(cluster));
  progress('one examination of each kind that does not count');
  await theirs();
  await ours();
  progress(`examinations, ${ROUNDS} of each kind`);
  return [
    {
      what: `checks of ${ROWS.toLocaleString('en')} rows / pg_amcheck's and count(*)`,
      limit: 3.0,
      ...ratio(await alternate(ROUNDS, ours, theirs), seconds),
    },
  ];
}

async function checks(connection: Connection): Promise<void> {
  const examiner = examinerOf(examine({}));
  const survey = await examiner.survey({ connection, checks: CHECKS, main: true });
  const findings: Finding[] = [];
  for (const work of survey.calls) {
    const restorePoint = new Date().toISOString();
    findings.push(...(await examiner.check({ connection, checks: CHECKS, work, restorePoint })).findings);
  }
  const failed = conclude(CHECKS, [{ survey, findings }]).filter(({ outcome }) => outcome !== 'passed');
  if (failed.length > 0) throw new Error(`a healthy database did not pass: ${JSON.stringify(failed)}`);
}

/** `pg_amcheck --heapallindexed --parent-check`, over one connection as by its defaults. */
async function byHand(cluster: Cluster): Promise<void> {
  await cluster.connected(async (client) => {
    const tables = await client.query<{ oid: string; name: string; own: boolean }>(`
      SELECT oid, oid::regclass::text AS name, oid >= 16384 AND relkind = 'r' AS own
      FROM pg_class WHERE relkind IN ('r', 'm', 't', 'S') AND relpersistence <> 't' ORDER BY oid`);
    for (const { oid } of tables.rows) {
      await client.query(`SELECT * FROM verify_heapam(${oid}, on_error_stop := false, check_toast := true)`);
    }
    const indexes = await client.query<{ oid: string }>(`
      SELECT c.oid FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid JOIN pg_am a ON a.oid = c.relam
      WHERE a.amname = 'btree' AND c.relkind = 'i' AND c.relpersistence <> 't' AND indisvalid ORDER BY c.oid`);
    for (const { oid } of indexes.rows) await client.query(`SELECT bt_index_parent_check(${oid}, true)`);
    await client.query('SET enable_indexonlyscan = off; SET max_parallel_workers_per_gather = 0');
    for (const { name, own } of tables.rows) if (own) await client.query(`SELECT count(*) FROM ${name}`);
  }, DATABASE);
}
