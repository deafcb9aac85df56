/**
 * Has a handler load AWS clients that only some of its steps need when it first needs them: each from a file beside it.
 *
 * A drill wakes up some fifty times to poll RDS, and each time may be a cold start; S3, KMS and Secrets Manager would
 * be a fifth of it.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { build, transform } from 'esbuild';

const LATER = /^@aws-sdk\/client-(auto-scaling|cloudwatch|ecs|eks|kms|route-53|s3|secrets-manager|sns)$/;

/** Modules that only these clients need; they get all others from the handler. */
const OWN = /^(\.|@aws-sdk\/(client-|middleware-sdk-s3|checksums|signature-v4-multi-region))/;

/**
 * @param bundle options of the handler's own build
 * @param outfile the handler, beside which the files go
 * @param onBuilt gets the metafile of each file
 */
export const later = (bundle, outfile, onBuilt) => ({
  name: 'later',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: LATER }, ({ path }) => ({ path, namespace: 'later' }));
    onLoad({ filter: LATER, namespace: 'later' }, async ({ path: client }) => {
      const { names, imports, handed, code, metafile } = await apart(client, bundle);
      onBuilt(metafile);
      const file = `${basename(client)}.js`;
      mkdirSync(dirname(outfile), { recursive: true });
      writeFileSync(join(dirname(outfile), file), code);
      const contents = [
        ...imports,
        'let loaded;',
        `const load = () => (loaded ??= require('./${file}')({ ${handed.join(', ')} }));`,
        ...names.map((name) =>
          name.startsWith('paginate')
            ? `export const ${name} = (...given) => load().${name}(...given);`
            : `export function ${name}(...given) { return new (load().${name})(...given); }`,
        ),
      ].join('\n');
      return { contents, resolveDir: process.cwd() };
    });
    onResolve({ filter: /^\.\/client-/, namespace: 'later' }, ({ path }) => ({ path, external: true }));
  },
});

/** The same for every handler, so each client is bundled once in a build. */
const clients = new Map();

function apart(client, bundle) {
  if (!clients.has(client)) clients.set(client, bundleClient(client, bundle));
  return clients.get(client);
}

async function bundleClient(client, { plugins, ...bundle }) {
  const names = namesUsedOf(client);
  const shared = {
    name: 'shared',
    setup: ({ onResolve }) =>
      onResolve({ filter: /./ }, ({ path }) => (OWN.test(path) ? undefined : { path, external: true })),
  };
  const { outputFiles, metafile } = await build({
    ...bundle,
    stdin: { contents: `export { ${names.join(', ')} } from '${client}';`, resolveDir: process.cwd() },
    outfile: `${basename(client)}.js`,
    write: false,
    format: 'esm',
    minify: false,
    plugins: [shared, ...plugins],
  });
  const { imports, handed, body } = taken(outputFiles[0].text);
  const whole = `module.exports = ({ ${handed.join(', ')} }) => {\n${body}\nreturn { ${names.join(', ')} };\n};`;
  const { code } = await transform(whole, { minify: true, target: bundle.target });
  return { names, imports, handed, code, metafile };
}

/** Names that handlers import from a client, without types. */
function namesUsedOf(client) {
  const sources = readdirSync('lambda', { recursive: true }).filter((file) => file.endsWith('.ts'));
  const names = new Set();
  for (const file of sources) {
    const imports = readFileSync(join('lambda', file), 'utf8').matchAll(/^import {([^}]*)} from '([^']*)';$/gm);
    for (const [, list, from] of imports) {
      if (from !== client) continue;
      for (const name of list.split(',').map((one) => one.trim())) if (/^\w+$/.test(name)) names.add(name);
    }
  }
  return [...names].sort();
}

/** Imports, the names that they give, and the rest. */
function taken(text) {
  const imports = Array.from(text.matchAll(/^import [^;]*;$/gm), ([statement]) => statement);
  const handed = imports.flatMap((statement) => {
    const [, whole, list = ''] = statement.match(/^import (?:(?:\* as )?(\w+),? ?)?(?:{([^}]*)} )?from /);
    const named = list.split(',').flatMap((one) => one.trim().split(' as ').slice(-1));
    return [whole, ...named].filter(Boolean);
  });
  const body = imports.reduce((rest, statement) => rest.replace(statement, ''), text).replace(/^export {[^}]*};$/m, '');
  return { imports, handed, body };
}
