/** What all regions of one rehearsal share: its folder, pace, limits and faults. */
import { setMaxListeners } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Address, PreferredAddress } from '../machine/address';
import { Faults } from './faults';

/** The account that owns everything: the one of AWS's examples. */
export const ACCOUNT = '123456789012';

export interface Limits {
  /** Database instances, in all regions together; each is a server of some 25 MB. */
  readonly instances: number;
  /** Snapshots, in all regions together; each is a full copy on disk. */
  readonly snapshots: number;
}

export class World {
  public readonly faults = new Faults();
  private readonly closing = new AbortController();
  private readonly tasks = new Set<Promise<void>>();
  private readonly addresses = new Map<string, PreferredAddress>();
  private made = 0;

  constructor(
    public readonly folder: string,
    public readonly pacing: number,
    public readonly limits: Limits,
  ) {
    setMaxListeners(0, this.closing.signal); // each sleep is one
  }

  /** A path for something new. Nothing new is made once everything ends. */
  public place(kind: string): string {
    this.closing.signal.throwIfAborted();
    this.made += 1;
    return join(this.folder, `${kind}-${this.made}`);
  }

  /** Does something that a client doesn't wait for. Errors are passed to `failed`, so none is lost. */
  public begin(work: () => Promise<void>, failed: (error: unknown) => void): void {
    const task = work().catch((error) => {
      // Work breaks off when servers are stopped at the end: that does not count as a failure.
      if (!this.closing.signal.aborted) failed(error);
    });
    this.tasks.add(task);
    void task.finally(() => this.tasks.delete(task));
  }

  /** Does something that takes at least as long as the pace says. */
  public async pace<T>(work: () => Promise<T>): Promise<T> {
    const [result] = await Promise.all([work(), this.sleep(this.pacing)]);
    return result;
  }

  /** Sleeps, unless everything ends. */
  public async sleep(milliseconds: number): Promise<void> {
    if (milliseconds > 0) await sleep(milliseconds, undefined, { signal: this.closing.signal });
  }

  /** Endpoints follow names, as DNS does: a database that takes over a name takes over its address. */
  public takeAddress(region: string, name: string): PreferredAddress | undefined {
    const address = this.addresses.get(`${region}/${name}`);
    if (address) this.rememberAddress(region, name, address);
    return address;
  }

  public rememberAddress(region: string, name: string, { host, port }: PreferredAddress): void {
    this.addresses.set(`${region}/${name}`, { host, port });
  }

  /**
   * Reserves the address of a name that a database gave up, from other rehearsals too, for the database that takes it.
   */
  public keepAddress(region: string, name: string, address: Address): void {
    this.addresses.set(`${region}/${name}`, address);
  }

  /** Ends all work; sleeps end at once. */
  public async close(): Promise<void> {
    this.closing.abort();
    await Promise.allSettled(this.tasks);
    for (const address of this.addresses.values()) if ('release' in address) await address.release();
  }
}
