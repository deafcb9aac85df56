import { useDatabase, VERSIONS } from '../../real/database';

describe.each(VERSIONS)('PostgreSQL %s', (major) => {
  const database = useDatabase({}, major);
  test('runs beside the others', async () => {
    const [row] = await database().query<{ v: string }>("SELECT current_setting('server_version') AS v");
    expect(row!.v).toMatch(new RegExp(`^${major}`));
  });
});
