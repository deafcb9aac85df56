import type { Duration } from 'aws-cdk-lib';
import { parse, type RestorePointRequest, restorePoint } from '../lambda/contract';

export interface RandomRestorePointOptions {
  /** How far back the moment may lie. It never lies before the oldest backup. */
  readonly within: Duration;
}

/** Which moment a restore goes back to. */
export class RestorePoint {
  /** The newest moment that can be restored: what a real recovery would use. */
  public static latest(): RestorePoint {
    return new RestorePoint({ kind: 'latest' });
  }

  /** The newest automated snapshot: no logs are replayed. */
  public static latestSnapshot(): RestorePoint {
    return new RestorePoint({ kind: 'latest-snapshot' });
  }

  /** One snapshot, the same at each drill. */
  public static snapshot(identifier: string): RestorePoint {
    return new RestorePoint({ kind: 'snapshot', snapshot: identifier });
  }

  /**
   * One moment, the same at each drill. Drills fail once backups of it have expired.
   *
   * @param time ISO 8601, with `Z` or an offset
   */
  public static at(time: string): RestorePoint {
    return new RestorePoint({ kind: 'time', time });
  }

  /** A moment drawn anew at each drill, so that over time every part of the backups is tried. */
  public static random(options: RandomRestorePointOptions): RestorePoint {
    return new RestorePoint({ kind: 'random', withinSeconds: options.within.toSeconds() });
  }

  /** As the contract writes it. */
  public readonly request: RestorePointRequest;

  private constructor(request: RestorePointRequest) {
    this.request = parse(restorePoint, request, 'restore point');
  }

  /** Seconds before the drill that it reaches back, where that is known at synth. */
  public get reachSeconds(): number | undefined {
    return this.request.kind === 'random' ? this.request.withinSeconds : undefined;
  }
}
