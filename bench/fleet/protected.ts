/** A fleet of databases that exist elsewhere, each with a drill: forty in a stack, which is what fits beside its site. */
import { App, Duration, Stack } from 'aws-cdk-lib';
import * as rds from 'aws-cdk-lib/aws-rds';
import { DrillSite, ProtectionPlan, Recurrence } from '../../lib';
import { DATABASES_PER_STACK, STACKS } from './size';

const app = new App();
for (let number = 1; number <= STACKS; number++) {
  const stack = new Stack(app, `Fleet${number}`, { env: { account: '111122223333', region: 'eu-west-1' } });
  const plan = new ProtectionPlan(stack, 'Plan', {
    objectives: { rpo: Duration.minutes(5), rto: Duration.hours(1) },
    site: new DrillSite(stack, 'Site'),
  });
  for (let database = 1; database <= DATABASES_PER_STACK; database++) {
    const instanceIdentifier = `orders-${number}-${database}`;
    const existing = rds.DatabaseInstance.fromDatabaseInstanceAttributes(stack, `Existing${database}`, {
      instanceIdentifier,
      instanceEndpointAddress: `${instanceIdentifier}.example.com`,
      port: 5432,
      securityGroups: [],
    });
    plan
      .addDatabase(`Orders${database}`, { database: existing })
      .addDrill('Monthly', { schedule: Recurrence.monthly({ day: 1, hour: 2 }) });
  }
}
