/** Says what of a drill is deployed: to programs by a parameter, to people by outputs of the stack. */
import { CfnOutput, Stack, Token } from 'aws-cdk-lib';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { ISchedule } from 'aws-cdk-lib/aws-scheduler';
import * as ssm from 'aws-cdk-lib/aws-ssm';
import type { Construct } from 'constructs';
import { type DeployedDrill, type DrillDefinition, deployedDrill, deployedParameter } from '../../lambda/contract';
import { parseAtSynth } from '../synth/tokens';

export interface Deployed {
  readonly definition: DrillDefinition;
  readonly function: IFunction;
  readonly schedule: ISchedule;
}

export function publishDrill(scope: Construct, { definition, ...made }: Deployed): void {
  const { plan, target, drill, evidenceBucket, signingKey, source } = definition;
  const stack = Stack.of(scope);
  const content: DeployedDrill = parseAtSynth(
    deployedDrill,
    {
      formatVersion: 1,
      kind: 'drill',
      plan,
      target,
      drill,
      region: stack.region,
      instance: source.instance,
      function: made.function.functionArn,
      schedule: made.schedule.scheduleName,
      evidenceBucket,
      signingKey,
    },
    `the parameter of drill '${scope.node.path}'`,
  );
  new ssm.CfnParameter(scope, 'Deployed', {
    name: nameOf(definition),
    type: 'String',
    description: 'Lifeboat: where a drill of a target is, for lifeboat and other programs',
    value: stack.toJsonString(content),
  });
}

/** Names that only deployment knows can't be written in letters of a parameter: CloudFormation names it then. */
function nameOf(definition: DrillDefinition): string | undefined {
  const { plan, target, drill } = definition;
  return [plan, target, drill].some((name) => Token.isUnresolved(name)) ? undefined : deployedParameter(definition);
}

/** Names that an operator needs: what starts a drill, and where its evidence lies. */
export function outputDrill(scope: Construct, { definition, ...made }: Deployed): void {
  const of = `drill ${definition.drill} of ${definition.target}`;
  const output = (id: string, value: string, what: string) =>
    new CfnOutput(scope, id, { value, description: `Lifeboat: ${what} ${of}` });
  output('FunctionArn', made.function.functionArn, 'invoke this to start');
  output('ScheduleName', made.schedule.scheduleName, 'the schedule of');
  output('EvidenceBucketName', definition.evidenceBucket, 'the bucket with the evidence of');
}
