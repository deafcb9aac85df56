import { CfnOutput, RemovalPolicy, Stack, Token } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import { Construct, type IConstruct } from 'constructs';
import { accountIdProblem } from '../synth/names';
import { type RecoveryRegion, recoveryAlias } from './recovery-region';
import { deployAfter, outermostStack, siblingStack } from './sibling-stack';

const ID = 'Recovery';

/** The stack in the recovery region that belongs to a construct's stack, and depends on nothing of it. */
export function recoveryStack(scope: IConstruct, region: RecoveryRegion): Stack {
  const { stackName } = outermostStack(scope);
  const description = `Lifeboat: what ${stackName} recovers from in ${region}; can be deployed without that stack`;
  return siblingStack(scope, region.name, region.name, description);
}

export interface RecoverySiteProps {
  /** The region of the site: that of its stack. */
  readonly region: RecoveryRegion;

  /** CloudFormation's name of the primary's stack. Both stacks derive the key's alias from it. */
  readonly primary: string;

  /**
   * Accounts that may read copies which are shared with them, to copy them again under a key of their own.
   *
   * @default - none
   */
  readonly readers?: string[];
}

/**
 * The key of all copies in a recovery region, for one primary stack.
 *
 * It needs only the name of the primary's stack, so it can be deployed while the primary's region is down.
 */
export class RecoverySite extends Construct {
  /**
   * The site for a construct's stack, in a stack of its own named `<primary>-<region>`: one for each region, made at the
   * first call.
   */
  public static beside(scope: IConstruct, region: RecoveryRegion): RecoverySite {
    const primary = outermostStack(scope);
    const stack = recoveryStack(scope, region);
    const found = stack.node.tryFindChild(ID);
    if (found) return found as RecoverySite;
    // Only an order of deployment: copies can be requested once their key exists.
    deployAfter(primary, stack, 'copies are encrypted with the key there');
    return new RecoverySite(stack, ID, { region, primary: primary.stackName });
  }

  /** Encrypts every copy there. Kept when the stack is deleted, since copies can't be read without it. */
  public readonly key: kms.IKey;

  private readonly ownKey: kms.Key;

  constructor(
    scope: Construct,
    id: string,
    private readonly props: RecoverySiteProps,
  ) {
    super(scope, id);
    const { region, primary } = props;
    const own = Stack.of(this).region;
    if (!Token.isUnresolved(own) && own !== region.name) {
      throw new Error(
        `recovery site '${this.node.path}': its stack is in ${own} and the site is for ${region}, so copies would not find its ` +
          `key; give the stack env: { region: '${region}' }`,
      );
    }
    this.ownKey = new kms.Key(this, 'Key', {
      description: `Lifeboat: copies of what ${primary} holds`,
      alias: recoveryAlias(primary),
      enableKeyRotation: true,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    this.key = this.ownKey;
    for (const account of props.readers ?? []) this.addReader(account);
    new CfnOutput(this, 'KeyArn', {
      value: this.key.keyArn,
      description: 'For RecoveryRegion.named(..., { keyArn }), where an alias is not taken',
    });
  }

  /**
   * Lets an account read copies that `SnapshotCopy` shares with it.
   *
   * @throws Error when it is not a valid account ID
   */
  public addReader(account: string): void {
    const noAccount = accountIdProblem(account, 'AWS KMS would refuse the policy that lets it read');
    if (noAccount) throw new Error(`recovery site '${this.node.path}': ${noAccount}`);
    this.ownKey.addToResourcePolicy(
      new iam.PolicyStatement({
        principals: [new iam.AccountPrincipal(account)],
        actions: [
          'kms:CreateGrant',
          'kms:Decrypt',
          'kms:DescribeKey',
          'kms:GenerateDataKeyWithoutPlaintext',
          'kms:ReEncrypt*',
        ],
        resources: ['*'],
        conditions: { StringEquals: { 'kms:ViaService': `rds.${this.props.region}.amazonaws.com` } },
      }),
    );
  }
}
