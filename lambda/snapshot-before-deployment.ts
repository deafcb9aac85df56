/**
 * Runbook: take a snapshot as part of a deployment, before what would change the data.
 *
 * A stack that is rolling back gets none: it must not fail for want of one, and the snapshot to go back to is the one
 * that this deployment began with. When the resource is deleted, the snapshots stay.
 */
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { RDSClient } from '@aws-sdk/client-rds';
import { deploymentSnapshotRequest, parse } from './contract';
import { ANSWER_WITHIN_HOURS, type Answer, customResource, putAnswer } from './custom-resource';
import { durable } from './runbook';
import { takeSnapshot } from './take-snapshot';

export interface DeploymentPorts {
  readonly rds: RDSClient;
  readonly cloudFormation: CloudFormationClient;
  readonly answer: Answer;
}

export const snapshotBeforeDeployment = ({ rds, cloudFormation, answer }: DeploymentPorts) =>
  customResource(async (event, runbook) => {
    const { RequestType, StackId, PhysicalResourceId = '', ResourceProperties } = event;
    if (RequestType === 'Delete') {
      return {
        physicalId: PhysicalResourceId,
        reason: 'Nothing was deleted: snapshots stay until a newer one replaces them.',
      };
    }
    const request = parse(deploymentSnapshotRequest, JSON.parse(ResourceProperties.Request), 'snapshot request');
    if (RequestType === 'Update') {
      const status = await runbook.step('see whether the stack is rolling back', async () => {
        const { Stacks } = await cloudFormation.send(new DescribeStacksCommand({ StackName: StackId }));
        return Stacks?.[0]?.StackStatus ?? 'unknown';
      });
      if (status.includes('ROLLBACK')) {
        return { physicalId: PhysicalResourceId, reason: `The stack is rolling back, so no snapshot was taken.` };
      }
    }
    const { snapshot, deleted, left } = await takeSnapshot(rds, { hours: ANSWER_WITHIN_HOURS })(request, runbook);
    const reasons = [`Snapshot ${snapshot} is available.`];
    if (deleted.length > 0) reasons.push(`Older ones were deleted: ${deleted.join(', ')}.`);
    if (left.length > 0) reasons.push(`Older ones could not be deleted: ${left.join('; ')}.`);
    return { physicalId: snapshot, reason: reasons.join(' ') };
  }, answer);

let ports: DeploymentPorts | undefined;

/** The shipped function. */
export const handler = durable((event: unknown, runbook) => {
  ports ??= { rds: new RDSClient(), cloudFormation: new CloudFormationClient(), answer: putAnswer };
  return snapshotBeforeDeployment(ports)(event, runbook);
});
