/** The request that starts a drill, validated at synth as its runbook will at the door. */
import { Token } from 'aws-cdk-lib';
import type { Construct, IConstruct } from 'constructs';
import { COPY_PREFIX, type DrillRequest, drillRequest, parse, RUN_SUFFIX_LENGTH } from '../lambda/contract';

/** RDS allows identifiers of 63 characters. */
const PREFIX_LENGTH = 63 - RUN_SUFFIX_LENGTH;
const HASH_LENGTH = 8;

/** @throws Error that names all that the runbook would refuse */
export function checkedRequest(scope: Construct, request: DrillRequest): DrillRequest {
  const { instance, copied } = request.source;
  const source = { instance: Token.isUnresolved(instance) ? 'known-at-deployment' : instance, copied };
  parse(drillRequest, { ...request, source }, `restore drill '${scope.node.path}'`);
  return request;
}

/**
 * What identifiers of a drill's copies start with. The hash is of the drill's path, so that no two drills' permissions
 * meet, and none of them changes when drills are added or reordered.
 */
export function copyPrefix(scope: IConstruct, target: string): string {
  const room = PREFIX_LENGTH - COPY_PREFIX.length - HASH_LENGTH - 2;
  const words = target
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, room)
    .replace(/^-+|-+$/g, '');
  const hash = scope.node.addr.slice(-HASH_LENGTH);
  return `${COPY_PREFIX}${words ? `${words}-` : ''}${hash}-`;
}

/** A construct's path as one name: it goes into keys of evidence, which are cut at slashes. */
export function pathName(scope: IConstruct): string {
  return scope.node.path.replaceAll('/', '-') || 'App';
}
