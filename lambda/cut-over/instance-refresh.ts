/**
 * Restart of an Auto Scaling group by an instance refresh, which replaces its instances.
 *
 * Auto Scaling has no token for it and runs one at a time, so a repeated start looks for one that began after
 * applications were sent: all its instances have read the new values. One that began earlier is waited for.
 */
import {
  type AutoScalingClient,
  DescribeInstanceRefreshesCommand,
  type InstanceRefresh,
  StartInstanceRefreshCommand,
} from '@aws-sdk/client-auto-scaling';
import type { Progress, Restarting, RestartWay, Started } from './way';

const UNDER_WAY = ['Pending', 'InProgress', 'Baking', 'Cancelling', 'RollbackInProgress'];

export class InstanceRefreshRestart implements RestartWay {
  public readonly name: string;

  constructor(
    private readonly autoScaling: AutoScalingClient,
    private readonly group: string,
  ) {
    this.name = `Auto Scaling group ${group}`;
  }

  async warnings(): Promise<string[]> {
    const refreshes = await this.refreshes();
    const [current] = refreshes.filter(isUnderWay);
    return [
      `${this.name}: instances that are protected from scale-in or in standby are waited for for an hour, and then ` +
        'the refresh fails',
      ...(current
        ? [`${this.name}: the instance refresh ${current.InstanceRefreshId} is under way, and is waited for first`]
        : []),
    ];
  }

  async start({ since }: Restarting): Promise<Started> {
    const refreshes = await this.refreshes();
    const ours = refreshes.find((refresh) => replacesAllAfter(refresh, since));
    if (ours?.InstanceRefreshId !== undefined) return { id: ours.InstanceRefreshId };
    const other = refreshes.find(isUnderWay);
    if (other) return { waits: `an earlier refresh goes on: ${progressOf(other)}` };
    try {
      const { InstanceRefreshId: id } = await this.autoScaling.send(
        new StartInstanceRefreshCommand({
          AutoScalingGroupName: this.group,
          // The launch template is the same: with matching instances skipped, none would be replaced.
          Preferences: { SkipMatching: false },
        }),
      );
      if (id !== undefined) return { id };
    } catch (error) {
      // Begun since it was looked for, perhaps by a try whose answer was lost: the next start finds it.
      if (!(error instanceof Error) || !/^InstanceRefreshInProgress/.test(error.name)) throw error;
    }
    return { waits: 'a refresh has just begun' };
  }

  async look(id: string): Promise<Progress> {
    const [refresh] = await this.refreshes([id]);
    if (!refresh) return { done: false, state: `refresh ${id} is not listed` };
    const state = progressOf(refresh);
    if (refresh.Status === 'Successful') return { done: true, state };
    if (isUnderWay(refresh)) return { done: false, state };
    return {
      done: false,
      state,
      failed:
        `${this.name}: ${state}; instances that were not replaced still use the damaged database: put the cause ` +
        'right, and start another refresh',
    };
  }

  private async refreshes(InstanceRefreshIds?: string[]): Promise<readonly InstanceRefresh[]> {
    // The newest come first.
    const { InstanceRefreshes = [] } = await this.autoScaling.send(
      new DescribeInstanceRefreshesCommand({ AutoScalingGroupName: this.group, InstanceRefreshIds }),
    );
    return InstanceRefreshes;
  }
}

const isUnderWay = ({ Status }: InstanceRefresh) => UNDER_WAY.includes(String(Status));

/** One that is pending has replaced nothing yet. */
const replacesAllAfter = ({ Status, StartTime }: InstanceRefresh, since: string) =>
  Status === 'Pending' || (StartTime?.getTime() ?? 0) > Date.parse(since);

function progressOf({ InstanceRefreshId, Status, StatusReason, PercentageComplete = 0 }: InstanceRefresh): string {
  const reason = StatusReason ? ` (${StatusReason})` : '';
  return `refresh ${InstanceRefreshId} is ${Status}, ${PercentageComplete} % complete${reason}`;
}
