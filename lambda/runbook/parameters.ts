/** Parameters of SSM's Parameter Store, in which holds, locks and what is deployed are kept. */
import {
  DeleteParameterCommand,
  GetParameterCommand,
  paginateGetParametersByPath,
  type SSMClient,
} from '@aws-sdk/client-ssm';
import { describe } from './error-text';

/** @returns undefined when there is none of that name */
export async function readParameter(ssm: SSMClient, Name: string): Promise<string | undefined> {
  try {
    return (await ssm.send(new GetParameterCommand({ Name }))).Parameter?.Value ?? '';
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** @returns false when there was none */
export async function deleteParameter(ssm: SSMClient, Name: string): Promise<boolean> {
  try {
    await ssm.send(new DeleteParameterCommand({ Name }));
    return true;
  } catch (error) {
    if (isAbsent(error)) return false;
    throw error;
  }
}

export interface Parameter {
  readonly name: string;
  readonly value: string;
}

/** All of a path, at any depth. */
export async function* parametersUnder(ssm: SSMClient, Path: string): AsyncGenerator<Parameter> {
  for await (const { Parameters = [] } of paginateGetParametersByPath({ client: ssm }, { Path, Recursive: true })) {
    for (const { Name = '', Value = '' } of Parameters) yield { name: Name, value: Value };
  }
}

/** Why the JSON of a parameter could not be understood. */
export const whyUnreadable = (error: unknown): string =>
  error instanceof SyntaxError ? 'it is not JSON' : describe(error);

const isAbsent = (error: unknown) => error instanceof Error && error.name === 'ParameterNotFound';
