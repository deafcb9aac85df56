/** The shipped recovery of a database against real PostgreSQL: rows are deleted, brought back, and given up again. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { DBInstance } from '@aws-sdk/client-rds';
import { CreateSecretCommand, GetSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import { Client } from 'pg';
import type { RecoveryDocument } from '../../../lambda/contract';
import { RecoverySite, type RehearsedRecovery } from '../../../rehearsal/runbooks/recovery-site';
import { secretsManagerClient } from '../../../rehearsal/server/clients';
import { MASTER, useRegion } from '../../real/region';

const local = useRegion();
let site: RecoverySite;

const recovery = (instance: string, secret: string): RehearsedRecovery => ({
  plan: 'Shop',
  target: instance,
  recovery: 'Database',
  source: { instance },
  credentials: secret,
  database: 'shop',
  checks: [{ kind: 'row-count', table: 'orders', atLeast: 100 }],
  objectives: { rpoSeconds: 300, rtoSeconds: 3600 },
  approval: { timeoutSeconds: 600 },
  fence: 'connect',
  cutOver: [{ kind: 'secret', secret }],
  restart: [],
  health: [{ kind: 'query', sql: 'SELECT count(*) = 100 FROM public.orders' }],
  watchSeconds: 1,
});

beforeAll(async () => {
  const { region, name } = local();
  site = await RecoverySite.build(region, name);
});

async function secretOf(secret: string): Promise<{ host: string; port: number }> {
  const { region, name } = local();
  const { SecretString } = await secretsManagerClient(region.clients(name)).send(
    new GetSecretValueCommand({ SecretId: secret }),
  );
  return JSON.parse(SecretString!);
}

/** A database with 100 orders, and the moment at which they were all there. */
async function damaged(name: string): Promise<{ database: DBInstance; before: string; secret: string }> {
  const database = await local().createDatabase(name);
  await local().query(
    database,
    `CREATE TABLE orders (n int PRIMARY KEY, at timestamptz DEFAULT now());
     CREATE INDEX ON orders (at); INSERT INTO orders SELECT generate_series(1, 100);
     CREATE TABLE customers (n int PRIMARY KEY); INSERT INTO customers VALUES (1);
     CREATE ROLE app LOGIN PASSWORD 'of the application'; GRANT ALL ON ALL TABLES IN SCHEMA public TO app`,
  );
  const secret = `${name}-secret`;
  const { Address: host, Port: port } = database.Endpoint!;
  const { region, name: home } = local();
  const SecretString = JSON.stringify({ host, port, username: MASTER.user, password: MASTER.password });
  await secretsManagerClient(region.clients(home)).send(new CreateSecretCommand({ Name: secret, SecretString }));
  await sleep(1100);
  const before = new Date(Math.ceil(Date.now() / 1000) * 1000).toISOString();
  await sleep(2100);
  await local().query(database, 'DELETE FROM orders WHERE n > 10');
  // The moment has to be restorable.
  const late = Date.parse(before) + 2000;
  while (((await local().describe(name)).LatestRestorableTime?.getTime() ?? 0) < late) await sleep(100);
  return { database, before, secret };
}

const hostOf = async (name: string) => (await local().describe(name)).Endpoint?.Address;

