/** A master user as on RDS: no superuser, owner of the database but of none of its tables. */
import { GENERIC_CHECKS } from '../../../lambda/contract';
import { type Copy, copyOf, fileOf, whileStopped } from '../../real/damage';
import { useDatabase, VERSIONS } from '../../real/database';
import { runExamination } from '../../real/examination';

const CHECKS = GENERIC_CHECKS.filter(({ kind }) => kind !== 'not-shrunk');

const SCHEMA = `
  CREATE SCHEMA app AUTHORIZATION application; SET ROLE application;
  CREATE TABLE app.polls (id serial PRIMARY KEY, title text NOT NULL CHECK (title <> ''), words tsvector);
  INSERT INTO app.polls (title) SELECT 'poll ' || repeat('x', i % 3000) FROM generate_series(1, 2000) i;
  CREATE INDEX polls_title ON app.polls (lower(title)); CREATE INDEX polls_words ON app.polls USING gin (words);
  CREATE TABLE app.votes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, poll_id int REFERENCES app.polls, at timestamptz DEFAULT now());
  INSERT INTO app.votes (poll_id) SELECT i FROM generate_series(1, 2000) i; CREATE INDEX ON app.votes USING hash (poll_id);
  CREATE VIEW app.seen AS SELECT * FROM app.polls; CREATE MATERIALIZED VIEW app.totals AS SELECT count(*) FROM app.votes;
  CREATE FUNCTION app.twice(int) RETURNS int LANGUAGE sql AS 'SELECT 2 * $1'; RESET ROLE;
  SELECT lo_from_bytea(0, 'x') FROM generate_series(1, 5)`;

describe.each(VERSIONS)('PostgreSQL %s', (major) => {
  const database = useDatabase({ autovacuum: 'off' }, major);
  let copy: Copy;

  beforeAll(async () => {
    await database().query('CREATE ROLE application');
    copy = await copyOf(database(), 'copy', SCHEMA);
    // What rds_superuser has and a local user has not: extensions of its own, and the right to call them.
    await copy.run(`CREATE ROLE master LOGIN CREATEROLE PASSWORD 'master';
      GRANT pg_monitor, pg_read_all_data TO master WITH ADMIN OPTION; GRANT application TO master; ALTER DATABASE copy OWNER TO master;
      CREATE SCHEMA lifeboat_examiner AUTHORIZATION master;
      CREATE EXTENSION amcheck SCHEMA lifeboat_examiner; CREATE EXTENSION pg_visibility SCHEMA lifeboat_examiner;
      CREATE EXTENSION pg_prewarm SCHEMA lifeboat_examiner; CREATE EXTENSION pgstattuple SCHEMA lifeboat_examiner;
      GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA lifeboat_examiner TO master`);
  });

  test('finds nothing in a healthy database, and examines all of it', async () => {
    const { results, problems, survey } = await runExamination({ ...copy, user: 'master', password: 'master' }, CHECKS);
    expect(problems).toEqual([]);
    expect(results.map(({ outcome }) => outcome)).toEqual(CHECKS.map(() => 'passed'));
    expect(survey.notes).toEqual([]);
  });

  test('finds lost rows', async () => {
    const file = await fileOf(database(), copy, 'app.votes');
    await whileStopped(database(), () => file.zero(3, 4));
    const { problems } = await runExamination({ ...copy, user: 'master', password: 'master' }, CHECKS);
    expect(problems.map(({ object, outcome }) => ({ object, outcome }))).toContainEqual({
      object: 'app.votes',
      outcome: 'failed',
    });
  });

  test('finds lost rows without extensions, and without a user that may only read', async () => {
    await database().query("CREATE ROLE plain LOGIN CREATEROLE PASSWORD 'plain'");
    const bare = await copyOf(
      database(),
      'bare',
      `ALTER DATABASE bare OWNER TO plain; ALTER SCHEMA public OWNER TO plain; SET ROLE plain;
       CREATE TABLE lost (n int PRIMARY KEY); INSERT INTO lost SELECT generate_series(1, 2000); RESET ROLE; CHECKPOINT`,
    );
    const file = await fileOf(database(), bare, 'lost');
    await whileStopped(database(), () => file.zero(3, 3));
    const { problems, rows } = await runExamination({ ...bare, user: 'plain', password: 'plain' }, CHECKS);
    expect(problems.filter(({ object }) => object === 'lost')).toMatchObject([
      { outcome: 'failed', observed: '226 of 2,000 entries of index lost_pkey lead to no row' },
    ]);
    expect([...rows.values()]).toEqual([1774]);
  });
});
