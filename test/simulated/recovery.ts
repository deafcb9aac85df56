/**
 * A model of what recoveries of a database reach: RDS, the secret that applications read, and who may connect. On a
 * virtual clock, with faults, and with an application that goes on writing wherever it can. What PostgreSQL would do is
 * not modelled; the rehearsal region has the real one.
 */
import {
  CreateDBSnapshotCommand,
  type DBInstance,
  DescribeDBInstanceAutomatedBackupsCommand,
  DescribeDBInstancesCommand,
  DescribeDBSnapshotsCommand,
  DescribeEventsCommand,
  ModifyDBInstanceCommand,
  RDSClient,
  RestoreDBInstanceToPointInTimeCommand,
  type Tag,
} from '@aws-sdk/client-rds';
import type { Before, CutOverWay, Endpoint } from '../../lambda/cut-over/way';
import { type Live, liveOf } from '../../lambda/live/client';
import type { FenceBefore, LiveRequest, LiveResponse } from '../../lambda/live/protocol';
import { fault, MINUTE } from './region';

export interface Faults {
  readonly throttled: number;
  /** Took effect, but the answer was lost. */
  readonly lost: number;
  /** The same, and not worth a retry. */
  readonly garbled: number;
}

interface Database {
  readonly id: string;
  name: string;
  /** A name that it is about to get, and when. */
  renaming: { readonly to: string; readonly at: number } | null;
  readonly tags: readonly Tag[];
  readonly ready: number;
  /** Password that connections are accepted with, from a moment on. */
  password: string;
  passwordFrom: number;
  connect: boolean;
  busyUntil: number;
  writesOfApplication: number;
}

export const SOURCE = 'orders';
export const SOURCE_ID = 'db-SOURCE';
export const PASSWORD = "the application's own password";
const BEFORE: FenceBefore = { databases: [{ name: 'shop', connect: [{ role: 'app', grantable: false }] }], owners: [] };

export class SimulatedRecoveries {
  readonly databases = new Map<string, Database>();
  readonly snapshots = new Map<string, string>();
  /** Where the secret points, by resource id. */
  pointer = SOURCE_ID;
  private version = 1;
  /** Databases that applications have ever been sent to, and may still have open. */
  private readonly known = new Set([SOURCE_ID]);
  /** Whether a person has approved by now. */
  approved = false;
  /** Promises that were broken, as they were. */
  readonly broken: string[] = [];
  private made = 0;

  constructor(
    private readonly clock: () => number,
    private readonly random: () => number,
    private readonly faults: Faults,
    private readonly fenced: boolean,
  ) {
    this.add(SOURCE_ID, SOURCE, [], clock() - 1000 * MINUTE);
  }

  rds(alive: () => boolean): RDSClient {
    const send = (command: object) => this.reached(alive, () => this.answer(command));
    return Object.create(RDSClient.prototype, { send: { value: send } });
  }

  live(alive: () => boolean): Live {
    return liveOf((request) => this.reached(alive, () => this.work(request)));
  }

  way(alive: () => boolean): CutOverWay {
    const now = () => ({ version: this.version, id: this.pointer });
    const point = (id: string) => {
      this.changed(`the secret points to ${id}`, true);
      this.version += 1;
      this.pointer = id;
      this.known.add(id);
      this.look();
    };
    const reached = <T extends object>(effect: () => T) => this.reached(alive, effect);
    return {
      name: 'secret orders',
      read: () => reached((): Before => now()),
      warnings: async () => [],
      send: (before, to: Endpoint) =>
        reached(() => {
          if (this.pointer !== to.resourceId && this.pointer !== before.id)
            throw new Error('somebody changed the secret');
          if (this.pointer !== to.resourceId) point(to.resourceId);
          return now();
        }),
      takeBack: (before, to) =>
        reached(() => {
          if (this.pointer !== to.resourceId && this.pointer !== before.id)
            throw new Error('somebody changed the secret');
          if (this.pointer !== before.id) point(String(before.id));
          return now();
        }),
      look: () => reached(() => ({ done: true, state: 'current' })),
      settles: () => 0,
    };
  }

  /** What somebody would see who compares production before and after. */
  production(): string {
    const { name, connect, password } = this.current(SOURCE_ID);
    return JSON.stringify({ name, connect, password, pointer: this.pointer });
  }

