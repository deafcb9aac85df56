/** What starts the watch on copies that AWS Backup makes. */
import * as v from 'valibot';
import { name, seconds, text } from './fields';

export const copyWatchRequest = v.strictObject({
  /** Id of the backup plan that asks for the copies. */
  plan: name,
  /** Name of the backup, in metrics. */
  backup: text,
  /** ARN of the vault that the copies go into. */
  vault: text,
  /** AWS Backup's names, as in `RDS`: each must have been copied. When empty, any copy counts. */
  resourceTypes: v.array(name),
  /** How far back the first query looks. */
  overdueAfterSeconds: seconds,
});

export type CopyWatchRequest = v.InferOutput<typeof copyWatchRequest>;
