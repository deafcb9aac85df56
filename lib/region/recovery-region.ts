import { Token } from 'aws-cdk-lib';
import * as sns from 'aws-cdk-lib/aws-sns';
import type { Construct, IConstruct } from 'constructs';
import { objectiveProblems, type RecoveryObjectives } from '../alarm/objectives';
import { regionNameProblem } from '../synth/names';
import { refuseAll } from '../synth/problems';
import { outermostStack } from './sibling-stack';

export interface RecoveryRegionOptions {
  /**
   * ARN of a key of yours there, that encrypts copies. Its policy must let IAM policies of the account decide.
   *
   * @default - the key of the `RecoverySite` there, by the alias that both sides derive from the primary's stack name
   */
  readonly keyArn?: string;

  /**
   * ARN of an SNS topic there, told of what happens there: an alarm reaches no topic in another region.
   *
   * @default - none: alarms there have no action, and synth warns
   */
  readonly topicArn?: string;

  /**
   * What a recovery there is held against, by drills there too: with a region, more is lost and it takes longer than with a
   * database.
   *
   * @default - the plan's
   */
  readonly objectives?: RecoveryObjectives;
}

/** Where copies go, so that they outlive the primary's region. A name: nothing of it has to exist when it is named. */
export class RecoveryRegion {
  /**
   * A region by its name, as in `us-west-2`.
   *
   * @throws Error when it is no region's name, is not known at synth, or the key or the topic lies in another region: a
   * copy can only be encrypted with a key of its own region
   * @see https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_CopySnapshot.html
   */
  public static named(name: string, options: RecoveryRegionOptions = {}): RecoveryRegion {
    if (Token.isUnresolved(name) || regionNameProblem(name)) {
      const seen = Token.isUnresolved(name) ? 'known at deployment only' : `'${name}'`;
      throw new Error(
        `recovery region: its name is ${seen}, so the keys and stacks there can't be named; write it out, as in 'us-west-2'`,
      );
    }
    const { keyArn, topicArn } = options;
    refuseElsewhere(
      keyArn,
      'kms',
      name,
      (fact) =>
        `the key ${fact}, and copies in ${name} can only be encrypted with a key of that region; give the ARN of one there, ` +
        'or leave it out for the one of RecoverySite',
    );
    refuseElsewhere(
      topicArn,
      'sns',
      name,
      (fact) =>
        `the topic ${fact}, and an alarm in ${name} reaches no topic of another region; give the ARN of one there`,
    );
    if (options.objectives !== undefined) refuseAll(`recovery region ${name}`, objectiveProblems(options.objectives));
    return new RecoveryRegion(name, keyArn, topicArn, options.objectives);
  }

  private constructor(
    /** As AWS writes it. */
    public readonly name: string,
    /** The key that was given. */
    public readonly keyArn?: string,
    /** The topic that was given. */
    public readonly topicArn?: string,
    /** The objectives that were given. */
    public readonly objectives?: RecoveryObjectives,
  ) {}

  /** ARN of the key that encrypts copies of what a construct's stack holds: the one given, else of the agreed alias. */
  public keyArnFor(scope: IConstruct): string {
    if (this.keyArn !== undefined) return this.keyArn;
    const { partition, account } = outermostStack(scope);
    return `arn:${partition}:kms:${this.name}:${account}:${this.aliasFor(scope)}`;
  }

  /** The alias that both sides agree on. */
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

/** What is only known at deployment is not compared. */
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
    givenService === service ? `${arn} lies in ${givenRegion || 'no region'}` : `'${arn}' is no ARN of ${service}`;
  throw new Error(`recovery region ${region}: ${why(fact)}`);
}

/** @param primary name of the stack whose copies the key encrypts */
export const recoveryAlias = (primary: string) => `alias/lifeboat-${primary}`;
