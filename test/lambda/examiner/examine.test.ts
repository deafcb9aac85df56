import { chmod, copyFile, readFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Check } from '../../../lambda/contract';
import { examine, handler } from '../../../lambda/detectors/examine';
import type { Checked, CheckTask, Connection } from '../../../lambda/examiner/protocol';
import { handOver } from '../../../rehearsal/machine/copy-tree';
import { useDatabase } from '../../real/database';
import { resultOf } from '../../real/examination';

const database = useDatabase();
const ONE: Check = { kind: 'query', name: 'one', sql: 'SELECT 1', equals: 1 };

/** What a caller learns from a failure: everything a Lambda would pass on or log. */
async function failure(attempt: Promise<unknown>): Promise<{ name: string; message: string; all: string }> {
  try {
    await attempt;
  } catch (error) {
    const { name, message, stack } = error as Error;
    return { name, message, all: `${stack} ${JSON.stringify(error)}` };
  }
  throw new Error('nothing failed');
}

/** The server at another address; once an answer does not pass, nothing more does. */
async function forward(to: Connection, passes: (answer: Buffer) => boolean = () => true) {
  const sockets = new Set<Socket>();
  const proxy = createServer((client) => {
    const server = connect(to.port, to.host);
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
    }
    client.pipe(server);
    let silent = false;
    server.on('data', (answer) => {
      silent ||= !passes(answer);
      if (!silent) client.write(answer);
    });
    server.on('end', () => client.end());
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const { port } = proxy.address() as AddressInfo;
  const close = () => {
    proxy.close();
    for (const socket of sockets) socket.destroy();
  };
  return { at: { host: '127.0.0.1', port }, close };
}

const surveyOf = (connection: Connection) => ({ task: 'survey', connection, checks: [ONE], main: true }) as const;

function queryTask(connection: Connection, ...queries: string[]): CheckTask {
  const checks = queries.map((sql, index): Check => ({ kind: 'query', name: `query ${index}`, sql, equals: 1 }));
  return {
    task: 'check',
    connection,
    checks,
    work: checks.map((_, check) => ({ detector: 'own checks', checks: [check], objects: 1, bytes: 1 })),
    restorePoint: '2030-01-01T00:00:00Z',
  };
}

/** What was found of each query, in their order. */
const outcomes = ({ findings }: Checked) =>
  [...findings]
    .sort((a, b) => a.check - b.check)
    .map(({ examined, failures, notRun }) =>
      examined === 0 ? 'left' : failures.count > 0 ? 'failed' : notRun.count > 0 ? 'not-run' : 'passed',
    );

describe('reaching the copy', () => {
  test('without TLS, any host but this machine is refused before anything is sent', async () => {
    for (const host of [
      'orders.abc.us-east-1.rds.amazonaws.com',
      '10.0.0.1',
      '128.0.0.1',
      '::2',
      'localhost.example',
    ]) {
      const { name, message } = await failure(
        examine({})(surveyOf({ ...database().cluster.superuser, host, password: 'hunter2' })),
      );
      expect(name).toBe('CopyRefused');
      expect(message).toMatch(/is not this machine.*clear/);
    }
  });

  test('what may pass soon is CopyNotReady: nobody listens yet, or the new password is not in force', async () => {
    const { superuser } = database().cluster;
    const closed = await failure(examine({})(surveyOf({ ...superuser, port: 1 })));
    expect(closed).toMatchObject({ name: 'CopyNotReady', message: expect.stringContaining('ECONNREFUSED') });
    const password = 'not-the-password-Kd83';
    const early = await failure(examine({})(surveyOf({ ...superuser, password })));
    expect(early).toMatchObject({ name: 'CopyNotReady', message: expect.stringContaining('password authentication') });
    expect(early.all).not.toContain(password);
  });

  test('what stays wrong is CopyRefused, and no error repeats the password', async () => {
    const { superuser } = database().cluster;
    const { name, message, all } = await failure(examine({})(surveyOf({ ...superuser, database: 'absent' })));
    expect({ name, message }).toEqual({
      name: 'CopyRefused',
      message: expect.stringContaining('"absent" does not exist'),
    });
    expect(all).not.toContain(superuser.password);
  });

  test('what the user may not even list is CopyRefused', async () => {
    const { cluster, query } = database();
    await query(
      "CREATE ROLE blind LOGIN PASSWORD 'blind'; REVOKE EXECUTE ON FUNCTION pg_database_size(oid), pg_database_size(name) FROM PUBLIC",
    );
    const blind = await failure(examine({})(surveyOf({ ...cluster.superuser, user: 'blind', password: 'blind' })));
    expect(blind).toMatchObject({
      name: 'CopyRefused',
      message: expect.stringContaining('permission denied for function'),
    });
  });

  test('a session that an administrator ends is opened again, and its object is examined', async () => {
    const { cluster, query } = database();
    await query('CREATE SEQUENCE ended');
    const sleep = 'SELECT 1 FROM pg_sleep(CASE WHEN (SELECT is_called FROM ended) THEN 0 ELSE 30 END)';
    const lost = examine({})(queryTask(cluster.superuser, sleep, 'SELECT 1'));
    for (let ended = 0; ended === 0; ) {
      ended = (
        await query(
          "SELECT nextval('ended'), pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(CASE%' AND wait_event = 'PgSleep'",
        )
      ).length;
    }
    expect(outcomes((await lost) as Checked)).toEqual(['passed', 'passed']);
  });

  test('does with the sessions that it gets', async () => {
    const { cluster, query } = database();
    await query("CREATE ROLE single LOGIN PASSWORD 'single' CONNECTION LIMIT 1");
    const task = queryTask({ ...cluster.superuser, user: 'single', password: 'single' }, 'SELECT 1', 'SELECT 1');
    expect(outcomes((await examine({})(task)) as Checked)).toEqual(['passed', 'passed']);
  });
});

describe('the time budget', () => {
  test('is kept: what takes more than its part of it is set aside, and the others are told', async () => {
    const { superuser } = database().cluster;
    const checked = (await examine({ connections: 1 })(
      queryTask(superuser, 'SELECT 1', 'SELECT 1 FROM pg_sleep(30)', 'SELECT 1'),
      { getRemainingTimeInMillis: () => 20_000 + 700 },
    )) as Checked;
    expect(outcomes(checked)).toEqual(['passed', 'left', 'passed']);
    expect(checked.left).toMatchObject([{ checks: [1], slow: true }]);
  });
});

describe('a server that stops answering', () => {
  test('is not waited for beyond the budget', async () => {
    const { superuser } = database().cluster;
    const proxy = await forward(superuser, (answer) => !answer.includes('lifeboat falls silent'));
    const checked = (await examine({ connections: 1, budgetSeconds: 0.5 })(
      queryTask({ ...superuser, ...proxy.at }, "SELECT 'lifeboat falls silent'", 'SELECT 1'),
    )) as Checked;
    expect(checked.left.map(({ checks }) => checks)).toEqual([[0], [1]]);
    proxy.close();
  });
});

describe('one failing statement', () => {
  test('spoils nothing that runs after it in the same session', async () => {
    const checked = (await examine({ connections: 1 })(
      queryTask(database().cluster.superuser, 'SELECT 1/0', 'SELECT nonsense', 'SELECT 1'),
    )) as Checked;
    expect(outcomes(checked)).toEqual(['not-run', 'not-run', 'passed']);
  });
});

describe('all sessions of a call', () => {
  test('write nothing, not even through a function', async () => {
    const { cluster, query } = database();
    await query('CREATE SEQUENCE written; GRANT ALL ON SEQUENCE written TO PUBLIC');
    const result = await resultOf(cluster.superuser, {
      kind: 'query',
      name: 'writes',
      sql: "SELECT nextval('written')",
      equals: 1,
    });
    expect(result).toMatchObject({ outcome: 'not-run', reason: expect.stringContaining('read-only transaction') });
    expect(await query('SELECT is_called FROM written')).toEqual([{ is_called: false }]);
  });
});

describe('TLS', () => {
  let ca: string;

  beforeAll(async () => {
    const { cluster } = database();
    await cluster.stop();
    for (const kind of ['cert', 'key']) {
      const file = join(cluster.dataDirectory, `server.${kind}`);
      await copyFile(join(__dirname, `../../template/self-signed.${kind}.pem`), file);
      // Git keeps no such mode, and PostgreSQL refuses a key that others may read.
      await chmod(file, 0o600);
      await handOver(file);
    }
    await cluster.configure({ ssl: 'on', ssl_cert_file: 'server.cert', ssl_key_file: 'server.key' });
    await cluster.start();
    ca = await readFile(join(__dirname, '../../template/self-signed.cert.pem'), 'utf8');
  });

  test("the shipped examiner trusts RDS's authorities only: it refuses a server that signed for itself", async () => {
    const { name, message } = await failure(handler(surveyOf(database().cluster.superuser)));
    expect(name).toBe('CopyRefused');
    expect(message).toMatch(/certificate that can't be trusted.*so no password was sent/);
  });

  test('encrypts to a server whose authority and name are right', async () => {
    const encrypted: Check = {
      kind: 'query',
      name: 'encrypted',
      sql: 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()',
      equals: true,
    };
    expect(await resultOf(database().cluster.superuser, encrypted, { tls: { ca: [ca] } })).toMatchObject({
      outcome: 'passed',
    });
  });

  test('refuses a server that shows the certificate of another host', async () => {
    const { superuser } = database().cluster;
    const proxy = await forward(superuser);
    const { name, message } = await failure(
      examine({ tls: { ca: [ca] } })(surveyOf({ ...superuser, ...proxy.at, host: 'localhost' })),
    );
    expect({ name, message }).toEqual({ name: 'CopyRefused', message: expect.stringContaining('localhost') });
    proxy.close();
  });

  test('a server without TLS is refused, not talked to in the clear', async () => {
    const { cluster } = database();
    await cluster.stop();
    await cluster.configure({});
    await cluster.start();
    const { name, message } = await failure(handler(surveyOf(cluster.superuser)));
    expect({ name, message }).toEqual({
      name: 'CopyRefused',
      message: expect.stringContaining('does not support SSL'),
    });
  });
});
