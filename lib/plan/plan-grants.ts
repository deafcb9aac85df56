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

  /**
   * Lets a grantee start the plan's recoveries, and see them.
   *
   * @throws Error when the grantee lies in a stack of another region
   */
  startRecovery(grantee: iam.IGrantable): void;

  /** Lets a grantee see the plan's recoveries, and approve, refuse or abandon them. */
  approveRecovery(grantee: iam.IGrantable): void;

  /** Lets a grantee read the evidence of the plan's site, which other plans may share. */
  readEvidence(grantee: iam.IGrantable): iam.Grant;
}

/** A recovery of a plan: of a whole database, or of tables. */
export interface Recoverable {
  grantStart(grantee: iam.IGrantable): iam.Grant;
  grantApprove(grantee: iam.IGrantable): iam.Grant;
}

/** One permission on all members of a kind: members and grantees may come in any order. */
export class Grantees<Member> {
  private readonly members: Member[] = [];
  private readonly grantees: iam.IGrantable[] = [];

  constructor(private readonly grant: (member: Member, grantee: iam.IGrantable) => iam.Grant) {}

  public add(grantee: iam.IGrantable): void {
    this.grantees.push(grantee);
    for (const member of this.members) this.grant(member, grantee);
  }

  /** Extends what was granted to one more member. */
  public cover(member: Member): void {
    this.members.push(member);
    for (const grantee of this.grantees) this.grant(member, grantee);
  }
}

/** Grantees of a plan. */
export class PlanGrantees {
  public readonly drillStarters = new Grantees<RestoreDrill>((drill, grantee) => drill.grantStart(grantee));
  public readonly recoveryStarters = new Grantees<Recoverable>((recovery, grantee) => recovery.grantStart(grantee));
  public readonly approvers = new Grantees<Recoverable>((recovery, grantee) => recovery.grantApprove(grantee));

  public coverRecovery(recovery: Recoverable): void {
    this.recoveryStarters.cover(recovery);
    this.approvers.cover(recovery);
  }
}
