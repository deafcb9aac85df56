/** Says what of a recovery is deployed, for `lifeboat` to find it during an outage. */
import { Stack, Token } from 'aws-cdk-lib';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import * as ssm from 'aws-cdk-lib/aws-ssm';
import type { Construct } from 'constructs';
import {
  type DatabaseRecoveryDefinition,
  type DeployedRecovery,
  deployedRecovery,
  deployedRecoveryParameter,
  type TableRecoveryDefinition,
} from '../../lambda/contract';
import { Mark } from '../synth/marks';
import { parseAtSynth } from '../synth/tokens';

const published = new Mark<string>('recovery-parameter');

/** @throws Error when another recovery of the app writes the same parameter, and so the same evidence */
export function publishRecovery(
  scope: Construct,
  definition: DatabaseRecoveryDefinition | TableRecoveryDefinition,
  starts: IFunction,
): void {
  const { plan, target, recovery, source, evidenceBucket, signingKey, approval } = definition;
  const stack = Stack.of(scope);
  const name = deployedRecoveryParameter(definition);
  refuseSameName(scope, stack, name);
  const content: DeployedRecovery = parseAtSynth(
    deployedRecovery,
    {
      formatVersion: 1,
      kind: 'recovery',
      of: 'recovered' in definition ? 'database' : 'tables',
      plan,
      target,
      recovery,
      region: stack.region,
      instance: source.instance,
      function: starts.functionArn,
      approval: approval.waived ? 'no-one' : approval.byStarter ? 'anyone' : 'another',
      cutOver: 'cutOver' in definition ? definition.cutOver.map(({ kind }) => kind) : [],
      evidenceBucket,
      signingKey,
    },
    `the parameter of recovery '${scope.node.path}'`,
  );
  new ssm.CfnParameter(scope, 'Deployed', {
    name,
    type: 'String',
    description: 'Lifeboat: where a recovery of a target is, for lifeboat and other programs',
    value: stack.toJsonString(content),
  });
}

function refuseSameName(scope: Construct, { account, region, node }: Stack, name: string): void {
  const isKnown = !Token.isUnresolved(account) && !Token.isUnresolved(region);
  const place = isKnown ? `${account}/${region}${name}` : `${node.path}${name}`;
  if (published.inAppOf(scope).includes(place)) {
    throw new Error(
      `recovery '${scope.node.path}': another recovery of this app writes the parameter '${name}' too, so CloudFormation would ` +
        "refuse one of them; state another 'planName' or 'target', or choose another ID",
    );
  }
  published.put(scope, place);
}
