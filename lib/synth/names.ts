/** Names of accounts, regions and constructs, and names derived from a construct's path. */
import { Token } from 'aws-cdk-lib';
import { Construct, type IConstruct } from 'constructs';
import { COPY_PREFIX, RUN_SUFFIX_LENGTH } from '../../lambda/contract';

/**
 * What is wrong with an account ID, as a sentence; undefined if it is valid or unknown at synth.
 *
 * @param consequence as in `no account could copy here`
 */
export function accountIdProblem(account: string | undefined, consequence: string): string | undefined {
  if (account === undefined || Token.isUnresolved(account) || /^\d{12}$/.test(account)) return undefined;
  return `'${account}' is not an AWS account ID, so ${consequence}; use the 12-digit ID`;
}

/**
 * What is wrong with a region's name, as a sentence; undefined if it is valid or unknown at synth.
 *
 * Only the form is checked, since AWS adds regions.
 */
export function regionNameProblem(name: string): string | undefined {
  if (Token.isUnresolved(name) || /^[a-z]{2,}(-[a-z]+)+-\d+$/.test(name)) return undefined;
  return `'${name}' is not an AWS region name, so nothing would be copied there; write it as in 'us-west-2'`;
}

/**
 * Refuses an id that Lifeboat uses itself in the same scope. CDK would refuse it later, without saying what uses it.
 *
 * @param what the id is meant for, as in `drill`
 */
export function refuseTakenName(what: string, scope: IConstruct, id: string, taken: readonly string[]): void {
  if (!taken.includes(id)) return;
  throw new Error(
    `${what} '${scope.node.path}/${id}' has an id that Lifeboat uses there itself (${taken.join(', ')}), so one of the two could ` +
      `not be created; use another id, as in '${id}${what.replace(/^./, (first) => first.toUpperCase())}'`,
  );
}

/**
 * Where a construct that users put theirs into puts its own, so that no id of theirs meets one of its: a child called
 * `Default`, which CDK leaves out of logical IDs and addresses. So nothing of what is deployed has another name for it.
 */
export function ownScope(construct: Construct): Construct {
  const found = construct.node.tryFindChild(OWN) as Construct | undefined;
  return found ?? new Construct(construct, OWN);
}

const OWN = 'Default';

/** A construct's path as one name: it goes into keys of evidence, which are cut at slashes. */
export function pathName(scope: IConstruct): string {
  return scope.node.path.replaceAll('/', '-') || 'App';
}

/** RDS allows identifiers of 63 characters. */
const PREFIX_LENGTH = 63 - RUN_SUFFIX_LENGTH;
const HASH_LENGTH = 8;

/**
 * Prefix of the identifiers of a drill's restored instances. Its hash is of the drill's path, so that the permissions
 * of two drills never overlap, and don't change when drills are added or reordered.
 */
export function copyPrefix(scope: IConstruct, target: string): string {
  const room = PREFIX_LENGTH - COPY_PREFIX.length - HASH_LENGTH - 2;
  const words = target
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, room)
    .replace(/^-+|-+$/g, '');
  const hash = scope.node.addr.slice(-HASH_LENGTH);
  return `${COPY_PREFIX}${words ? `${words}-` : ''}${hash}-`;
}
