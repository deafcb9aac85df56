import { CfnResource, Stack, Token } from 'aws-cdk-lib';
import * as ecr from 'aws-cdk-lib/aws-ecr';
import { Construct } from 'constructs';
import { accountIdProblem, regionNameProblem } from '../synth/names';
import { refuseAll } from '../synth/problems';
import { checkProps, type PropsOf } from '../synth/props';

/** A registry that images are replicated to. */
export interface ImageDestination {
  /** Its region, as in `us-west-2`. */
  readonly region: string;

  /**
   * Its account. Another one must let images in: deploy an `ImageReplicationAccess` there first, else what is pushed in
   * the meantime never arrives.
   *
   * @default - the account of the stack
   */
  readonly account?: string;
}

export interface ImageReplicationProps {
  /** Where images go: 1 to 25 registries. */
  readonly destinations: ImageDestination[];

  /**
   * What names of the repositories start with, up to 100.
   *
   * @default - all repositories of the registry
   */
  readonly repositories?: string[];
}

const PROPS: PropsOf<ImageReplicationProps> = { destinations: true, repositories: true };

/**
 * Container images in other regions, under the same names and digests, so that a region can be started without the one
 * that built them.
 *
 * A registry, which is an account in a region, has one such configuration. Where there is one already, CloudFormation
 * refuses to make another: take it over with `cdk import`, or delete its rules first. Only what is pushed from then on is
 * replicated by itself, mostly within 30 minutes; for what was there before, `aws ecr start-replication-backfill` once for
 * each destination. Deletions and settings of repositories are not replicated.
 * https://docs.aws.amazon.com/AmazonECR/latest/userguide/replication.html
 * https://docs.aws.amazon.com/AmazonECR/latest/userguide/replication-backfill.html
 *
 * @throws Error that names all that ECR would refuse
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
        `it has ${destinations.length} destinations, and ECR takes 1 to 25; name the regions you would recover in`,
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
          `${region} is where the images are, and a registry is not replicated to itself; name another region`,
        );
      }
      if (names.indexOf(names[index] as string) < index) problems.push(`${region} is named twice; name it once`);
    });
    if (repositories?.length === 0) {
      problems.push('no repository is named, so ECR would replicate all; leave the list out to say so');
    }
    if (repositories && repositories.length > 100) {
      problems.push(
        `it names ${repositories.length} repositories, and ECR takes 100; name what their names start with`,
      );
    }
    const other = twinInRegistry(this, ecr.CfnReplicationConfiguration.CFN_RESOURCE_TYPE_NAME);
    if (other) {
      problems.push(
        `'${other.node.path}' configures the same registry, which has one configuration, so CloudFormation would refuse a ` +
          'second; put the destinations of both into one',
      );
    }
    return problems;
  }
}

/**
 * What another construct of the app makes of the same type for the same registry, which is an account in a region. ECR
 * has one of each, and CloudFormation refuses to make a second.
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
