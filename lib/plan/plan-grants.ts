import type * as iam from 'aws-cdk-lib/aws-iam';
import type { RestoreDrill } from '../drill/restore-drill';

/** Permissions on all that a plan has, whether it was added before or after. */
export interface PlanGrants {
  /**
   * Lets a grantee start the plan's drills at any time, apart from those of the recovery region.
   *
   * @throws Error when the grantee lies in a stack of another region
   */
  startDrill(grantee: iam.IGrantable): void;

  /** Lets a grantee read the evidence of the plan's site, which other plans may share. */
  readEvidence(grantee: iam.IGrantable): iam.Grant;
}

/** Drills of a plan, and who may start them. */
export class DrillStarters {
  private readonly drills: RestoreDrill[] = [];
  private readonly starters: iam.IGrantable[] = [];

  public add(starter: iam.IGrantable): void {
    this.starters.push(starter);
    for (const drill of this.drills) drill.grantStart(starter);
  }

  /** Extends what was granted to one more drill. */
  public cover(drill: RestoreDrill): void {
    this.drills.push(drill);
    for (const starter of this.starters) drill.grantStart(starter);
  }
}
