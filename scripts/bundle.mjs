/** How Lambda handlers are bundled; the benchmark bundles an empty one the same way, to compare with. */
import { readFileSync } from 'node:fs';
import { build } from 'esbuild';
import { later } from './later.mjs';

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
    // Marks schemas as pure, so that those of requests that a handler never gets are not built at its start.
    onLoad({ filter: /lambda\/contract\/[\w-]+\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replace(/\bv\.\w+\(/g, '/* @__PURE__ */ $&'),
      loader: 'ts',
    }));
    // For browsers: it would load Node's web streams at start. Bodies of requests and answers are Node's own streams
    // here.
    onLoad({ filter: /checksum\/createChecksumStream\.browser\.js$/ }, () => ({
      contents: `export const createChecksumStream = () => { throw new Error('web streams are not bundled'); };`,
    }));
    // Imported dynamically, and nothing here streams events. One dynamic import has esbuild wrap what it shares with
    // the rest, half the bundle, in functions that are parsed twice.
    onLoad({ filter: /protocols\/HttpProtocol\.js$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replace(
        /\bimport\("@smithy\/core\/event-streams"\)/,
        `Promise.reject(new Error('event streams are not bundled'))`,
      ),
    }));
    // For a Node that was built without cryptography.
    onLoad({ filter: /\/(Md5|Sha1|Sha256)Js\.js$/ }, ({ path }) => {
      const [, name] = path.match(/(\w+)\.js$/);
      return { contents: `export class ${name} { constructor() { throw new Error('${name} is not bundled'); } }` };
    });
    // Clients read only the version from their package.json.
    onLoad({ filter: /@aws-sdk\/client-[^/]+\/package\.json$/ }, ({ path }) => ({
      contents: `export default { version: '${JSON.parse(readFileSync(path, 'utf8')).version}' };`,
      loader: 'js',
    }));
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

/** What every bundle has. */
export const bundle = {
  bundle: true,
  platform: 'node',
  format: 'cjs',
  logLevel: 'warning',
  // THIRD-PARTY-NOTICES has them in full.
  legalComments: 'none',
  metafile: true,
};

/** What every handler has. */
const handler = {
  ...bundle,
  target: 'node24',
  minify: true,
  // ES modules first: half the start-up time of the CommonJS builds of the AWS SDK, and a quarter less code.
  mainFields: ['module', 'main'],
  external: ['pg-native'],
  plugins: [slim],
};

/** Bundles a handler's source file into one that Lambda runs. @returns the metafiles of all that went into it */
export async function bundleHandler(entryPoint, outfile) {
  const beside = [];
  const plugins = [later(handler, outfile, (metafile) => beside.push(metafile)), slim];
  const { metafile } = await build({ ...handler, entryPoints: [entryPoint], outfile, plugins });
  return [metafile, ...beside];
}
