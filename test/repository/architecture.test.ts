/** Dependencies point one way: bin -> lib -> lambda/contract <- lambda <- rehearsal, and between rooms down the floors. */
import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join, normalize } from 'node:path';

const root = join(__dirname, '..', '..');
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
const place = (to: string) => /^(bin|examples|lambda|lib|rehearsal|scripts|test)\b/.exec(to)?.[1] ?? to;
const imports = (folder: string) => sources(folder).flatMap(importsOf);
const CODE = ['bench', 'bin', 'examples', 'lambda', 'lib', 'rehearsal', 'test'];

/** `lib/drill/janitor` lies in `lib/drill`, `lambda/contract` is one, and `lib/index` lies in `lib`. */
const room = (file: string) => (ROOMS.has(file) ? file : file.split('/').slice(0, -1).join('/'));
const ROOMS = new Set(CODE.flatMap(sources).map((file) => file.split('/').slice(0, -1).join('/')));

/** Rooms of one line may not import each other; a room may import those of the lines below its own. */
const FLOORS: Readonly<Record<string, readonly string[]>> = {
  lib: [
    'lib',
    'lib/plan',
    'lib/aspects',
    'lib/region lib/aws-backup',
    'lib/drill lib/dump lib/images lib/logs lib/configuration',
    'lib/database lib/cache lib/bucket',
    'lib/alarm',
    'lib/function',
    'lib/schedule lib/synth',
    'lambda/contract',
  ],
  lambda: [
    'lambda/drill lambda/recover lambda/cache',
    'lambda/rds lambda/images lambda/watch lambda/configuration lambda/cut-over',
    'lambda/runbook',
    'lambda/detectors',
    'lambda/examination lambda/live',
    'lambda/evidence lambda/examiner',
    'lambda/contract',
  ],
  rehearsal: [
    'rehearsal/incidents',
    'rehearsal/story',
    'rehearsal/runbooks',
    'lambda/drill lambda/recover',
    'lambda/rds lambda/cut-over',
    'lambda/runbook',
    'lambda/detectors',
    'lambda/examination lambda/live',
    'lambda/evidence lambda/examiner',
    'rehearsal',
    'rehearsal/rds rehearsal/s3',
    'rehearsal/server',
    'rehearsal/postgres',
    'rehearsal/machine',
    'lambda/contract',
  ],
};

describe.each(Object.entries(FLOORS))('rooms of %s', (folder, floors) => {
  const floorOf = (name: string) => floors.findIndex((floor) => floor.split(' ').includes(name));

  test('have each a floor', () => {
    expect([...ROOMS].filter((name) => place(name) === folder && floorOf(name) < 0)).toEqual([]);
  });

  test('import only rooms below their own, types included', () => {
    const upwards = imports(folder).filter(({ from, to }) => {
      const [own, other] = [room(from), room(to)];
      if (own === other || !ROOMS.has(other) || other.startsWith('examples')) return false;
      return floorOf(other) <= floorOf(own);
    });
    expect(upwards).toEqual([]);
  });
});

test('constructs import CDK and the contract, and nothing else', () => {
  expect(imports('lib').length).toBeGreaterThan(50);
  const allowed = ['aws-cdk-lib', 'constructs', 'lambda/contract'];
  expect(imports('lib').filter(({ to }) => place(to) !== 'lib' && !allowed.includes(to))).toEqual([]);
});

test('runbooks import no construct, no rehearsal, and never CDK', () => {
  const refused = ['aws-cdk-lib', 'constructs', 'aws-cdk', 'cdk-nag', 'lib', 'bin', 'examples', 'rehearsal', 'test'];
  expect(imports('lambda').filter(({ to }) => refused.includes(place(to)))).toEqual([]);
});

test('the contract imports valibot alone, and is imported whole', () => {
  const own = imports('lambda').filter(({ from }) => room(from) === 'lambda/contract');
  expect(new Set(own.map(({ to }) => to).filter((to) => room(to) !== 'lambda/contract'))).toEqual(new Set(['valibot']));
  const parts = CODE.flatMap(imports).filter(
    ({ from, to }) => room(from) !== 'lambda/contract' && /contract\/./.test(to),
  );
  expect(parts).toEqual([]);
});

