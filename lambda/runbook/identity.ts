/** Who somebody is, as far as AWS can tell. */

export interface Identity {
  /** As STS tells it: of a user, of the root user, or of a session of a role. */
  readonly arn: string;
  readonly account: string;
  /** The role whose session it is; null for a user. */
  readonly role: string | null;
  /** Name of the user, or of the role's session, which IAM Identity Center sets to the name of the person. */
  readonly name: string;
}

const ARN =
  /^arn:aws[a-z-]*:(?:iam::(\d{12}):(?:(root)|user\/(?:[^/\s]+\/)*([\w+=,.@-]+))|sts::(\d{12}):(?:assumed-role\/([\w+=,.@-]+)\/([\w+=,.@-]+)|federated-user\/([\w+=,.@:-]+)))$/;

/** @returns undefined for an ARN that no caller of AWS can have */
export function identityOf(arn: string): Identity | undefined {
  const [, userAccount, root, user, sessionAccount, role, session, federated] = ARN.exec(arn) ?? [];
  const account = userAccount ?? sessionAccount;
  const name = root ?? user ?? session ?? federated;
  if (account === undefined || name === undefined) return undefined;
  return { arn, account, role: role ?? null, name };
}

/**
 * Names of sessions that software makes up: of the SDKs, the command line, EC2 instances, or bare numbers. They tell
 * nothing about the person behind them.
 */
const MADE_UP =
  /^(botocore-session|aws-sdk-[a-z0-9-]+|aws-cli|awscli|aws-go-sdk|assumerole|session|i-[0-9a-f]{8,17}$|\d+$)/i;

/**
 * Whether two identities are the same person, as far as AWS can tell; in doubt, they are.
 *
 * Equal names are the same person, whichever role or user has them: a person may take on several roles, and has one
 * name in all. Two sessions of one role are the same person if the name of either was made up by software. Whoever may
 * choose the names of their own sessions can pass for two people: restrict `sts:RoleSessionName` in the trust policies
 * of roles that approve.
 */
export function sameIdentity(one: Identity, other: Identity): boolean {
  if (one.account !== other.account) return false;
  if (one.name.toLowerCase() === other.name.toLowerCase()) return true;
  const isOneRole = one.role !== null && one.role === other.role;
  return isOneRole && [one, other].some(({ name }) => MADE_UP.test(name));
}
