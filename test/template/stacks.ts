/** Stacks, databases, a plan and a drill, for tests to take apart. */
import { App, Duration, Stack } from 'aws-cdk-lib';
import { Annotations, Match, Template as Unexamined } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as rds from 'aws-cdk-lib/aws-rds';
import * as sns from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { DrillSource, ProtectionPlan, Recurrence, RestoreDrill, type RestoreDrillProps } from '../../lib';
import { deafAlarms } from './alarm-metrics';
import { deadStatements } from './dead-statements';

export const OBJECTIVES = { rpo: Duration.minutes(5), rto: Duration.hours(1) };

export function newStack(id = 'Test'): Stack {
  return new Stack(new App({ builtinCloudFormationValidation: false }), id);
}

/** A stack in the primary region, and a topic for its alarms. */
export function primaryStack() {
  const app = new App({ builtinCloudFormationValidation: false });
  const stack = new Stack(app, 'Primary', { env: { account: '111122223333', region: 'us-east-1' } });
  return { app, stack, notify: new sns.Topic(stack, 'Oncall') };
}

export function newDatabase(scope: Construct, props: Partial<rds.DatabaseInstanceProps> = {}): rds.DatabaseInstance {
  return new rds.DatabaseInstance(scope, 'Database', {
    engine: rds.DatabaseInstanceEngine.postgres({ version: rds.PostgresEngineVersion.VER_17 }),
    vpc: new ec2.Vpc(scope, 'Vpc', { maxAzs: 2, natGateways: 0 }),
    vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_ISOLATED },
    ...props,
  });
}

/** Made elsewhere: synth knows its name and little more. */
export function importedDatabase(scope: Construct, instanceIdentifier = 'orders', port = 5432): rds.IDatabaseInstance {
  return rds.DatabaseInstance.fromDatabaseInstanceAttributes(scope, `Imported-${instanceIdentifier}`, {
    instanceIdentifier,
    instanceEndpointAddress: `${instanceIdentifier}.example.com`,
    port,
    securityGroups: [],
  });
}

export function newPlan(scope: Construct): ProtectionPlan {
  return new ProtectionPlan(scope, 'Protection', { objectives: OBJECTIVES });
}

export function newDrill(stack: Stack, props: Partial<RestoreDrillProps> = {}): RestoreDrill {
  return new RestoreDrill(stack, 'Drill', {
    source: props.source ?? DrillSource.database(importedDatabase(stack)),
    schedule: Recurrence.daily({ hour: 2 }),
    objectives: OBJECTIVES,
    ...props,
  });
}

/** But those of alarms without an action: most stacks of tests have no topic. */
export function warningsOf(stack: Stack): string[] {
  return allWarningsOf(stack).filter((warning) => !warning.includes(UNHEARD));
}

/** Of alarms without an action. */
export function unheardAlarmsOf(stack: Stack): string[] {
  return allWarningsOf(stack).filter((warning) => warning.includes(UNHEARD));
}

const UNHEARD = 'lifeboat:nobody-is-told';

function allWarningsOf(stack: Stack): string[] {
  return Annotations.fromStack(stack)
    .findWarning('*', Match.anyValue())
    .map(({ entry }) => String(entry.data));
}

/** What tests ask a template. */
export type Template = Unexamined;

/** Templates of constructs under test, refused where a policy can never match, or an alarm reads what nobody writes. */
export const Template = {
  fromStack(stack: Stack): Unexamined {
    const template = Unexamined.fromStack(stack);
    const dead = deadStatements(template.toJSON());
    if (dead.length > 0) throw new Error(`policies of ${stack.stackName} can never match:\n  ${dead.join('\n  ')}`);
    const deaf = deafAlarms(template.toJSON());
    if (deaf.length > 0) throw new Error(`alarms of ${stack.stackName} never fire:\n  ${deaf.join('\n  ')}`);
    return template;
  },
};
