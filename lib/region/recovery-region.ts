import { Token } from 'aws-cdk-lib';
import * as sns from 'aws-cdk-lib/aws-sns';
import type { Construct, IConstruct } from 'constructs';
import { objectiveProblems, type RecoveryObjectives } from '../alarm/objectives';
import { regionNameProblem } from '../synth/names';
import { refuseAll } from '../synth/problems';
import { outermostStack } from './sibling-stack';

export interface RecoveryRegionOptions {
  /**
   * ARN of a key of yours there that encrypts copies. Its key policy must delegate to IAM.
   *
   * @default - the key of the `RecoverySite` there, by the alias that both sides derive from the primary's stack name
   */
  readonly keyArn?: string;

  /**
   * ARN of an SNS topic there that alarms there notify, since alarms can't notify a topic of another region.
   *
   * @default - none: alarms there have no action, and synth warns
   */
  readonly topicArn?: string;

  /**
   * Objectives of a recovery there, which drills there are compared with: losing a region costs more data and time than
   * losing a database.
   *
   * @default - the plan's
   */
  readonly objectives?: RecoveryObjectives;
}

/** The region that copies go to, so that they outlive the primary's region. Nothing has to exist there yet. */
export class RecoveryRegion {
  /**
   * A region by its name, as in `us-west-2`.
   *
   * @throws Error when the name is not valid or unknown at synth, or the key or the topic is in another region: a copy
   * can only be encrypted with a key of its own region
   * @see https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_CopySnapshot.html
   */
  public static named(name: string, options: RecoveryRegionOptions = {}): RecoveryRegion {
    if (Token.isUnresolved(name) || regionNameProblem(name)) {
      const seen = Token.isUnresolved(name) ? 'unknown until deployment' : `'${name}'`;
      throw new Error(
        `recovery region: 'name' is ${seen}, so keys and stacks there can't be named after it; write it as in 'us-west-2'`,
      );
    }
    const { keyArn, topicArn } = options;
    refuseElsewhere(
      keyArn,
      'kms',
      name,
      (fact) =>
        `'keyArn' ${fact}, and copies in ${name} can only be encrypted with a key of that region; state the ARN of a key there, ` +
        'or leave it out to use the key of RecoverySite',
    );
    refuseElsewhere(
      topicArn,
      'sns',
      name,
      (fact) =>
        `'topicArn' ${fact}, and alarms in ${name} can't notify a topic of another region; state the ARN of a topic there`,
    );
    if (options.objectives !== undefined) refuseAll(`recovery region ${name}`, objectiveProblems(options.objectives));
    return new RecoveryRegion(name, keyArn, topicArn, options.objectives);
  }

  private constructor(
    /** Name of the region. */
    public readonly name: string,
    /** The stated key. */
    public readonly keyArn?: string,
    /** The stated topic. */
    public readonly topicArn?: string,
    /** The stated objectives. */
    public readonly objectives?: RecoveryObjectives,
  ) {}

  /**
   * ARN of the key that encrypts copies of a construct's stack: the stated key, or the alias that both sides derive.
   */
  public keyArnFor(scope: IConstruct): string {
    if (this.keyArn !== undefined) return this.keyArn;
    const { partition, account } = outermostStack(scope);
    return `arn:${partition}:kms:${this.name}:${account}:${this.aliasFor(scope)}`;
  }

  /** The alias that both sides derive. */
  public aliasFor(scope: IConstruct): string {
    return recoveryAlias(outermostStack(scope).stackName);
  }

  /** The topic, for alarms of a construct there. */
  public topicFor(scope: Construct, id: string): sns.ITopic | undefined {
    return this.topicArn === undefined ? undefined : sns.Topic.fromTopicArn(scope, id, this.topicArn);
  }

  public toString(): string {
    return this.name;
  }
}

/** Values unknown at synth are not compared. */
function refuseElsewhere(
  arn: string | undefined,
  service: string,
  region: string,
  why: (fact: string) => string,
): void {
  if (arn === undefined || Token.isUnresolved(arn)) return;
  const [, , givenService, givenRegion] = arn.split(':');
  if (givenService === service && givenRegion === region) return;
  const fact =
    givenService === service ? `${arn} is in ${givenRegion || 'no region'}` : `'${arn}' is not an ARN of ${service}`;
  throw new Error(`recovery region ${region}: ${why(fact)}`);
}

/** @param primary name of the stack whose copies the key encrypts */
export const recoveryAlias = (primary: string) => `alias/lifeboat-${primary}`;
