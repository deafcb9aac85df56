/** What a drill is deployed with, validated at synth as its runbook will at the door. */
import { Token } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { type DrillDefinition, drillDefinition, parse } from '../../lambda/contract';

/** @throws Error that names all that the runbook would refuse */
export function checkedDefinition(scope: Construct, definition: DrillDefinition): DrillDefinition {
  const { instance, copied } = definition.source;
  const source = { instance: Token.isUnresolved(instance) ? 'known-at-deployment' : instance, copied };
  parse(drillDefinition, { ...definition, source }, `restore drill '${scope.node.path}'`);
  return definition;
}
