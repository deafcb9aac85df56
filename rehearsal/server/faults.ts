/** Faults on purpose: calls that fail or are slow, restores that hang or fail. */
import { QueryError } from './query-protocol';

export interface CallFault {
  /**
   * Operations it hits, such as `DescribeDBInstances`.
   *
   * @default - all
   */
  readonly operations?: readonly string[];
  /**
   * How many calls it hits before it is over.
   *
   * @default - all that come
   */
  readonly calls?: number;
  /**
   * Share of the calls it hits, from 0 to 1.
   *
   * @default 1
   */
  readonly share?: number;
  /**
   * Whether the call takes effect all the same, and only its answer is lost. Not for throttling: a throttled call has
   * no effect.
   *
   * @default false
   */
  readonly afterEffect?: boolean;
}

export interface RestoreFault {
  /**
   * How many restores it hits.
   *
   * @default 1
   */
  readonly restores?: number;
}

/** Status that a restore ends in when it fails, as AWS names them. */
export type FailedRestore = 'failed' | 'incompatible-restore' | 'incompatible-network' | 'restore-error';

type ActiveCallFault = CallFault & { left: number; readonly error: () => QueryError };

export class Faults {
  private calls: ActiveCallFault[] = [];
  private lags: { left: number; milliseconds: number; operations?: readonly string[] }[] = [];
  private restores: { left: number; outcome: 'stuck' | FailedRestore }[] = [];

  /** Answers calls with RDS's `Throttling`, the error that asks clients to slow down. */
  public throttle(fault: CallFault = {}): void {
    this.fail(fault, () => new QueryError('Throttling', 'Rate exceeded'));
  }

  /** Answers calls with status 503, 500 or the like, as when AWS itself fails. */
  public failCalls(fault: CallFault & { readonly status?: number } = {}): void {
    const status = fault.status ?? 503;
    const code = status === 503 ? 'ServiceUnavailable' : 'InternalFailure';
    this.fail(fault, () => new QueryError(code, 'asked for in this rehearsal', status));
  }

  /** Lets calls take longer. */
  public delayCalls(fault: CallFault & { readonly milliseconds: number }): void {
    this.lags.push({ ...fault, left: fault.calls ?? Number.POSITIVE_INFINITY });
  }

  /** Lets the next restores stay `creating` for good; making a read replica counts as one. */
  public stickRestores(fault: RestoreFault = {}): void {
    this.restores.push({ left: fault.restores ?? 1, outcome: 'stuck' });
  }

  /** Lets the next restores end in a status of failure; making a read replica counts as one. */
  public failRestores(fault: RestoreFault & { readonly status?: FailedRestore } = {}): void {
    this.restores.push({ left: fault.restores ?? 1, outcome: fault.status ?? 'incompatible-restore' });
  }

  /** Ends all faults of calls and restores; damaged snapshots stay damaged. */
  public clear(): void {
    this.calls = [];
    this.lags = [];
    this.restores = [];
  }

  /** Milliseconds that a call has to wait. */
  public lagOf(operation: string): number {
    const lag = this.lags.find((entry) => entry.left > 0 && (entry.operations?.includes(operation) ?? true));
    if (!lag) return 0;
    lag.left -= 1;
    return lag.milliseconds;
  }

  /** The error a call meets, if any. */
  public hit(operation: string): { readonly error: QueryError; readonly afterEffect: boolean } | undefined {
    for (const fault of this.calls) {
      const meant = fault.left > 0 && (fault.operations?.includes(operation) ?? true);
      if (!meant || Math.random() >= (fault.share ?? 1)) continue;
      fault.left -= 1;
      return { error: fault.error(), afterEffect: fault.afterEffect ?? false };
    }
    return undefined;
  }

  /** How a restore that begins now will fail, if it is to fail. */
  public nextRestore(): 'stuck' | FailedRestore | undefined {
    const fault = this.restores.find((entry) => entry.left > 0);
    if (!fault) return undefined;
    fault.left -= 1;
    return fault.outcome;
  }

  private fail(fault: CallFault, error: () => QueryError): void {
    this.calls.push({ ...fault, left: fault.calls ?? Number.POSITIVE_INFINITY, error });
  }
}
