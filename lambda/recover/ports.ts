/** What recoveries of a database reach. */
import type { RDSClient } from '@aws-sdk/client-rds';
import type { CutOver, Health, Restart } from '../contract';
import type { CutOverWay, HealthCheck, RestartWay } from '../cut-over/way';
import type { Inventories } from '../evidence/inventories';
import type { RecoveryChain } from '../evidence/recovery-chain';
import type { Live } from '../live/client';
import type { Examiner } from '../runbook/examiner-client';
import type { Runbook } from '../runbook/runbook';
import type { TablesAnswers, TablesRequest } from '../tables/protocol';

/** Where evidence of the target lies, and what signs it. */
export interface Filed {
  readonly plan: string;
  readonly target: string;
  readonly evidenceBucket: string;
  readonly signingKey: string;
}

export interface RecoveryPorts {
  /** The deployed definition, unchecked; the runbook parses it at its start. */
  readonly definition: unknown;
  readonly rds: RDSClient;
  /** Read in steps and polls only. */
  readonly clock: () => number;
  /** The recoveries' examiner: its tasks on what was restored, and those on production. */
  readonly examiner: (functionName: string) => Examiner;
  readonly live: (functionName: string) => Live;
  readonly secret: (id: string) => Promise<string>;
  readonly inventories: (of: Filed) => Inventories;
  readonly chain: (of: Filed) => RecoveryChain;
  readonly way: (of: Exclude<CutOver, { kind: 'rename' }>) => CutOverWay;
  readonly restart: (of: Restart) => RestartWay;
  readonly health: (of: Exclude<Health, { kind: 'query' }>) => HealthCheck;
  /** Tells people. Failing to is told in the report, and stops nothing. */
  readonly notify: (topic: string, subject: string, text: string) => Promise<void>;
  readonly lock: RecoveryLock;
  /** @throws when the proof does not hold */
  readonly who: (proof: string, run: Runbook) => Promise<string>;
  readonly approve: Approve;
}

/** One open recovery for each target. */
export interface RecoveryLock {
  /** @throws when another run holds it, unless it is the one that is to be rolled back */
  take(of: Filed, run: string, instead?: string): Promise<void>;
  release(of: Filed, run: string): Promise<void>;
}

/** What is to be approved. */
export interface Shown {
  readonly sha256: string;
  readonly resources: readonly string[];
  readonly expires: string;
}

export interface Approval {
  readonly outcome: 'approved' | 'refused' | 'abandoned' | 'timed-out';
  readonly by: string | null;
  readonly at: string;
  readonly ignored: readonly string[];
}

/** @param notBy ARN of a person who may not approve */
export type Approve = (
  runbook: Runbook,
  name: string,
  shown: Shown,
  limit: { readonly hours: number },
  notBy: string | undefined,
) => Promise<Approval>;

/** What recoveries of a database and of tables share. */
export type SharedPorts = Pick<
  RecoveryPorts,
  'definition' | 'rds' | 'clock' | 'secret' | 'chain' | 'notify' | 'lock' | 'who' | 'approve'
>;

/** The function that reaches both databases of a recovery of tables. */
export interface Tables {
  ask<Task extends TablesRequest['task']>(
    request: Extract<TablesRequest, { task: Task }>,
  ): Promise<TablesAnswers[Task]>;
}

export interface TableRecoveryPorts extends SharedPorts {
  readonly tables: (functionName: string) => Tables;
}
