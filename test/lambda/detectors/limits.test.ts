/** What README says that no drill can see: should one of these be found some day, README has to be told. */
import type { Check } from '../../../lambda/contract';
import { type Copy, copyOf, fileOf, firstValue, whileStopped } from '../../real/damage';
import { useDatabase, VERSIONS } from '../../real/database';
import { type Examination, runExamination } from '../../real/examination';

const CHECKS: readonly Check[] = [{ kind: 'readable' }, { kind: 'indexes' }, { kind: 'constraints' }];

const table = (name: string) =>
  `CREATE TABLE ${name} (id int, t text); INSERT INTO ${name} SELECT i, 'value number ' || i FROM generate_series(1, 5000) i`;

describe.each(VERSIONS)('PostgreSQL %s', (major) => {
  const database = useDatabase({ autovacuum: 'off' }, major);
  let copy: Copy;
  let seen: Examination;

  beforeAll(async () => {
    const names = ['no_index', 'end_lost', 'gist_only', 'left_out', 'marked', 'hot', 'decodes', 'by_gist'];
    copy = await copyOf(database(), 'copy', ['CREATE EXTENSION btree_gist', ...names.map(table)].join(';'));
    await copy.run(`CREATE INDEX ON gist_only USING gist (id); CREATE INDEX ON left_out (id) WHERE id > 4000;
      CREATE INDEX ON marked (id); CREATE INDEX ON hot (id); CREATE INDEX of_gist ON by_gist USING gist (id); CHECKPOINT`);
    const file = (name: string) => fileOf(database(), copy, name);
    const lost = await Promise.all(['no_index', 'gist_only', 'left_out', 'marked'].map(file));
    const [end, hot, decodes, gist] = await Promise.all(['end_lost', 'hot', 'decodes', 'of_gist'].map(file));
    const [last, pages] = [(await hot!.blocks()) - 1, await end!.blocks()];
    const before = await hot!.read(last);
    await copy.run("UPDATE hot SET t = 'x' WHERE id = 5000; CHECKPOINT");
    expect(await firstValue(copy, "SELECT n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'hot'")).not.toBe('0');
    await whileStopped(database(), async () => {
      for (const one of lost) await one.zero(3, 3);
      await end!.zero(pages - 2, pages - 1);
      await hot!.write(last, before);
      await decodes!.alter(0, (page) => page.write('VALUE', page.indexOf('value number')));
      // The key of an entry of the last leaf, which ends the page.
      await gist!.alter((await gist!.blocks()) - 1, (page) => page.writeInt32LE(-77, page.readUInt16LE(16) - 8));
    });
    const byIndex = 'SET enable_seqscan = off; SET enable_bitmapscan = off; SELECT count(t) FROM marked WHERE id > 0';
    await copy.run(byIndex);
    seen = await runExamination(copy, CHECKS);
  });

  test('lost rows of which no B-tree index has an entry that is not marked dead are a warning, where pages amid others hold nothing', () => {
    const found = seen.problems.map(({ outcome, object, observed }) => [outcome, object, observed]);
    const expected = ['no_index', 'gist_only', 'left_out', 'marked'].map((name) => [
      'warning',
      name,
      '1 of its pages, between block 3 and 3, hold nothing',
    ]);
    expect(found.sort()).toEqual(expected.sort());
  });

  test('nothing is said of pages that were lost at the end, of a lost HOT update, of bytes that decode, nor of keys of GiST', () => {
    expect(seen.results.map(({ outcome }) => outcome)).toEqual(CHECKS.map(() => 'passed'));
  });
});
