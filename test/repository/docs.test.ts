/** docs/constructs.md leaves no public construct out, and a reader finds each from the top of the page. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Mixin } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import * as lifeboat from '../../lib';

const page = readFileSync(join(__dirname, '..', '..', 'docs', 'constructs.md'), 'utf8');
const sections = page.split(/^(?=## )/m).filter((text) => text.startsWith('## ') && !text.startsWith('## Which one'));
const examples = Array.from(page.matchAll(/^```ts\n([\s\S]*?)^```/gm), ([, code = '']) => code).join('\n');

/** Made by the construct that it belongs to: the page names it there. */
const MADE_BY_OTHERS = ['DrillNetwork', 'ObjectiveAlarms', 'ProtectedDatabase', 'RestoreTest'];

const constructs = Object.entries(lifeboat)
  .filter(([, value]) => typeof value === 'function' && [Construct, Mixin].some((of) => value.prototype instanceof of))
  .map(([name]) => name);

test.each(constructs.filter((name) => !MADE_BY_OTHERS.includes(name)))('%s has an example that compiles', (name) => {
  expect(examples).toMatch(new RegExp(`\\b(new ${name}\\(|${name}\\.)`));
});

test.each(sections.map((text) => [text.slice(3, text.indexOf('\n')), text]))('%s tells cost and limits', (_, text) => {
  expect(text).toMatch(/\bCosts?\b/);
  expect(text).toMatch(/\b[Ll]imits\b/);
});

test('the top of the page leads to every section, and to nothing that is not there', () => {
  const anchors = Array.from(page.matchAll(/^##+ (.*)$/gm), ([, heading = '']) => anchorOf(heading));
  const links = Array.from(page.matchAll(/\]\(#([^)]*)\)/g), ([, anchor = '']) => anchor);
  expect(links.filter((link) => !anchors.includes(link))).toEqual([]);
  const wanted = sections.map((text) => anchorOf(text.slice(3, text.indexOf('\n'))));
  expect(wanted.filter((anchor) => !links.includes(anchor))).toEqual([]);
});

/** As GitHub makes it of a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\w\s-]/g, '')
    .trim()
    .replace(/\s/g, '-');
}
