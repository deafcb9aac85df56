/** Says what of a drill is deployed: to programs by a parameter, to people by outputs of the stack. */
import { CfnOutput, Stack, Token } from 'aws-cdk-lib';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { ISchedule } from 'aws-cdk-lib/aws-scheduler';
import * as ssm from 'aws-cdk-lib/aws-ssm';
import type { Construct } from 'constructs';
import { type DeployedDrill, type DrillDefinition, deployedDrill, deployedParameter } from '../../lambda/contract';
import { Mark } from '../synth/marks';
import { parseAtSynth } from '../synth/tokens';

export interface Deployed {
  readonly definition: DrillDefinition;
  readonly function: IFunction;
  readonly schedule: ISchedule;
}

/** Where each drill's parameter is, and its name. */
const published = new Mark<string>('drill-parameter');

/** @throws Error when another drill of the app writes the same parameter, and so the same evidence */
export function publishDrill(scope: Construct, { definition, ...made }: Deployed): void {
  const { plan, target, drill, evidenceBucket, signingKey, source } = definition;
  const stack = Stack.of(scope);
  refuseSameName(scope, stack, nameOf(definition));
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

function refuseSameName(scope: Construct, stack: Stack, name: string | undefined): void {
  if (name === undefined) return;
  const { account, region } = stack;
  const isKnown = !Token.isUnresolved(account) && !Token.isUnresolved(region);
  const place = isKnown ? `${account}/${region}${name}` : `${stack.node.path}${name}`;
  if (published.inAppOf(scope).includes(place)) {
    throw new Error(
      `drill '${scope.node.path}': another drill of this app writes the parameter '${name}' too, so CloudFormation would refuse one ` +
        "of them; state another 'planName', or choose another ID",
    );
  }
  published.put(scope, place);
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
