/** The command line as a user runs it: the bundle, in a process of its own, in an environment without credentials. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';

const COMMAND = join(__dirname, '..', '..', 'dist', 'bin', 'lifeboat.js');

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** @param interruptAt what standard error says when Ctrl-C is pressed; @default never */
export function lifeboat(args: readonly string[], env: NodeJS.ProcessEnv = {}, interruptAt?: RegExp): Promise<Ended> {
  const bare = { PATH: process.env.PATH, AWS_CONFIG_FILE: '/none', AWS_SHARED_CREDENTIALS_FILE: '/none' };
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [COMMAND, ...args], { env: { ...bare, ...env } });
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk) => {
      out += chunk;
    });
    child.stderr.on('data', (chunk) => {
      err += chunk;
      // Once: a second one ends the process as usual.
      if (child.killed || !interruptAt?.test(err)) return;
      child.kill('SIGINT');
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, out, err }));
  });
}
