/** What ECS runs: task definitions, and the services that run them. */
import {
  type CreateServiceRequest,
  DescribeServicesCommand,
  DescribeTaskDefinitionCommand,
  type ECSClient,
  paginateListClusters,
  paginateListServices,
  paginateListTaskDefinitionFamilies,
  type Service,
  type Tag,
  type TaskDefinition,
} from '@aws-sdk/client-ecs';
import { type Files, json, missing, sorted } from './configuration-files';

/** The newest active revision of each family, in the form of `register-task-definition --cli-input-json`. */
export async function* taskDefinitionsOf(ecs: ECSClient, wanted?: readonly string[]): Files {
  const found = new Set<string>();
  for await (const { families = [] } of paginateListTaskDefinitionFamilies({ client: ecs }, { status: 'ACTIVE' })) {
    for (const family of families) {
      if (wanted && !wanted.includes(family)) continue;
      found.add(family);
      try {
        const { taskDefinition = {}, tags } = await ecs.send(
          new DescribeTaskDefinitionCommand({ taskDefinition: family, include: ['TAGS'] }),
        );
        yield json(`task-definitions/${family}.json`, { ...registrable(taskDefinition), tags: ownTags(tags) });
      } catch (error) {
        // Deregistered since it was listed.
        if (error instanceof Error && /Unable to describe task definition/.test(error.message)) continue;
        yield { failure: `task definition ${family}: ${error instanceof Error ? error.message : error}` };
      }
    }
  }
  yield* missing('task definition', wanted, found);
}

/** Without the fields that ECS adds itself, and refuses in requests. */
function registrable(definition: TaskDefinition): Partial<TaskDefinition> {
  const {
    taskDefinitionArn,
    revision,
    status,
    requiresAttributes,
    compatibilities,
    registeredAt,
    registeredBy,
    deregisteredAt,
    ...rest
  } = definition;
  return rest;
}

/** DescribeServices takes ten names. */
const BATCH = 10;

/**
 * Each service's desired state, in the form of `create-service --cli-input-json`, by `cluster/service`. Its current
 * state (events, deployments, running tasks) changes all the time, and is left out.
 */
export async function* servicesOf(ecs: ECSClient, wanted?: readonly string[]): Files {
  const found = new Set<string>();
  for await (const { clusterArns = [] } of paginateListClusters({ client: ecs }, {})) {
    for (const cluster of clusterArns) {
      const wantedHere = wanted?.filter((name) => name.startsWith(`${nameIn(cluster)}/`));
      if (wantedHere?.length === 0) continue;
      try {
        yield* servicesIn(ecs, cluster, found, wantedHere);
      } catch (error) {
        // Deleted since it was listed.
        if (error instanceof Error && error.name === 'ClusterNotFoundException') continue;
        yield { failure: `services of cluster ${nameIn(cluster)}: ${error instanceof Error ? error.message : error}` };
        for (const name of wantedHere ?? []) found.add(name);
      }
    }
  }
  yield* missing('service', wanted, found);
}

async function* servicesIn(ecs: ECSClient, cluster: string, found: Set<string>, wanted?: readonly string[]): Files {
  const named = (arn = '') => `${nameIn(cluster)}/${nameIn(arn)}`;
  for await (const page of paginateListServices({ client: ecs, pageSize: BATCH }, { cluster })) {
    const listed = page.serviceArns?.filter((arn) => !wanted || wanted.includes(named(arn))) ?? [];
    if (listed.length === 0) continue;
    const { services = [], failures = [] } = await ecs.send(
      new DescribeServicesCommand({ cluster, services: listed, include: ['TAGS'] }),
    );
    for (const service of services) {
      // Others are being deleted.
      if (service.status !== 'ACTIVE') continue;
      found.add(named(service.serviceArn));
      yield json(`services/${named(service.serviceArn)}.json`, creatable(service, nameIn(cluster)));
    }
    for (const { arn, reason } of failures) {
      // Deleted since it was listed.
      if (reason === 'MISSING') continue;
      found.add(named(arn));
      yield { failure: `service ${named(arn)}: ${reason}` };
    }
  }
}

function creatable(service: Service, cluster: string): CreateServiceRequest {
  const { schedulingStrategy, deploymentController, networkConfiguration, roleArn } = service;
  const newest = service.deployments?.find(({ status }) => status === 'PRIMARY');
  // After CodeDeploy switched, its task set has the current settings; the service still has those it was created with.
  const bySet = deploymentController?.type === 'CODE_DEPLOY';
  const running = (bySet && service.taskSets?.find(({ status }) => status === 'PRIMARY')) || service;
  const network = (running.networkConfiguration ?? networkConfiguration)?.awsvpcConfiguration;
  return {
    cluster,
    serviceName: String(service.serviceName),
    taskDefinition: running.taskDefinition && nameIn(running.taskDefinition),
    // A daemon runs once on each instance, and ECS would refuse a count.
    desiredCount: schedulingStrategy === 'DAEMON' ? undefined : service.desiredCount,
    schedulingStrategy,
    launchType: running.launchType,
    capacityProviderStrategy: running.capacityProviderStrategy,
    platformVersion: running.platformVersion,
    networkConfiguration: network && {
      awsvpcConfiguration: {
        ...network,
        subnets: [...(network.subnets ?? [])].sort(),
        securityGroups: network.securityGroups && [...network.securityGroups].sort(),
      },
    },
    loadBalancers: running.loadBalancers,
    serviceRegistries: running.serviceRegistries,
    healthCheckGracePeriodSeconds: service.healthCheckGracePeriodSeconds,
    // ECS refuses a role where it uses its service-linked one.
    role: roleArn?.includes(':role/aws-service-role/') ? undefined : roleArn,
    deploymentController,
    deploymentConfiguration: service.deploymentConfiguration,
    availabilityZoneRebalancing: service.availabilityZoneRebalancing,
    placementConstraints: service.placementConstraints,
    placementStrategy: service.placementStrategy,
    enableExecuteCommand: service.enableExecuteCommand,
    enableECSManagedTags: service.enableECSManagedTags,
    propagateTags: service.propagateTags,
    serviceConnectConfiguration: newest?.serviceConnectConfiguration,
    volumeConfigurations: newest?.volumeConfigurations,
    vpcLatticeConfigurations: newest?.vpcLatticeConfigurations,
    tags: ownTags(service.tags),
  };
}

/** The last part of an ARN. */
const nameIn = (arn: string) => arn.slice(arn.lastIndexOf('/') + 1);

/** Without those that AWS sets itself, and refuses in requests. */
const ownTags = (tags: readonly Tag[] = []) =>
  sorted(
    tags.filter(({ key = '' }) => !key.startsWith('aws:')),
    'key',
  );
