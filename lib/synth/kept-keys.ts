import { Annotations, CfnDeletionPolicy, CfnResource, Reference, Token, Tokenization } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import { Mark } from './marks';

interface User {
  readonly construct: IConstruct;
  readonly stays: () => boolean;
}

const users = new Mark<readonly User[]>('users-of-key');

/**
 * Warns of a key that CloudFormation deletes with its stack, once the app is whole: what a backup is encrypted with must be
 * there as long as the backup is. On the key, and once, whoever uses it.
 *
 * @param user what is encrypted with it
 * @param encryption the key's ARN, or a property that holds one; a key that was made elsewhere, synth can't look into
 * @param stays whether anything is left of it that the key could decrypt, asked once the app is whole
 */
export function warnOfFleetingKey(user: IConstruct, encryption: unknown, stays: () => boolean = () => true): void {
  for (const key of keysIn(encryption)) {
    const known = users.on(key);
    users.put(key, [...(known ?? []), { construct: user, stays }]);
    if (!known) key.node.addValidation({ validate: () => warn(key) });
  }
}

function warn(key: CfnResource): string[] {
  if (key.cfnOptions.deletionPolicy !== CfnDeletionPolicy.DELETE) return [];
  const left = (users.on(key) ?? []).filter(({ stays }) => stays());
  const [first, ...others] = new Set(left.map(({ construct }) => `'${construct.node.path}'`));
  if (!first) return [];
  Annotations.of(key).addWarningV2(
    'lifeboat:key-goes-with-its-stack',
    `CloudFormation schedules key '${key.node.path}' for deletion with its stack, and then nobody can read what ${first}` +
      `${others.length > 0 ? ` and ${others.length} more` : ''} encrypts with it, backups included; set ` +
      'removalPolicy: RETAIN on the key',
  );
  return [];
}

/** Keys of this app that a property refers to. */
function keysIn(value: unknown): CfnResource[] {
  if (Array.isArray(value)) return value.flatMap(keysIn);
  if (typeof value === 'string') {
    return Tokenization.reverseString(value).tokens.flatMap((token) => {
      const target = Reference.isReference(token) ? token.target : undefined;
      return CfnResource.isCfnResource(target) && target.cfnResourceType === 'AWS::KMS::Key' ? [target] : [];
    });
  }
  if (typeof value !== 'object' || value === null || Token.isUnresolved(value)) return [];
  return Object.values(value).flatMap(keysIn);
}
