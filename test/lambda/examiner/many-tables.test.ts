/** H2: thousands of tables. Here fewer, and a lock table that holds fewer still; bench/ measures the thousands. */
import { GENERIC_CHECKS } from '../../../lambda/contract';
import { useDatabase } from '../../real/database';
import { runExamination } from '../../real/examination';

const CHECKS = GENERIC_CHECKS.filter(({ kind }) => kind !== 'not-shrunk');
// PostgreSQL has room for about 300 locks with these.
const database = useDatabase({ max_locks_per_transaction: '10', max_connections: '25', autovacuum: 'off' });

/** Blocks that an examination looks at: what takes time, without the noise of clocks. */
async function blocksFor(tables: number): Promise<number> {
  const { cluster, query } = database();
  const name = `of_${tables}`;
  await query(`CREATE DATABASE ${name}`);
  for (let n = 1; n <= tables; n++) {
    const batch = Array.from({ length: 25 }, (_, i) => n + i).filter((one) => one <= tables);
    n += batch.length - 1;
    const one = (i: number) =>
      `CREATE TABLE t${i} (id int PRIMARY KEY, a int UNIQUE, b text); INSERT INTO t${i} VALUES (1, 1, 'x'); DELETE FROM t${i} WHERE ${i} <> ${tables}`;
    await cluster.query(batch.map(one).join('; '), [], name);
  }
  await cluster.query('VACUUM ANALYZE', [], name);
  const seen = async () => {
    const [row] = await query<{ blocks: string }>(
      `SELECT blks_hit + blks_read AS blocks FROM pg_stat_database WHERE datname = '${name}'`,
    );
    return Number(row?.blocks);
  };
  const before = await seen();
  const { results, survey } = await runExamination({ ...cluster.superuser, database: name }, CHECKS);
  expect(results.filter(({ outcome }) => outcome !== 'passed')).toEqual([]);
  expect(survey).toMatchObject({ tables, holdsRows: tables > 0 });
  return (await seen()) - before;
}

test('more tables than locks are examined, each for as little as one of few', async () => {
  const none = await blocksFor(0);
  const few = (await blocksFor(50)) - none;
  const many = (await blocksFor(400)) - none;
  expect(few).toBeGreaterThan(1000);
  expect(many / 400 / (few / 50)).toBeLessThan(1.25);
}, 300_000);
