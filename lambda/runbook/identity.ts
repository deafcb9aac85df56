/** Who a person is, as far as AWS can tell. */

export interface Identity {
  /** As STS tells it: of a user, of the root user, or of a role's session. */
  readonly arn: string;
  readonly account: string;
}

/** Whether two identities are the same person, as far as AWS can tell. */
export function sameIdentity(one: Identity, other: Identity): boolean {
  return one.arn === other.arn;
}
