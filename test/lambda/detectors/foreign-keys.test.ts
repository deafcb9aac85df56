import type { Check } from '../../../lambda/contract';
import { type Copy, copyOf, fileOf, whileStopped } from '../../real/damage';
import { useDatabase, VERSIONS } from '../../real/database';
import { resultOf, runExamination } from '../../real/examination';

const KEYS: Check = { kind: 'foreign-keys' };
const behindTriggers = (sql: string) => `SET session_replication_role = replica; ${sql}`;

describe.each(VERSIONS)('PostgreSQL %s', (major) => {
  const database = useDatabase({ autovacuum: 'off' }, major);
  let others = 0;
  const fresh = (schema: string) => copyOf(database(), `copy_${others++}`, schema);

  test('orphans that were made behind the back of triggers fail, though the parent holds a NULL', async () => {
    const copy = await fresh(`CREATE TABLE polls (id int UNIQUE); INSERT INTO polls VALUES (1), (NULL);
      CREATE TABLE votes (id int, poll_id int REFERENCES polls (id)); INSERT INTO votes VALUES (1, 1), (2, NULL)`);
    expect(await resultOf(copy, KEYS)).toMatchObject({ outcome: 'passed', observed: '1 foreign key without orphans' });
    await copy.run(behindTriggers('DELETE FROM polls WHERE id = 1'));
    expect(await resultOf(copy, KEYS)).toMatchObject({
      outcome: 'failed',
      observed: 'votes_poll_id_fkey on votes: 1 row without a parent',
    });
    const named: Check = { kind: 'no-orphans', table: 'votes', column: 'poll_id', parent: 'polls', parentColumn: 'id' };
    expect(await resultOf(copy, named)).toMatchObject({ outcome: 'failed', observed: '1 row without a parent' });
  });

  test('keys of several columns let NULLs pass as their MATCH type does', async () => {
    const copy = await fresh(`CREATE TABLE p (a int, b int, PRIMARY KEY (b, a)); INSERT INTO p VALUES (1, 2);
      CREATE TABLE simple (x int, y int, FOREIGN KEY (x, y) REFERENCES p (a, b));
      CREATE TABLE full_one (x int, y int, FOREIGN KEY (x, y) REFERENCES p (a, b) MATCH FULL);
      INSERT INTO simple VALUES (1, 2), (7, NULL), (NULL, NULL); INSERT INTO full_one VALUES (1, 2), (NULL, NULL)`);
    expect(await resultOf(copy, KEYS)).toMatchObject({ outcome: 'passed' });
    await copy.run(behindTriggers('INSERT INTO full_one VALUES (1, NULL); INSERT INTO simple VALUES (2, 1)'));
    const { problems } = await runExamination(copy, [KEYS]);
    expect(problems.map(({ object, observed }) => `${object?.replace(/.* on /, '')}: ${observed}`).sort()).toEqual([
      'full_one: 1 row without a parent',
      'simple: 1 row without a parent',
    ]);
  });

  test('keys hold for partitions, and bind no inheriting table', async () => {
    const copy = await fresh(`CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id);
      CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10); CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20);
      CREATE TABLE c (p int REFERENCES p) PARTITION BY LIST (p);
      CREATE TABLE c1 PARTITION OF c FOR VALUES IN (1, 2); CREATE TABLE c2 PARTITION OF c DEFAULT;
      CREATE TABLE base (p int REFERENCES p); CREATE TABLE heir () INHERITS (base);
      INSERT INTO p VALUES (1), (12); INSERT INTO c VALUES (1), (12); INSERT INTO heir VALUES (99)`);
    expect(await resultOf(copy, KEYS)).toMatchObject({ outcome: 'passed', observed: '2 foreign keys without orphans' });
    await copy.run(behindTriggers('DELETE FROM p WHERE id = 12'));
    expect(await resultOf(copy, KEYS)).toMatchObject({
      outcome: 'failed',
      observed: 'c_p_fkey on c: 1 row without a parent',
    });
  });

  test('keys of any types and names hold, and of columns whose collations differ', async () => {
    const copy = await fresh(`CREATE SCHEMA "S.x"; CREATE TABLE "S.x"."P""q" ("Id.1" varchar(9) PRIMARY KEY);
      CREATE TABLE "C d" ("Ref'" text REFERENCES "S.x"."P""q"); INSERT INTO "S.x"."P""q" VALUES ('k'); INSERT INTO "C d" VALUES ('k');
      CREATE TABLE parents (name text COLLATE "C" PRIMARY KEY); CREATE TABLE children (name text COLLATE "POSIX" REFERENCES parents);
      INSERT INTO parents VALUES ('ä'); INSERT INTO children VALUES ('ä')`);
    expect(await resultOf(copy, KEYS)).toMatchObject({ outcome: 'passed' });
    await copy.run(behindTriggers("INSERT INTO children VALUES ('Ä')"));
    expect(await resultOf(copy, KEYS)).toMatchObject({
      outcome: 'failed',
      observed: 'children_name_fkey on children: 1 row without a parent',
    });
  });

  test('a key that was never validated is a warning where it is broken', async () => {
    const copy = await fresh('CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (p int); INSERT INTO c VALUES (1)');
    expect(await resultOf(copy, KEYS)).toMatchObject({ outcome: 'passed', observed: 'no foreign keys are declared' });
    await copy.run('ALTER TABLE c ADD CONSTRAINT late FOREIGN KEY (p) REFERENCES p NOT VALID');
    expect(await resultOf(copy, KEYS)).toMatchObject({
      outcome: 'passed',
      warnings: [
        'late on c: 1 row without a parent, though the key was never validated; expected every declared foreign key to hold; ' +
          'correct the rows in the source and VALIDATE CONSTRAINT, or drop the key',
      ],
    });
  });

  test('a parent page that was zeroed after a vacuum fails, though an index-only scan still finds its rows', async () => {
    const copy = await fresh(`CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p SELECT generate_series(1, 5000);
      CREATE TABLE c (p int REFERENCES p); INSERT INTO c SELECT generate_series(1, 5000, 100)`);
    await copy.run('VACUUM (ANALYZE) p');
    const file = await fileOf(database(), copy, 'p');
    await whileStopped(database(), () => file.zero(3, 3));
    expect(await resultOf(copy, KEYS)).toMatchObject({
      outcome: 'failed',
      observed: expect.stringMatching(/^c_p_fkey on c: [23] rows without a parent$/),
    });
  });

  const temporal = major >= 18 ? test : test.skip;
  temporal('a period that its parents do not cover is an orphan', async () => {
    const copy = await fresh(`CREATE EXTENSION btree_gist;
      CREATE TABLE rooms (id int, open daterange, PRIMARY KEY (id, open WITHOUT OVERLAPS));
      CREATE TABLE stays (room int, at daterange, FOREIGN KEY (room, PERIOD at) REFERENCES rooms (id, PERIOD open));
      INSERT INTO rooms VALUES (1, '[2030-01-01,2030-02-01)'), (1, '[2030-02-01,2030-03-01)');
      INSERT INTO stays VALUES (1, '[2030-01-20,2030-02-10)'), (NULL, '[2030-01-01,2030-01-02)')`);
    expect(await resultOf(copy, KEYS)).toMatchObject({ outcome: 'passed' });
    await copy.run(behindTriggers("DELETE FROM rooms WHERE open @> '2030-02-05'::date"));
    expect(await resultOf(copy, KEYS)).toMatchObject({
      outcome: 'failed',
      observed: expect.stringMatching(/^stays_room_at_fkey on stays: 1 row without a parent$/),
    });
  });

  temporal('a key that is not enforced is a warning', async () => {
    const copy: Copy = await fresh(`CREATE TABLE p (id int PRIMARY KEY);
      CREATE TABLE c (p int REFERENCES p NOT ENFORCED); INSERT INTO c VALUES (1)`);
    expect(await resultOf(copy, KEYS)).toMatchObject({
      outcome: 'passed',
      warnings: [expect.stringMatching(/^c_p_fkey/)],
    });
  });
});
