/**
 * The plan that encloses a construct. Constructs in a plan's scope, or in that of one of its databases, use the plan's
 * `notify`, and its name in metrics and evidence, unless they state their own.
 */
import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type { IConstruct } from 'constructs';
import { Mark } from './marks';

/** Defaults of a plan for all in its scope. Its site is shared by lib/drill (`shareSite`). */
export interface PlanDefaults {
  /** Name of the plan, in evidence and metrics. */
  readonly planName: string;
  /**
   * Topic to notify.
   *
   * @default - none
   */
  readonly notify?: sns.ITopic;
  /**
   * Encrypts what members would make a key for.
   *
   * @default - each makes one of its own
   */
  readonly encryptionKey?: kms.IKey;
  /**
   * Encrypts the logs of members that encrypt nothing else.
   *
   * @default - `encryptionKey`
   */
  readonly logEncryptionKey?: kms.IKey;
  /**
   * Where members keep what they would make a bucket for.
   *
   * @default - each makes one of its own
   */
  readonly archive?: s3.IBucket;
  /**
   * What becomes of keys, buckets, vaults and logs when they are deleted from their stack.
   *
   * @default - they are retained
   */
  readonly removalPolicy?: RemovalPolicy;
  /**
   * Whether stacks have outputs that an operator needs.
   *
   * @default false
   */
  readonly outputs?: boolean;
}

const plans = new Mark<PlanDefaults>('plan-defaults');

/** Notes that a construct is a plan. Called by the plan. */
export function registerPlan(plan: IConstruct & PlanDefaults): void {
  plans.put(plan, plan);
}

/** The innermost enclosing plan in the construct's region and account, if there is one. */
export function enclosingPlan(construct: IConstruct): PlanDefaults | undefined {
  return nearestMark(construct, plans);
}

/**
 * Where a construct that makes no bucket keeps what it exports: in the one that it was given, else in the plan's
 * archive.
 *
 * @throws Error when there is neither
 */
export function archiveOf(construct: IConstruct, given: s3.IBucket | undefined): s3.IBucket {
  const bucket = given ?? enclosingPlan(construct)?.archive;
  if (bucket) return bucket;
  throw new Error(
    `'${construct.node.path}': 'bucket' is left out, and no plan around it has an 'archive', so there is nowhere to export to; ` +
      'give it a bucket, or put it into the scope of a plan that has one',
  );
}

/**
 * What becomes of a key, bucket, vault or log that a construct makes, once it is deleted from its stack.
 *
 * @param otherwise where the enclosing plan has none
 */
export function removalPolicyOf(construct: IConstruct, otherwise = RemovalPolicy.RETAIN): RemovalPolicy {
  return enclosingPlan(construct)?.removalPolicy ?? otherwise;
}

/**
 * What is noted on the innermost construct around another one, in its region and account. A stack of another region
 * may lie in a plan's scope, too, and no alarm reaches a topic of another region, and no drill a site there.
 */
export function nearestMark<T>(construct: IConstruct, mark: Mark<T>): T | undefined {
  const { region, account } = Stack.of(construct);
  const isNear = ({ node }: IConstruct) => {
    const stack = node.scopes.filter(Stack.isStack).at(-1);
    return !stack || (stack.region === region && stack.account === account);
  };
  const marked = construct.node.scopes.filter((scope) => mark.on(scope) !== undefined);
  const nearest = marked.filter(isNear).at(-1);
  return nearest && mark.on(nearest);
}
