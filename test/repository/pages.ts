/** The pages of the documentation: README.md and all of docs/, with their headings and links as GitHub makes them. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

export const root = join(__dirname, '..', '..');
export const read = (...path: string[]) => readFileSync(join(root, ...path), 'utf8');

/** Paths in the repository. */
export const pages = [
  'README.md',
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => join('docs', file))
    .sort(),
];

/** A page for each room of lib/ that users import from. */
export const roomPages = pages.filter((page) => page.startsWith(join('docs', 'constructs')));

export interface Section {
  readonly heading: string;
  readonly text: string;
}

/** Second level, as written. */
export function sectionsOf(text: string): Section[] {
  const parts = text.split(/^(?=## )/m).filter((part) => part.startsWith('## '));
  return parts.map((part) => ({ heading: part.slice(3, part.indexOf('\n')), text: part }));
}

/** What is under one heading; empty where there is none. */
export const sectionOf = (page: string, heading: string) =>
  sectionsOf(read(page)).find((section) => section.heading === heading)?.text ?? '';

/** TypeScript blocks. */
export const examplesOf = (text: string) =>
  Array.from(text.matchAll(/^```ts\n([\s\S]*?)^```/gm), ([, code = '']) => code);

const withoutCode = (text: string) => text.replace(/^```[\s\S]*?^```/gm, '');

/** As GitHub makes them of headings. */
export const anchorsOf = (text: string) =>
  Array.from(withoutCode(text).matchAll(/^#+ (.*)$/gm), ([, heading = '']) => anchorOf(heading));

export const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\w\s-]/g, '')
    .trim()
    .replace(/\s/g, '-');

export interface Link {
  /** A path in the repository. */
  readonly target: string;
  /** Empty where the link leads to the whole page. */
  readonly anchor: string;
}

/** Links of a page to files of this repository. */
export function linksOf(page: string, text = read(page)): Link[] {
  const links = Array.from(withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g), ([, link = '']) => link);
  return links
    .filter((link) => !/^[a-z]+:/.test(link))
    .map((link) => {
      const [path = '', anchor = ''] = link.split('#');
      return { target: path === '' ? page : normalize(join(dirname(page), path)), anchor };
    });
}
