/**
 * The notices of packages inside the bundles: esbuild removes comments, but MIT, BSD, ISC and Apache require their
 * notices. Any other licence fails the build, until somebody has read it.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Those that may be bundled with a package under Apache-2.0, as long as their text goes along. */
const PERMISSIVE = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT'];

/**
 * @param metafiles esbuild's, of each bundle
 * @returns the folder of each package of which a bundle holds a byte
 */
export function bundledPackages(metafiles) {
  const inputs = metafiles.flatMap(({ outputs }) =>
    Object.values(outputs).flatMap(({ inputs: of }) =>
      Object.entries(of).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : [])),
    ),
  );
  const folders = inputs.flatMap((path) => path.match(/^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//)?.slice(1) ?? []);
  return [...new Set(folders)].sort();
}

const textsOf = (folder, name) =>
  readdirSync(folder)
    .filter((file) => name.test(file))
    .map((file) => readFileSync(join(folder, file), 'utf8').trim());

/** Undefined if a package has no licence text: some have it in their README, and some of AWS's nowhere. */
function licenceOf(folder, license) {
  const [file] = textsOf(folder, /^licen[cs]e/i);
  if (file) return file;
  const [, section] =
    textsOf(folder, /^readme/i)[0]?.match(/^#+ *licen[cs]e *\n([\s\S]*Permission is hereby[^#]*)/im) ?? [];
  // Apache-2.0 is one text for all; this package is under it, too.
  return section?.trim() ?? (license === 'Apache-2.0' ? textsOf('.', /^LICENSE$/)[0] : undefined);
}

/**
 * @param folders of packages
 * @returns the text of THIRD-PARTY-NOTICES
 * @throws Error that names each package whose licence nobody has read yet, or that brings no text of it
 */
export function notices(folders) {
  const problems = [];
  const byText = new Map();
  for (const folder of folders) {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const named = `${name} ${version}`;
    const terms = licenceOf(folder, license);
    if (!PERMISSIVE.includes(license)) {
      problems.push(
        `${named} is under ${JSON.stringify(license) ?? 'no licence that it states'}, so it may not ship inside a bundle; ` +
          `leave it out, or add its licence to ${PERMISSIVE.join(', ')} in scripts/notices.mjs once you have read it`,
      );
    } else if (!terms) {
      problems.push(`${named} brings no text of its licence ${license}, which has to ship with it; leave it out`);
    }
    const text = [terms, ...textsOf(folder, /^notice/i)].join('\n\n');
    byText.set(text, [...(byText.get(text) ?? []), `${named} (${license})`]);
  }
  if (problems.length > 0) throw new Error(`third-party notices:\n  ${problems.join('\n  ')}`);
  const parts = Array.from(byText, ([text, packages]) => `${[...new Set(packages)].join('\n')}\n\n${text}`);
  return `The bundles in this package hold code of other packages, each under the licence below it.\n\n${parts
    .map((part) => `${'='.repeat(80)}\n${part}\n`)
    .join('\n')}`;
}
