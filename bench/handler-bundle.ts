/** The conductor's bundle, which every cold start reads: its size, and how long it takes to import. */
import { execFile } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { alternate, type Measurement, type Progress, ratio } from './measurement';

const SHIPPED = join(__dirname, '..', 'handlers', 'drill-restore', 'index.js');
const EMPTY = join(__dirname, 'empty-handler', 'index.js');
const ROUNDS = 15;

export async function handlerBundle(progress: Progress): Promise<Measurement[]> {
  progress(`importing handlers, ${ROUNDS} times each`);
  const imports = await alternate(
    ROUNDS,
    () => importMilliseconds(SHIPPED),
    () => importMilliseconds(EMPTY),
  );
  return [
    {
      what: 'handler bundle drill-restore, minified, with what it loads later',
      measured: kilobytes(SHIPPED),
      unit: 'KB',
      limit: 700,
      from: `an empty one has ${kilobytes(EMPTY).toFixed(0)} KB`,
    },
    {
      what: 'its import / an empty handler with RDS client and durable SDK',
      limit: 1.3,
      ...ratio(imports, (value) => `${value.toFixed(0)} ms`),
    },
  ];
}

/** Of all files of a handler's folder. */
const kilobytes = (index: string) =>
  readdirSync(dirname(index)).reduce((sum, file) => sum + statSync(join(dirname(index), file)).size / 1024, 0);

/** In a fresh process, as a cold start does; without what starting Node itself takes. */
async function importMilliseconds(file: string): Promise<number> {
  const script = 'const start = performance.now(); require(process.argv[1]); console.log(performance.now() - start);';
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', script, file]);
  return Number(stdout);
}
