import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Check, CheckResult } from '../../../lambda/contract';
import { examine } from '../../../lambda/examiner/examine';
import type { Connection, Survey } from '../../../lambda/examiner/protocol';
import { type Database, useDatabase } from '../../real/database';
import { type ExaminationOptions, resultOf, runExamination } from '../../real/examination';

const READERS: readonly Survey['reader'][] = ['verify_heapam', 'fingerprint'];

/** A database of its own on the server, so that one test's damage is not another's. */
async function fresh(
  { cluster }: Database,
  name: string,
  schema: string,
): Promise<Connection & { run(sql: string): Promise<unknown[][]> }> {
  await cluster.query(`CREATE DATABASE ${name}`);
  const run = async (sql: string) =>
    cluster.connected(async (client) => (await client.query<unknown[]>({ text: sql, rowMode: 'array' })).rows, name);
  await run(schema);
  return { ...cluster.superuser, database: name, run };
}

/** Overwrites bytes of a stopped server's file, as failing storage would. */
async function damage({ cluster }: Database, file: string, offset: number, bytes = 200): Promise<void> {
  await cluster.stop();
  const handle = await open(join(cluster.dataDirectory, file), 'r+');
  await handle.write(Buffer.alloc(bytes, 0x5a), 0, bytes, offset);
  await handle.close();
  await cluster.start();
}

const GENERIC = {
  readable: { kind: 'readable' },
  indexes: { kind: 'indexes' },
  foreignKeys: { kind: 'foreign-keys' },
  notEmptied: { kind: 'not-emptied' },
} as const satisfies Record<string, Check>;

describe('a damaged page of a table', () => {
  const database = useDatabase();
  let copy: Awaited<ReturnType<typeof fresh>>;

  beforeAll(async () => {
    copy = await fresh(
      database(),
      'damaged',
      `CREATE TABLE votes (id int PRIMARY KEY, poll_id int NOT NULL, note text);
       INSERT INTO votes SELECT n, n % 10, repeat('x', 300) FROM generate_series(1, 20000) n;
       CREATE TABLE polls AS SELECT n AS id FROM generate_series(0, 9) n`,
    );
    await copy.run('VACUUM ANALYZE votes');
    const [[file]] = (await copy.run("SELECT pg_relation_filepath('votes')")) as [[string]];
    await damage(database(), file, 100 * 8192 + 4000);
  });

  test('passes the monthly count(*) that many take for proof', async () => {
    expect(await copy.run('SELECT count(*) FROM votes')).toEqual([['20000']]);
    expect(await resultOf(copy, { kind: 'row-count', table: 'votes', atLeast: 20_000 })).toMatchObject({
      outcome: 'passed',
    });
  });

  test.each(READERS)('fails readable, which names the table, read by %s', async (reader) => {
    expect(await resultOf(copy, GENERIC.readable, { reader })).toMatchObject({
      outcome: 'failed',
      observed: expect.stringMatching(/^votes: PostgreSQL said: invalid page in block 100 of relation/),
    });
  });

  test.each<[string, Check]>([
    ['orphans', { kind: 'no-orphans', table: 'votes', column: 'poll_id', parent: 'polls', parentColumn: 'id' }],
    ['indexes', GENERIC.indexes],
    ['a query', { kind: 'query', name: 'notes', sql: 'SELECT count(note) FROM votes', atLeast: 0 }],
  ])('fails the check of %s that meets it', async (_, check) => {
    expect(await resultOf(copy, check)).toMatchObject({
      outcome: 'failed',
      observed: expect.stringContaining('invalid page'),
    });
  });
});

describe('damage that no checksum shows', () => {
  const database = useDatabase();

  test('inside TOAST is found by either reader', async () => {
    const copy = await fresh(
      database(),
      'toasted',
      `CREATE TABLE documents (id int PRIMARY KEY, body text STORAGE EXTERNAL);
       INSERT INTO documents SELECT n, repeat('y', 5000) FROM generate_series(1, 100) n;
       CREATE FUNCTION toast(regclass) RETURNS text LANGUAGE sql AS
         'SELECT reltoastrelid::regclass::text FROM pg_class WHERE oid = $1'`,
    );
    const [[toast]] = (await copy.run("SELECT toast('documents')")) as [[string]];
    await copy.run(`CREATE EXTENSION pg_surgery; SELECT heap_force_kill('${toast}', ARRAY['(0,1)']::tid[])`);
    for (const reader of READERS) {
      expect(await resultOf(copy, GENERIC.readable, { reader })).toMatchObject({
        outcome: 'failed',
        observed: expect.stringMatching(/^documents: .*(toast|chunk)/),
      });
    }
  });
});

