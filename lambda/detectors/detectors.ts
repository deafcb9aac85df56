/** All detectors. Their order counts within a phase of one call no more than that of the objects. */
import type { Detector } from '../examiner/detector';
import { ownChecks } from '../examiner/row-checks';
import { blocks, indexBlocks } from './blocks';
import { btree } from './btree';
import { entries } from './entries';
import { fileSizes } from './file-sizes';
import { foreignKeys } from './foreign-keys';
import { heap } from './heap';
import { invalidIndexes } from './invalid-indexes';
import { otherIndexes } from './other-indexes';
import { rows } from './rows';
import { uniqueKeys } from './unique-keys';
import { visibilityMap } from './visibility-map';

export const DETECTORS: readonly Detector[] = [
  fileSizes,
  blocks,
  indexBlocks,
  heap,
  visibilityMap,
  rows,
  btree,
  uniqueKeys,
  invalidIndexes,
  entries,
  otherIndexes,
  foreignKeys,
  ownChecks,
];
