/** All detectors. Their order counts within a phase of one call no more than that of the objects. */

import type { Detector } from '../examiner/detector';
import { ownChecks } from '../examiner/row-checks';
import { btree } from './btree';
import { foreignKeys } from './foreign-keys';
import { heap } from './heap';
import { rows } from './rows';

export const DETECTORS: readonly Detector[] = [heap, rows, btree, foreignKeys, ownChecks];
