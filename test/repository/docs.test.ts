/** docs/ leaves nothing out: no construct, no function, no room; and no link of it leads nowhere. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Mixin } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { HANDLERS } from '../../lambda/contract';
import * as lifeboat from '../../lib';
import { anchorOf, anchorsOf, examplesOf, linksOf, pages, read, roomPages, root, sectionOf, sectionsOf } from './pages';

const examples = roomPages.flatMap((page) => examplesOf(read(page))).join('\n');
const START = join('docs', 'README.md');

/** Made by the construct that it belongs to: its page names it. */
const MADE_BY_OTHERS = [
  ...['DrillNetwork', 'ObjectiveAlarms', 'RestoreTest'],
  ...['ProtectedBucket', 'ProtectedCache', 'ProtectedCluster', 'ProtectedDatabase'],
];

const constructs = Object.entries(lifeboat)
  .filter(([, value]) => typeof value === 'function' && [Construct, Mixin].some((of) => value.prototype instanceof of))
  .map(([name]) => name);

test.each(constructs.filter((name) => !MADE_BY_OTHERS.includes(name)))('%s has an example that compiles', (name) => {
  expect(examples).toMatch(new RegExp(`\\b(new ${name}\\(|${name}\\.)`));
});

test.each(MADE_BY_OTHERS)('%s is named where it is made', (name) => {
  expect(roomPages.map((page) => read(page)).join('\n')).toContain(`\`${name}\``);
});

/** Rooms that users only meet through others. */
const WITHOUT_PAGE = ['alarm', 'function', 'schedule', 'synth'];

const roomsOf = (folder: string) =>
  readdirSync(join(root, folder)).filter((name) => statSync(join(root, folder, name)).isDirectory());

test('each room of lib/ has a page, unless users meet it through others only', () => {
  const rooms = roomsOf('lib');
  const own = roomPages.map((page) => basename(page, '.md'));
  expect([...own, ...WITHOUT_PAGE].sort()).toEqual(rooms.sort());
});

const needs = roomPages.flatMap((page) =>
  sectionsOf(read(page))
    .filter(({ heading }) => heading !== 'Refused at synth')
    .map(({ heading, text }) => ({ page, heading, text })),
);

test.each(needs)('$page: $heading tells cost and limits', ({ text }) => {
  expect(text).toMatch(/\bCosts?\b/);
  expect(text).toMatch(/\bLimits:/);
});

test('the start page leads to every section that a need is met in', () => {
  const links = linksOf(START).map(({ target, anchor }) => `${target}#${anchor}`);
  const wanted = needs.map(({ page, heading }) => `${page}#${anchorOf(heading)}`);
  expect(wanted.filter((section) => !links.includes(section))).toEqual([]);
});

/** What is wrong with the links of a page. */
function brokenLinks(page: string, text = read(page)): string[] {
  return linksOf(page, text).flatMap(({ target, anchor }) => {
    if (target !== page && !existsSync(join(root, target))) return [`${target} is missing`];
    const found = anchor === '' || anchorsOf(target === page ? text : read(target)).includes(anchor);
    return found ? [] : [`${target} has no #${anchor}`];
  });
}

test.each(pages)('%s: every link leads somewhere', (page) => {
  expect(brokenLinks(page)).toEqual([]);
});

test('a link to a page or a heading that is not there is found', () => {
  const text = '# One\n[a](#one) [b](#two) [c](gone.md) [d](https://example.com/#x) [e](glossary.md#glossary)\n';
  expect(brokenLinks(join('docs', 'x.md'), text)).toEqual(['docs/x.md has no #two', 'docs/gone.md is missing']);
});

test('every page of docs/ can be reached from its start page', () => {
  const reached = new Set([START]);
  for (const page of reached) {
    for (const { target } of linksOf(page)) if (pages.includes(target)) reached.add(target);
  }
  expect(pages.filter((page) => page.startsWith('docs') && !reached.has(page))).toEqual([]);
});

test.each(['alert', 'notification', 'restore', 'restore a table', 'failover', 'runbook'])(
  "the glossary's row for '%s' leads to a page",
  (word) => {
    const rows = sectionOf(join('docs', 'glossary.md'), 'What other guides call it').split('\n');
    const found = rows.filter((row) => (row.split('|')[1] ?? '').includes(word));
    expect(found.join('\n')).toMatch(/\]\([^)]+\)/);
  },
);

test.each(['lib', 'lambda'])('README.md names every room of %s/, and no other', (folder) => {
  const text = sectionOf('README.md', 'How it is laid out');
  const [, listed = ''] = new RegExp(`^${folder}/.*\\n((?: {2}.*\\n)*)`, 'm').exec(text) ?? [];
  const named = Array.from(listed.matchAll(/(?<=^ {2}| )([a-z-]+)\/(?= )/gm), ([, name]) => name);
  expect(named.sort()).toEqual(roomsOf(folder).sort());
});

test('functions.md has every function that ships, and no other', () => {
  const rows = Array.from(read('docs', 'functions.md').matchAll(/^\| `([a-z-]+)` +\|/gm), ([, name]) => name);
  expect(rows.sort()).toEqual(Object.keys(HANDLERS).sort());
});

test("functions.md says who deploys each function, by public constructs' names", () => {
  const rows = read('docs', 'functions.md')
    .split('\n')
    .filter((line) => line.startsWith('| `'));
  for (const row of rows) {
    const [, , , , deployer = ''] = row.split(/(?<!\\)\|/);
    const [, name = ''] = /`(\w+)/.exec(deployer) ?? [];
    expect([row.slice(0, 30), name in lifeboat]).toEqual([row.slice(0, 30), true]);
  }
});

test('architecture.md has the floors that architecture.test.ts checks', () => {
  const source = read('test', 'repository', 'architecture.test.ts');
  const [, table = ''] = /const FLOORS[^=]*= \{\n([\s\S]*?)^\};/m.exec(source) ?? [];
  const checked = table
    .split(/^ {2}\w+: \[$/m)
    .slice(1)
    .map((floors) => Array.from(floors.matchAll(/'([^']+)'/g), ([, floor]) => floor));
  const section = sectionOf(join('docs', 'architecture.md'), 'Rooms and floors');
  const written = Array.from(section.matchAll(/^```text\n([\s\S]*?)\n```/gm), ([, floors = '']) => floors.split('\n'));
  expect(checked.length).toBe(3);
  expect(written).toEqual(checked);
});
