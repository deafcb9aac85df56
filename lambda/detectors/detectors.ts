/** All detectors. Their order counts within a phase of one call no more than that of the objects. */
import type { Detector } from '../examiner/detector';
import { ownChecks } from '../examiner/row-checks';
import { blocks, indexBlocks } from './blocks';
import { btree } from './btree';
import { catalogs, dependencies } from './catalogs';
import { commitLog, transactions } from './commit-log';
import { definitions } from './definitions';
import { entries } from './entries';
import { exclusions } from './exclusions';
import { fileSizes } from './file-sizes';
import { foreignKeys } from './foreign-keys';
import { heap } from './heap';
import { invalidIndexes } from './invalid-indexes';
import { largeObjectReferences, largeObjects } from './large-objects';
import { materializedViews } from './materialized-views';
import { otherIndexes } from './other-indexes';
import { rows } from './rows';
import { settings } from './settings';
import { uniqueKeys } from './unique-keys';
import { visibilityMap } from './visibility-map';

export const DETECTORS: readonly Detector[] = [
  settings,
  fileSizes,
  materializedViews,
  transactions,
  blocks,
  indexBlocks,
  heap,
  visibilityMap,
  rows,
  commitLog,
  catalogs,
  definitions,
  dependencies,
  largeObjects,
  largeObjectReferences,
  btree,
  uniqueKeys,
  invalidIndexes,
  entries,
  otherIndexes,
  foreignKeys,
  exclusions,
  ownChecks,
];
