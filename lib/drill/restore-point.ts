import { type Duration, Token } from 'aws-cdk-lib';
import { parse, type RestorePointRequest, restorePoint } from '../../lambda/contract';
import { refuseOtherUnits } from '../synth/durations';

export interface RandomRestorePointOptions {
  /** How far back the moment may be. It is never before the oldest backup. */
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
      'it is an ARN, and a snapshot can be restored only in its own region; copy it into the region of the drill ' +
        '(BackupCopy.snapshots()), and state the identifier of the copy',
    );
  }
  if (/^rds:.+-\d{4}-\d\d-\d\d$/.test(identifier)) {
    refuse(
      "RDS names automated snapshots 'rds:<database>-YYYY-MM-DD-HH-MM', so none has a name without a time; add the time, or use " +
        'latestSnapshot()',
    );
  }
  if (!/^((rds|awsbackup):)?[A-Za-z](-?[A-Za-z0-9])*$/.test(identifier)) {
    refuse('RDS takes letters, digits and single hyphens, with a letter first; write it as RDS lists it');
  }
}

/** The moment, or the snapshot, that a drill restores. */
export class RestorePoint {
  /** The latest restorable time, which a real recovery would use. */
  public static latest(): RestorePoint {
    return new RestorePoint({ kind: 'latest' });
  }

  /** The newest automated snapshot, without replay of logs. */
  public static latestSnapshot(): RestorePoint {
    return new RestorePoint({ kind: 'latest-snapshot' });
  }

  /**
   * One snapshot, the same at each drill. Drills fail once an automated snapshot has expired.
   *
   * @param identifier in RDS in the drill's region: `before-release`, `rds:orders-2026-11-09-03-10`
   * @throws Error when RDS would not give a snapshot this identifier
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

  /** A random moment at each drill, so that over time all parts of the backups are tested. */
  public static random(options: RandomRestorePointOptions): RestorePoint {
    refuseOtherUnits('random restore point', { within: options.within });
    return new RestorePoint({ kind: 'random', withinSeconds: options.within.toSeconds() });
  }

  /** The restore point in the contract. */
  public readonly request: RestorePointRequest;

  private constructor(request: RestorePointRequest) {
    this.request = parse(restorePoint, request, 'restore point');
  }

  /** Seconds before the drill that it reaches back, if known at synth. */
  public get reachSeconds(): number | undefined {
    return this.request.kind === 'random' ? this.request.withinSeconds : undefined;
  }
}
