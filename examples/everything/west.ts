/** What the recovery region holds besides the copies of databases, whose stack the plan makes. */
import { type App, Stack } from 'aws-cdk-lib';
import type * as sns from 'aws-cdk-lib/aws-sns';
import { ArchiveBucket, ProtectedVault } from '../../lib';
import { addOperators } from './operators';

export const WEST = 'us-west-2';
/** Names that both stacks state, so that neither needs the other. */
export const ARCHIVE_WEST = 'everything-archive-us-west-2';
export const RESUMES_WEST = 'everything-resumes-us-west-2';
export const VAULT_WEST = 'Everything';

export interface West {
  readonly stack: Stack;
  /** Alarms of the recovery region publish to a topic there. */
  readonly operators: sns.ITopic;
}

export function addWest(app: App): West {
  const stack = new Stack(app, 'Everything-west', { env: { region: WEST } });
  const { operators } = addOperators(stack);
  new ArchiveBucket(stack, 'Archive', { bucketName: ARCHIVE_WEST, notify: operators });
  new ArchiveBucket(stack, 'Resumes', { bucketName: RESUMES_WEST, notify: operators });
  new ProtectedVault(stack, 'Vault', { vaultName: VAULT_WEST, notify: operators });
  return { stack, operators };
}
