/** All detectors. Their order counts within a phase of one call no more than that of the objects. */
import { btree } from './btree';
import type { Detector } from './detector';
import { foreignKeys } from './foreign-keys';
import { heap } from './heap';
import { ownChecks } from './row-checks';
import { rows } from './rows';

export const DETECTORS: readonly Detector[] = [heap, rows, btree, foreignKeys, ownChecks];
