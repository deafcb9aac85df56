import fc from 'fast-check';
import type { Check } from '../../../lambda/contract';
import { GENERIC_CHECKS } from '../../../lambda/contract';
import { examine } from '../../../lambda/detectors/examine';
import { CALL_BYTES, cutBlocks, cutObjects, fillCalls } from '../../../lambda/examination/batches';
import { type Detector, PHASES, type Phase } from '../../../lambda/examiner/detector';
import type { Checked, Work } from '../../../lambda/examiner/protocol';
import { useDatabase } from '../../real/database';
import { runExamination } from '../../real/examination';

const database = useDatabase();

/** Objects of a detector in the public parts of the database, by name, as the calls find them. */
const objectsOf = (calls: readonly (readonly Work[])[], detector: string) =>
  calls.flat().filter((work) => work.detector === detector);

describe('the survey', () => {
  beforeAll(async () => {
    await database().query(`
      CREATE SCHEMA "Sales.EU"; CREATE TABLE "Sales.EU"."Or""ders" (id int PRIMARY KEY); INSERT INTO "Sales.EU"."Or""ders" VALUES (1);
      CREATE TABLE "dotted.name" (n int); INSERT INTO "dotted.name" VALUES (1);
      CREATE TABLE months (at date, n int, PRIMARY KEY (at, n)) PARTITION BY RANGE (at);
      CREATE TABLE january PARTITION OF months FOR VALUES FROM ('2030-01-01') TO ('2030-02-01');
      CREATE TABLE february PARTITION OF months FOR VALUES FROM ('2030-02-01') TO ('2030-03-01');
      INSERT INTO months VALUES ('2030-01-05', 1);
      CREATE TABLE hollow (n int);
      CREATE UNLOGGED TABLE cache AS SELECT 1 AS n;
      CREATE MATERIALIZED VIEW totals AS SELECT 1 AS n;
      CREATE MATERIALIZED VIEW unfilled AS SELECT 1 AS n WITH NO DATA;
      CREATE VIEW seen AS SELECT 1 AS n`);
  });

  test('finds every table, partition and materialized view that holds data, and nothing of the system', async () => {
    const { survey, rows } = await runExamination(database().cluster.superuser, GENERIC_CHECKS);
    const names = await database().query<{ oid: string; name: string }>(
      "SELECT oid, oid::regclass::text AS name FROM pg_class WHERE relkind IN ('r', 'm')",
    );
    const read = names.filter(({ oid }) => rows.has(Number(oid))).map(({ name }) => name);
    expect(read.sort()).toEqual(
      ['"Sales.EU"."Or""ders"', '"dotted.name"', 'cache', 'february', 'hollow', 'january', 'totals'].sort(),
    );
    expect(objectsOf(survey.calls, 'rows').reduce((sum, { objects }) => sum + objects, 0)).toBe(7);
    expect(survey).toMatchObject({ database: 'postgres', bytes: expect.any(Number) });
  });

  test('counts the rows of every table that it reads whole', async () => {
    const { rows } = await runExamination(database().cluster.superuser, [{ kind: 'readable' }]);
    const [{ oid }] = (await database().query<{ oid: string }>("SELECT 'january'::regclass::oid AS oid")) as [
      { oid: string },
    ];
    expect(rows.get(Number(oid))).toBe(1);
  });

  test('reads every block of a table that is cut into ranges', async () => {
    const { cluster, query } = database();
    await query("CREATE TABLE long AS SELECT n, repeat('z', 500) AS z FROM generate_series(1, 1000) n");
    const [{ oid, blocks }] = (await query<{ oid: string; blocks: string }>(
      "SELECT 'long'::regclass::oid AS oid, pg_relation_size('long') / 8192 AS blocks",
    )) as [{ oid: string; blocks: string }];
    const ranges = cutBlocks(Number(blocks), 3);
    const work = ['rows', 'heap', 'blocks', 'visibility map'].flatMap((detector) =>
      ranges.map(
        (range): Work => ({
          detector,
          checks: [0],
          oids: [Number(oid), Number(oid)],
          blocks: range,
          objects: 1,
          bytes: 1,
        }),
      ),
    );
    const checks: readonly Check[] = [{ kind: 'readable' }];
    const connection = cluster.superuser;
    const { findings, rows } = (await examine({})({
      task: 'check',
      connection,
      checks,
      work,
      restorePoint: '2030-01-01T00:00:00Z',
    })) as Checked;
    expect(findings.map(({ examined, failures, notRun }) => [examined, failures.count, notRun.count])).toEqual(
      work.map(() => [1, 0, 0]),
    );
    expect(rows.reduce((sum, [, count]) => sum + count, 0)).toBe(1000);
    await query('DROP TABLE long');
  });

  test('names any table such that a check by that name meets it', async () => {
    const { query, cluster } = database();
    const names = fc.string({
      minLength: 1,
      maxLength: 15,
      unit: fc.constantFrom('a', 'A', '"', "'", '.', ' ', '\\', '$', '-', 'é', '漢', '%'),
    });
    const quote = (name: string) => `"${name.replaceAll('"', '""')}"`;
    await fc.assert(
      fc.asyncProperty(names, names, async (table, column) => {
        await query(`DROP SCHEMA IF EXISTS property CASCADE; CREATE SCHEMA property;
          CREATE TABLE property.${quote(table)} (${quote(column)} timestamptz);
          INSERT INTO property.${quote(table)} VALUES ('2030-01-01T00:00:00Z')`);
        const named = { table: `property.${table}`, column };
        const { results } = await runExamination(
          cluster.superuser,
          [
            { kind: 'row-count', table: named.table, atLeast: 1, atMost: 1 },
            { kind: 'fresh', ...named, withinSeconds: 1 },
            { kind: 'nothing-after', ...named },
            { kind: 'no-orphans', ...named, parent: named.table, parentColumn: column },
          ],
          { restorePoint: '2030-01-01T00:00:00Z' },
        );
        expect(results.map(({ outcome }) => outcome)).toEqual(Array(4).fill('passed'));
      }),
      { numRuns: 30 },
    );
    await query('DROP SCHEMA property CASCADE');
  });
});

