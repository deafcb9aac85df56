/** Lets people start a function of Lifeboat by hand: what it is to do is deployed with it. */
import { Stack, Token } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';

/**
 * @param what is started, as in `drill`
 * @throws Error when the grantee lies in a stack of another region, whose policies can't refer to the function
 */
export function grantStart(
  what: string,
  made: Construct,
  starts: lambda.IFunction,
  grantee: iam.IGrantable,
): iam.Grant {
  if (Construct.isConstruct(grantee)) refuseFarGrantee(what, made, grantee);
  return iam.Grant.addToPrincipal({ grantee, actions: ['lambda:InvokeFunction'], resourceArns: [starts.functionArn] });
}

function refuseFarGrantee(what: string, made: Construct, grantee: Construct): void {
  const [here, there] = [Stack.of(made).region, Stack.of(grantee).region];
  if (Token.isUnresolved(here) || Token.isUnresolved(there) || here === there) return;
  throw new Error(
    `${what} '${made.node.path}' is in ${here} and the grantee '${grantee.node.path}' in ${there}, so a policy there can't refer to it; ` +
      `name the role, and import it beside the ${what}: iam.Role.fromRoleName(Stack.of(${what}), 'Starter', name)`,
  );
}
