/** How a run ended. Nothing of production has changed unless it says so. */
export type Ending =
  | 'recovered'
  | 'recovered, not healthy'
  | 'rolled back'
  | 'undone'
  | 'nothing to recover'
  | 'dry run'
  | 'refused'
  | 'abandoned'
  | 'timed out'
  | 'failed';

/** What the run returns; its report has all of it. */
export interface RecoveryOutcome {
  readonly outcome: Ending;
  /** Acts that were begun and not ended. */
  readonly halfDone: readonly string[];
  /** Identifier and DbiResourceId of the recovered database, once there is one. */
  readonly recovered: { readonly instance: string; readonly resourceId: string } | null;
  /** Key of the report. */
  readonly report: string;
}

/** How a run ends that a person did not approve. */
export const ENDINGS = { refused: 'refused', abandoned: 'abandoned', 'timed-out': 'timed out' } as const;
