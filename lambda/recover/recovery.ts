/** What all parts of one run of a recovery share: its ports, what is deployed, its documents, and what it has done. */
import { createHmac } from 'node:crypto';
import type { DatabaseRecoveryDefinition, RecoveryDraft } from '../contract';
import type { Published } from '../evidence/chain';
import type { Connection } from '../examiner/protocol';
import type { Live } from '../live/client';
import { notReady } from '../rds/instance';
import { instanceById } from '../rds/known-instance';
import { describe, type Runbook } from '../runbook/runbook';
import { DatabaseLock } from './lock';
import type { RecoveryPorts } from './ports';
import type { SharedPorts } from './shared-ports';

export type Paper = Pick<RecoveryDraft, 'kind' | 'name' | 'title'> & Partial<RecoveryDraft>;

/** Something that changes production, and how far it got. */
export interface Act {
  readonly what: string;
  done: boolean;
}

/** How it connects to one of both databases. */
export interface Side {
  readonly resourceId: string;
  /** The run whose fence is up there. */
  readonly fencedBy?: string;
}

/** What every recovery is deployed with, of a database or of tables. */
export type Deployed = Pick<
  DatabaseRecoveryDefinition,
  | 'plan'
  | 'target'
  | 'recovery'
  | 'source'
  | 'credentials'
  | 'database'
  | 'evidenceBucket'
  | 'signingKey'
  | 'notify'
  | 'approval'
  | 'unattended'
>;

export class RecoveryRun<Definition extends Deployed = Deployed, Ports extends SharedPorts = SharedPorts> {
  /** What was begun, in order; the same at every replay. */
  readonly acts: Act[] = [];
  /** What went wrong beside, and stops nothing. */
  readonly remarks: string[] = [];
  /** When something happened that people will ask about, in order. */
  readonly timeline: [moment: string, what: string][] = [];

  constructor(
    readonly ports: Ports,
    readonly definition: Definition,
    readonly runbook: Runbook,
    private readonly kind: 'recover-database' | 'recover-tables',
  ) {}

  get lock(): DatabaseLock {
    const { ssm, clock } = this.ports;
    return new DatabaseLock(ssm, this.definition, this.runbook, this.kind, clock);
  }

  /** The command that takes a run back, as an operator types it. */
  commandToTakeBack(run: string): string {
    const { plan, target } = this.definition;
    const action = this.kind === 'recover-tables' ? 'undo' : 'roll-back';
    return `lifeboat recover ${action} '${plan}' '${target}' --run ${run} --reason '...'`;
  }

  /** Publishes a document of this run, once. */
  async publish(paper: Paper): Promise<{ readonly key: string; readonly sha256: string }> {
    const { plan, target, recovery } = this.definition;
    const draft = {
      facts: [],
      sections: [],
      values: {},
      ...paper,
      plan,
      target,
      recovery,
      run: this.runbook.id,
      written: this.runbook.now.toISOString(),
    };
    return this.runbook.step(
      `write '${paper.name}'`,
      async () => {
        const { key, sha256 }: Published<unknown> = await this.ports.chain(this.definition).append(draft);
        return { key, sha256 };
      },
      'any error',
    );
  }

  /** Writes down the values from before, then acts. What fails in between is half done, and the report says so. */
  async act<T>(what: string, before: Record<string, unknown>, effect: () => Promise<T>): Promise<T> {
    await this.publish({ kind: 'intent', name: what, title: what, facts: factsOf(before), values: before });
    // Whoever abandoned this run has released its lock: then nothing more is changed.
    await this.runbook.step(`still hold the lock for '${what}'`, () => this.lock.tell(what));
    const act: Act = { what, done: false };
    this.acts.push(act);
    const result = await effect();
    act.done = true;
    this.happened(what);
    return result;
  }

  happened(what: string): void {
    this.timeline.push([this.runbook.now.toISOString(), what]);
  }

  /** People are told, if they can be. */
  async tell(subject: string, text: string): Promise<void> {
    const { notify } = this.definition;
    if (notify === undefined) return;
    const { target } = this.definition;
    const failed = await this.runbook.step(`notify: ${subject}`, () =>
      this.ports.notify(notify, `${target}: ${subject}`, text).then(
        () => null,
        (error: unknown) => describe(error),
      ),
    );
    if (failed !== null) this.remarks.push(`Nobody was notified of "${subject}": ${failed}`);
  }

  /**
   * How to connect, read anew: a rename moves the endpoint. Only ever called inside a step, whose result does not carry
   * the password.
   */
  async connection({ resourceId, fencedBy }: Side, database?: string): Promise<Connection> {
    const found = await instanceById(this.ports.rds, resourceId);
    const { Address: host, Port: port } = found?.Endpoint ?? {};
    if (!host || !port) throw notReady(`database ${resourceId} has no endpoint at the moment`);
    const { username, password } = await this.credentials();
    return {
      host,
      port,
      user: username,
      password: fencedBy === undefined ? password : fencePassword(password, fencedBy),
      database: database ?? this.definition.database ?? found?.DBName ?? 'postgres',
    };
  }

  /** Only ever called inside a step. Its errors quote nothing of the secret. */
  async credentials(): Promise<{ readonly username: string; readonly password: string }> {
    const id = this.definition.credentials;
    const unusable = `secret ${id} is not JSON with a username and a password, so nobody can log in with it; correct it`;
    let value: unknown;
    try {
      value = JSON.parse(await this.ports.secret(id));
    } catch (error) {
      if (error instanceof SyntaxError) throw new Error(unusable);
      throw error;
    }
    const { username, password } = (value ?? {}) as Record<string, unknown>;
    if (typeof username !== 'string' || typeof password !== 'string' || !username || !password)
      throw new Error(unusable);
    return { username, password };
  }
}

/** A run that recovers a whole database. */
export class Recovery extends RecoveryRun<DatabaseRecoveryDefinition, RecoveryPorts> {
  constructor(ports: RecoveryPorts, definition: DatabaseRecoveryDefinition, runbook: Runbook) {
    super(ports, definition, runbook, 'recover-database');
  }

  get live(): Live {
    return this.ports.live(this.definition.examiner);
  }
}

/**
 * The master user's password while a fence is up: derived, so that it is stored nowhere. Whoever knows the own password
 * and the run can derive it, which is no more than they could do before.
 */
export const fencePassword = (own: string, run: string): string =>
  createHmac('sha256', own).update(`lifeboat fence\n${run}`).digest('base64url');

/** Values as people read them. */
const factsOf = (values: Record<string, unknown>): [string, string][] =>
  Object.entries(values).map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]);
