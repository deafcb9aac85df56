import { copyOf, fileOf } from '../../real/damage';
import { useDatabase } from '../../real/database';
import { checksumOf } from '../../real/page-checksum';

const database = useDatabase();

test('a page of PostgreSQL has the checksum that tests write', async () => {
  const copy = await copyOf(
    database(),
    'summed',
    'CREATE TABLE t AS SELECT n FROM generate_series(1, 1000) n; CHECKPOINT',
  );
  const file = await fileOf(database(), copy, 't');
  for (const block of [0, 3]) {
    const page = await file.read(block);
    expect(checksumOf(page, block)).toBe(page.readUInt16LE(8));
  }
});
