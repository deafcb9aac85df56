/**
 * A runbook that CloudFormation starts as part of a deployment, and waits for.
 *
 * It always answers: without an answer, CloudFormation waits for an hour, and then can't say why it failed.
 */

import { type CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import * as v from 'valibot';
import { parse } from '../contract';
import { describe, type Runbook } from './runbook';

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requests.html */
const customResourceEvent = v.object({
  RequestType: v.picklist(['Create', 'Update', 'Delete']),
  /** Anyone who has it can answer, so it is printed nowhere. */
  ResponseURL: v.string(),
  StackId: v.string(),
  RequestId: v.string(),
  LogicalResourceId: v.string(),
  PhysicalResourceId: v.optional(v.string()),
  /** All properties arrive as strings; one of them has the whole request. */
  ResourceProperties: v.object({ Request: v.string() }),
});
export type CustomResourceEvent = v.InferOutput<typeof customResourceEvent>;

export interface Provisioned {
  /** When it changes, CloudFormation asks for the deletion of the resource with the earlier one. */
  readonly physicalId: string;
  /** Shown to operators in the stack's events. */
  readonly reason: string;
  readonly attributes?: Readonly<Record<string, string>>;
}

/** Sends an answer to CloudFormation. */
export type Answer = (url: string, body: string) => Promise<void>;

/** CloudFormation accepts answers of up to 4 KB. */
const REASON_LENGTH = 1000;

/** How long a runbook may take until it answers: CloudFormation gives up after an hour. */
export const ANSWER_WITHIN_HOURS = 0.9;

export interface CustomResourcePorts {
  readonly cloudFormation: CloudFormationClient;
  readonly answer: Answer;
}

export const customResource =
  (
    provision: (event: CustomResourceEvent, runbook: Runbook) => Promise<Provisioned>,
    { cloudFormation, answer }: CustomResourcePorts,
  ) =>
  async (
    input: unknown,
    runbook: Runbook,
  ): Promise<{ readonly status: 'SUCCESS' | 'FAILED'; readonly reason: string }> => {
    const event = parse(customResourceEvent, input, "CloudFormation's request");
    const { StackId, RequestId, LogicalResourceId } = event;
    const provisioned = async () => {
      // A deletion does nothing, and must not fail.
      if (event.RequestType !== 'Delete') await refuseByHand(cloudFormation, event, runbook);
      return provision(event, runbook);
    };
    const result = await provisioned().then(
      (made) => ({ status: 'SUCCESS' as const, ...made }),
      (error: unknown) => ({
        status: 'FAILED' as const,
        physicalId: event.PhysicalResourceId ?? `${LogicalResourceId}-never-made`,
        reason: describe(error),
        attributes: undefined,
      }),
    );
    const { status, physicalId, attributes } = result;
    const reason = result.reason.slice(0, REASON_LENGTH);
    const body = JSON.stringify({
      Status: status,
      Reason: reason,
      PhysicalResourceId: physicalId,
      StackId,
      RequestId,
      LogicalResourceId,
      Data: attributes,
    });
    await runbook.step('answer CloudFormation', () => answer(event.ResponseURL, body), 'any error');
    return { status, reason };
  };

/**
 * The request comes with the event, and CloudFormation is not the only one who may invoke a function.
 *
 * @throws Error when no deployment of the stack is under way
 */
async function refuseByHand(
  cloudFormation: CloudFormationClient,
  event: CustomResourceEvent,
  runbook: Runbook,
): Promise<void> {
  const status = await runbook.step('see whether the stack is being deployed', () =>
    stackStatus(cloudFormation, event),
  );
  if (status.endsWith('_IN_PROGRESS')) return;
  throw new Error(
    `stack ${event.StackId} is ${status}, so CloudFormation did not ask for this, and nothing was done; deploy the stack instead ` +
      'of invoking its function',
  );
}

async function stackStatus(cloudFormation: CloudFormationClient, { StackId }: CustomResourceEvent): Promise<string> {
  const { Stacks } = await cloudFormation.send(new DescribeStacksCommand({ StackName: StackId }));
  return Stacks?.[0]?.StackStatus ?? 'unknown';
}

/** Whether this deployment has failed already, and is being rolled back. */
export async function isRollingBack(
  cloudFormation: CloudFormationClient,
  event: CustomResourceEvent,
  runbook: Runbook,
): Promise<boolean> {
  return runbook.step('see whether the stack is rolling back', async () =>
    (await stackStatus(cloudFormation, event)).includes('ROLLBACK'),
  );
}

/** @throws Error without the address: it is a secret until it is used */
export const putAnswer: Answer = async (url, body) => {
  // As bytes: the address is signed without a content type, and a string would add one.
  const { ok, status } = await fetch(url, { method: 'PUT', body: new TextEncoder().encode(body) });
  if (!ok) throw new Error(`CloudFormation's bucket refused the answer with status ${status}`);
};
