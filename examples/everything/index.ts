/**
 * All that Lifeboat provisions, in one primary region and one recovery region: what a shop with a database, files, a
 * cache, logs, images and configuration would deploy. Copy the file of what you need; each construct works alone.
 */
import { type App, AspectPriority, Aspects, Stack } from 'aws-cdk-lib';
import { CoverageCheck, TemplateCheck } from '../../lib';
import { addArchive } from './archive';
import { addAwsBackup } from './aws-backup';
import { addCache } from './cache';
import { addDatabase } from './database';
import { addExports } from './exports';
import { addNetwork } from './network';
import { addOperators } from './operators';
import { addRest } from './rest';
import { addWest } from './west';

const EAST = 'us-east-1';

/** Adds the stacks of both regions. @returns the primary one */
export function addEverything(app: App): Stack {
  const west = addWest(app);
  const primary = new Stack(app, 'Everything', { env: { region: EAST } });
  const { key, operators: notify } = addOperators(primary);
  const vpc = addNetwork(primary, key);
  const archive = addArchive(primary, notify);
  const { database, plan } = addDatabase(primary, { vpc, key, notify, western: west.operators });
  addExports(primary, { database, archive, vpc, key, notify });
  addAwsBackup(primary, { database, site: plan.site, vpc, key, notify });
  addCache(primary, { archive, vpc, key, notify });
  addRest(primary, { key, notify });
  // Only an order of deployment: S3 refuses replication into a bucket that does not exist.
  primary.addStackDependency(west.stack, 'its buckets are replicated there, its backups copied');
  for (const check of [new CoverageCheck(), new TemplateCheck()]) {
    Aspects.of(app).add(check, { priority: AspectPriority.READONLY });
  }
  return primary;
}
