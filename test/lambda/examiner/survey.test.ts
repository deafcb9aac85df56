import fc from 'fast-check';
import { type Check, GENERIC_CHECKS } from '../../../lambda/contract';
import { BATCH_BYTES, cutBatches, cutBlocks } from '../../../lambda/examiner/batches';
import type { Work } from '../../../lambda/examiner/protocol';
import { useDatabase } from '../../real/database';
import { resultOf, runExamination } from '../../real/examination';

const database = useDatabase();

const objectsOf = (work: readonly (readonly Work[])[], check: number) =>
  work.flat().flatMap((piece) => (piece.check === check && piece.object ? [piece.object] : []));

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
    const { survey } = await runExamination(database().cluster.superuser, GENERIC_CHECKS);
    expect(objectsOf(survey.batches, 0).sort()).toEqual(
      ['Sales.EU.Or"ders', 'cache', 'february', 'hollow', 'january', 'public.dotted.name', 'totals'].sort(),
    );
    expect(objectsOf(survey.batches, 2).sort()).toEqual(['Sales.EU.Or"ders_pkey', 'february_pkey', 'january_pkey']);
    expect(survey).toMatchObject({ serverVersion: expect.stringMatching(/^17/), databaseBytes: expect.any(Number) });
  });

  test('tells of the databases that it does not look into', async () => {
    const { cluster, query } = database();
    const neighbour = `neighbour_${cluster.superuser.database}`;
    await query(`CREATE DATABASE ${neighbour}`);
    const { survey } = await runExamination(cluster.superuser, []);
    await query(`DROP DATABASE ${neighbour}`);
    expect(survey.otherDatabases).toContain(neighbour);
    expect(survey.otherDatabases).not.toContain(cluster.superuser.database);
    expect(survey.otherDatabases).not.toContain('postgres');
  });

  test('lists what held rows by names that find it again: partitions as their table, nothing unlogged', async () => {
    const { survey } = await runExamination(database().cluster.superuser, []);
    expect(survey.tablesWithRows).toEqual(['Sales.EU.Or"ders', 'months', 'public.dotted.name']);
    const notEmptied: Check = { kind: 'not-emptied' };
    const { tablesWithRows } = survey;
    expect(await resultOf(database().cluster.superuser, notEmptied, { tablesWithRows })).toMatchObject({
      outcome: 'passed',
      observed: 'none of 3 that held rows at the last passed drill',
    });
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
            { kind: 'not-emptied' },
          ],
          { restorePoint: '2030-01-01T00:00:00Z', tablesWithRows: [named.table] },
        );
        expect(results.map(({ outcome }) => outcome)).toEqual(Array(5).fill('passed'));
      }),
      { numRuns: 30 },
    );
    await query('DROP SCHEMA property CASCADE');
  });
});

describe('cutting work', () => {
  const GiB = 1024 ** 3;
  const piece = fc.record({ check: fc.nat(9), oid: fc.nat(), bytes: fc.nat(2 * GiB) });

  test('loses nothing, and keeps every batch near its bound', () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 300 }), (work) => {
        const batches = cutBatches(work);
        expect(batches.flat()).toHaveLength(work.length);
        expect(new Set(batches.flat())).toEqual(new Set(work));
        for (const batch of batches) {
          expect(batch.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(BATCH_BYTES + 2 * GiB);
        }
      }),
    );
  });

  test('needs at most 100 batches for any size, and bounds the pieces of each', () => {
    const terabytes = Array.from({ length: 2_000 }, (_, oid): Work => ({ check: 0, oid, bytes: 7 * GiB }));
    expect(cutBatches(terabytes)).toHaveLength(100);
    const tiny = Array.from({ length: 5_001 }, (_, oid): Work => ({ check: 0, oid, bytes: 1 }));
    expect(cutBatches(tiny).map((batch) => batch.length)).toEqual(expect.arrayContaining([expect.any(Number)]));
    expect(Math.max(...cutBatches(tiny).map((batch) => batch.length))).toBeLessThanOrEqual(500);
    expect(cutBatches([])).toEqual([]);
  });

  test('cuts a table into ranges that cover each block once', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 32 }), fc.integer({ min: 0, max: 2 ** 38 }), (blocks, bytes) => {
        let next = 0;
        for (const [from, to] of cutBlocks(blocks, bytes)) {
          expect(from).toBe(next);
          expect(to).toBeGreaterThanOrEqual(from);
          next = to + 1;
        }
        expect([0, blocks]).toContain(next);
      }),
    );
    expect(cutBlocks(0, 0)).toEqual([]);
    expect(cutBlocks(1, 8192)).toEqual([[0, 0]]);
  });
});
