import type { Connection } from '../../../lambda/examiner/protocol';
import { Application } from '../../../rehearsal/incidents/application';
import { connect, fill } from '../../../rehearsal/story/zephyr-data';
import { useDatabase } from '../../real/database';

const database = useDatabase();
const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
let to: Connection;

beforeAll(async () => {
  const { cluster, query } = database();
  await query('CREATE DATABASE zephyr');
  to = { ...cluster.superuser, database: 'zephyr' };
  await fill(to, 2000, () => {});
});

const run = async (sql: string) => {
  const client = await connect(to);
  await client.query(sql);
  await client.end();
};
const until = async (so: () => boolean) => {
  while (!so()) await sleep(10);
};

test('what was confirmed and is not there any more is lost, to the row', async () => {
  const application = new Application(async () => to);
  await application.start();
  await until(() => application.account.written >= 20);
  await application.stop();
  const { written, failed } = application.account;
  expect(failed).toBe(0);
  expect(await application.lostIn(to)).toBe(0);
  await run('DELETE FROM votes WHERE id > (SELECT max(id) - 7 FROM votes)');
  expect(await application.lostIn(to)).toBe(7);
  expect(application.account.written).toBe(written);
});

test('goes where its database was when it started, until it is restarted', async () => {
  let where: Connection = { ...to, database: 'nowhere' };
  const application = new Application(async () => where);
  await application.start();
  await until(() => application.account.failed >= 2);
  where = to;
  await sleep(100);
  expect(application.account).toMatchObject({ written: 0, firstFailure: 'database "nowhere" does not exist' });
  await application.restart();
  await until(() => application.account.written > 0);
  await application.stop();
  expect(application.account).toMatchObject({ restarts: 1, foundEmpty: 0 });
});

test('says that it found the table empty', async () => {
  const application = new Application(async () => to);
  await run('ALTER TABLE votes RENAME TO kept; CREATE VIEW votes AS SELECT * FROM kept WHERE false');
  await application.start();
  await until(() => application.account.foundEmpty > 0);
  await application.stop();
});