describe('whole databases', () => {
  const database = useDatabase();
  let others = 0;
  const copyOf = (schema: string) => fresh(database(), `copy_${others++}`, schema);

  describe('readable', () => {
    test('says how much was read, and how', async () => {
      const copy = await copyOf('CREATE TABLE a AS SELECT 1 AS n; CREATE TABLE b AS SELECT 1 AS n');
      expect(await resultOf(copy, GENERIC.readable)).toEqual({
        check: 'readable',
        outcome: 'passed',
        observed: "2 tables, 16 kB: every page verified with amcheck's verify_heapam; page checksums are on",
      });
    });

    test('fails on a database without a table: what a failed restore leaves', async () => {
      const copy = await copyOf('SELECT 1');
      expect(await resultOf(copy, GENERIC.readable)).toMatchObject({ outcome: 'failed', observed: 'no tables found' });
    });

    test('reads every row where amcheck is out of reach, also of types that have no hash', async () => {
      const copy = await copyOf(`CREATE TABLE plain AS SELECT n, now() AS at FROM generate_series(1, 9) n;
        CREATE TABLE "Odd.One" (whole json, x xml, p point); INSERT INTO "Odd.One" VALUES ('{}', '<a/>', '(1,2)');
        DO $$BEGIN IF to_regrole('modest') IS NULL THEN CREATE ROLE modest LOGIN PASSWORD 'modest'; END IF; END$$;
        GRANT SELECT ON ALL TABLES IN SCHEMA public TO modest`);
      const { survey, results } = await runExamination({ ...copy, user: 'modest', password: 'modest' }, [
        GENERIC.readable,
        GENERIC.indexes,
      ]);
      expect(survey.reader).toBe('fingerprint');
      expect(results).toEqual([
        {
          check: 'readable',
          outcome: 'passed',
          observed: '2 tables, 24 kB: every row read in full and hashed; page checksums are on',
        },
        {
          check: 'indexes agree with tables',
          outcome: 'not-run',
          reason: expect.stringContaining("modest can't use amcheck"),
        },
      ]);
    });

    test('is surveyed and reported though the first page of a table is gone', async () => {
      const copy = await copyOf('CREATE TABLE a AS SELECT 1 AS n; CREATE TABLE b AS SELECT 1 AS n');
      const [[file]] = (await copy.run("SELECT pg_relation_filepath('a')")) as [[string]];
      await damage(database(), file, 0);
      const { survey, results } = await runExamination(copy, [GENERIC.readable]);
      expect(survey.tablesWithRows).toEqual(['b']);
      expect(results).toMatchObject([
        { outcome: 'failed', observed: expect.stringMatching(/^a: .*invalid page in block 0/) },
      ]);
    });

    test('reads every block of a table that is cut into ranges', async () => {
      const copy = await copyOf(`CREATE TABLE long AS SELECT n, repeat('z', 500) AS z FROM generate_series(1, 1000) n`);
      const [[file, oid]] = (await copy.run("SELECT pg_relation_filepath('long'), 'long'::regclass::oid::int")) as [
        [string, number],
      ];
      await copy.run('CHECKPOINT');
      await damage(database(), file, 40 * 8192 + 4000);
      for (const reader of READERS) {
        const outcomes = await rangesOf(copy, oid, reader, [
          [0, 39],
          [40, 40],
          [41, 9999],
        ]);
        expect(outcomes).toEqual(['passed', 'failed', 'passed']);
      }
    });
  });

  describe('indexes', () => {
    test('agree, and what amcheck does not cover is said', async () => {
      const copy = await copyOf(`CREATE TABLE t (id int PRIMARY KEY, words tsvector, upper text);
        CREATE INDEX ON t (lower(upper)) WHERE id > 0; CREATE INDEX ON t USING gin (words)`);
      expect(await resultOf(copy, GENERIC.indexes)).toEqual({
        check: 'indexes agree with tables',
        outcome: 'passed',
        observed: "2 B-tree indexes compared, row by row; others were not compared, since amcheck can't: 1 gin",
      });
    });

    test('fail when one lacks a row of its table', async () => {
      const copy = await copyOf(`CREATE TABLE t (id int, n int); CREATE INDEX t_n ON t (n);
        UPDATE pg_index SET indisready = false WHERE indexrelid = 't_n'::regclass`);
      await copy.run('INSERT INTO t VALUES (1, 1)');
      await copy.run("UPDATE pg_index SET indisready = true WHERE indexrelid = 't_n'::regclass");
      expect(await resultOf(copy, GENERIC.indexes)).toMatchObject({
        outcome: 'failed',
        observed: expect.stringMatching(
          /^t_n: PostgreSQL said: heap tuple .* from table "t" lacks matching index tuple/,
        ),
      });
    });

    test('pass where there are none', async () => {
      const copy = await copyOf('CREATE TABLE t (n int)');
      expect(await resultOf(copy, GENERIC.indexes)).toMatchObject({
        outcome: 'passed',
        observed: expect.stringMatching(/^0 B-tree indexes/),
      });
    });
  });

  describe('foreign keys', () => {
    const behindTriggers = (sql: string) => `SET session_replication_role = replica; ${sql}`;

    test('fail on orphans that were made behind their back, though the parent holds a NULL', async () => {
      const copy = await copyOf(`CREATE TABLE polls (id int UNIQUE); INSERT INTO polls VALUES (1), (NULL);
        CREATE TABLE votes (id int, poll_id int REFERENCES polls (id)); INSERT INTO votes VALUES (1, 1), (2, NULL)`);
      expect(await resultOf(copy, GENERIC.foreignKeys)).toMatchObject({
        outcome: 'passed',
        observed: '1 foreign key without orphans; none was left out',
      });
      await copy.run(behindTriggers('DELETE FROM polls WHERE id = 1'));
      expect(await resultOf(copy, GENERIC.foreignKeys)).toMatchObject({
        outcome: 'failed',
        observed: 'votes_poll_id_fkey on votes: 1 row without a parent',
      });
      const named: Check = {
        kind: 'no-orphans',
        table: 'votes',
        column: 'poll_id',
        parent: 'polls',
        parentColumn: 'id',
      };
      expect(await resultOf(copy, named)).toMatchObject({ outcome: 'failed', observed: '1 row without a parent' });
    });

    test('of several columns let NULLs pass as their MATCH type does', async () => {
      const copy = await copyOf(`CREATE TABLE p (a int, b int, PRIMARY KEY (b, a)); INSERT INTO p VALUES (1, 2);
        CREATE TABLE simple (x int, y int, FOREIGN KEY (x, y) REFERENCES p (a, b));
        CREATE TABLE full_one (x int, y int, FOREIGN KEY (x, y) REFERENCES p (a, b) MATCH FULL);
        INSERT INTO simple VALUES (1, 2), (7, NULL), (NULL, NULL); INSERT INTO full_one VALUES (1, 2), (NULL, NULL)`);
      expect(await resultOf(copy, GENERIC.foreignKeys)).toMatchObject({ outcome: 'passed' });
      await copy.run(behindTriggers('INSERT INTO full_one VALUES (1, NULL); INSERT INTO simple VALUES (2, 1)'));
      const { observed } = (await resultOf(copy, GENERIC.foreignKeys)) as Extract<CheckResult, { outcome: 'failed' }>;
      expect(observed.split('; ')).toEqual([
        expect.stringMatching(/ on full_one: 1 row without a parent$/),
        expect.stringMatching(/ on simple: 1 row without a parent$/),
      ]);
    });

    test('hold for partitions, and bind no inheriting table', async () => {
      const copy = await copyOf(`CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id);
        CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10); CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20);
        CREATE TABLE c (p int REFERENCES p) PARTITION BY LIST (p);
        CREATE TABLE c1 PARTITION OF c FOR VALUES IN (1, 2); CREATE TABLE c2 PARTITION OF c DEFAULT;
        CREATE TABLE base (p int REFERENCES p); CREATE TABLE heir () INHERITS (base);
        INSERT INTO p VALUES (1), (12); INSERT INTO c VALUES (1), (12); INSERT INTO heir VALUES (99)`);
      expect(await resultOf(copy, GENERIC.foreignKeys)).toMatchObject({
        outcome: 'passed',
        observed: '2 foreign keys without orphans; none was left out',
      });
      await copy.run(behindTriggers('DELETE FROM p WHERE id = 12'));
      expect(await resultOf(copy, GENERIC.foreignKeys)).toMatchObject({
        outcome: 'failed',
        observed: 'c_p_fkey on c: 1 row without a parent',
      });
    });

    test('of any types and names hold', async () => {
      const copy = await copyOf(`CREATE SCHEMA "S.x"; CREATE TABLE "S.x"."P""q" ("Id.1" varchar(9) PRIMARY KEY);
        CREATE TABLE "C d" ("Ref'" text REFERENCES "S.x"."P""q"); INSERT INTO "S.x"."P""q" VALUES ('k'); INSERT INTO "C d" VALUES ('k')`);
      expect(await resultOf(copy, GENERIC.foreignKeys)).toMatchObject({ outcome: 'passed' });
    });

    test('that were never validated are left out by name, and none at all is said', async () => {
      const copy = await copyOf(
        'CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (p int); INSERT INTO c VALUES (1)',
      );
      expect(await resultOf(copy, GENERIC.foreignKeys)).toMatchObject({
        outcome: 'passed',
        observed: 'no foreign keys are declared',
      });
      await copy.run('ALTER TABLE c ADD CONSTRAINT late FOREIGN KEY (p) REFERENCES p NOT VALID');
      expect(await resultOf(copy, GENERIC.foreignKeys)).toMatchObject({
        outcome: 'passed',
        observed: 'left out, since they were never validated: late',
      });
    });
  });

  describe('tables that lost their rows', () => {
    const since = (...tablesWithRows: string[]): ExaminationOptions => ({ tablesWithRows });

    test('fail, empty or gone, by what the last passed drill found', async () => {
      const copy = await copyOf(
        'CREATE TABLE kept AS SELECT 1 AS n; CREATE TABLE lost (n int); CREATE TABLE never (n int)',
      );
      expect(await resultOf(copy, GENERIC.notEmptied, since('kept'))).toMatchObject({ outcome: 'passed' });
      expect(await resultOf(copy, GENERIC.notEmptied, since('kept', 'lost', 'shop.dropped'))).toMatchObject({
        outcome: 'failed',
        observed: 'lost is empty, shop.dropped is gone',
        expected: 'rows in every table that held some at the last passed drill',
      });
    });

    test('may be named as tables that come and go', async () => {
      const copy = await copyOf('CREATE TABLE kept AS SELECT 1 AS n; CREATE TABLE jobs (n int)');
      const except = { ...GENERIC.notEmptied, except: ['public.jobs', 'shop.old'] };
      expect(await resultOf(copy, except, since('kept', 'jobs', 'shop.old'))).toMatchObject({ outcome: 'passed' });
      expect(
        await resultOf(copy, { ...except, except: ['shop.old'] }, since('kept', 'jobs', 'shop.old')),
      ).toMatchObject({
        outcome: 'failed',
        observed: 'jobs is empty',
      });
    });

    test('are found by the statistics before the first drill, where there are any', async () => {
      const copy = await copyOf(
        'CREATE TABLE known AS SELECT 1 AS n; CREATE TABLE unknown AS SELECT 1 AS n; ANALYZE known',
      );
      expect(await resultOf(copy, GENERIC.notEmptied)).toMatchObject({
        outcome: 'passed',
        observed: "none of 1 that held rows by the planner's statistics, since no drill has passed before",
      });
      await copy.run('DELETE FROM known');
      expect(await resultOf(copy, GENERIC.notEmptied)).toMatchObject({ outcome: 'failed', observed: 'known is empty' });
    });
  });
});

async function rangesOf(
  connection: Connection,
  oid: number,
  reader: Survey['reader'],
  ranges: readonly [number, number][],
) {
  await runExamination(connection, []);
  const work = ranges.map((blocks, index) => ({ check: 0, object: 'long', oid, blocks, bytes: 10 - index }));
  const findings = await examine({ connections: 1 })({
    task: 'check',
    connection,
    checks: [GENERIC.readable],
    work,
    reader,
    restorePoint: '2030-01-01T00:00:00Z',
    tablesWithRows: null,
  });
  return (findings as readonly { outcome: string }[]).map(({ outcome }) => outcome);
}
