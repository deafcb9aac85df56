/** What can't be carried over is refused before anything is done: by its name, and with what to do. */
import type { Connection } from '../../../lambda/examiner/protocol';
import { inventoryOf } from '../../../lambda/swap/inventory';
import { useDatabase, VERSIONS } from '../../real/database';
import { asClient, asLive, master, named } from './shop';

/** What each one makes in a schema of its own, and what is said about its table `t`. */
const REFUSED: readonly (readonly [what: string, sql: string, says: RegExp, since?: number])[] = [
  [
    'a function that returns its rows',
    'CREATE FUNCTION f() RETURNS SETOF t LANGUAGE sql AS $$ SELECT * FROM t $$',
    /function .*f\(\).* bound to the old table; drop it/,
  ],
  [
    'a function whose body names it',
    'CREATE FUNCTION f() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM t; END',
    /function .*f\(\).* bound to the old table/,
  ],
  [
    'a rule of its own',
    'CREATE RULE r AS ON DELETE TO t DO INSTEAD NOTHING',
    /rule r on table .*t would be lost; make it a trigger/,
  ],
  [
    "a rule of another table's",
    'CREATE TABLE o (id int); CREATE RULE r AS ON INSERT TO o DO ALSO DELETE FROM t',
    /rule r on table .*o names it/,
  ],
  ['a column of its row type', 'CREATE TABLE o (whole t)', /column whole of table .*o depends on it/],
  [
    'a view with a column of its row type',
    'CREATE VIEW v AS SELECT t AS whole FROM t',
    /column whole of view .*v depends on it/,
  ],
  [
    "another table's policy",
    'CREATE TABLE o (id int); CREATE POLICY p ON o USING (id IN (SELECT id FROM t))',
    /policy p on table .*o names it/,
  ],
  [
    "a constraint trigger of another table's",
    'CREATE TABLE o (id int); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$; CREATE CONSTRAINT TRIGGER g AFTER INSERT ON o FROM t FOR EACH ROW EXECUTE FUNCTION f()',
    /trigger g on table .*o names it/,
  ],
  ['a table that inherits from it', 'CREATE TABLE o () INHERITS (t)', /o inherits from .*t.*NO INHERIT/],
  [
    'a partition',
    'CREATE TABLE o (id int NOT NULL) PARTITION BY LIST (id); DROP TABLE t; CREATE TABLE t PARTITION OF o (PRIMARY KEY (id)) DEFAULT',
    /it is a partition of .*o; name that table/,
  ],
  [
    'partitions of partitions',
    'DROP TABLE t; CREATE TABLE t (id int PRIMARY KEY) PARTITION BY LIST (id); CREATE TABLE o PARTITION OF t DEFAULT PARTITION BY LIST (id)',
    /partition .*o is partitioned itself/,
  ],
  ['an unlogged table', 'ALTER TABLE t SET UNLOGGED', /unlogged or temporary, so no backup holds its rows/],
  [
    'a typed table',
    'CREATE TYPE k AS (id int); DROP TABLE t; CREATE TABLE t OF k (PRIMARY KEY (id))',
    /typed table of .*k; ALTER TABLE \.\.\. NOT OF/,
  ],
  [
    'a table without a key',
    'ALTER TABLE t DROP CONSTRAINT t_pkey, ADD UNIQUE (name)',
    /no primary key, and no unique key of NOT NULL columns/,
  ],
  [
    'forced row security',
    'ALTER TABLE t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY',
    /row security of .*t is forced on its owner/,
  ],
  [
    'a view above one of its materialized views',
    'CREATE MATERIALIZED VIEW m AS SELECT * FROM t; CREATE VIEW v AS SELECT * FROM m',
    /v reads the materialized view .*m/,
  ],
  [
    'a view of its identity sequence',
    'CREATE VIEW v AS SELECT last_value FROM t_id_seq',
    /rule _RETURN on view .*v names it, .* its sequence/,
  ],
  ['a view', 'ALTER TABLE t RENAME TO o; CREATE VIEW t AS SELECT * FROM o', /it is a view, whose rows are not its own/],
  [
    'a foreign key of a partitioned table',
    'CREATE TABLE o (id int REFERENCES t) PARTITION BY LIST (id)',
    /foreign key o_id_fkey of the partitioned table .*o refers to it/,
    -18,
  ],
  [
    "a view of somebody else's",
    'GRANT SELECT ON t TO auditor; CREATE VIEW v AS SELECT id FROM t',
    /view .*v belongs to auditor/,
  ],
  [
    "a table of somebody else's that refers to it",
    'CREATE TABLE o (id int REFERENCES t)',
    /foreign key o_id_fkey of .*o refers to it, and only the owner/,
  ],
];

describe.each(VERSIONS)('on PostgreSQL %i', (major) => {
  const database = useDatabase({}, major);
  let connection: Connection;

  beforeAll(async () => {
    connection = await master(database().cluster, 'refused');
  });

  test.each(
    REFUSED.filter(([, , , since = 0]) => since === 0 || major < -since).map(
      ([what, sql, says], index) => [what, index, sql, says] as const,
    ),
  )('%s is refused', async (what, index, sql, says) => {
    const schema = `s${index}`;
    await asClient(connection, async (client) => {
      await client.query(`CREATE SCHEMA ${schema}; SET search_path = ${schema};
          CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text)`);
      await client.query(sql);
    });
    if (what.includes("somebody else's")) {
      await database().cluster.query(
        `ALTER TABLE ${schema}.${what.startsWith('a view') ? 'v' : 'o'} OWNER TO auditor`,
        [],
        'refused',
      );
    }
    const { refused } = await asLive(connection, (live) =>
      live.transaction(() => inventoryOf(live, named(`${schema}.t`), [named(`${schema}.t`)])),
    );
    expect(refused).toEqual(expect.arrayContaining([expect.stringMatching(says)]));
    for (const refusal of refused) expect(refusal).toMatch(new RegExp(`^${schema}\\.t: .{30,}`));
  });

  test('all that is in the way is told at once, and a table that is not there is told, too', async () => {
    await asClient(connection, (client) =>
      client.query(`CREATE SCHEMA many; SET search_path = many; CREATE TABLE t (id int PRIMARY KEY);
        CREATE FUNCTION f(t) RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE FUNCTION g(t[]) RETURNS int LANGUAGE sql
          AS 'SELECT 1';
        CREATE RULE r AS ON DELETE TO t DO INSTEAD NOTHING`),
    );
    const look = (name: string) =>
      asLive(connection, (live) =>
        live.transaction(() => inventoryOf(live, named(name), [named(name), named('other.t')])),
      );
    expect((await look('many.t')).refused).toHaveLength(4);
    expect((await look('many.none')).refused).toEqual([expect.stringContaining('there is no table of that name')]);
  });

  test('a publication of all tables, which would send staged rows, is refused', async () => {
    await asClient(connection, (client) => client.query('CREATE SCHEMA pub; CREATE TABLE pub.t (id int PRIMARY KEY)'));
    await database().cluster.query('CREATE PUBLICATION everything FOR ALL TABLES', [], 'refused');
    const { refused } = await asLive(connection, (live) =>
      live.transaction(() => inventoryOf(live, named('pub.t'), [named('pub.t')])),
    );
    expect(refused).toEqual([expect.stringContaining('publication everything is FOR ALL TABLES')]);
    await database().cluster.query('DROP PUBLICATION everything', [], 'refused');
  });
});
