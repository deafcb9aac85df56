import type { Check, DatabaseInventory } from '../../../lambda/contract';
import { compare, inventoryOf } from '../../../lambda/examiner/comparison';
import type { Listing } from '../../../lambda/examiner/listing';

const NOT_SHRUNK = { kind: 'not-shrunk' } as const satisfies Check;

const holding = (tables: Record<string, number | null>, over: Partial<DatabaseInventory> = {}): DatabaseInventory => ({
  name: 'shop',
  tables: Object.entries(tables).map(([name, rows]) => ({ name, rows })),
  objects: {},
  largeObjects: 0,
  ...over,
});

const objects = (found: readonly { readonly object?: string }[]) => found.map(({ object }) => object);

describe('a table', () => {
  test.each([
    ['lost nearly all of its rows', 1000, 10],
    ['lost all of its rows', 1, 0],
    ['lost one row more than half', 1000, 499],
  ])('that %s fails, with rows then and now, and the remedy by its name', (_, then, now) => {
    const { failures } = compare(NOT_SHRUNK, holding({ votes: now }), holding({ votes: then }));
    expect(failures).toEqual([
      {
        object: 'votes',
        observed: `${now} rows, ${then} ${then === 1 ? 'row' : 'rows'} at the last proof`,
        expected: 'at most 50 % of its rows lost',
        remedy: `where that was meant, name it: RecoveryCheck.notShrunk({ except: ["votes"] })`,
      },
    ]);
  });

  test.each([
    ['kept half of its rows', 1000, 500],
    ['grew', 10, 1000],
    ['was empty before and is now', 0, 0],
  ])('that %s passes', (_, then, now) => {
    expect(compare(NOT_SHRUNK, holding({ votes: now }), holding({ votes: then }))).toMatchObject({
      failures: [],
      warnings: [],
      notRun: [],
    });
  });

  test('that is gone fails, and one that may go does not, by name or by pattern', () => {
    const before = holding({ votes: 5, 'shop.jobs_old': 5, 'a.b': 0 });
    expect(objects(compare(NOT_SHRUNK, holding({}), before).failures)).toEqual(['votes', 'shop.jobs_old', 'a.b']);
    const except = { ...NOT_SHRUNK, except: ['public.votes', 'shop.*'] };
    expect(objects(compare(except, holding({}), before).failures)).toEqual(['a.b']);
  });

  test('that could not be counted is not run, not lost', () => {
    const { failures, notRun } = compare(NOT_SHRUNK, holding({ votes: null }), holding({ votes: 5 }));
    expect([objects(failures), objects(notRun)]).toEqual([[], ['votes']]);
  });

  test('that was empty before is a queue, so that being empty again is a warning; after a year of months it is none', () => {
    const queue = (emptied: number) => holding({}, { tables: [{ name: 'jobs', rows: 40, emptied }] });
    expect(compare(NOT_SHRUNK, holding({ jobs: 0 }), queue(12))).toMatchObject({ failures: [], warnings: [{}] });
    expect(compare(NOT_SHRUNK, holding({ jobs: 0 }), queue(13))).toMatchObject({ failures: [{}], warnings: [] });
  });

  test('may lose as large a share as its drill says', () => {
    const share = { ...NOT_SHRUNK, lostShare: 0.1 };
    expect(objects(compare(share, holding({ votes: 89 }), holding({ votes: 100 })).failures)).toEqual(['votes']);
    expect(compare(share, holding({ votes: 90 }), holding({ votes: 100 })).failures).toEqual([]);
  });
});

describe('what the schema declares', () => {
  const declared = (own: Record<string, string[]>) => holding({ votes: 5 }, { objects: own });

  test('fails where a constraint is gone, and warns of an index, a trigger, a policy and a grant', () => {
    const before = declared({
      constraint: ['primary key votes_pkey on votes'],
      index: ['votes_at on votes'],
      trigger: ['audit on votes'],
      policy: ['own on votes'],
      grant: ['SELECT to app on votes'],
      extension: ['citext'],
    });
    const { failures, warnings } = compare(NOT_SHRUNK, declared({}), before);
    expect(objects(failures)).toEqual(['primary key votes_pkey on votes']);
    expect(objects(warnings)).toEqual([
      'votes_at on votes',
      'audit on votes',
      'own on votes',
      'SELECT to app on votes',
      'citext',
    ]);
  });

  test('is not told of twice, where its table is gone or may go', () => {
    const before = declared({ constraint: ['primary key votes_pkey on votes'] });
    expect(objects(compare(NOT_SHRUNK, holding({}), before).failures)).toEqual(['votes']);
    const except = { ...NOT_SHRUNK, except: ['votes'] };
    expect(compare(except, holding({}), before).failures).toEqual([]);
  });

  test('is not taken for what may go by the end of its name', () => {
    const before = declared({ view: ['abcvotes'] });
    expect(objects(compare({ ...NOT_SHRUNK, except: ['votes'] }, declared({}), before).warnings)).toEqual(['abcvotes']);
  });

  test('fails where more than half of the large objects are gone', () => {
    const before = holding({}, { largeObjects: 500 });
    expect(objects(compare(NOT_SHRUNK, holding({}, { largeObjects: 0 }), before).failures)).toEqual(['large objects']);
  });
});

describe('an inventory', () => {
  const table = (oid: number, root: string, over = {}) => ({
    oid,
    root,
    partition: false,
    unlogged: false,
    hollow: false,
    estimate: null,
    ...over,
  });
  const listing = (tables: Listing['tables']): Listing => ({
    database: 'shop',
    tables,
    objects: {},
    largeObjects: 0,
    roles: [],
    unlisted: [],
  });

  test('adds up partitions, and leaves out what is unlogged', () => {
    const months = [
      table(1, 'months', { hollow: true }),
      table(2, 'months', { partition: true }),
      table(3, 'months', { partition: true }),
      table(4, 'cache', { unlogged: true }),
    ];
    expect(
      inventoryOf(
        listing(months),
        new Map([
          [2, 30],
          [3, 12],
          [4, 9],
        ]),
        undefined,
      ).tables,
    ).toEqual([{ name: 'months', rows: 42, partitions: 2 }]);
  });

  test('knows no number of rows where one partition was not counted', () => {
    const months = [table(2, 'months', { partition: true }), table(3, 'months', { partition: true })];
    expect(inventoryOf(listing(months), new Map([[2, 30]]), undefined).tables).toMatchObject([{ rows: null }]);
  });

  test('remembers for how many proofs a table has held rows since it was empty', () => {
    const before = holding({}, { tables: [{ name: 'jobs', rows: 4, emptied: 3 }] });
    const now = (rows: number) => inventoryOf(listing([table(1, 'jobs')]), new Map([[1, rows]]), before).tables;
    expect(now(7)).toEqual([{ name: 'jobs', rows: 7, emptied: 4 }]);
    expect(now(0)).toEqual([{ name: 'jobs', rows: 0, emptied: 1 }]);
  });
});