  /** The one database that applications get into by its production name; undefined where there is none. */
  answers(byRename: boolean): string | undefined {
    const [found] = [...this.databases.values()].filter(({ id, name }) =>
      byRename ? name === SOURCE : id === this.pointer,
    );
    return found && this.isOpen(found) ? found.id : undefined;
  }

  private add(id: string, name: string, tags: readonly Tag[], ready: number): Database {
    const made: Database = {
      id,
      name,
      renaming: null,
      tags,
      ready,
      password: id === SOURCE_ID ? PASSWORD : 'of the backup',
      passwordFrom: 0,
      connect: true,
      busyUntil: 0,
      writesOfApplication: 0,
    };
    this.databases.set(id, made);
    return made;
  }

  private async reached<T>(alive: () => boolean, effect: () => T): Promise<T> {
    if (!alive()) return new Promise(() => {});
    const { throttled, lost, garbled } = this.faults;
    if (this.random() < throttled) throw fault('ThrottlingException', 400);
    const answer = effect();
    if (this.random() < lost) throw fault('TimeoutError');
    if (this.random() < garbled) throw fault('SyntaxError');
    return answer;
  }

  /** @param production whether it is production that changes */
  private changed(what: string, production: boolean): void {
    if (production && !this.approved) this.broken.push(`before the approval: ${what}`);
  }

  /** Never two that applications may still use, both open. */
  private look(): void {
    const open = [...this.databases.values()].filter((one) => this.known.has(one.id) && this.isOpen(one));
    if (this.fenced && open.length > 1) this.broken.push(`both are open: ${open.map(({ name }) => name).join(', ')}`);
  }

  private isOpen({ connect, password }: Database): boolean {
    return connect || password === PASSWORD;
  }

  private current(id: string): Database {
    const found = this.databases.get(id);
    if (!found) throw new Error(`there is no ${id}`);
    if (found.renaming && found.renaming.at <= this.clock()) {
      found.name = found.renaming.to;
      found.renaming = null;
      if (found.name === SOURCE) this.known.add(id);
      this.look();
    }
    return found;
  }

  private all(): Database[] {
    return [...this.databases.keys()].map((id) => this.current(id));
  }

  private answer(command: object): object {
    if (command instanceof DescribeDBInstancesCommand) {
      const { DBInstanceIdentifier: name, Filters } = command.input;
      const id = Filters?.[0]?.Values?.[0];
      const found = this.all().filter((one) => (name === undefined || one.name === name) && (!id || one.id === id));
      if (name !== undefined && found.length === 0) throw fault('DBInstanceNotFoundFault', 404);
      return { DBInstances: found.map((one) => this.shown(one)) };
    }
    if (command instanceof DescribeDBInstanceAutomatedBackupsCommand) {
      const [EarliestTime, LatestTime] = [this.clock() - 1e9, this.clock() - 4 * MINUTE].map((at) => new Date(at));
      return { DBInstanceAutomatedBackups: [{ Status: 'active', RestoreWindow: { EarliestTime, LatestTime } }] };
    }
    if (command instanceof DescribeEventsCommand) return { Events: [] };
    if (command instanceof RestoreDBInstanceToPointInTimeCommand) {
      const {
        TargetDBInstanceIdentifier: name = '',
        Tags = [],
        DeletionProtection,
        BackupRetentionPeriod,
      } = command.input;
      if (this.all().some((one) => one.name === name)) throw fault('DBInstanceAlreadyExistsFault', 400);
      if (!DeletionProtection || !BackupRetentionPeriod) this.broken.push('born without protection or backups');
      return this.shown(this.add(`db-${++this.made}`, name, Tags, this.clock() + 10 * MINUTE));
    }
    if (command instanceof ModifyDBInstanceCommand) return { DBInstance: this.modify(command.input) };
    if (command instanceof CreateDBSnapshotCommand) {
      const { DBSnapshotIdentifier: snapshot = '', DBInstanceIdentifier: name } = command.input;
      const of = this.all().find((one) => one.name === name);
      if (this.snapshots.has(snapshot)) throw fault('DBSnapshotAlreadyExistsFault', 400);
      if (!of || this.clock() < of.busyUntil) throw fault('InvalidDBInstanceState', 400);
      this.changed('a snapshot', of.id === SOURCE_ID);
      of.busyUntil = this.clock() + 3 * MINUTE;
      this.snapshots.set(snapshot, of.id);
      return {};
    }
    if (command instanceof DescribeDBSnapshotsCommand) {
      const { DBSnapshotIdentifier: snapshot = '' } = command.input;
      const DbiResourceId = this.snapshots.get(snapshot);
      if (!DbiResourceId) throw fault('DBSnapshotNotFoundFault', 404);
      return { DBSnapshots: [{ DBSnapshotIdentifier: snapshot, DbiResourceId, Status: 'available' }] };
    }
    throw new Error(`${command.constructor.name} is not modelled, and no recovery may delete`);
  }