test('the examiner has no client of AWS', () => {
  const own = imports('lambda').filter(({ from }) => /^lambda.(examiner|detectors)$/.test(room(from)));
  expect(own.filter(({ to }) => to.startsWith('@aws-sdk') || to.startsWith('@aws/'))).toEqual([]);
});

test('rehearsals import runbooks and plain data of examples, never CDK', () => {
  const refused = ['aws-cdk-lib', 'constructs', 'lib', 'bin', 'test'];
  const plans = /^examples\/\w+\/plan$/;
  expect(
    imports('rehearsal').filter(
      ({ to }) => refused.includes(place(to)) || (place(to) === 'examples' && !plans.test(to)),
    ),
  ).toEqual([]);
});

test("examples' plain data stays plain: rehearsals read it without CDK", () => {
  const plans = sources('examples').filter((file) => file.endsWith('/plan.ts'));
  expect(plans.flatMap(importsOf).filter(({ to }) => to !== 'lambda/contract')).toEqual([]);
  expect(plans.length).toBeGreaterThan(0);
});

test('nothing but tests imports tests, and nothing imports the command line', () => {
  const all = CODE.filter((folder) => folder !== 'test').flatMap(imports);
  expect(all.filter(({ to }) => place(to) === 'test' && !to.startsWith('test/simulated/'))).toEqual([]);
  expect(all.filter(({ from, to }) => place(to) === 'bin' && place(from) !== 'bin')).toEqual([]);
});

test("tests take constructs' templates from where they are examined", () => {
  const unexamined = sources('test').filter((file) =>
    /import \{[^}]*\bTemplate\b[^}]*\} from 'aws-cdk-lib\/assertions'/.test(readFileSync(join(root, file), 'utf8')),
  );
  expect(unexamined.filter((file) => file !== join('test', 'template', 'stacks.ts'))).toEqual([]);
});

test('no files import each other in a circle, but for an instance and its region in rehearsal/rds', () => {
  const graph = new Map<string, string[]>();
  for (const { from, to } of CODE.flatMap(imports)) {
    const own = from.replace(/(\/index)?\.ts$/, '');
    graph.set(own, [...(graph.get(own) ?? []), to]);
  }
  const reached = (start: string) => {
    const seen = new Set<string>();
    const next = [...(graph.get(start) ?? [])];
    for (let file = next.pop(); file; file = next.pop()) {
      if (seen.has(file)) continue;
      seen.add(file);
      next.push(...(graph.get(file) ?? []));
    }
    return seen;
  };
  const circular = [...graph.keys()].filter((file) => reached(file).has(file));
  expect(circular.filter((file) => room(file) !== 'rehearsal/rds')).toEqual([]);
});

test('a room has at most 25 files', () => {
  const counts = new Map<string, number>();
  for (const file of CODE.flatMap(sources)) {
    const name = file.split('/').slice(0, -1).join('/');
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  expect([...counts].filter(([, count]) => count > 25)).toEqual([]);
});

/** Files of more than 300 lines, and why each is one file. */
const LONG: Readonly<Record<string, string>> = {};

test('a file has at most 300 lines, or a reason', () => {
  const long = ['bench', 'bin', 'examples', 'lambda', 'lib', 'rehearsal']
    .flatMap(sources)
    .filter((file) => readFileSync(join(root, file), 'utf8').split('\n').length > 301);
  expect(long.filter((file) => LONG[file] === undefined)).toEqual([]);
  expect(Object.keys(LONG).filter((file) => !long.includes(file))).toEqual([]);
});

test('no file is named for what could hold anything', () => {
  const vague = /(^|\/)(utils?|helpers?|common|types|core|managers?|services?|base)\.ts$/;
  const files = CODE.flatMap(sources);
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
