import type * as iam from 'aws-cdk-lib/aws-iam';

/** A drill that can be started by hand: a `RestoreDrill`. */
export interface StartableDrill {
  grantStart(grantee: iam.IGrantable): iam.Grant;
}

/** Permissions on everything in a plan, added before or after the grant. */
export class PlanGrants {
  private readonly drills: StartableDrill[] = [];
  private readonly starters: iam.IGrantable[] = [];

  /** Allows a principal to start the plan's drills at any time. */
  public startDrill(grantee: iam.IGrantable): void {
    this.starters.push(grantee);
    for (const drill of this.drills) drill.grantStart(grantee);
  }

  /** Extends earlier grants to another drill. */
  public cover(drill: StartableDrill): void {
    this.drills.push(drill);
    for (const grantee of this.starters) drill.grantStart(grantee);
  }
}
