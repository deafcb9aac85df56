/** Sources and documentation are in plain English: constructions that readers stumble over are refused, with better words. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pages, read, root } from './pages';

interface Stumble {
  /** A space stands for any gap between words: a line break in a comment or between two parts of a text, too. */
  readonly words: RegExp;
  readonly better: string;
}

const STUMBLES: Readonly<Record<string, Stumble>> = {
  'is no X': {
    words:
      /(?<!\bthere )\b(?:is|are|was|were) no (?!(?:longer|more|less|other|different|newer|older|earlier|later|larger|smaller|higher|lower|shorter|better|further)\b)(?=[a-z])/i,
    better: 'is not a valid X, does not count as X, has no X',
  },
  'is none': {
    words: /(?<!\bthere )\b(?:is|are|was|were) none\b(?! of\b)/i,
    better: 'is not one, or what exactly is wrong with it',
  },
  'held against': { words: /\b(?:held|hold|holds|holding) (?:\w+ ){0,3}?against\b/, better: 'compared with' },
  'nobody is watching': { words: /\bnobody (?:is|was) watching\b/, better: 'the hourly watch stopped' },
  'nobody can say': {
    words: /\bnobody (?:can say|knows|is told|hears|looks)\b/i,
    better: 'it is unknown, no alarm fires',
  },
  'alarms that ring': { words: /\b(?:ring|rings|rang|rung|ringing)\b/, better: 'fires' },
  silence: { words: /\bsilence (?:makes|rings|is|for)\b|\btakes silence\b/, better: 'missing data' },
  'otherwise than': { words: /\botherwise than\b|\bwants? (?:\w+ ){1,3}otherwise\b/, better: 'different from' },
  'be it': { words: /(?<!\b(?:may|can|could|might|must|will|would|to) )\bbe it\b/, better: 'whether it is' },
  whom: { words: /\bwhom\b/i, better: 'name the person or thing first' },
  'bare who': {
    words:
      /(?:[,;:.(] |\/\*\* |\/\/ |\b(?:of|for|but|only|by|from|since|because|that|if|unless) )who (?!is\b)[a-z]+s\b/i,
    better: 'anyone who, whoever',
  },
  'word of': { words: /\bword of\b/i, better: 'an alarm for, a message about' },
  'word for': { words: /\bword for (?:it|each|them|the)\b/i, better: 'as RDS reports it' },
  Apart: { words: /(?:\/\*\*|\/\/|[.;:]) Apart[:,]? (?!from )/, better: 'separate, in a file of its own' },
  'says of': { words: /\b(?:says?|said) of (?!all\b|them\b)/i, better: 'says about, reports' },
  'told of': { words: /\btold of\b|\btells? (?:\w+ )?of\b/i, better: 'reported, in the event' },
  'told by': { words: /\b(?:is|are|be|was|were) told by\b/i, better: 'identified by, read from' },
  'told apart': { words: /\btold apart\b/i, better: 'distinguished' },
  'yet to come': { words: /\byet to come\b/, better: 'in the future' },
  'without a word': { words: /\bwithout a word\b|\bsaid aloud\b/, better: 'silently; reported' },
  'for want of': { words: /\bfor want of\b|\bfor (?:its|their) sake\b/, better: 'because it lacks; for' },
  'at its door': { words: /\bat (?:its|the) door\b/, better: 'at its start' },
  beforehand: { words: /\bbeforehand\b/, better: 'first, before' },
};

const GAP = String.raw`(?:\s+(?:\*\s+|//\s*|#\s*)?|\s*['"\x60] \+\s+['"\x60]\s*)`;
const patterns = Object.entries(STUMBLES).map(([name, { words, better }]) => ({
  name,
  better,
  pattern: new RegExp(words.source.replaceAll(' ', GAP), `g${words.flags}`),
}));

/** One line for each place: `file:line: name ("the words"); better: ...`. */
function stumbles(file: string, text: string): string[] {
  return patterns.flatMap(({ name, better, pattern }) =>
    Array.from(text.matchAll(pattern), (found) => {
      const line = text.slice(0, found.index + found[0].search(/\w/)).split('\n').length;
      return `${file}:${line}: ${name} (${JSON.stringify(found[0].replace(/\s+/g, ' ').trim())}); better: ${better}`;
    }),
  );
}

const SOURCES = ['bin', 'dump', 'examples', 'lambda', 'lib', 'rehearsal', 'scripts'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((file) => join(folder, file))
    .filter((file) => /\.(ts|mjs|sh|sql)$/.test(file) && !file.includes('node_modules')),
);

const files = [...pages, 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md', ...SOURCES];

test.each([
  ["const x = 'this is no ' +\n  'account, so nobody could copy here';", 'is no X'],
  ['/**\n * An age is held\n * against the schedule.\n */', 'held against'],
  ['// Fires, or nobody is watching.', 'nobody is watching'],
  ['a prefix that is written otherwise than\nit was stated', 'otherwise than'],
  ['/** @default - whom the plan tells */', 'whom'],
  ['// It is told, and only who\n// looks finds out.', 'bare who'],
  ['word of vaults that fill no more', 'word of'],
])('%j is found', (text, name) => {
  expect(stumbles('a.ts', text)).toEqual([expect.stringMatching(new RegExp(`^a.ts:\\d: ${name} `))]);
});

test.each([
  'there is no AWS CLI on the PATH',
  'it is no longer on hold, and no newer one is there',
  'the database that is restored is no older than a day',
  'anyone who reads it, and whoever writes it',
  'a snapshot whose string matches during the night',
])('%j is taken', (text) => {
  expect(stumbles('a.ts', text)).toEqual([]);
});

test('sources and documentation are in plain English', () => {
  expect(files.flatMap((file) => stumbles(file, read(file)))).toEqual([]);
});
