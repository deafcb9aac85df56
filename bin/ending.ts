/** How a command ends: with an exit code, because it was misused, or because it was interrupted. */
import { constants } from 'node:os';
import type { Command } from 'commander';
import { visibleLines } from '../lambda/evidence/visible';

/** What was to be proven or done was. */
export const PROVEN = 0;
/** It was not. */
export const NOT_PROVEN = 1;
/** The arguments were wrong, and nothing was done. */
export const MISUSED = 2;

/** Ends the process: the arguments were wrong. */
export function misused(program: Command, error: unknown): never {
  return program.error(`lifeboat: ${visibleLines(said(error))}`);
}

/** What is made of the arguments; where that fails, they were wrong. */
export function fromArguments<T>(program: Command, make: () => T): T {
  try {
    return make();
  } catch (error) {
    return misused(program, error);
  }
}

/** The message of an error, or whatever else was thrown. */
export function said(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Aborted by the first Ctrl-C or request to end; a second one ends the process as usual. */
export function onSignal(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      received ??= signal;
      stop.abort();
    });
  }
  return stop.signal;
}

let received: 'SIGINT' | 'SIGTERM' | 'SIGHUP' | undefined;

/** Of a command that failed: as shells have it where a signal is why, which is no verdict on any backup. */
export function codeOfFailure(): number {
  return received === undefined ? NOT_PROVEN : 128 + constants.signals[received];
}
