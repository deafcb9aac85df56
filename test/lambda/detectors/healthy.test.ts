/** What is unusual and no damage must not be called damage. */
import { GENERIC_CHECKS } from '../../../lambda/contract';
import { vacuum } from '../../../lambda/detectors/vacuum';
import { readFacts } from '../../../lambda/examiner/facts';
import { Session } from '../../../lambda/examiner/session';
import { type Copy, copyOf, firstValue } from '../../real/damage';
import { useDatabase, VERSIONS } from '../../real/database';
import { runExamination } from '../../real/examination';

const CHECKS = GENERIC_CHECKS.filter(({ kind }) => kind !== 'not-shrunk');

const TABLE = `CREATE TABLE votes (id int PRIMARY KEY, note text); CREATE INDEX votes_note ON votes (note);
  INSERT INTO votes SELECT n, repeat('x', 2500) || n FROM generate_series(1, 300) n`;

describe.each(VERSIONS)('PostgreSQL %s', (major) => {
  const database = useDatabase({ autovacuum: 'off', max_prepared_transactions: '5' }, major);

  const nothingFound = async (copy: Copy) => {
    const { problems, results } = await runExamination(copy, CHECKS);
    expect(problems).toEqual([]);
    expect(results.map(({ outcome }) => outcome)).toEqual(CHECKS.map(() => 'passed'));
  };

  test('rows that were updated, deleted and rolled back, with TOAST, pass', async () => {
    const copy = await copyOf(database(), 'busy', TABLE);
    await copy.run(`UPDATE votes SET note = note || '!' WHERE id % 3 = 0; DELETE FROM votes WHERE id % 5 = 0;
      BEGIN; UPDATE votes SET note = '' WHERE id % 2 = 0; INSERT INTO votes SELECT n FROM generate_series(1001, 1500) n; ROLLBACK`);
    await nothingFound(copy);
  });

  test('savepoints that were in flight when the backup was taken pass: 100 rows and 120 index entries', async () => {
    const copy = await copyOf(
      database(),
      'in_flight',
      'CREATE TABLE t (n int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 100)',
    );
    const { cluster } = database();
    await cluster
      .connected(async (client) => {
        await client.query('BEGIN');
        for (let n = 101; n <= 120; n++) await client.query(`SAVEPOINT s; INSERT INTO t VALUES (${n})`);
        await cluster.query('CHECKPOINT');
        await cluster.stop({ immediately: true });
        await client.query('SELECT 1');
      }, 'in_flight')
      .catch(() => undefined);
    await cluster.start();
    await nothingFound(copy);
  });

  test('a prepared transaction that inserted, updated and deleted passes, its rows being visible to nobody', async () => {
    const copy = await copyOf(database(), 'prepared', TABLE);
    await copy.run(`BEGIN; INSERT INTO votes SELECT n FROM generate_series(1001, 1020) n; UPDATE votes SET note = 'y' WHERE id <= 20;
      DELETE FROM votes WHERE id BETWEEN 30 AND 40; PREPARE TRANSACTION 'left over'`);
    await copy.run('UPDATE votes SET id = -id WHERE id > 250');
    await nothingFound(copy);
  });

  test('a table that a prepared transaction locks passes: the transaction is rolled back on the copy', async () => {
    const copy = await copyOf(database(), 'locked', TABLE);
    await copy.run("BEGIN; LOCK TABLE votes IN ACCESS EXCLUSIVE MODE; PREPARE TRANSACTION 'locks'");
    await nothingFound(copy);
  });

  test('rows that an old snapshot may still see pass: no vacuum takes them away, and their pages are not called empty', async () => {
    const copy = await copyOf(database(), 'old_snapshot', TABLE);
    await database().cluster.connected(async (client) => {
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class');
      await copy.run("DELETE FROM votes WHERE ctid::text LIKE '(1,%'");
      await nothingFound(copy);
    }, 'old_snapshot');
  });

  test.each([
    ['pg_catalog.pg_description', [], 'COMMENT ON FUNCTION pg_catalog.abs(int) IS NULL'],
    ['public.full_page', ['warning'], 'DELETE FROM full_page WHERE n = 7'],
  ])(
    'rows of %s that are deleted between its vacuum and the counting are no lost ones',
    async (table, told, deletes) => {
      const name = `deleted_${table.replaceAll('.', '_')}`;
      const copy = await copyOf(
        database(),
        name,
        'CREATE TABLE full_page (n int PRIMARY KEY); INSERT INTO full_page SELECT generate_series(1, 226)',
      );
      const oid = await firstValue(copy, `SELECT '${table}'::regclass::oid`);
      const { rows } = Session.prototype;
      let done = false;
      const vacuumed = jest.spyOn(Session.prototype, 'rows').mockImplementation(async function (this: Session, sql) {
        const found = await rows.call(this, sql);
        if (!done && sql.endsWith(`pg_visibility_map(${oid}) WHERE NOT all_visible`)) {
          done = true;
          await copy.run(deletes);
          // Whoever reads a full page takes dead rows out of it, which their entries outlive until a vacuum.
          await copy.run(`SET enable_indexonlyscan = off; SELECT * FROM ${table}`);
        }
        return found;
      });
      const { problems } = await runExamination(copy, CHECKS).finally(() => vacuumed.mockRestore());
      expect([done, problems.map(({ outcome }) => outcome)]).toEqual([true, told]);
    },
  );

  test('hash indexes beside others of the same column pass, partial ones and those of one value among them', async () => {
    const copy = await copyOf(
      database(),
      'hashes',
      `CREATE TABLE h (n int UNIQUE, t text, b bool, m int); INSERT INTO h SELECT i, i, i % 2 = 0, i % 7 FROM generate_series(1, 3000) i;
       CREATE INDEX ON h USING hash (n); CREATE INDEX ON h (t); CREATE INDEX ON h USING hash (t); CREATE INDEX ON h (t, n); CREATE INDEX ON h (lower(t));
       CREATE INDEX ON h USING hash (lower(t)); CREATE INDEX ON h USING hash (n) WHERE b; CREATE INDEX ON h (b) WHERE b; CREATE INDEX ON h (m, n); CREATE INDEX ON h USING hash (m)`,
    );
    await nothingFound(copy);
    await copy.run('ANALYZE');
    await nothingFound(copy);
  });

  test('pages that somebody holds during the vacuum pass: they are not called empty', async () => {
    const copy = await copyOf(database(), 'held', TABLE);
    await database().cluster.connected(async (client) => {
      await client.query('BEGIN; DECLARE held CURSOR FOR SELECT * FROM votes; FETCH 150 FROM held');
      await nothingFound(copy);
    }, 'held');
  });

  test('a page that somebody held during a vacuum is vacuumed again: entries of its deleted rows would lead nowhere', async () => {
    const copy = await copyOf(database(), 'held_once', TABLE);
    await copy.run('DELETE FROM votes WHERE id % 7 = 0; CREATE EXTENSION pg_visibility');
    await database().cluster.connected(async (holder) => {
      await holder.query('BEGIN; DECLARE held CURSOR FOR SELECT * FROM votes; FETCH 150 FROM held');
      const session = await Session.open(copy, undefined, { left: () => 60_000 });
      try {
        const alone = session.alone.bind(session);
        jest.spyOn(session, 'alone').mockImplementation(async (statement) => {
          await alone(statement);
          await holder.query('COMMIT');
        });
        const facts = await session.transaction('READ ONLY', () => readFacts(session));
        const oid = await firstValue<number>(copy, "SELECT 'votes'::regclass::oid");
        const context = { facts, restorePoint: new Date().toISOString(), wanted: new Set<never>() };
        await vacuum(session, oid, 'public.votes', context);
      } finally {
        await session.close();
      }
    }, 'held_once');
    expect(await copy.run("SELECT FROM pg_visibility_map('votes') WHERE NOT all_visible")).toEqual([]);
  });
});
