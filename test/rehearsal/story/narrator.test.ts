import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { EvidenceFolder } from '../../../rehearsal/story/evidence-folder';
import { Narrator } from '../../../rehearsal/story/narrator';
import type { Rehearsal } from '../../../rehearsal/story/rehearse';
import { summary } from '../../../rehearsal/story/summary';

const environment = { ...process.env };
afterEach(() => {
  process.env = { ...environment };
});

/** A terminal that keeps what is written to it. */
function terminal(columns: number) {
  const out = { text: '' };
  const stream = new Writable({
    write(chunk, _, done) {
      out.text += chunk;
      done();
    },
  });
  return { out, stream: Object.assign(stream, { isTTY: true, columns }) as unknown as NodeJS.WriteStream };
}

function told(columns: number): string {
  const { out, stream } = terminal(columns);
  const narrator = new Narrator(stream);
  narrator.heading('Title');
  narrator.doingNow('something under way that takes more than a narrow line to say, so that it would wrap in it');
  narrator.done();
  narrator.say('said', 'green');
  narrator.end();
  return out.text;
}

test('a terminal gets colours, and a line that is drawn again', () => {
  process.env.TERM = 'xterm';
  delete process.env.NO_COLOR;
  expect(told(80)).toContain('\u001b[32msaid\u001b[0m');
  expect(told(80)).toContain('\r\u001b[2K');
});

test('a dumb terminal gets neither', () => {
  process.env.TERM = 'dumb';
  expect(told(80)).not.toContain('\u001b');
  expect(told(80)).not.toContain('\r');
});

test('NO_COLOR is heeded', () => {
  Object.assign(process.env, { TERM: 'xterm', NO_COLOR: '1' });
  expect(told(80)).not.toContain('\u001b[32m');
});

test('the line under way never wraps, or it could not be drawn again', () => {
  process.env.TERM = 'xterm';
  const drawn = told(40)
    .split('\n')
    .flatMap((line) => line.split('\r\u001b[2K'))
    .filter((text) => text.endsWith(' s\u001b[0m'));
  expect(drawn.length).toBeGreaterThan(0);
  for (const text of drawn)
    expect(text.replaceAll('\u001b[2m', '').replaceAll('\u001b[0m', '').length).toBeLessThan(40);
});

const drill: Rehearsal['drills'][number] = {
  drill: 'corrupt snapshot',
  expected: 'failed',
  outcome: 'failed',
  asExpected: true,
  recoveryTimeSeconds: 1.5,
  recoveryPointSeconds: null,
  checksPassed: 5,
  checksFailed: 2,
  checksNotRun: 1,
  findings: [],
  evidence: '.lifeboat/rehearsal-2026-01-31T23-59-59/us-east-1/00000002.md',
};
const rehearsal: Rehearsal = {
  system: 'zephyr',
  rows: 1,
  seconds: 12,
  objectives: { rpoSeconds: 300, rtoSeconds: 3600 },
  drills: [drill, { ...drill, drill: 'lost rows', evidence: `/far/away/${'very/'.repeat(20)}long` }],
  asExpected: true,
  kept: null,
};

test('a wide terminal gets a table, and so does a file', () => {
  for (const columns of [undefined, 300]) {
    const [head, first] = summary(rehearsal, columns);
    expect(head).toMatch(/^drill +outcome +checks +RTO, of 1 h +RPO, of 5 min +evidence$/);
    expect(first).toMatch(
      /^corrupt snapshot +failed, as it should +5 passed, 2 failed, 1 not run +1\.5 s .*00000002\.md$/,
    );
  }
});

test('a terminal of 80 columns gets lines that fit, but for a path, which stays whole', () => {
  const all = summary(rehearsal, 78);
  const lines = all.slice(0, all.indexOf(''));
  expect(lines.filter((line) => line.length > 78)).toEqual([`/far/away/${'very/'.repeat(20)}long`]);
  expect(lines.join('\n')).toMatch(
    /^corrupt snapshot\n {2}outcome +failed, as it should\n {2}checks +5 passed, 2 failed, 1 not run$/m,
  );
  expect(lines).toContainEqual(expect.stringMatching(/^ {2}evidence +\.lifeboat\/rehearsal-\S+00000002\.md$/));
});

describe('the folder of evidence', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lifeboat-evidence-'));
  const here = process.cwd();
  beforeAll(() => process.chdir(folder));
  afterAll(() => {
    process.chdir(here);
    rmSync(folder, { recursive: true });
  });

  test('is another one for each rehearsal, though they begin in the same second', () => {
    const now = new Date('2026-01-31T23:59:59.123Z');
    const [first, second] = [EvidenceFolder.claim(undefined, now), EvidenceFolder.claim(undefined, now)];
    expect([first.path, second.path]).toEqual([
      join('.lifeboat', 'rehearsal-2026-01-31T23-59-59'),
      join('.lifeboat', 'rehearsal-2026-01-31T23-59-59-2'),
    ]);
    writeFileSync(join(first.path, 'evidence'), '');
    for (const claimed of [first, second]) claimed.leave();
    // What was written stays, and what was not needed goes.
    expect(readdirSync('.lifeboat')).toEqual(['rehearsal-2026-01-31T23-59-59']);
  });

  test('is refused where it holds evidence already, or can be none', () => {
    mkdirSync('used');
    writeFileSync(join('used', '00000001.json'), '{}');
    expect(() => EvidenceFolder.claim('used')).toThrow(
      /'used' holds files already, .*; name an empty folder.*--evidence/,
    );
    expect(() => EvidenceFolder.claim(join('used', '00000001.json'))).toThrow(
      /evidence can't be written to '.*00000001.json' \(E.*name a folder that you can write to with --evidence/,
    );
    expect(() => EvidenceFolder.claim('/proc/lifeboat')).toThrow(/evidence can't be written to '\/proc\/lifeboat'/);
  });
});
