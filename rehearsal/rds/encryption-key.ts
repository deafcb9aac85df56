/**
 * KMS keys, by name only. There is no KMS here and nothing is encrypted. What counts is that a key belongs to one
 * region, since RDS refuses a copy that doesn't name a key of its destination.
 */
import { createHash } from 'node:crypto';
import { KMSKeyNotAccessibleFault, type StorageEncryptionType } from '@aws-sdk/client-rds';
import { shown } from '../server/call';
import { ACCOUNT } from '../server/world';

const ARN = /^arn:aws[\w-]*:kms:([\w-]+):\d{12}:(?:key\/[\w-]+|(alias\/[\w/-]+))$/;
const ALIAS = /^alias\/[\w/-]+$/;
const ID = /^([\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}|mrk-[\da-f]{32})$/;

/** RDS's default key for encrypted instances; a snapshot under it can't be shared. */
export const DEFAULT_KEY = 'alias/aws/rds';

/**
 * The ARN of a key given as ARN, id or alias, as RDS shows it. Every well-formed name of this region has a key.
 *
 * @param role of the key in the request, which RDS puts into its message
 * @throws KMSKeyNotAccessibleFault for a malformed name, and for a key of another region
 */
export function keyArn(region: string, key: string, role = 'specified'): string {
  const [, owner, alias] = ARN.exec(key) ?? [];
  if (owner === region && !alias) return key;
  const name = owner === region ? alias! : key;
  if (ALIAS.test(name)) return keyOf(region, idBehind(region, name));
  if (ID.test(key)) return keyOf(region, key);
  const message =
    `The ${role} KMS key [${shown(key)}] does not exist, is not enabled or you do not have permissions to access it.` +
    (owner && owner !== region ? ` It belongs to ${owner}; this is ${region}.` : '');
  throw new KMSKeyNotAccessibleFault({ message, $metadata: {} });
}

/** How instances, snapshots and backups show that they are encrypted. */
export function encryptionType(settings: { readonly StorageEncrypted: boolean }): StorageEncryptionType {
  return settings.StorageEncrypted ? 'sse-kms' : 'none';
}

function keyOf(region: string, id: string): string {
  return `arn:aws:kms:${region}:${ACCOUNT}:key/${id}`;
}

/** An alias always means the same key, and a different one in each region. */
function idBehind(region: string, alias: string): string {
  const digits = createHash('sha256').update(`${region} ${alias}`).digest('hex');
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5');
}
