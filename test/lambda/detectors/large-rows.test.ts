import { copyOf } from '../../real/damage';
import { useDatabase } from '../../real/database';
import { runExamination } from '../../real/examination';

const database = useDatabase({ autovacuum: 'off' });

test('a value that is longer as text than PostgreSQL allows is read in another way, and is no damage', async () => {
  const copy = await copyOf(
    database(),
    'large',
    `CREATE TABLE files (id int NOT NULL, body bytea, info json, tags jsonb, name text);
     INSERT INTO files SELECT 1, body || body, '{"a": 1}', '{"b": 2}', 'name' FROM (SELECT decode(repeat('00', n), 'hex') AS body FROM (SELECT 270000000 AS n OFFSET 0) AS s OFFSET 0) AS s`,
  );
  const { problems, rows } = await runExamination(copy, [{ kind: 'constraints' }]);
  expect(problems).toEqual([]);
  expect([...rows.values()]).toEqual([1]);
});
