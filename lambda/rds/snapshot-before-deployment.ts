/**
 * Runbook: take a snapshot as part of a deployment, before what would change the data.
 *
 * A stack that is rolling back gets none: a snapshot that can't be taken must not fail the rollback, and the one to
 * restore was taken when this deployment began. When the resource is deleted, the snapshots stay.
 */
import { createHash } from 'node:crypto';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { RDSClient } from '@aws-sdk/client-rds';
import { SSMClient } from '@aws-sdk/client-ssm';
import { deploymentSnapshotRequest, parse, RUN_SUFFIX_LENGTH } from '../contract';
import { ANSWER_WITHIN_HOURS, type Answer, customResource, isRollingBack, putAnswer } from '../runbook/custom-resource';
import { askHold } from '../runbook/hold';
import { shipped } from '../runbook/runbook';
import { takeSnapshot } from './take-snapshot';

export interface DeploymentPorts {
  readonly rds: RDSClient;
  readonly ssm: SSMClient;
  readonly cloudFormation: CloudFormationClient;
  readonly answer: Answer;
}

export const snapshotBeforeDeployment = ({ rds, ssm, cloudFormation, answer }: DeploymentPorts) =>
  customResource(
    async (event, runbook) => {
      const { RequestType, PhysicalResourceId = '', ResourceProperties } = event;
      if (RequestType === 'Delete') {
        return {
          physicalId: PhysicalResourceId,
          reason: 'Nothing was deleted: snapshots stay until a newer one replaces them.',
        };
      }
      const request = parse(deploymentSnapshotRequest, JSON.parse(ResourceProperties.Request), 'snapshot request');
      if (RequestType === 'Update' && (await isRollingBack(cloudFormation, event, runbook))) {
        return { physicalId: PhysicalResourceId, reason: 'The stack is rolling back, so no snapshot was taken.' };
      }
      // Lambda may deliver an event twice, and a second snapshot would have an older one deleted.
      const run = createHash('sha256').update(event.RequestId).digest('hex').slice(0, RUN_SUFFIX_LENGTH);
      const hold = askHold([ssm], { kind: 'database', id: request.instance }, Date.now);
      const take = takeSnapshot({ rds, hold }, { hours: ANSWER_WITHIN_HOURS, run });
      const { snapshot, deleted, left } = await take(request, runbook);
      const reasons = [`Snapshot ${snapshot} is available.`];
      if (deleted.length > 0) reasons.push(`Older ones were deleted: ${deleted.join(', ')}.`);
      if (left.length > 0) reasons.push(`Older ones could not be deleted: ${left.join('; ')}.`);
      return { physicalId: snapshot, reason: reasons.join(' ') };
    },
    { cloudFormation, answer },
  );

export const handler = shipped(snapshotBeforeDeployment, () => ({
  rds: new RDSClient(),
  ssm: new SSMClient(),
  cloudFormation: new CloudFormationClient(),
  answer: putAnswer,
}));