async function asApplication(name: string, sql: string): Promise<unknown[]> {
  const { Endpoint } = await local().describe(name);
  const { Address: host, Port: port } = Endpoint!;
  const client = new Client({ host, port, user: 'app', password: 'of the application', database: 'shop' });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

const count = async (name: string) =>
  (await local().query<{ n: string }>(await local().describe(name), 'SELECT count(*) AS n FROM orders'))[0]?.n;

test('brings deleted rows back, sends applications there by a secret, and goes back for a counted loss', async () => {
  const { before, secret, database } = await damaged('orders');
  const shown: string[] = [];
  const answer = (document: RecoveryDocument) => {
    shown.push(JSON.stringify(document.sections));
    return 'approve' as const;
  };
  const { outcome, documents, run } = await site.run(
    recovery('orders', secret),
    { action: 'recover', to: { kind: 'time', time: before }, reason: 'somebody forgot WHERE' },
    { answer },
  );
  expect(outcome).toMatchObject({ outcome: 'recovered', halfDone: [] });
  const { instance } = outcome.recovered!;
  // As it can be pasted into a terminal.
  const report = JSON.stringify(documents.find(({ kind }) => kind === 'report')?.sections);
  expect(report).toContain(`lifeboat recover roll-back 'Shop' 'orders' --run ${run} --reason '...'`);
  expect(await count(instance)).toBe('100');
  expect(shown).toEqual([expect.stringContaining('10 rows in the damaged database, 100 in the recovered one')]);
  expect(shown[0]).toContain('1 table is the same on both sides');
  expect(await secretOf(secret)).toMatchObject({ host: await hostOf(instance), password: MASTER.password });
  expect(documents.map(({ kind, name }) => `${kind}: ${name}`)).toEqual([
    'started: started',
    'proposal: proposal 1',
    'approval: answer to proposal 1',
    'intent: fence of the damaged database',
    'intent: counts at the cut-over',
    'intent: cut over by secret orders-secret',
    'report: report',
  ]);
  expect(local().region.instances(local().name)).toEqual(['orders', instance]);
  // Nobody gets in with what applications know, the master user's password included.
  await expect(local().query(database, 'SELECT 1')).rejects.toThrow(/password authentication failed/);
  await expect(asApplication('orders', 'SELECT 1')).rejects.toThrow(/permission denied for database/);
  await asApplication(instance, 'INSERT INTO orders SELECT generate_series(101, 103)');

  const back = await site.run(
    recovery('orders', secret),
    { action: 'roll-back', run, reason: 'the moment was too early' },
    { answer },
  );
  expect(back.outcome).toMatchObject({ outcome: 'rolled back', halfDone: [] });
  expect(shown.at(-1)).toContain('3 writes, 100 rows at the cut-over, 103 now');
  expect(await secretOf(secret)).toMatchObject({ host: await hostOf('orders') });
  expect(await count('orders')).toBe('10');
  expect(await asApplication('orders', 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  await expect(asApplication(instance, 'SELECT 1')).rejects.toThrow(/permission denied for database/);
  expect(local().region.instances(local().name)).toEqual(['orders', instance]);
});

test('gives the recovered database the name of the damaged one, and back', async () => {
  const { before, secret } = await damaged('billing');
  const byName: RehearsedRecovery = { ...recovery('billing', secret), cutOver: [{ kind: 'rename' }] };
  const ids = async () => (await local().describe('billing')).DbiResourceId;
  const original = await ids();
  const { outcome, run } = await site.run(byName, {
    action: 'recover',
    to: { kind: 'time', time: before },
    reason: 'somebody forgot WHERE',
  });
  expect(outcome).toMatchObject({ outcome: 'recovered', halfDone: [] });
  expect(await count('billing')).toBe('100');
  expect(await ids()).toBe(outcome.recovered?.resourceId);
  expect((await local().describe(`replaced-${run}`)).DbiResourceId).toBe(original);

  const back = await site.run(byName, { action: 'roll-back', run, reason: 'the moment was too early' });
  expect(back.outcome).toMatchObject({ outcome: 'rolled back', halfDone: [] });
  const report = back.documents.find(({ kind }) => kind === 'proposal');
  expect(report?.title).toMatch(/nothing is lost/);
  expect(await count('billing')).toBe('10');
  expect(await ids()).toBe(original);
  expect((await local().describe(`recovered-${run}`)).DbiResourceId).toBe(outcome.recovered?.resourceId);
});

test('changes nothing of production when it is not approved', async () => {
  const { before, secret, database } = await damaged('stock');
  const before_ = await secretOf(secret);
  const { outcome } = await site.run(
    recovery('stock', secret),
    { action: 'recover', to: { kind: 'time', time: before }, reason: 'somebody forgot WHERE' },
    { answer: () => 'refuse' },
  );
  expect(outcome).toMatchObject({ outcome: 'refused', halfDone: [] });
  expect(await secretOf(secret)).toEqual(before_);
  expect(await local().query(database, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  expect(await asApplication('stock', 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
});
