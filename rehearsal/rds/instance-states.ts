/** States of an instance: one task after another, each ending as `available` or as a failure. */
import type { World } from '../server/world';

/** Thrown by a task that ends in a state of its own. */
export class EndsAs extends Error {
  constructor(
    public readonly status: string,
    message: string,
  ) {
    super(message);
  }
}

export class InstanceStates {
  public current = 'creating';
  private busy: Promise<void> = Promise.resolve();

  /** @param failed gets the reason when a task fails */
  constructor(
    private readonly world: World,
    private readonly failed: (reason: string) => void,
  ) {}

  /** Waits until all tasks so far are done, or have failed. */
  public settled(): Promise<void> {
    return this.busy;
  }

  /** A deletion waits for the tasks before it, which don't undo the state `deleting`. */
  public enter(status: string): void {
    if (this.current !== 'deleting') this.current = status;
  }

  /** Adds a task, which waits for those before it. */
  public go(status: string | undefined, whenItFails: string, work: () => Promise<unknown>): void {
    if (status) this.enter(status);
    const before = this.busy;
    this.busy = new Promise((done) => {
      this.world.begin(
        async () => {
          await before;
          try {
            await work();
            this.enter('available');
          } finally {
            done();
          }
        },
        (error) => {
          this.enter(error instanceof EndsAs ? error.status : whenItFails);
          this.failed(error instanceof Error ? error.message : String(error));
        },
      );
    });
  }
}
