/**
 * Restart of an ECS service by a new deployment of the same task definition: tasks read secrets only at their start.
 *
 * ECS has no token for it, so a repeated start looks for a deployment that was created after applications were sent.
 * Whoever began it, its tasks have read the new values; and should it be missed, a second one does no harm.
 */
import {
  type Deployment,
  DescribeServicesCommand,
  type ECSClient,
  type Service,
  UpdateServiceCommand,
} from '@aws-sdk/client-ecs';
import type { Progress, Restarting, RestartWay, Started } from './way';

export class EcsRestart implements RestartWay {
  public readonly name: string;

  constructor(
    private readonly ecs: ECSClient,
    private readonly cluster: string,
    private readonly service: string,
  ) {
    this.name = `ECS service ${cluster.split('/').at(-1)}/${service.split('/').at(-1)}`;
  }

  async warnings(): Promise<string[]> {
    const { desiredCount = 0, deploymentConfiguration } = await this.described();
    const found: string[] = [];
    if (desiredCount === 0) found.push(`${this.name} is set to run no task, so there is nothing to restart`);
    if (deploymentConfiguration?.deploymentCircuitBreaker?.enable !== true) {
      found.push(
        `${this.name} has no deployment circuit breaker, so tasks that fail to start are started again and again, and ` +
          'the restart ends only at its time limit',
      );
    }
    return found;
  }

  async start({ since }: Restarting): Promise<Started> {
    const service = await this.described();
    const earlier = primary(service);
    if (earlier?.id !== undefined && isAfter(earlier, since)) return { id: earlier.id };
    const answer = await this.ecs.send(
      new UpdateServiceCommand({ cluster: this.cluster, service: this.service, forceNewDeployment: true }),
    );
    const id = answer.service && primary(answer.service)?.id;
    if (id !== undefined && id !== earlier?.id) return { id };
    return { waits: `${this.name} does not list its new deployment yet` };
  }

  async look(id: string, { since }: Restarting): Promise<Progress> {
    const service = await this.described();
    const own = service.deployments?.find((deployment) => deployment.id === id);
    const newest = primary(service);
    // ECS lists a deployment no more once another has replaced it.
    const seen = own?.status === 'PRIMARY' || own?.rolloutState === 'FAILED' ? own : newest;
    if (!seen) return { done: false, state: 'ECS lists no deployment' };
    const state = progressOf(seen);
    const rolledBack = isRollback(seen) ? seen : undefined;
    if (seen.rolloutState === 'FAILED' || rolledBack) {
      const reason = seen.rolloutStateReason ?? 'no reason given';
      return {
        done: false,
        state,
        failed:
          `${this.name}: deployment ${id} failed (${reason}); read the service's events and the stopped tasks, ` +
          'put the cause right, and force a new deployment',
      };
    }
    if (seen !== own && !isAfter(seen, since)) {
      return { done: false, state, failed: `${this.name}: deployment ${id} is gone; force a new deployment` };
    }
    return { done: seen.rolloutState === 'COMPLETED', state };
  }

  private async described(): Promise<Service> {
    const { services = [], failures = [] } = await this.ecs.send(
      new DescribeServicesCommand({ cluster: this.cluster, services: [this.service] }),
    );
    const [service] = services;
    if (service?.status !== 'ACTIVE') {
      const why = service?.status ?? failures[0]?.reason ?? 'not found';
      throw new Error(`${this.name} is ${why}, so it can't be restarted; name a service that runs`);
    }
    const controller = service.deploymentController?.type ?? 'ECS';
    if (controller === 'ECS') return service;
    throw new Error(
      `${this.name} is deployed by ${controller}, which refuses a forced deployment; restart it by a deployment of ` +
        'that controller, and leave it out of the recovery',
    );
  }
}

const primary = ({ deployments = [] }: Service) => deployments.find(({ status }) => status === 'PRIMARY');

const isAfter = ({ createdAt }: Deployment, since: string) => (createdAt?.getTime() ?? 0) > Date.parse(since);

const isRollback = ({ rolloutStateReason = '' }: Deployment) => /rolling back/i.test(rolloutStateReason);

function progressOf({ id, rolloutState, runningCount = 0, desiredCount = 0, failedTasks = 0 }: Deployment): string {
  const failed = failedTasks > 0 ? `, ${failedTasks} failed to start` : '';
  return `deployment ${id} is ${rolloutState ?? 'unknown'}: ${runningCount} of ${desiredCount} tasks run${failed}`;
}
