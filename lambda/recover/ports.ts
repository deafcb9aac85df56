/** What recoveries of a database reach. */
import type { RDSClient } from '@aws-sdk/client-rds';
import type { CutOver, Health, Restart } from '../contract';
import type { CutOverWay, HealthCheck, RestartWay } from '../cut-over/way';
import type { Inventories } from '../evidence/inventories';
import type { RecoveryChain } from '../evidence/recovery-chain';
import type { Live } from '../live/client';
import type { Identify } from '../runbook/approval';
import type { Examiner } from '../runbook/examiner-client';
import type { Identity } from '../runbook/identity';
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
  /** @throws Error without the proof, when it proves nothing */
  readonly who: (proof: string, runbook: Runbook) => Promise<Identity>;
  /** Who answers a question. */
  readonly identify: Identify;
}

/** One open recovery for each target. */
export interface RecoveryLock {
  /** @throws when another run holds it, unless it is the one that is to be rolled back */
  take(of: Filed, run: string, instead?: string): Promise<void>;
  release(of: Filed, run: string): Promise<void>;
}

/** What recoveries of a database and of tables share. */
export type SharedPorts = Pick<
  RecoveryPorts,
  'definition' | 'rds' | 'clock' | 'secret' | 'chain' | 'notify' | 'lock' | 'who' | 'identify'
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
