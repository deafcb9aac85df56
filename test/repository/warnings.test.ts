/**
 * What synth says, as docs/ lists it: complete, and shown by tests. Each claim of a runbook names the tests that show what
 * becomes of it, so that a newcomer finds them; what no template and no value can show is only stated on the page.
 */
import { readdirSync } from 'node:fs';
import { join, sep } from 'node:path';
import * as lifeboat from '../../lib';
import { read, roomPages, root, sectionOf } from './pages';

const claims = read('docs', 'claims.md');
const files = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => ({ room: file.split(sep)[0] ?? '', text: read('lib', file) }));

/** A test by its name, as it is written in its file. */
type Shown = readonly [file: string, test: string];

const STATED = 'nothing that a template or a value could show: the page says what is so';

const CLAIMS: Readonly<Record<number, readonly Shown[] | typeof STATED>> = {
  1: [
    ['lib/cache/cache-backups', 'is refused: %j'],
    ['lib/cache/cache-backups', 'is refused in a parameter group of no cache yet'],
    ['lib/cache/cache-snapshots', 'snapshots of a cache that asks for an append-only file are refused'],
  ],
  2: [
    ['lib/cache/cache-snapshots', 'of %s are refused beyond the quota, and taken within it'],
    ['lib/cache/cache-snapshots', 'is refused together beyond the quota, and taken within it'],
    ['lambda/cache/snapshot-cache', 'keeps the newest good snapshot, whatever its age'],
  ],
  4: [['lambda/drill/drill-restore', 'latest snapshot is the newest available one of all pages, not the first']],
  5: [
    ['lib/drill/recovery-check', "refuses '%s', which no snapshot is called"],
    [
      'rehearsal/region/snapshot-copies',
      'automated snapshots are copied under a name of their own; taken, malformed and',
    ],
  ],
  6: [['lib/drill/recovery-check', "refuses '%s', which no snapshot is called"]],
  7: [
    ['lib/alarm/objectives', 'are warned of where less than a day may be lost; a day may'],
    ['lib/region/snapshot-copy', 'a recovery point that daily snapshots can not give; a day they can'],
    ['lib/aws-backup/restore-testing', 'is warned of, and the nearest one is not (%#)'],
  ],
  8: [
    ['lib/alarm/objectives', 'is warned of, once for a plan; five minutes are not'],
    ['lib/database/database-backups', 'refuses a retention of %d days'],
    ['lib/aws-backup/backup-tiers', 'where it and the database keep backups for different times'],
  ],
  9: STATED,
  10: [['lib/bucket/archive-bucket', 'is no recovery point of zero, and says what replicas lack: %j']],
  11: [['lib/drill/drill-permissions', 'a copy can not be made public']],
  12: [
    ['lambda/drill/drill-restore', 'gives the copy all that RDS would otherwise fill in with defaults'],
    ['lib/aws-backup/restore-testing', 'leaves no setting of the restored instance to defaults'],
    ['lib/region/replica-limits', 'is warned of where it would have the defaults'],
  ],
  13: [
    [
      'lib/database/database-protection',
      'refuses deletion, and keeps a final snapshot, the automated backups and the tags',
    ],
    ['lib/database/database-protection', 'keeps what the database says otherwise, and warns of all of it'],
    ['lib/database/database-backups', 'a database that takes its backups along when it is deleted'],
  ],
  17: STATED,
  19: STATED,
  20: [['dump/dump-script', 'is read back, described by a manifest, and restores to what the database held']],
  21: [
    ['dump/dump-script', 'fails when pg_dump dies after a part, without completing the object, and aborts the upload'],
    ['dump/dump-script', 'fails when pg_dump ends well and wrote nothing'],
  ],
  22: [
    ['lambda/cache/snapshot-cache', 'deletes what is its own and over age, and nothing else'],
    ['lambda/rds/copy-snapshots', 'deletes what is over age by when its snapshot was taken, and nothing else'],
  ],
  23: [['lib/bucket/archive-bucket', "a bucket's own rule that expires objects and keeps their versions for ever"]],
  24: [
    ['lib/schedule/overdue', 'an age that each backup reaches is refused, since its alarm would flap; more is taken'],
    ['lib/schedule/overdue', 'an age that hides a missing backup is warned of; less than two gaps is not'],
    ['lib/aws-backup/protected-vault', 'refuse to look back %d days'],
    ['lib/drill/restore-drill', 'look back no further than CloudWatch does'],
  ],
  25: [
    ['lib/alarm/backup-watch', 'is told from the second backup on, in percent, up and down alike'],
    ['lib/region/snapshot-copy', 'takes silence for a missing copy, and never looks back further than CloudWatch can'],
  ],
  26: STATED,
  27: [
    ['lib/drill/restore-drill', 'warns of a copy of another class, since it proves no recovery time'],
    ['lambda/drill/drill-restore', 'says that a smaller class proves restorability, not the RTO'],
  ],
  28: [['lib/database/database-backups', "RDS's default of one day, unless a retention is stated"]],
  29: STATED,
  30: [
    ['lib/drill/recovery-check', 'refuses a query that one NULL would blind, and takes the same asked by NOT EXISTS'],
    ['lambda/examiner/row-checks', 'counts orphans even where the parent column holds a NULL, which NOT IN would hide'],
  ],
  31: STATED,
  34: [
    ['lib/alarm/objectives', 'is warned of where it keeps backups for a day, or takes them along when it is deleted'],
    ['rehearsal/region/restores', 'retained backups restore a database that was deleted, by its resource id'],
  ],
  35: STATED,
  36: [
    ['dump/dump-script', 'goes to the rarest tier that has no good one yet'],
    ['lib/bucket/archive-bucket', 'whose wider tier deletes what a narrower one keeps'],
  ],
  37: STATED,
};