describe('cutting work', () => {
  const GiB = 1024 ** 3;
  const detector = (phase: Phase): Detector => ({
    name: phase,
    phase,
    serves: ['readable'],
    examine: () => Promise.reject(new Error('is not called')),
  });
  const objects = fc
    .array(fc.record({ bytes: fc.nat(20 * GiB), blocks: fc.option(fc.integer({ min: 1, max: 1e6 })) }), {
      maxLength: 300,
    })
    .map((some) => some.map((one, index) => ({ oid: index + 1, ...one })));

  test('loses no object and no block, and keeps every piece near its bound', () => {
    fc.assert(
      fc.property(objects, (some) => {
        const works = cutObjects(detector('rows'), [0], some);
        for (const { oid, blocks, bytes } of some) {
          const own = works.filter(({ oids }) => oids![0] <= oid && oid <= oids![1]);
          if (own.length === 1) continue;
          expect(own.map((work) => work.blocks![1] - work.blocks![0] + 1).reduce((sum, one) => sum + one)).toBe(blocks);
          expect(bytes).toBeGreaterThan(CALL_BYTES);
        }
        for (const { oids, bytes } of works) if (oids![0] !== oids![1]) expect(bytes).toBeLessThanOrEqual(CALL_BYTES);
      }),
    );
  });

  test('keeps the order of the phases, and loses no work', () => {
    const some = fc.array(fc.record({ phase: fc.constantFrom(...PHASES), bytes: fc.nat(2 * GiB) }), { maxLength: 300 });
    fc.assert(
      fc.property(some, (pieces) => {
        const works = pieces.map(({ phase, bytes }): Work => ({ detector: phase, checks: [0], objects: 1, bytes }));
        const calls = fillCalls(works, (name) => name as Phase);
        expect(new Set(calls.flat())).toEqual(new Set(works));
        const order = calls.flat().map((work) => PHASES.indexOf(work.detector as Phase));
        expect(order).toEqual([...order].sort((a, b) => a - b));
      }),
    );
  });

  test('needs about 100 calls at most for any size, and bounds the objects of each', () => {
    const terabytes = Array.from(
      { length: 2_000 },
      (): Work => ({ detector: 'rows', checks: [0], objects: 1, bytes: 7 * GiB }),
    );
    expect(fillCalls(terabytes, () => 'rows').length).toBeLessThanOrEqual(101);
    const tiny = Array.from({ length: 12_001 }, (_, oid) => ({ oid, bytes: 1, blocks: null }));
    const calls = fillCalls(cutObjects(detector('rows'), [0], tiny), () => 'rows');
    expect(Math.max(...calls.map((call) => call.reduce((sum, { objects }) => sum + objects, 0)))).toBeLessThanOrEqual(
      5_000,
    );
    expect(fillCalls([], () => 'rows')).toEqual([]);
  });

  test('cuts a table into ranges that cover each block once', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 32 }), fc.integer({ min: 1, max: 50 }), (blocks, parts) => {
        let next = 0;
        for (const [from, to] of cutBlocks(blocks, Math.min(parts, blocks))) {
          expect(from).toBe(next);
          expect(to).toBeGreaterThanOrEqual(from);
          next = to + 1;
        }
        expect(next).toBe(blocks);
      }),
    );
  });
});
