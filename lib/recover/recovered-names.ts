/** Names of what a recovery makes, by which IAM recognizes them. */
import type { IConstruct } from 'constructs';
import { COPY_PREFIX, RUN_SUFFIX_LENGTH } from '../../lambda/contract';

/** RDS allows identifiers of 63 characters. */
const PREFIX_LENGTH = 63 - RUN_SUFFIX_LENGTH;
const HASH_LENGTH = 8;

/**
 * Start of the identifiers of recovered databases, or of those that were replaced. Its hash is of the recovery's path, so
 * that the permissions of two recoveries never overlap. It never starts as the identifiers of drills do.
 */
export function recoveredPrefix(scope: IConstruct, target: string, what: 'recovered' | 'replaced'): string {
  const end = `${what}-${scope.node.addr.slice(-HASH_LENGTH)}-`;
  const words = target
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, PREFIX_LENGTH - end.length - 1 - 'db-'.length)
    .replace(/^-+|-+$/g, '');
  const start = !/^[a-z]/.test(words) || words.startsWith(COPY_PREFIX) ? `db-${words}` : words;
  return `${start.replace(/-$/, '')}-${end}`;
}
