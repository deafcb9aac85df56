import { Stack, Token } from 'aws-cdk-lib';
import * as ecr from 'aws-cdk-lib/aws-ecr';
import * as iam from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { accountIdProblem } from '../synth/names';
import { refuseAll } from '../synth/problems';
import { checkProps, type PropsOf } from '../synth/props';
import { twinInRegistry } from './image-replication';

export interface ImageReplicationAccessProps {
  /** 12-digit IDs of the accounts that may replicate images into this registry. */
  readonly accounts: string[];

  /**
   * Prefixes of the names of repositories that they may create and write to, as in `shop/`.
   *
   * @default - all repositories of the registry
   */
  readonly repositories?: string[];

  /**
   * Other statements of the registry's policy. A registry has only this one policy.
   *
   * @default - none
   */
  readonly statements?: iam.PolicyStatement[];
}

const PROPS: PropsOf<ImageReplicationAccessProps> = { accounts: true, repositories: true, statements: true };

/**
 * Allows `ImageReplication` of other accounts: the policy of this account's registry in this region. Deploy one in each
 * destination region, before the replication.
 *
 * A registry has one policy. CloudFormation refuses to create it where one exists: repeat in `statements` what
 * `aws ecr get-registry-policy` shows, and take the policy over with `cdk import`. It is deleted with the stack;
 * replicated images stay. https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry-permissions.html
 *
 * ECR creates missing repositories with its own defaults, mutable tags among them, unless a repository creation
 * template for replication states otherwise.
 *
 * @throws Error that lists all that would keep images from being replicated
 */
export class ImageReplicationAccess extends Construct {
  constructor(scope: Construct, id: string, props: ImageReplicationAccessProps) {
    super(scope, id);
    checkProps(this, props, PROPS);
    const { accounts, repositories = [''], statements = [] } = props;
    refuseAll(`image replication access '${this.node.path}'`, this.problemsOf(props));
    const stack = Stack.of(this);
    const replication = new iam.PolicyStatement({
      sid: 'LifeboatImageReplication',
      principals: accounts.map((account) => new iam.AccountPrincipal(account)),
      actions: ['ecr:CreateRepository', 'ecr:ReplicateImage'],
      resources: repositories.map((start) =>
        stack.formatArn({ service: 'ecr', resource: 'repository', resourceName: `${start}*` }),
      ),
    });
    new ecr.CfnRegistryPolicy(this, 'Policy', {
      policyText: new iam.PolicyDocument({ statements: [replication, ...statements] }),
    });
  }

  private problemsOf({ accounts, repositories }: ImageReplicationAccessProps): string[] {
    const { account: own } = Stack.of(this);
    const problems: string[] = [];
    if (accounts.length === 0)
      problems.push("'accounts' is empty, so no account could replicate; state the accounts that do");
    for (const account of new Set(accounts)) {
      const noAccount = accountIdProblem(account, 'ECR would refuse the policy');
      if (noAccount) problems.push(noAccount);
      if (!Token.isUnresolved(account) && account === own) {
        problems.push(`'accounts' has ${account}, the registry's own account, which needs no permission; leave it out`);
      }
    }
    if (repositories?.length === 0) {
      problems.push("'repositories' is empty, so no repository could be replicated; leave it out to allow all");
    }
    const other = twinInRegistry(this, ecr.CfnRegistryPolicy.CFN_RESOURCE_TYPE_NAME);
    if (other) {
      problems.push(
        `'${other.node.path}' is the policy of the same registry, which can have only one, so CloudFormation would refuse a second; ` +
          "put both into one, with 'accounts' and 'statements'",
      );
    }
    return problems;
  }
}
