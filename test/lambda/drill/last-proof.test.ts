/** Drill after drill of a real database that changes between them: what the last proof makes of it. */
import type { Check, DrillDefinition, Evidence } from '../../../lambda/contract';
import { examine } from '../../../lambda/detectors/examine';
import { drillRestore } from '../../../lambda/drill/drill-restore';
import { examinerOf } from '../../../lambda/runbook/examiner-client';
import { useDatabase } from '../../real/database';
import { runCrashing } from '../../simulated/crashes';
import { drillDefinition, SOURCE, simulatedPorts } from '../../simulated/drill';
import { QUIET, SimulatedRegion } from '../../simulated/region';

const database = useDatabase();
const query = async (sql: string) => (await database().cluster.query(sql, [], 'shop')).rows;
const NOT_SHRUNK = 'nothing was lost since the last proof';
const DAY = 86_400_000;

/** A target with a bucket of its own, drilled as often as wanted. */
class Target {
  private readonly time = { now: Date.parse('2026-11-01T10:00:00Z') };
  private readonly region = new SimulatedRegion(
    () => this.time.now,
    () => 0.5,
    QUIET,
  );
  private runs = 0;

  constructor(private readonly definition: Partial<DrillDefinition> = {}) {
    this.region.existing(SOURCE);
  }

  async drill(over: Partial<DrillDefinition> = {}): Promise<Evidence> {
    this.time.now += DAY;
    const { cluster } = database();
    const look = examine({});
    const examiner = examinerOf((task) =>
      look({ ...task, connection: { ...cluster.superuser, database: task.connection.database } }),
    );
    const definition = {
      ...drillDefinition,
      ...{ database: 'shop', databases: undefined, restore: { kind: 'latest' }, checks: [{ kind: 'not-shrunk' }] },
      ...this.definition,
      ...over,
    };
    const run = await runCrashing(
      (alive) =>
        drillRestore({
          ...simulatedPorts(this.region, 'healthy', new Set(), alive),
          examiner: () => examiner,
          definition: JSON.parse(JSON.stringify(definition)),
        }),
      {},
      { name: `run-${++this.runs}`, time: this.time },
    );
    const documents = [...this.region.objects].filter(([key]) => /\/\d{8}\.json$/.test(key));
    if (documents.length !== this.runs) throw new Error(`run ${this.runs} left no evidence: ${JSON.stringify(run)}`);
    return JSON.parse(documents[documents.length - 1]![1]);
  }
}

const failures = ({ findings }: Evidence) => findings.join('\n');
const warnings = ({ warnings = [] }: Evidence) => warnings.join('\n');

beforeAll(() => database().query('CREATE DATABASE shop'));

beforeEach(async () => {
  await query(`
    DROP SCHEMA IF EXISTS shop CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public;
    CREATE TABLE polls (id int PRIMARY KEY, title text); INSERT INTO polls SELECT n, 'poll' FROM generate_series(1, 100) n;
    CREATE TABLE votes (id serial PRIMARY KEY, poll int REFERENCES polls, at date); INSERT INTO votes (poll) SELECT 1 + n % 100 FROM generate_series(1, 1000) n;
    CREATE INDEX votes_at ON votes (at); CREATE TABLE audit (id int); INSERT INTO audit SELECT generate_series(1, 100);
    CREATE TABLE logs AS TABLE audit; CREATE TABLE jobs (id int); CREATE UNLOGGED TABLE cache AS SELECT 1 AS n;
    CREATE TABLE months (at date, n int, PRIMARY KEY (at, n)) PARTITION BY RANGE (at);
    CREATE TABLE january PARTITION OF months FOR VALUES FROM ('2030-01-01') TO ('2030-02-01');
    CREATE TABLE february PARTITION OF months FOR VALUES FROM ('2030-02-01') TO ('2030-03-01');
    CREATE TABLE march PARTITION OF months FOR VALUES FROM ('2030-03-01') TO ('2030-04-01');
    INSERT INTO months SELECT '2030-01-01'::date + n % 85, n FROM generate_series(1, 850) n;
    CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER touched BEFORE UPDATE ON votes FOR EACH ROW EXECUTE FUNCTION touch();
    CREATE POLICY own ON audit USING (true); GRANT SELECT ON votes TO PUBLIC;
    CREATE MATERIALIZED VIEW totals AS SELECT poll, count(*) FROM votes GROUP BY poll;
    CREATE VIEW recent AS SELECT * FROM votes WHERE at > '2030-01-01'; CREATE TYPE mood AS ENUM ('good');
    CREATE DOMAIN small AS int NOT NULL CHECK (VALUE < 10); CREATE DOMAIN unused_one AS int CHECK (VALUE < 10); CREATE TABLE ages (n small, age int NOT NULL);
    CREATE SEQUENCE numbers; SELECT lo_from_bytea(0, 'x') FROM generate_series(1, 4)`);
});

