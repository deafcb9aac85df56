import {
  Annotations,
  CfnDeletionPolicy,
  CfnResource,
  Reference,
  RemovalPolicy,
  Stack,
  Token,
  Tokenization,
} from 'aws-cdk-lib';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type { IConstruct } from 'constructs';
import { removalPolicyOf } from './enclosing-plan';
import { Mark } from './marks';

interface User {
  readonly construct: IConstruct;
  readonly stays: () => boolean;
}

const users = new Mark<readonly User[]>('users-of-key');

/**
 * Warns, once the app is complete, of a key that CloudFormation deletes with its stack: the key of a backup must exist
 * as long as the backup. The warning is on the key, once for all its users.
 *
 * @param user the construct that the key encrypts
 * @param encryption the key's ARN, or a property that contains it; settings of an imported key are unknown at synth
 * @param stays whether anything that the key decrypts outlives the stack, evaluated once the app is complete; by default
 * everything, unless the enclosing plan is torn down with it
 */
export function warnOfFleetingKey(
  user: IConstruct,
  encryption: unknown,
  stays: () => boolean = () => removalPolicyOf(user) !== RemovalPolicy.DESTROY,
): void {
  for (const key of keysIn(encryption, user)) {
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
    `CloudFormation schedules key '${key.node.path}' for deletion with its stack, after which data that ${first}` +
      `${others.length > 0 ? ` and ${others.length} more` : ''} encrypts with it can't be read, backups included; set ` +
      'removalPolicy: RETAIN on the key',
  );
  return [];
}

/** Keys of this app that a property refers to, directly or by an alias of this app. */
function keysIn(value: unknown, user: IConstruct): CfnResource[] {
  if (Array.isArray(value)) return value.flatMap((item) => keysIn(item, user));
  if (typeof value === 'string') {
    const keys = Tokenization.reverseString(value).tokens.flatMap((token) => {
      const target = Reference.isReference(token) ? token.target : undefined;
      return isOfType(target, 'AWS::KMS::Key') ? [target] : [];
    });
    return [...keys, ...aliasesIn(value, user).flatMap(({ targetKeyId }) => keysIn(targetKeyId, user))];
  }
  if (typeof value !== 'object' || value === null || Token.isUnresolved(value)) return [];
  return Object.values(value).flatMap((part) => keysIn(part, user));
}

/** An alias's ARN is built from its name, without a reference. */
function aliasesIn(value: string, user: IConstruct): kms.CfnAlias[] {
  const [, name] = /\b(alias\/[\w/-]+)"?/.exec(JSON.stringify(Stack.of(user).resolve(value))) ?? [];
  if (name === undefined) return [];
  const aliases = user.node.root.node.findAll().filter((one) => isOfType(one, 'AWS::KMS::Alias')) as kms.CfnAlias[];
  return aliases.filter(({ aliasName }) => aliasName === name);
}

function isOfType(construct: IConstruct | undefined, type: string): construct is CfnResource {
  return construct !== undefined && CfnResource.isCfnResource(construct) && construct.cfnResourceType === type;
}
