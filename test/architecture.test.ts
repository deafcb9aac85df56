/** Dependencies point one way: bin -> lib -> lambda/contract.ts <- lambda <- rehearsal. */
import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join, normalize } from 'node:path';

const root = join(__dirname, '..');
const sources = (folder: string) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join(folder, file));

interface Import {
  readonly from: string;
  /** A file's path in the repository without its ending, or a package's name. */
  readonly to: string;
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8');
  const specifiers = text.matchAll(/(?:from\s+|import\s*\(\s*|require\(\s*|^import\s+)'([^']+)'/gm);
  return Array.from(specifiers, ([, specifier = '']) => {
    if (specifier.startsWith('.')) return { from: file, to: normalize(join(file, '..', specifier)) };
    const [scope = '', name] = specifier.split('/');
    return { from: file, to: scope.startsWith('@') ? `${scope}/${name}` : scope };
  }).filter(({ to }) => !to.startsWith('node:') && !builtinModules.includes(to));
}

/** Folder of a file, or the package's name. */
const place = (to: string) => /^(bin|examples|lambda|lib|rehearsal|test)\b/.exec(to)?.[1] ?? to;
const imports = (folder: string) => sources(folder).flatMap(importsOf);
const outside = (folder: string, allowed: (to: string) => boolean) =>
  imports(folder).filter(({ to }) => place(to) !== folder && !allowed(to));

test('constructs import CDK and the contract, and nothing else', () => {
  expect(imports('lib').length).toBeGreaterThan(50);
  const allowed = ['aws-cdk-lib', 'constructs', 'lambda/contract'];
  expect(outside('lib', (to) => allowed.includes(to))).toEqual([]);
});

test('runbooks import no construct, no rehearsal, and never CDK', () => {
  const refused = ['aws-cdk-lib', 'constructs', 'aws-cdk', 'cdk-nag', 'lib', 'bin', 'examples', 'rehearsal', 'test'];
  expect(imports('lambda').filter(({ to }) => refused.includes(place(to)))).toEqual([]);
});

test('the contract imports valibot alone', () => {
  expect(importsOf('lambda/contract.ts').map(({ to }) => to)).toEqual(['valibot']);
});

test('rehearsals import runbooks and plain data of examples, never CDK', () => {
  const refused = ['aws-cdk-lib', 'constructs', 'lib', 'bin', 'test'];
  const plans = /^examples\/\w+-plan$/;
  expect(
    imports('rehearsal').filter(
      ({ to }) => refused.includes(place(to)) || (place(to) === 'examples' && !plans.test(to)),
    ),
  ).toEqual([]);
});

test("examples' plain data stays plain: rehearsals read it without CDK", () => {
  const plans = sources('examples').filter((file) => file.endsWith('-plan.ts'));
  expect(plans.flatMap(importsOf).filter(({ to }) => to !== 'lambda/contract')).toEqual([]);
  expect(plans.length).toBeGreaterThan(0);
});

test('nothing but tests imports tests, and nothing imports the command line', () => {
  const all = ['bin', 'examples', 'lambda', 'lib', 'rehearsal'].flatMap(imports);
  expect(all.filter(({ to }) => place(to) === 'test' || (place(to) === 'bin' && !to.startsWith('bin/')))).toEqual([]);
  expect(all.filter(({ from, to }) => place(to) === 'bin' && place(from) !== 'bin')).toEqual([]);
});

test('no file is named for what could hold anything', () => {
  const vague = /(^|\/)(utils?|helpers?|common|types|core|managers?|services?|base)\.ts$/;
  const files = ['bin', 'examples', 'lambda', 'lib', 'rehearsal', 'test'].flatMap(sources);
  expect(files.filter((file) => vague.test(file))).toEqual([]);
});

test('constructs extend Construct and the Mixin API only', () => {
  const extended = sources('lib').flatMap((file) =>
    Array.from(readFileSync(join(root, file), 'utf8').matchAll(/class \w+ extends (\w+)/g), ([, parent]) => parent),
  );
  expect([...new Set(extended)].sort()).toEqual(['Construct', 'Mixin']);
});

test('every optional property of a construct says what happens without it', () => {
  const silent = sources('lib').flatMap((file) => {
    const text = readFileSync(join(root, file), 'utf8');
    const optional = text.matchAll(/(\/\*\*(?:(?!\*\/)[\s\S])*\*\/)?\s*\n\s*readonly (\w+)\?:/g);
    return Array.from(optional, ([, doc = '', name]) => ({ file, name, doc }))
      .filter(({ doc }) => !doc.includes('@default'))
      .map(({ file: of, name }) => `${of}: ${name}`);
  });
  expect(silent).toEqual([]);
});
