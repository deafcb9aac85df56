import type * as iam from 'aws-cdk-lib/aws-iam';

/** What may be started by hand: a `RestoreDrill`. */
export interface StartableDrill {
  grantStart(grantee: iam.IGrantable): iam.Grant;
}

/** Permissions on all that a plan has, whether it was added before or after. */
export class PlanGrants {
  private readonly drills: StartableDrill[] = [];
  private readonly starters: iam.IGrantable[] = [];

  /** Lets somebody start the plan's drills at any time, and read the requests to start them with from their schedules. */
  public startDrill(grantee: iam.IGrantable): void {
    this.starters.push(grantee);
    for (const drill of this.drills) drill.grantStart(grantee);
  }

  /** Extends what was granted to one more drill. */
  public cover(drill: StartableDrill): void {
    this.drills.push(drill);
    for (const grantee of this.starters) drill.grantStart(grantee);
  }
}
