import { type Duration, Token } from 'aws-cdk-lib';
import { parse, type RestorePointRequest, restorePoint } from '../../lambda/contract';
import { refuseOtherUnits } from '../synth/durations';

export interface RandomRestorePointOptions {
  /** How far back the moment may lie. It never lies before the oldest backup. */
  readonly within: Duration;
}

/** https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBSnapshot.html */
function refuseSnapshotName(identifier: string): void {
  if (Token.isUnresolved(identifier)) return;
  const refuse = (why: string) => {
    throw new Error(`restore point: snapshot '${identifier}' can't be restored: ${why}`);
  };
  if (identifier.startsWith('arn:')) {
    refuse(
      'an ARN names its region, and a snapshot restores in the region that it lies in only; copy it there ' +
        '(BackupCopy.snapshots()), and give the identifier of the copy',
    );
  }
  if (/^rds:.+-\d{4}-\d\d-\d\d$/.test(identifier)) {
    refuse(
      "RDS names automated snapshots 'rds:<database>-YYYY-MM-DD-HH-MM', so there is none without a time; give it, or take " +
        'latestSnapshot()',
    );
  }
  if (!/^((rds|awsbackup):)?[A-Za-z](-?[A-Za-z0-9])*$/.test(identifier)) {
    refuse('RDS takes letters, digits and single hyphens, the first one a letter; write it as RDS lists it');
  }
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

  /**
   * One snapshot, the same at each drill. An automated one expires, and drills of it fail from then on.
   *
   * @param identifier as RDS has it, in the drill's region: `before-release`, `rds:orders-2026-11-09-03-10`
   * @throws Error when no snapshot can be called so
   */
  public static snapshot(identifier: string): RestorePoint {
    refuseSnapshotName(identifier);
    return new RestorePoint({ kind: 'snapshot', snapshot: identifier });
  }

  /**
   * One moment, the same at each drill. Drills fail once backups of it have expired, which synth warns of.
   *
   * @param time ISO 8601, with `Z` or an offset
   */
  public static at(time: string): RestorePoint {
    return new RestorePoint({ kind: 'time', time });
  }

  /** A moment drawn anew at each drill, so that over time every part of the backups is tried. */
  public static random(options: RandomRestorePointOptions): RestorePoint {
    refuseOtherUnits('random restore point', { within: options.within });
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
