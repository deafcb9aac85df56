/** The story as a user runs it: the bundled command, in a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Verification } from '../../../lambda/evidence/verify-evidence';
import { workspace } from '../../../rehearsal/machine/workspace';
import type { Rehearsal } from '../../../rehearsal/story/rehearse';

const COMMAND = join(__dirname, '..', '..', '..', 'dist', 'bin', 'lifeboat.js');
const folder = mkdtempSync(join(tmpdir(), 'lifeboat-story-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  readonly pid: number | undefined;
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function lifeboat(
  args: readonly string[],
  during?: (said: string, child: ChildProcess) => void,
  cwd?: string,
): Promise<Ended> {
  // Real credentials and endpoints lie around on laptops; a rehearsal must not care.
  const env = {
    ...process.env,
    AWS_ACCESS_KEY_ID: 'AKIAREALREALREALREAL',
    AWS_SECRET_ACCESS_KEY: 'real',
    AWS_ENDPOINT_URL: 'http://192.0.2.1:9',
    AWS_REGION: 'eu-central-1',
  };
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [COMMAND, ...args], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk) => {
      out += chunk;
      during?.(out, child);
    });
    child.stderr.on('data', (chunk) => {
      err += chunk;
    });
    child.on('error', reject);
    // As a shell sees it: Node listens to no signals any more in its very last moment, and one that comes then ends it.
    child.on('close', (code, signal) =>
      resolve({ pid: child.pid, code: signal ? 128 + constants.signals[signal] : code, out, err }),
    );
  });
}

/** What a run left: servers by their command lines, files by the name of its folder. */
function leftBy(pid: number | undefined): string[] {
  const places = [workspace(), join('/dev/shm', basename(workspace()))].filter((place) => existsSync(place));
  const files = places.flatMap((place) => readdirSync(place)).filter((entry) => entry.startsWith(`run-${pid}-`));
  const processes = process.platform === 'linux' ? readdirSync('/proc').filter((entry) => /^\d+$/.test(entry)) : [];
  const commands = processes.map((entry) => {
    try {
      return readFileSync(`/proc/${entry}/cmdline`, 'utf8');
    } catch {
      return ''; // ended while it was being looked at
    }
  });
  return [...files, ...commands.filter((command) => command.includes(`run-${pid}-`))];
}