  private modify(input: ModifyDBInstanceCommand['input']): DBInstance {
    const found = this.all().find((one) => one.name === input.DBInstanceIdentifier);
    if (!found) throw fault('DBInstanceNotFoundFault', 404);
    if (this.clock() < Math.max(found.ready, found.busyUntil) || found.renaming)
      throw fault('InvalidDBInstanceState', 400);
    const { NewDBInstanceIdentifier: to, MasterUserPassword: password } = input;
    if (to !== undefined) {
      if (this.all().some((one) => one.name === to)) throw fault('DBInstanceAlreadyExistsFault', 400);
      this.changed(`'${found.name}' is renamed`, found.id === SOURCE_ID || to === SOURCE);
      found.renaming = { to, at: this.clock() + 2 * MINUTE };
    }
    if (password !== undefined) {
      if (found.id === SOURCE_ID) this.broken.push("RDS resets production's password");
      found.password = password;
      found.passwordFrom = this.clock() + MINUTE / 2;
    }
    return this.shown(found);
  }

  private shown(one: Database): DBInstance {
    const now = this.clock();
    const ready = now >= one.ready;
    const status = one.renaming ? 'renaming' : now < one.busyUntil ? 'backing-up' : 'available';
    return {
      DBInstanceIdentifier: one.name,
      DbiResourceId: one.id,
      DBInstanceStatus: ready ? status : 'creating',
      DBInstanceClass: 'db.t3.large',
      Engine: 'postgres',
      EngineVersion: '17.10',
      StorageEncrypted: true,
      AllocatedStorage: 100,
      BackupRetentionPeriod: 7,
      PreferredMaintenanceWindow: 'sun:05:00-sun:05:30',
      DBName: 'shop',
      TagList: [...one.tags],
      PendingModifiedValues: {
        ...(now < one.passwordFrom && { MasterUserPassword: '****' }),
        ...(one.renaming && { DBInstanceIdentifier: one.renaming.to }),
      },
      ...(ready ? { Endpoint: { Address: `${one.id}.example`, Port: 5432 } } : {}),
    };
  }

  private work(request: LiveRequest): LiveResponse {
    const { host, password } = request.connection;
    const found = this.current(host.replace('.example', ''));
    const isProduction = this.known.has(found.id);
    const fence = 'fencePassword' in request ? request.fencePassword : undefined;
    if (this.clock() < found.passwordFrom || ![password, fence].includes(found.password)) {
      throw Object.assign(new Error('password authentication failed'), { name: 'CopyNotReady' });
    }
    switch (request.task) {
      case 'databases':
        return { names: ['shop'] };
      case 'tally': {
        // Applications write wherever they get in.
        if (isProduction && this.isOpen(found) && this.random() < 0.3) found.writesOfApplication += 1;
        const rows = 100 + found.writesOfApplication;
        const tally = { table: 'public.orders', rows, fingerprint: String(rows), newest: [], writes: rows };
        return { tables: [tally], next: null };
      }
      case 'fence-before':
        return BEFORE;
      case 'fence':
        this.changed('CONNECT is revoked', isProduction);
        found.connect = false;
        found.password = request.fencePassword;
        return { open: [] };
      case 'fence-look':
        return { ended: this.random() < 0.3 ? 1 : 0, users: [], writes: found.writesOfApplication, prepared: 0 };
      case 'lift-fence':
        found.connect = true;
        found.password = request.connection.password;
        this.look();
        return { left: [] };
      case 'health':
        return { healthy: true, state: 'the query is true' };
    }
  }
}
