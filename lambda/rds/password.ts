/**
 * The master password of a copy: derived from one key and the copy's name, so that it is never stored anywhere.
 * Whoever may read the key can derive it again; whoever reads a run's history can't.
 */
import { createHmac } from 'node:crypto';

/** 43 characters of base64url, which RDS accepts (it refuses `/`, `@`, `"` and spaces). */
export function copyPassword(key: string, copy: string): string {
  if (key.length < 32) {
    throw new Error('the password key is shorter than 32 characters, so copies would be guessable; generate a new one');
  }
  return createHmac('sha256', key).update(`lifeboat copy password\n${copy}`).digest('base64url');
}
