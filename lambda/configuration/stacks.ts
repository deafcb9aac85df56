import {
  type CloudFormationClient,
  type CreateStackInput,
  GetTemplateCommand,
  type Parameter,
  paginateDescribeStacks,
  type Stack,
} from '@aws-sdk/client-cloudformation';
import { type Files, file, json, missing, sorted } from './configuration-files';

/** States of stacks that have no template yet, or none any more. */
const WITHOUT_TEMPLATE = ['REVIEW_IN_PROGRESS', 'DELETE_IN_PROGRESS', 'DELETE_COMPLETE'];

/** Each stack's template as it was written, and what else `create-stack` needs. */
export async function* stacksOf(cloudFormation: CloudFormationClient, wanted?: readonly string[]): Files {
  const found = new Set<string>();
  for await (const { Stacks = [] } of paginateDescribeStacks({ client: cloudFormation }, {})) {
    for (const stack of Stacks) {
      const name = String(stack.StackName);
      if ((wanted && !wanted.includes(name)) || WITHOUT_TEMPLATE.includes(String(stack.StackStatus))) continue;
      found.add(name);
      try {
        const { TemplateBody } = await cloudFormation.send(
          new GetTemplateCommand({ StackName: stack.StackId ?? name, TemplateStage: 'Original' }),
        );
        // A failure keeps yesterday's file, which is better than an empty one.
        if (!TemplateBody) throw new Error('CloudFormation gave no template');
        yield file(`stacks/${name}/template.${/^\s*\{/.test(TemplateBody) ? 'json' : 'yaml'}`, TemplateBody);
        yield json(`stacks/${name}/stack.json`, settingsOf(stack));
        const masked = sorted(stack.Parameters, 'ParameterKey').filter(isMasked);
        // In a file of their own, as outputs are: their values must come from elsewhere when the stack is made again.
        if (masked.length > 0) {
          yield json(
            `stacks/${name}/parameters-without-value.json`,
            masked.map(({ ParameterKey }) => ParameterKey),
          );
        }
        if (stack.Outputs?.length) yield json(`stacks/${name}/outputs.json`, sorted(stack.Outputs, 'OutputKey'));
      } catch (error) {
        // Deleted since it was listed.
        if (error instanceof Error && /does not exist/.test(error.message)) continue;
        yield { failure: `stack ${name}: ${error instanceof Error ? error.message : error}` };
      }
    }
  }
  yield* missing('stack', wanted, found);
}

/**
 * CloudFormation returns asterisks for NoEcho parameters: create-stack would take them as the value, and make them a
 * database's password.
 */
const isMasked = ({ ParameterValue = '' }: Parameter) => /^\*+$/.test(ParameterValue);

/** In the form of `create-stack --cli-input-json`, but for the template. */
function settingsOf(stack: Stack): CreateStackInput {
  return {
    StackName: stack.StackName,
    Parameters: sorted(stack.Parameters, 'ParameterKey')
      .filter((parameter) => !isMasked(parameter))
      .map(({ ParameterKey, ParameterValue }) => ({ ParameterKey, ParameterValue })),
    Capabilities: stack.Capabilities,
    NotificationARNs: stack.NotificationARNs,
    RoleARN: stack.RoleARN,
    EnableTerminationProtection: stack.EnableTerminationProtection,
    Tags: sorted(stack.Tags, 'Key'),
  };
}