afterEach(() => query('SELECT lo_unlink(oid) FROM pg_largeobject_metadata'));

test('a first proof passes and keeps what there is; an unchanged database passes again', async () => {
  const target = new Target();
  const first = await target.drill();
  expect(failures(first)).toBe('');
  expect(first.checks).toMatchObject([{ check: NOT_SHRUNK, observed: expect.stringMatching(/^no earlier proof/) }]);
  const second = await target.drill();
  expect(failures(second)).toBe('');
  expect(warnings(second)).toBe('');
  expect(second.checks).toMatchObject([{ observed: '8 tables compared with the last proof' }]);
});

/** What is done to the database, and what the next drill says. */
type Changes = readonly (readonly [change: string, told: RegExp])[];

const lost = async (target: Target, changes: Changes) => {
  await target.drill();
  for (const [change] of changes) await query(change);
  return target.drill();
};

const ROWS_AND_CONSTRAINTS: Changes = [
  ['DELETE FROM audit WHERE id > 1', /audit: 1 row, 100 rows at the last proof/],
  ['DELETE FROM logs WHERE id > 49', /logs: 49 rows, 100 rows at the last proof/],
  ['DROP TABLE january; TRUNCATE february', /months: 260 rows, 850 rows at the last proof/],
  ['ALTER TABLE months DROP CONSTRAINT months_pkey', /primary key months_pkey on months: the constraint is gone/],
  ['ALTER TABLE votes DROP CONSTRAINT votes_pkey', /primary key votes_pkey on votes: the constraint is gone/],
  ['ALTER TABLE votes DROP CONSTRAINT votes_poll_fkey', /foreign key votes_poll_fkey on votes: the constraint is gone/],
  ['ALTER DOMAIN small DROP CONSTRAINT small_check', /check small_check on domain small: the constraint is gone/],
  ['REFRESH MATERIALIZED VIEW totals WITH NO DATA', /totals: 0 rows, 100 rows at the last proof/],
  ['SELECT lo_unlink(oid) FROM pg_largeobject_metadata', /large objects: 0, 4 at the last proof/],
];

test('D14, D15, D16: lost rows, partitions, constraints and large objects fail, each named, until acknowledged', async () => {
  const target = new Target();
  const document = await lost(target, ROWS_AND_CONSTRAINTS);
  expect(document.outcome).toBe('failed');
  for (const [, told] of ROWS_AND_CONSTRAINTS) expect(failures(document)).toMatch(told);
  // A proof that failed is nobody's baseline.
  const next = await target.drill();
  for (const [, told] of ROWS_AND_CONSTRAINTS) expect(failures(next)).toMatch(told);
});

test('D15: partitions that were detached, and tables that are gone, renamed or moved, fail', async () => {
  const changes: Changes = [
    ['ALTER TABLE months DETACH PARTITION january', /months: 540 rows/],
    ['ALTER TABLE months DETACH PARTITION february', /months: 260 rows, 850 rows at the last proof/],
    ['DROP TABLE logs', /logs: the table is gone; it held 100 rows/],
    ['CREATE SCHEMA shop; ALTER TABLE audit SET SCHEMA shop', /audit: the table is gone/],
    ['ALTER TABLE votes RENAME TO ballots', /votes: the table is gone; it held 1000 rows/],
  ];
  const document = await lost(new Target(), changes);
  for (const [, told] of changes.slice(1)) expect(failures(document)).toMatch(told);
});

test('D16: all else that is gone is a warning, and the drill passes', async () => {
  const changes: Changes = [
    ['ALTER TABLE ages ALTER age DROP NOT NULL', /age on ages: the NOT NULL is gone/],
    ['ALTER DOMAIN small DROP NOT NULL', /the value on domain small: the NOT NULL is gone/],
    ['DROP DOMAIN unused_one', /unused_one: the type is gone/],
    ['DROP INDEX votes_at', /votes_at on votes: the index is gone/],
    ['DROP TRIGGER touched ON votes', /touched on votes: the trigger is gone/],
    ['ALTER TABLE votes DISABLE TRIGGER checked', /checked on votes: the trigger is gone/],
    ['DROP POLICY own ON audit', /own on audit: the policy is gone/],
    ['REVOKE SELECT ON votes FROM PUBLIC', /SELECT to PUBLIC on votes: the grant is gone/],
    ['REVOKE UPDATE (at) ON votes FROM reviewer', /UPDATE \(at\) to reviewer on votes: the grant is gone/],
    [
      'REVOKE EXECUTE ON FUNCTION kept(int) FROM reviewer',
      /EXECUTE to reviewer on function kept\(.*\): the grant is gone/,
    ],
    ['DROP VIEW recent', /recent: the view is gone/],
    ['DROP FUNCTION unused()', /unused\(\): the function is gone/],
    ['DROP SEQUENCE numbers', /numbers: the sequence is gone/],
    ['DROP TYPE mood', /mood: the type is gone/],
    ['DROP PUBLICATION feed', /feed: the publication is gone/],
    ['DROP EXTENSION pg_trgm', /pg_trgm: the extension is gone/],
    ['DROP ROLE clerk', /role clerk: the role is gone/],
  ];
  await query(`CREATE ROLE clerk; CREATE ROLE reviewer; GRANT UPDATE (at) ON votes TO reviewer;
    CREATE FUNCTION kept(n int) RETURNS int LANGUAGE sql AS 'SELECT 1'; GRANT EXECUTE ON FUNCTION kept(int) TO reviewer; CREATE PUBLICATION feed; CREATE EXTENSION pg_trgm; CREATE FUNCTION unused() RETURNS int LANGUAGE sql AS 'SELECT 1';
    CREATE TRIGGER checked BEFORE DELETE ON votes FOR EACH ROW EXECUTE FUNCTION touch()`);
  const target = new Target();
  const document = await lost(target, changes);
  expect(failures(document)).toBe('');
  for (const [, told] of changes) expect(warnings(document)).toMatch(told);
  expect(warnings(await target.drill())).toBe('');
});

