/** A run that recovers tables: what it is, and what is known of it, also when it ends early. */
import type { TableRecoveryDefinition } from '../contract';
import type { RestorePoint } from '../rds/restore-point';
import type { RecoveryRun } from '../recover/recovery';
import type { Comparison, PlannedTable } from '../tables/protocol';
import type { TableRecoveryPorts } from './ports';
import type { Written } from './write';

export type TableRecovery = RecoveryRun<TableRecoveryDefinition, TableRecoveryPorts>;

export interface TableStory {
  point: RestorePoint | null;
  copy: { readonly instance: string; readonly expires: string } | null;
  refused: readonly string[];
  found: readonly ToBringBack[];
  written: Written | null;
}

/** A table that was found to differ, or not. */
export interface ToBringBack {
  readonly planned: PlannedTable;
  readonly compared: Comparison;
}
