/** The request that starts a drill, validated at synth as its runbook will at the door. */
import { Token } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { type DrillRequest, drillRequest, parse } from '../../lambda/contract';

/** @throws Error that names all that the runbook would refuse */
export function checkedRequest(scope: Construct, request: DrillRequest): DrillRequest {
  const { instance, copied } = request.source;
  const source = { instance: Token.isUnresolved(instance) ? 'known-at-deployment' : instance, copied };
  parse(drillRequest, { ...request, source }, `restore drill '${scope.node.path}'`);
  return request;
}
