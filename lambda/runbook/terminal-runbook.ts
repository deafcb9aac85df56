/**
 * A runbook at a terminal: steps and polls in this process, printed as they happen.
 *
 * Nothing is stored when the process ends. What it started goes on in AWS, under a name that was printed first.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { RUN_SUFFIX_LENGTH } from '../contract';
import { describe, isTransient, type Phase, type PollLimit, type Retry, type Runbook } from './runbook';

/** A person is waiting, so it polls more often than a runbook in Lambda, at any pace; that costs nothing here. */
const PAUSE = { least: 500, most: 15_000, shareOfElapsed: 1 / 10 };
const STEP_ATTEMPTS = 5;

export class TerminalRunbook implements Runbook {
  readonly id = randomBytes(RUN_SUFFIX_LENGTH / 2).toString('hex');
  readonly execution = null;
  readonly started = new Date();
  readonly phases: Phase[] = [];

  /**
   * @param say gets each step's name, and what polls see when it changes
   * @param stop ends the waiting
   */
  constructor(
    private readonly say: (line: string) => void,
    private readonly stop?: AbortSignal,
  ) {}

  get now(): Date {
    return new Date();
  }

  async step<T>(name: string, effect: () => Promise<T>, retry: Retry = 'transient errors'): Promise<T> {
    const began = Date.now();
    this.say(name);
    for (let attempt = 1; ; attempt++) {
      try {
        const value = await effect();
        this.note(name, began);
        return value;
      } catch (error) {
        const again = retry === 'any error' || isTransient(error);
        if (!again || attempt >= STEP_ATTEMPTS) throw error;
        this.say(`${name}: ${describe(error)}; trying again`);
        await this.pause(2 ** attempt * PAUSE.least);
      }
    }
  }

  async poll<T>(
    name: string,
    look: (before: T | undefined) => Promise<T>,
    settled: (seen: T) => boolean,
    { hours }: PollLimit,
  ): Promise<T> {
    const began = Date.now();
    let seen: T | undefined;
    let said: string | undefined;
    for (;;) {
      let line: string;
      try {
        seen = await look(seen);
        line = `${name}: ${typeof seen === 'string' ? seen : JSON.stringify(seen)}`;
        if (line !== said) this.say(line);
        if (settled(seen)) {
          this.note(name, began);
          return seen;
        }
      } catch (error) {
        if (!isTransient(error)) throw error;
        line = `${name}: ${describe(error)}; looking again`;
        if (line !== said) this.say(line);
      }
      said = line;
      const elapsed = Date.now() - began;
      if (elapsed > hours * 3_600_000)
        throw new Error(`${line}; gave up after ${hours} h; look at the resource itself`);
      await this.pause(Math.min(Math.max(elapsed * PAUSE.shareOfElapsed, PAUSE.least), PAUSE.most));
    }
  }

  /** A crash ends this process, and with it the run: nothing is repeated. */
  async once<T>(name: string, effect: () => Promise<T>): Promise<T> {
    const began = Date.now();
    this.say(name);
    const value = await effect();
    this.note(name, began);
    return value;
  }

  async approve(name: string): Promise<never> {
    throw new Error(
      `'${name}' needs an approval, which only a runbook in Lambda can wait for; start the deployed runbook instead`,
    );
  }

  async child(name: string): Promise<never> {
    throw new Error(
      `'${name}' is an execution of its own, which only a runbook in Lambda can start; start the deployed runbook instead`,
    );
  }

  async rest(): Promise<void> {}

  private async pause(milliseconds: number): Promise<void> {
    await sleep(milliseconds, undefined, { signal: this.stop });
  }

  private note(phase: string, began: number): void {
    this.phases.push({ phase, seconds: (Date.now() - began) / 1000 });
  }
}
