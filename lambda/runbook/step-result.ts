/**
 * Results of steps, small enough to be stored: a survey of thousands of tables is larger than Lambda accepts, and
 * repeats itself, so it is compressed.
 */
import { gunzipSync, gzipSync } from 'node:zlib';

/** Largest output of a step in bytes: Lambda ends an execution that checkpoints more. */
const MAX_BYTES = 262_144;

/** Reserved for the fields beside the result. */
const ENVELOPE = 1_024;

/** Up to here results can be read in the console. */
const PLAIN_BYTES = 64 * 1024;

/** As it is, or compressed. */
export type StepResult<T> = { readonly value: T } | { readonly compressed: string };

/** @throws Error when it is too large even so */
export function pack<T>(value: T): StepResult<T> {
  const json = JSON.stringify(value) ?? '';
  const bytes = Buffer.byteLength(json);
  if (bytes <= PLAIN_BYTES) return { value };
  const compressed = gzipSync(json).toString('base64');
  if (compressed.length <= MAX_BYTES - ENVELOPE) return { compressed };
  throw new Error(
    `its result has ${bytes} bytes, ${compressed.length} compressed, and Lambda stores ${MAX_BYTES} at most; divide ` +
      'the work: check fewer tables in one run',
  );
}

export function unpack<T>(result: StepResult<T>): T {
  if (!('compressed' in result)) return result.value;
  return JSON.parse(gunzipSync(Buffer.from(result.compressed, 'base64')).toString());
}
