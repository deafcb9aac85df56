/** Tables against their own metadata and their indexes: pages that were lost, zeroed or put back from before. */
import type { Check } from '../../../lambda/contract';
import { examine } from '../../../lambda/detectors/examine';
import type { Checked } from '../../../lambda/examiner/protocol';
import { Session } from '../../../lambda/examiner/session';
import { type Copy, copyOf, fileOf, whileStopped } from '../../real/damage';
import { useDatabase, VERSIONS } from '../../real/database';
import { type Examination, runExamination } from '../../real/examination';

const CHECKS: readonly Check[] = [{ kind: 'readable' }, { kind: 'indexes' }];
const TABLES = ['healthy', 'zeroed', 'unvacuumed', 'halved', 'emptied', 'bare', 'rewound', 'pointers', 'stale_map'];

const table = (name: string) => `
  CREATE TABLE ${name} (id int PRIMARY KEY, poll_id int, note text) WITH (autovacuum_enabled = off);
  INSERT INTO ${name} SELECT n, n % 10, repeat('x', 40) FROM generate_series(1, 40000) n;
  CREATE INDEX ${name}_poll ON ${name} (poll_id DESC, lower(note) COLLATE "C" text_pattern_ops) WHERE poll_id > 2`;

describe.each(VERSIONS)('PostgreSQL %s', (major) => {
  const database = useDatabase({ autovacuum: 'off' }, major);
  let copy: Copy;
  let seen: Examination;

  beforeAll(async () => {
    copy = await copyOf(database(), 'copy', TABLES.map(table).join(';'));
    for (const name of TABLES) if (name !== 'unvacuumed') await copy.run(`VACUUM (ANALYZE) ${name}`);
    await copy.run(`ALTER TABLE bare DROP CONSTRAINT bare_pkey; DROP INDEX bare_poll; CHECKPOINT;
      CREATE UNLOGGED TABLE unlogged AS SELECT n FROM generate_series(1, 9000) n`);
    await copy.run('VACUUM (ANALYZE) unlogged');
    const file = (name: string, fork?: string) => fileOf(database(), copy, name, fork);
    const [rewound, staleMap] = [await file('rewound'), await file('stale_map', '_vm')];
    const [before, map] = [await rewound.read(5), await staleMap.contents()];
    // Of an indexed column, so that the new rows have entries of their own.
    await copy.run("UPDATE rewound SET poll_id = poll_id + 1 WHERE ctid >= '(5,0)' AND ctid < '(6,0)'");
    await copy.run('DELETE FROM stale_map WHERE id % 2 = 0');
    const files = new Map(await Promise.all(TABLES.map(async (name) => [name, await file(name)] as const)));
    const unlogged = await file('unlogged');
    await whileStopped(database(), async () => {
      await files.get('zeroed')!.zero(100, 149);
      await files.get('unvacuumed')!.zero(100, 149);
      await files.get('halved')!.cut(200);
      await files.get('emptied')!.cut(0);
      await files.get('bare')!.cut(200);
      await rewound.write(5, before);
      await files.get('pointers')!.alter(7, (page) => page.fill(0, 24, 24 + 4 * 20));
      await staleMap.replace(map);
      await unlogged.cut(0);
    });
    seen = await runExamination(copy, CHECKS);
  });

  const found = (name: string) =>
    seen.problems
      .filter(({ object, outcome }) => outcome === 'failed' && object?.replace(/_(pkey|poll)$/, '') === name)
      .map(({ observed }) => observed);

  test('zeroed pages that the visibility map knows fail, with their number', () => {
    expect(found('zeroed')).toContainEqual(expect.stringMatching(/^50 pages between block 100 and 149 are not what/));
  });

  test('zeroed pages that no vacuum has seen fail by the index, with their number', () => {
    expect(found('unvacuumed')).toEqual([
      '4,850 of 40,000 entries of index unvacuumed_pkey lead to no row; 50 of its pages, between block 100 and 149, hold nothing',
    ]);
  });

  test.each(['halved', 'emptied'])('a table that was %s fails, by its size and by its index', (name) => {
    const pages = name === 'halved' ? 200 : 0;
    const size = `its file has ${pages} of 413 pages \\(relpages\\)`;
    expect(found(name)).toContainEqual(expect.stringMatching(`^${size}, and the visibility map knows`));
    expect(found(name)).toContainEqual(
      expect.stringMatching(`^${size}, and [\\d,]+ of 40,000 entries of index ${name}_pkey lead to no row`),
    );
  });

  test('a table without an index that was cut fails by its visibility map', () => {
    expect(found('bare')).toEqual([
      expect.stringMatching(/^its file has 200 of 413 pages .* knows 213 of the missing/),
    ]);
  });

  test('a page from before an update fails, since keys stand twice', () => {
    expect(found('rewound').join()).toMatch(/uniqueness is violated|97 keys stand in several rows/);
  });

  test('line pointers that were zeroed fail, entry by entry', () => {
    expect(found('pointers')).toEqual(['20 of 40,000 entries of index pointers_pkey lead to no row']);
  });

  test('a visibility map older than its table fails', () => {
    expect(found('stale_map')).toEqual([expect.stringMatching(/^413 pages between block 0 and 412 are not what/)]);
  });

  test('nothing is said of healthy tables, nor of an unlogged one that a crash has emptied', () => {
    expect(
      seen.problems.filter(({ object }) => !TABLES.slice(1).includes(object!.replace(/_(pkey|poll)$/, ''))),
    ).toEqual([]);
  });

  test('lost pages fail by the index although somebody deletes other rows meanwhile', async () => {
    // No entry stands for rows of several pages, so that the first scan marks all that lead nowhere.
    const written = await copyOf(
      database(),
      'written',
      `CREATE TABLE paged (n int, page int); INSERT INTO paged SELECT i, (i - 1) / 226 FROM generate_series(1, 4520) i;
       CREATE INDEX paged_page ON paged (page); CHECKPOINT`,
    );
    const file = await fileOf(database(), written, 'paged');
    await whileStopped(database(), () => file.zero(5, 6));
    const { alone } = Session.prototype;
    let vacuums = 0;
    const vacuumed = jest.spyOn(Session.prototype, 'alone').mockImplementation(async function (this: Session, ...one) {
      await alone.apply(this, one);
      // The pages without content have the table vacuumed four times before its entries are counted.
      if (/^VACUUM.* public\.paged$/.test(one[0]) && ++vacuums === 4)
        await written.run('DELETE FROM paged WHERE n = 7');
    });
    const { problems } = await runExamination(written, CHECKS).finally(() => vacuumed.mockRestore());
    expect(problems).toMatchObject([
      {
        outcome: 'failed',
        object: 'paged',
        observed: expect.stringContaining('of index paged_page lead to no row'),
      },
    ]);
  });

  test('every failure says what was expected and what to do', () => {
    for (const { expected, remedy } of seen.problems) {
      expect(expected).toBeTruthy();
      expect(remedy).toBeTruthy();
    }
  });
});

describe('a table beyond 1 GB', () => {
  const database = useDatabase({ autovacuum: 'off' });

  test('fails where its file ends with a segment: the next one is missing', async () => {
    const copy = await copyOf(database(), 'large', 'CREATE TABLE t (n int); INSERT INTO t VALUES (1)');
    const [[oid]] = (await copy.run("SELECT 't'::regclass::oid::int")) as [[number]];
    await copy.run("UPDATE pg_class SET relpages = 140000 WHERE relname = 't'");
    const file = await fileOf(database(), copy, 't');
    // Sparse, as only its length is looked at.
    await whileStopped(database(), () => file.cut(131_072));
    const { findings } = (await examine({})({
      task: 'check',
      connection: copy,
      checks: CHECKS,
      work: [{ detector: 'file sizes', checks: [0], oids: [oid, oid], objects: 1, bytes: 0 }],
      restorePoint: '2030-01-01T00:00:00Z',
    })) as Checked;
    expect(findings[0]!.failures.first).toEqual([
      expect.objectContaining({
        object: 't',
        observed:
          'its file has 131,072 of 140,000 pages (relpages), and it ends where a segment ends, so that the next one is missing',
      }),
    ]);
  });
});
