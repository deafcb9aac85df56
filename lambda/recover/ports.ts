/** What recoveries of a database reach. */
import type { RDSClient } from '@aws-sdk/client-rds';
import type { SSMClient } from '@aws-sdk/client-ssm';
import type { CutOver, Health, Restart } from '../contract';
import type { CutOverWay, HealthCheck, RestartWay } from '../cut-over/way';
import type { Inventories } from '../evidence/inventories';
import type { RecoveryChain } from '../evidence/recovery-chain';
import type { Live } from '../live/client';
import type { Identify } from '../runbook/approval';
import type { Examiner } from '../runbook/examiner-client';
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
  /** Holds the lock of the target, in the region that the recovery runs in. */
  readonly ssm: SSMClient;
  /** Who starts a run, and who answers a question. */
  readonly identify: Identify;
}

/** What recoveries of a database and of tables share. */
export type SharedPorts = Pick<
  RecoveryPorts,
  'definition' | 'rds' | 'clock' | 'secret' | 'chain' | 'notify' | 'ssm' | 'identify'
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
