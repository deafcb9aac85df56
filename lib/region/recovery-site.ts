import { CfnOutput, RemovalPolicy, Stack, Token } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import { Construct, type IConstruct } from 'constructs';
import { accountIdProblem } from '../synth/names';
import { checkProps, type PropsOf } from '../synth/props';
import { type RecoveryRegion, recoveryAlias } from './recovery-region';
import { deployAfter, outermostStack, siblingStack } from './sibling-stack';

const ID = 'Recovery';

/** The stack of a recovery region beside a construct's own: all that is there, and nothing that needs the other. */
export function recoveryStack(scope: IConstruct, region: RecoveryRegion): Stack {
  const { stackName } = outermostStack(scope);
  const description = `Lifeboat: what ${stackName} recovers from in ${region}; deploys without it`;
  return siblingStack(scope, region.name, region.name, description);
}

export interface RecoverySiteProps {
  /** The region it is for, which must be its stack's. */
  readonly region: RecoveryRegion;

  /** Name of the primary's stack, as CloudFormation has it. Both sides derive the key's alias from it. */
  readonly primary: string;

  /**
   * Accounts that may read copies which are shared with them, to copy them on under a key of their own.
   *
   * @default - none
   */
  readonly readers?: string[];
}

const PROPS: PropsOf<RecoverySiteProps> = { region: true, primary: true, readers: true };

/**
 * What a recovery region holds for one primary stack: the key of all copies there.
 *
 * It needs nothing of the primary's stack but its name, so it can be deployed while the primary's region is down.
 */
export class RecoverySite extends Construct {
  /**
   * The site for a construct's stack, in a stack of its own beside that one: one for each region. Made when first asked
   * for, and named `<primary>-<region>`.
   */
  public static beside(scope: IConstruct, region: RecoveryRegion): RecoverySite {
    const primary = outermostStack(scope);
    const stack = recoveryStack(scope, region);
    const found = stack.node.tryFindChild(ID);
    if (found) return found as RecoverySite;
    // An order of deployment and no more: copies can only be asked for once their key is there.
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
    checkProps(this, props, PROPS);
    const { region, primary } = props;
    const own = Stack.of(this).region;
    if (!Token.isUnresolved(own) && own !== region.name) {
      throw new Error(
        `recovery site '${this.node.path}': its stack is in ${own} and it is for ${region}, so copies would look for its ` +
          `key in vain; give the stack env: { region: '${region}' }`,
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
   * Lets an account read copies that are shared with it. Sharing itself is up to `SnapshotCopy`.
   *
   * @throws Error when the account is none
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
