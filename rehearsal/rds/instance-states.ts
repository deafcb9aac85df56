/** The states an instance goes through: one piece of work after another, each ending `available` or as a failure. */
import type { World } from '../server/world';

/** Work that ends in a state of its own. */
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

  /** @param failed is told why, when work fails */
  constructor(
    private readonly world: World,
    private readonly failed: (reason: string) => void,
  ) {}

  /** Waits until all that was begun so far has been done, or has failed. */
  public settled(): Promise<void> {
    return this.busy;
  }

  /** A deletion waits for what goes on, and is not undone by it. */
  public enter(status: string): void {
    if (this.current !== 'deleting') this.current = status;
  }

  /** Begins a piece of work, which waits for those before it. */
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
