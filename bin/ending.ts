/** How a command ends: with an exit code, because it was misused, or because it was interrupted. */
import { constants } from 'node:os';
import type { Command } from 'commander';
import { visibleLines } from '../lambda/evidence/visible';

/** Everything was proven or done as asked. */
export const PROVEN = 0;
/** Something was not. */
export const NOT_PROVEN = 1;
/** The arguments were wrong, and nothing was done. */
export const MISUSED = 2;

/** Ends the process: the arguments were wrong. */
export function misused(program: Command, error: unknown): never {
  return program.error(`lifeboat: ${visibleLines(said(error))}`);
}

/** Reads the arguments; an error means that they were wrong. */
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

type Reason = 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'SIGPIPE';
const stop = new AbortController();
let received: { readonly reason: Reason; readonly at: number } | undefined;
/** A terminal, npm and `timeout` may each deliver one and the same Ctrl-C. */
const SAME_MS = 1000;

/**
 * Aborted by the first Ctrl-C or request to end. A second one, a while later, no longer waits for an orderly end; what
 * was started is ended all the same, by what listens for the exit of the process.
 */
export function onSignal(): AbortSignal {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (received && performance.now() - received.at > SAME_MS) process.exit(codeOfFailure());
      interrupt(signal);
    });
  }
  return stop.signal;
}

// The terminal was closed, or `head` has read enough: nothing reads the output any more, so what is under way ends.
for (const out of [process.stdout, process.stderr]) out.on('error', () => interrupt('SIGPIPE'));

function interrupt(reason: Reason): void {
  received ??= { reason, at: performance.now() };
  stop.abort();
}

/** Of a failed command; after a signal as in shells, since an interruption says nothing about a backup. */
export function codeOfFailure(): number {
  return received === undefined ? NOT_PROVEN : 128 + constants.signals[received.reason];
}