const numbers = Object.keys(CLAIMS).map(Number);

describe.each(numbers)('claim %d', (number) => {
  test('is on the page', () => {
    expect(claims).toMatch(new RegExp(`^\\| ${number} +\\| \\S`, 'm'));
  });

  const shown = CLAIMS[number] ?? STATED;
  if (shown === STATED) return;
  test.each(shown)('is shown in %s: %s', (file, name) => {
    expect(read('test', `${file}.test.ts`).replaceAll("\\'", "'")).toContain(name);
  });
});

test('the page has every claim, and no other', () => {
  const rows = Array.from(claims.matchAll(/^\| (\d+) +\|/gm), ([, number]) => Number(number));
  expect(rows).toEqual(numbers);
});

test('the page has a row that says what comes of each claim', () => {
  const rows = Array.from(claims.matchAll(/^\| \d+ +\| (.*?) +\| (.*?) +\|$/gm), ([, claim, answer]) => [
    claim,
    answer,
  ]);
  expect(rows.filter(([claim, answer]) => !claim || !answer)).toEqual([]);
  expect(rows).toHaveLength(numbers.length);
});

describe('warnings.md has', () => {
  /** Tags are written as keys. */
  const ids = files.flatMap(({ text }) => Array.from(text.matchAll(/'(lifeboat:[a-z-]+)'(?!:)/g), ([, id]) => id));
  const listed = Array.from(read('docs', 'warnings.md').matchAll(/^\| `(lifeboat:[a-z-]+)`/gm), ([, id]) => id);

  test('every id of a warning or a note, and each once', () => {
    expect(new Set(listed)).toEqual(new Set(ids));
    expect(listed).toHaveLength(new Set(listed).size);
  });
});

/**
 * The public classes of a file that refuse something. What a file's functions refuse, its class does; where there are
 * several classes, each is judged by its own body.
 */
function refusing(text: string): string[] {
  const refuses = (code: string) => /throw new Error\(|\.addValidation\(/.test(code);
  const classes = Array.from(text.matchAll(/^export class (\w+)[\s\S]*?^\}/gm), ([body, name = '']) => ({
    name,
    body,
  }));
  if (classes.length === 1) return refuses(text) ? classes.map(({ name }) => name) : [];
  return classes.filter(({ body }) => refuses(body)).map(({ name }) => name);
}

test('a class beside one that refuses need not refuse itself', () => {
  const helper = "function refuse() {\n  throw new Error('no');\n}\n";
  const [one, other] = ["export class A {\n  a() {\n    throw new Error('no');\n  }\n}\n", 'export class B {\n}\n'];
  expect(refusing(one + other)).toEqual(['A']);
  expect(refusing(other + helper)).toEqual(['B']);
  expect(refusing(other)).toEqual([]);
});

describe('what is refused at synth', () => {
  const START = join('docs', 'README.md');
  const pageOf = (room: string) => roomPages.find((page) => page.endsWith(`${sep}${room}.md`)) ?? START;
  const classes = files.flatMap(({ room, text }) =>
    refusing(text)
      .filter((name) => name in lifeboat)
      .map((name) => ({ name, page: pageOf(room) })),
  );

  test.each(classes)('by $name is in $page', ({ name, page }) => {
    expect(sectionOf(page, 'Refused at synth')).toMatch(new RegExp(`^- [^:]*\`${name}\``, 'm'));
  });

  test.each([START, ...roomPages])('%s names public classes only, each once', (page) => {
    const heads = Array.from(sectionOf(page, 'Refused at synth').matchAll(/^- ([^:]*):/gm), ([, head = '']) => head);
    const names = heads.flatMap((head) => Array.from(head.matchAll(/`([A-Z]\w+)`/g), ([, name = '']) => name));
    expect(heads.length).toBeGreaterThan(0);
    expect(names.filter((name) => !(name in lifeboat))).toEqual([]);
    expect(names).toHaveLength(new Set(names).size);
  });
});
