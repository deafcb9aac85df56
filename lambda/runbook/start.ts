/** How a person starts a run. */
import { randomBytes } from 'node:crypto';
import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';

/** Lambda takes 64 letters, digits, hyphens and underscores: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html */
export const executionName = (what: string): string => `${what}-${randomBytes(12).toString('hex')}`;

export interface Started {
  /** ARN of the durable execution; null where Lambda did not say. */
  readonly execution: string | null;
}

/** Starts a run, and does not wait for it. The same name and request again return the run that is under way. */
export async function startRun(
  lambda: LambdaClient,
  functionArn: string,
  execution: string,
  request: object,
): Promise<Started> {
  const { DurableExecutionArn, StatusCode } = await lambda.send(
    new InvokeCommand({
      FunctionName: functionArn,
      InvocationType: 'Event',
      DurableExecutionName: execution,
      Payload: JSON.stringify(request),
    }),
  );
  if (StatusCode !== 202) throw new Error(`Lambda answered with ${StatusCode}, so whether the run began is unknown`);
  return { execution: DurableExecutionArn ?? null };
}
