import { Stack, Token } from 'aws-cdk-lib';
import * as ecr from 'aws-cdk-lib/aws-ecr';
import * as iam from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { accountIdProblem } from '../synth/names';
import { refuseAll } from '../synth/problems';
import { checkProps, type PropsOf } from '../synth/props';
import { twinInRegistry } from './image-replication';

export interface ImageReplicationAccessProps {
  /** Accounts whose images are let in, 12 digits each. */
  readonly accounts: string[];

  /**
   * What names of the repositories start with that they may make and write to, as in `shop/`.
   *
   * @default - all repositories of the registry
   */
  readonly repositories?: string[];

  /**
   * What else the policy of the registry says. There is one policy for all: what is not here is not in it.
   *
   * @default - nothing else
   */
  readonly statements?: iam.PolicyStatement[];
}

const PROPS: PropsOf<ImageReplicationAccessProps> = { accounts: true, repositories: true, statements: true };

/**
 * Lets `ImageReplication` of other accounts in: the policy of this account's registry in this region. Deploy one in each
 * region that is a destination, before the replication.
 *
 * A registry has one policy. Where there is one already, CloudFormation refuses to make another: say here what
 * `aws ecr get-registry-policy` shows, and take it over with `cdk import`. It goes when the stack goes, and images that
 * arrived stay. https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry-permissions.html
 *
 * Repositories that don't exist yet are made as ECR makes them, with tags that move, unless a creation template for
 * replication says otherwise.
 *
 * @throws Error that names all that would keep images out, or let in nobody
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
      problems.push('it names no account, so nobody would be let in; name the ones that replicate');
    for (const account of new Set(accounts)) {
      const noAccount = accountIdProblem(account, 'ECR would refuse the policy');
      if (noAccount) problems.push(noAccount);
      if (!Token.isUnresolved(account) && account === own) {
        problems.push(`${account} is the registry's own account, which replicates without leave; leave it out`);
      }
    }
    if (repositories?.length === 0) {
      problems.push('no repository is named, so nothing would be let in; leave the list out to let in all');
    }
    const other = twinInRegistry(this, ecr.CfnRegistryPolicy.CFN_RESOURCE_TYPE_NAME);
    if (other) {
      problems.push(
        `'${other.node.path}' is the policy of the same registry, which has one, so CloudFormation would refuse a second; ` +
          "say all in one, by 'accounts' and 'statements'",
      );
    }
    return problems;
  }
}