test('proves the good backup and its copy elsewhere, catches both bad ones, and leaves evidence of each', async () => {
  const evidence = join(folder, 'evidence');
  const { pid, code, out, err } = await lifeboat(['rehearse', '--rows', '50000', '--json', '--evidence', evidence]);
  expect({ code, err: code === 0 ? '' : err }).toEqual({ code: 0, err: '' });
  const { drills, asExpected }: Rehearsal = JSON.parse(out);
  expect(asExpected).toBe(true);
  expect(drills.map(({ drill, outcome }) => [drill, outcome])).toEqual([
    ['healthy backup', 'passed'],
    ['corrupt snapshot', 'failed'],
    ['lost rows', 'failed'],
    ['region lost', 'passed'],
  ]);
  expect(drills[1]?.findings.join('\n')).toMatch(/^readable: votes: 50 pages between block .* were zeroed or lost/m);
  expect(drills[2]?.findings.join('\n')).toMatch(/3000 rows without a parent/);
  const home = join(evidence, 'us-east-1');
  const kinds = ['json', 'md', expect.stringMatching(/^sha256-[0-9a-f]{64}\.sig$/)];
  const files = readdirSync(home).sort();
  expect(files.filter((name) => /^\d{8}\./.test(name)).map((name) => name.split(/(?<=^\d{8})\./))).toEqual(
    ['1', '2', '3'].flatMap((number) => kinds.map((kind) => [`0000000${number}`, kind])),
  );
  const verified = await lifeboat(['evidence', 'verify', evidence, '--json']);
  expect({ code: verified.code, err: verified.err }).toEqual({ code: 0, err: '' });
  const { chains }: Verification = JSON.parse(verified.out);
  expect(chains.map(({ folder: of, documents, signed }) => [of, documents, signed])).toEqual([
    ['us-east-1', 3, 3],
    ['us-west-2', 1, 1],
  ]);
  const chain = ['1', '2', '3'].map((n) => JSON.parse(readFileSync(join(home, `0000000${n}.json`), 'utf8')));
  expect(chain.map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
  // With its region lost, the other one begins a chain of its own.
  const away = JSON.parse(readFileSync(join(evidence, 'us-west-2', '00000001.json'), 'utf8'));
  expect(away).toMatchObject({ sequence: 1, source: { copiedFrom: expect.stringContaining(':us-east-1:') } });
  // The story itself goes to standard error, in plain lines.
  expect(err).toMatch(/the guide's own test: SELECT COUNT\(\*\) FROM votes; {2}-> {2}5\d,\d+, "test passed"/);
  expect(err).not.toContain('\u001b');
  expect(leftBy(pid)).toEqual([]);
});

test.each<[string, (child: ChildProcess) => void, number]>([
  ['it is interrupted', (child) => child.kill('SIGINT'), 130],
  [
    'one Ctrl-C reaches it several times, as from a terminal and from npm',
    (child) => {
      const again = setInterval(() => child.kill('SIGINT'), 20);
      child.once('exit', () => clearInterval(again));
      setTimeout(() => clearInterval(again), 500);
    },
    130,
  ],
  ['nobody reads what it says any more', (child) => child.stdout?.destroy(), 141],
])('ends everything it started when %s', async (_, interrupt, expected) => {
  let interrupted = false;
  let atWork: string[] = [];
  const { pid, code, err } = await lifeboat(
    ['rehearse', '--rows', '50000', '--evidence', join(folder, 'never')],
    (said, child) => {
      if (interrupted || !said.includes('start restore')) return;
      interrupted = true;
      atWork = leftBy(child.pid);
      interrupt(child);
    },
  );
  expect(err).toMatch(/^lifeboat: interrupted; everything that was started has been ended$/m);
  expect(code).toBe(expected);
  // The run folder, the source's server, and the copy's in the making.
  expect(atWork.length).toBeGreaterThan(1);
  expect(leftBy(pid)).toEqual([]);
  expect(existsSync(join(folder, 'never'))).toBe(false);
});

test('a working folder that can not take evidence is not a usage error, and is reported before anything starts', async () => {
  const cwd = mkdtempSync(join(folder, 'closed-'));
  // As if it were read-only, which it never is for root.
  writeFileSync(join(cwd, '.lifeboat'), '');
  const { code, out, err } = await lifeboat(['rehearse'], undefined, cwd);
  expect({ code, out }).toEqual({ code: 1, out: '' });
  expect(err).toMatch(/^lifeboat: evidence can't be written to '.lifeboat.*; name a folder .* with --evidence\n$/);
});

test.each([
  [['rehearse', '--rows', '12'], /Fewer rows than 10000/],
  [['rehearse', '--system', 'orders'], /Allowed choices are zephyr/],
  [['rehearse', '--evidence', COMMAND], /evidence can't be written to .*; name a folder that you can write to/],
  [['drill'], /unknown command/],
  [['region', '--port', '70000'], /up to 65535/],
  [['region', '--port', ''], /a whole number from 0/],
  [['region', '--pacing', '1e300'], /a whole number from 0/],
  [['region', '--region', 'Nowhere'], /an AWS region name/],
  [['rehearse', '--rows', '1e300'], /a whole number from 0/],
  [['snapshot', 'db', '--reason', 'r', '--deployment', '1', '--endpoint', 'nope'], /'nope' is not an endpoint/],
  [['evidence', 'verify', join(folder, 'none')], /none' can't be read as a folder of evidence/],
])('%j is misuse: exit code 2, and what would be right', async (args, says) => {
  const { code, err } = await lifeboat(args);
  expect(code).toBe(2);
  expect(err).toMatch(says);
});
