import { Annotations, CfnOutput, RemovalPolicy, Stack, Token } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import { Construct, type IConstruct } from 'constructs';
import { Mark } from '../synth/marks';
import { accountIdProblem } from '../synth/names';
import { checkProps, type PropsOf } from '../synth/props';
import { type RecoveryRegion, recoveryAlias } from './recovery-region';
import { deployAfter, outermostStack, siblingStack } from './sibling-stack';

const ID = 'Recovery';

/** Region and alias of each site's key. */
const keys = new Mark<string>('recovery-key');

/** The stack of a recovery region beside a construct's own stack. It can be deployed without that one. */
export function recoveryStack(scope: IConstruct, region: RecoveryRegion): Stack {
  const { stackName } = outermostStack(scope);
  const description = `Lifeboat: recovery of ${stackName} in ${region}; deploys without that stack`;
  return siblingStack(scope, region.name, region.name, description);
}

export interface RecoverySiteProps {
  /** The recovery region, which must be the region of its stack. */
  readonly region: RecoveryRegion;

  /** Name of the primary's stack in CloudFormation. Both sides derive the key's alias from it. */
  readonly primary: string;

  /**
   * Accounts that may read copies shared with them, to copy them again with a key of their own.
   *
   * @default - none
   */
  readonly readers?: string[];
}

const PROPS: PropsOf<RecoverySiteProps> = { region: true, primary: true, readers: true };

/**
 * The key of all copies of one primary stack in a recovery region.
 *
 * It needs only the name of the primary's stack, so it can be deployed while the primary's region is down.
 */
export class RecoverySite extends Construct {
  /**
   * The site for a construct's stack, in a stack of its own beside that one, named `<primary>-<region>`: one for each
   * region. Created by the first call.
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

  /** Encrypts every copy there. Retained when the stack is deleted, since copies can't be read without it. */
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
        `recovery site '${this.node.path}': 'region' is ${region} and its stack is in ${own}, so copies would not find its key; ` +
          `create the stack with env: { region: '${region}' }`,
      );
    }
    this.ownKey = new kms.Key(this, 'Key', {
      description: `Lifeboat: copies of databases of ${primary}`,
      alias: recoveryAlias(primary),
      enableKeyRotation: true,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    this.key = this.ownKey;
    keys.put(this, `${region}/${recoveryAlias(primary)}`);
    for (const account of props.readers ?? []) this.addReader(account);
    new CfnOutput(this, 'KeyArn', {
      value: this.key.keyArn,
      description: 'For RecoveryRegion.named(..., { keyArn }), if an alias is refused',
    });
  }

  /**
   * Allows an account to read copies that `SnapshotCopy` shares with it.
   *
   * @throws Error when the account ID is not valid
   */
  public addReader(account: string): void {
    const noAccount = accountIdProblem(account, 'AWS KMS would refuse the key policy');
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

/** Warns once the app is whole: the key that copies are encrypted with may be that of another app. */
export function warnOfMissingKey(scope: IConstruct, region: RecoveryRegion): void {
  if (region.keyArn !== undefined) return;
  scope.node.addValidation({
    validate: () => {
      const alias = region.aliasFor(scope);
      if (keys.inAppOf(scope).includes(`${region}/${alias}`)) return [];
      Annotations.of(scope).addWarningV2(
        'lifeboat:no-recovery-site',
        `copies in ${region} are encrypted with the key '${alias}', and no RecoverySite of this app makes it, so every copy fails ` +
          `until another app does; add new RecoverySite(...) with 'primary' '${alias.slice(recoveryAlias('').length)}' in a stack ` +
          `of ${region}, or state a key: RecoveryRegion.named('${region}', { keyArn })`,
      );
      return [];
    },
  });
}
