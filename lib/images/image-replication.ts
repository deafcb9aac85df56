import { CfnResource, Stack, Token } from 'aws-cdk-lib';
import * as ecr from 'aws-cdk-lib/aws-ecr';
import { Construct } from 'constructs';
import { accountIdProblem, regionNameProblem } from '../synth/names';
import { refuseAll } from '../synth/problems';
import { checkProps, type PropsOf } from '../synth/props';

/** A registry that images are replicated into. */
export interface ImageDestination {
  /** Its region, as in `us-west-2`. */
  readonly region: string;

  /**
   * Its account. Another account must allow replication: deploy an `ImageReplicationAccess` there first, or images
   * pushed in the meantime never arrive.
   *
   * @default - the account of the stack
   */
  readonly account?: string;
}

export interface ImageReplicationProps {
  /** Where images go: 1 to 25 registries. */
  readonly destinations: ImageDestination[];

  /**
   * Prefixes of the names of repositories, up to 100.
   *
   * @default - all repositories of the registry
   */
  readonly repositories?: string[];
}

const PROPS: PropsOf<ImageReplicationProps> = { destinations: true, repositories: true };

/**
 * Container images in other regions, under the same names and digests, so that containers can start without the region
 * that built their images.
 *
 * A registry, which is an account in a region, has one such configuration. CloudFormation refuses to create it where
 * one exists: take that over with `cdk import`, or delete its rules first. Only images pushed from then on are
 * replicated, mostly within 30 minutes; for older ones, run `aws ecr start-replication-backfill` once for each
 * destination. Deletions and settings of repositories are not replicated.
 * https://docs.aws.amazon.com/AmazonECR/latest/userguide/replication.html
 * https://docs.aws.amazon.com/AmazonECR/latest/userguide/replication-backfill.html
 *
 * @throws Error that lists all that ECR would refuse
 */
export class ImageReplication extends Construct {
  constructor(scope: Construct, id: string, props: ImageReplicationProps) {
    super(scope, id);
    checkProps(this, props, PROPS);
    const { account } = Stack.of(this);
    const { destinations, repositories = [] } = props;
    refuseAll(`image replication '${this.node.path}'`, this.problemsOf(props));
    new ecr.CfnReplicationConfiguration(this, 'Configuration', {
      replicationConfiguration: {
        rules: [
          {
            destinations: destinations.map(({ region, account: registryId = account }) => ({ region, registryId })),
            ...(repositories.length > 0 && {
              repositoryFilters: repositories.map((filter) => ({ filter, filterType: 'PREFIX_MATCH' })),
            }),
          },
        ],
      },
    });
  }

  private problemsOf({ destinations, repositories }: ImageReplicationProps): string[] {
    const stack = Stack.of(this);
    const problems: string[] = [];
    if (destinations.length < 1 || destinations.length > 25) {
      problems.push(
        `'destinations' has ${destinations.length} entries, and ECR takes 1 to 25; state the regions you would recover in`,
      );
    }
    const names = destinations.map(({ region, account = stack.account }) => `${region} of ${account}`);
    for (const account of new Set(destinations.map((each) => each.account))) {
      const noAccount = accountIdProblem(account, 'no image would ever get there');
      if (noAccount) problems.push(noAccount);
    }
    destinations.forEach(({ region, account = stack.account }, index) => {
      if (Token.isUnresolved(region)) return;
      const unknown = regionNameProblem(region);
      if (unknown) problems.push(unknown);
      if (region === stack.region && account === stack.account) {
        problems.push(
          `'destinations' has ${region} of this account, the registry's own region, so ECR would refuse it; use another region`,
        );
      }
      if (names.indexOf(names[index] as string) < index)
        problems.push(`'destinations' has ${region} twice; state it once`);
    });
    if (repositories?.length === 0) {
      problems.push("'repositories' is empty, so ECR would replicate all; leave it out if you mean all");
    }
    if (repositories && repositories.length > 100) {
      problems.push(
        `'repositories' has ${repositories.length} entries, and ECR allows 100; use prefixes of their names`,
      );
    }
    const other = twinInRegistry(this, ecr.CfnReplicationConfiguration.CFN_RESOURCE_TYPE_NAME);
    if (other) {
      problems.push(
        `'${other.node.path}' configures the same registry, which can have only one replication configuration, so CloudFormation would ` +
          'refuse a second; put the destinations of both into one',
      );
    }
    return problems;
  }
}

/**
 * A resource of the same type in this app for the same registry, which is an account in a region. ECR has only one, and
 * CloudFormation refuses to create a second.
 */
export function twinInRegistry(scope: Construct, type: string): CfnResource | undefined {
  const own = Stack.of(scope);
  return scope.node.root.node
    .findAll()
    .filter((each) => CfnResource.isCfnResource(each))
    .find((each) => each.cfnResourceType === type && (each.stack === own || sameRegistry(each.stack, own)));
}

/** Two stacks without an environment may be deployed to different ones. */
const sameRegistry = (one: Stack, other: Stack) =>
  !Token.isUnresolved(one.account) &&
  !Token.isUnresolved(one.region) &&
  one.account === other.account &&
  one.region === other.region;
