/** Health by alarms of CloudWatch: all of them have to be OK, and one that does not exist is not. */
import { type CloudWatchClient, paginateDescribeAlarms } from '@aws-sdk/client-cloudwatch';
import type { HealthCheck } from './way';

export class AlarmsHealthCheck implements HealthCheck {
  public readonly name: string;

  constructor(
    private readonly cloudWatch: CloudWatchClient,
    private readonly names: readonly string[],
  ) {
    this.name = names.length === 1 ? `alarm ${names[0]}` : `${names.length} alarms`;
  }

  async look(): Promise<{ healthy: boolean; state: string }> {
    const states = new Map<string, string>();
    const pages = paginateDescribeAlarms(
      { client: this.cloudWatch },
      // Without the types, composite alarms are left out.
      { AlarmNames: [...this.names], AlarmTypes: ['MetricAlarm', 'CompositeAlarm'] },
    );
    for await (const { MetricAlarms = [], CompositeAlarms = [] } of pages) {
      for (const { AlarmName = '', StateValue = 'unknown' } of [...MetricAlarms, ...CompositeAlarms]) {
        states.set(AlarmName, StateValue);
      }
    }
    const wrong = this.names.flatMap((name) => {
      const state = states.get(name);
      if (state === 'OK') return [];
      return [`'${name}' ${state === undefined ? 'does not exist' : `is ${state}`}`];
    });
    return wrong.length === 0 ? { healthy: true, state: 'all are OK' } : { healthy: false, state: wrong.join(', ') };
  }
}