test('H7: a table dropped on purpose fails until it is named as the finding says, and a queue may be empty', async () => {
  const target = new Target();
  await target.drill();
  await query('INSERT INTO jobs SELECT generate_series(1, 50)');
  await target.drill();
  await query('DELETE FROM jobs; DROP TABLE audit');
  const document = await target.drill();
  expect(failures(document)).not.toContain('jobs');
  expect(warnings(document)).toMatch(/jobs: 0 rows, 50 rows at the last proof/);
  const told = JSON.stringify(document.checks);
  const [, except] = /except: (\[[^\]]*\])/.exec(JSON.parse(`"${/RecoveryCheck\.notShrunk\(.*?\)/.exec(told)![0]}"`))!;
  const check: Check = { kind: 'not-shrunk', except: JSON.parse(except!) };
  expect(failures(await target.drill({ checks: [check] }))).toBe('');
  // Acknowledged once, it is in no later baseline.
  expect(failures(await target.drill())).toBe('');
});

test('H13: going back behind the last proof expects nothing of it, and rolling partitions pass', async () => {
  const target = new Target();
  await target.drill();
  await query('INSERT INTO audit SELECT generate_series(101, 10000)');
  expect(failures(await target.drill())).toBe('');
  await query('DELETE FROM audit WHERE id > 150');
  const before: DrillDefinition['restore'] = { kind: 'time', time: '2026-11-02T09:00:00Z' };
  expect(failures(await target.drill({ restore: before }))).toBe('');
  await query('INSERT INTO audit SELECT generate_series(151, 10000); DROP TABLE january');
  expect(failures(await target.drill())).toBe('');
});

describe('D18, H14: never proven by nothing', () => {
  test('an empty `postgres` beside the real one is neither examined nor told', async () => {
    const document = await new Target().drill();
    expect(failures(document)).toBe('');
    expect(warnings(document)).toBe('');
  });

  test('a schema without a row fails unless that is allowed', async () => {
    await query('TRUNCATE polls, votes, audit, logs, months; DROP MATERIALIZED VIEW totals');
    const target = new Target();
    expect(failures(await target.drill())).toMatch(/no examined database holds a row .*set allowEmpty/);
    const allowed = await target.drill({ allowEmpty: true });
    expect(failures(allowed)).toBe('');
    expect(warnings(allowed)).toMatch(/no examined database holds a row/);
  });

  test('databases that are left out are a warning', async () => {
    const document = await new Target({ databases: ['postgres'], database: 'postgres', allowEmpty: true }).drill();
    expect(warnings(document)).toMatch(/database 'shop' \(.*\) was not examined/);
  });

  test('one that holds migrations only proves little while all data is in another: a warning, and without a row a failure', async () => {
    const { cluster } = database();
    await query('CREATE DATABASE migrated');
    const run = (sql: string, name: string) => cluster.query(sql, [], name);
    await run('CREATE TABLE schema_migrations (version int PRIMARY KEY)', 'migrated');
    const only = { databases: ['migrated'], database: 'migrated', checks: [] };
    expect(failures(await new Target(only).drill())).toMatch(/no examined database holds a row \(migrated\)/);
    await run('INSERT INTO schema_migrations VALUES (1), (2)', 'migrated');
    const document = await new Target(only).drill();
    expect(failures(document)).toBe('');
    expect(warnings(document)).toMatch(/database 'shop' \(.*\) was not examined, so nothing is proven about it/);
    expect(warnings(document)).not.toMatch(/database 'postgres'/);
    await run('CREATE TABLE orders AS SELECT 1 AS id', 'postgres');
    expect(warnings(await new Target(only).drill())).toMatch(/database 'postgres' \(.*\) was not examined/);
    await run('DROP TABLE orders', 'postgres');
    await query('DROP DATABASE migrated');
  });
});
