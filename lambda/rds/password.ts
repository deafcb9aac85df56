/**
 * The master password of a restored instance: derived from one key and the instance's name, so that it is never stored.
 * Anyone who may read the key can derive it again; the history of a run doesn't contain it.
 */
import { createHmac } from 'node:crypto';

/** 43 characters of base64url, which RDS accepts (it refuses `/`, `@`, `"` and spaces). */
export function copyPassword(key: string, copy: string): string {
  if (key.length < 32) {
    throw new Error(
      'the password key is shorter than 32 characters, so passwords of restored instances could be guessed; generate a new one',
    );
  }
  return createHmac('sha256', key).update(`lifeboat copy password\n${copy}`).digest('base64url');
}
