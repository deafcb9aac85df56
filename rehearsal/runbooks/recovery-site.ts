/** Runs the shipped recoveries against a rehearsal region: the same runbooks, and the same function that reaches data. */

import { randomBytes } from 'node:crypto';
import { CreateDBSubnetGroupCommand } from '@aws-sdk/client-rds';
import { CreateBucketCommand, PutObjectLockConfigurationCommand } from '@aws-sdk/client-s3';
import { CreateSecretCommand, GetSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import type {
  DatabaseRecoveryDefinition,
  DatabaseRecoveryRequest,
  RecoveryDocument,
  TableRecoveryDefinition,
  TableRecoveryRequest,
} from '../../lambda/contract';
import { ParameterCutOver } from '../../lambda/cut-over/parameter';
import { SecretCutOver } from '../../lambda/cut-over/secret';
import { examine } from '../../lambda/detectors/examine';
import { EvidenceChain } from '../../lambda/evidence/evidence-chain';
import { Inventories } from '../../lambda/evidence/inventories';
import { RecoveryChain } from '../../lambda/evidence/recovery-chain';
import { liveOf } from '../../lambda/live/client';
import { workOnLive } from '../../lambda/live/work';
import type { Ending, RecoveryOutcome } from '../../lambda/recover/outcome';
import type { RecoveryPorts } from '../../lambda/recover/ports';
import { recoverDatabase } from '../../lambda/recover/recover-database';
import type { Filed, SharedPorts } from '../../lambda/recover/shared-ports';
import type { TableRecoveryPorts } from '../../lambda/recover-tables/ports';
import { recoverTables } from '../../lambda/recover-tables/recover-tables';
import { type Answer, bindingOf } from '../../lambda/runbook/approval';
import { examinerOf } from '../../lambda/runbook/examiner-client';
import { identifyBySts, prove, startBinding } from '../../lambda/runbook/proof';
import { readLock } from '../../lambda/runbook/recovery-lock';
import { runOfExecution } from '../../lambda/runbook/run-id';
import { durable, type Runbook } from '../../lambda/runbook/runbook';
import { executionName } from '../../lambda/runbook/start';
import { swapPart } from '../../lambda/swap/tasks';
import { workOnTables } from '../../lambda/tables/work';
import type { Region } from '../region';
import { type ClientOptions, rdsClient, s3Client, secretsManagerClient, ssmClient } from '../server/clients';
import { impatient } from './drill-site';
import { RunningExecution } from './durable-executions';
import { localSigner } from './local-signer';

export interface RecoveryEvents {
  /** A step or poll of the runbook begins. */
  readonly onStep?: (name: string) => void;
  /**
   * What a person answers to what they are shown.
   *
   * @default - approved
   */
  readonly answer?: (shown: RecoveryDocument) => Answer['decision'] | Promise<Answer['decision']>;
  readonly restart?: RecoveryPorts['restart'];
  readonly health?: RecoveryPorts['health'];
  /** Ends the run at its next wait: for when the region goes, too. */
  readonly stop?: AbortSignal;
}

export interface RehearsedRun {
  readonly outcome: Pick<RecoveryOutcome, 'outcome' | 'halfDone' | 'recovered'>;
  /** Of the run, the oldest first. */
  readonly documents: readonly RecoveryDocument[];
  /** Short id of the run. */
  readonly run: string;
}

/** What the constructs would provision around recoveries. */
export class RecoverySite {
  private readonly signer = localSigner();
  private readonly clients: ClientOptions;
  /** The person who starts recoveries, and the one who approves them. */
  private readonly starter: ClientOptions;
  private readonly approver: ClientOptions;

  private constructor(
    private readonly region: Region,
    name: string,
  ) {
    this.clients = region.clients(name);
    this.starter = { ...this.clients, credentials: region.person('ada') };
    this.approver = { ...this.clients, credentials: region.person('grace') };
  }

  /** @param name of the region */
  static async build(region: Region, name: string): Promise<RecoverySite> {
    const clients = region.clients(name);
    const s3 = s3Client(clients);
    await Promise.all([
      rdsClient(clients).send(
        new CreateDBSubnetGroupCommand({
          DBSubnetGroupName: SUBNETS,
          DBSubnetGroupDescription: 'Subnets of copies that tables are read from',
          SubnetIds: ['subnet-0e0a', 'subnet-0e0b'],
        }),
      ),
      secretsManagerClient(clients).send(
        new CreateSecretCommand({ Name: PASSWORD_KEY, SecretString: randomBytes(48).toString('base64') }),
      ),
      s3.send(new CreateBucketCommand({ Bucket: BUCKET, ObjectLockEnabledForBucket: true })),
    ]);
    const Rule = { DefaultRetention: { Mode: 'GOVERNANCE' as const, Days: 365 } };
    await s3.send(
      new PutObjectLockConfigurationCommand({
        Bucket: BUCKET,
        ObjectLockConfiguration: { ObjectLockEnabled: 'Enabled', Rule },
      }),
    );
    return new RecoverySite(region, name);
  }

  /** @throws when the runbook itself ends in an error, which a recovery that stopped is not */
  async run(
    recovery: RehearsedRecovery,
    request: DatabaseRecoveryRequest,
    events: RecoveryEvents = {},
  ): Promise<RehearsedRun> {
    const definition = wholeRecovery(recovery);
    return this.execute(
      'recover-database',
      recoverDatabase(this.ports(definition, events)),
      definition,
      request,
      events,
    );
  }

  /** The same for tables. It ends with the report, and does not wait until the hold time is over. */
  async runTables(
    recovery: RehearsedTableRecovery,
    request: TableRecoveryRequest,
    events: RecoveryEvents = {},
  ): Promise<RehearsedRun> {
    const definition = wholeTableRecovery(recovery);
    const work = workOnTables({ swap: swapPart });
    const ports: TableRecoveryPorts = { ...this.shared(definition), tables: () => ({ ask: (task) => work(task) }) };
    return this.execute('recover-tables', recoverTables(ports), definition, request, events);
  }

  private async execute(
    kind: string,
    runbook: (input: unknown, book: Runbook) => Promise<RecoveryOutcome>,
    definition: DatabaseRecoveryDefinition | TableRecoveryDefinition,
    request: DatabaseRecoveryRequest | TableRecoveryRequest,
    events: RecoveryEvents,
  ): Promise<RehearsedRun> {
    const name = executionName(kind);
    const { endpoint } = this.clients;
    const startedBy = await prove(startBinding(definition, request), { ...this.starter, endpoint });
    const held = new AbortController();
    const stop = events.stop ? AbortSignal.any([events.stop, held.signal]) : held.signal;
    const execution: RunningExecution = new RunningExecution(
      (client) => durable(runbook, { durableExecutionClient: client }),
      { ...request, startedBy },
      {
        name,
        clock: impatient(stop),
        onUpdate: ({ Name, Action }) => {
          if (Action !== 'START' || !Name) return;
          if (Name === HOLDS) held.abort();
          else events.onStep?.(Name);
        },
        onSuspend: () => this.answer(definition, execution, events),
      },
    );
    this.region.show(execution);
    const run = runOfExecution(execution.arn);
    const ended = await execution.ended.catch((error: unknown) => {
      if (held.signal.aborted) return null;
      throw error;
    });
    if (ended && ended.status !== 'succeeded') {
      throw new Error(ended.status === 'failed' ? ended.error : 'the recovery was stopped');
    }
    const documents = await this.chain(definition).ofRun(run);
    const report = documents.find(({ name: of }) => of === 'report');
    if (!report) throw new Error(`run ${run} left no report, so how it ended is unknown; look at the region`);
    const { outcome, halfDone, recovered } = report.values as unknown as RehearsedRun['outcome'] & { outcome: Ending };
    return { outcome: { outcome, halfDone, recovered }, documents, run };
  }

  /** As `lifeboat approve` does, for a person with an identity of their own. */
  private async answer(
    { source, ...of }: DatabaseRecoveryDefinition | TableRecoveryDefinition,
    execution: RunningExecution,
    { answer = () => 'approve' as const }: RecoveryEvents,
  ): Promise<void> {
    const [question] = execution.waiting;
    if (!question) return;
    const open = await readLock(ssmClient(this.clients), { kind: 'database', id: source.instance });
    const wanted = open?.approval;
    if (!wanted) throw new Error('an approval is waited for, and the lock does not name it');
    const documents = await this.chain(of).ofRun(runOfExecution(execution.arn));
    const shown = documents.filter(({ kind }) => kind === 'proposal').at(-1);
    if (!shown) throw new Error('an approval is waited for, and nothing was shown');
    const decision = await answer(shown);
    const binding = bindingOf({ execution: execution.arn, question: question.name }, wanted, decision);
    const proof = await prove(binding, { ...this.approver, endpoint: this.clients.endpoint });
    execution.succeed(question.id, JSON.stringify({ decision, sha256: wanted.sha256, proof } satisfies Answer));
  }

  private chain(of: Filed): RecoveryChain {
    return new RecoveryChain(s3Client(this.clients), of.evidenceBucket, of, this.signer);
  }

  private shared(definition: unknown): SharedPorts {
    const secrets = secretsManagerClient(this.clients);
    return {
      definition,
      rds: rdsClient(this.clients),
      clock: Date.now,
      secret: async (id) => (await secrets.send(new GetSecretValueCommand({ SecretId: id }))).SecretString ?? '',
      chain: (of) => this.chain(of),
      notify: async () => {},
      ssm: ssmClient(this.clients),
      identify: identifyBySts({ endpoint: this.clients.endpoint }),
    };
  }

  private ports(definition: DatabaseRecoveryDefinition, events: RecoveryEvents): RecoveryPorts {
    const s3 = s3Client(this.clients);
    const secrets = secretsManagerClient(this.clients);
    const ssm = ssmClient(this.clients);
    const look = examine({ connections: 2 });
    const work = workOnLive({});
    const none = (what: string) => (): never => {
      throw new Error(`a rehearsal has no ${what}; pass one`);
    };
    return {
      ...this.shared(definition),
      examiner: () => examinerOf((task) => look(task)),
      live: () => liveOf((task) => work(task)),
      inventories: (of) =>
        new Inventories(s3, of.evidenceBucket, of, new EvidenceChain(s3, of.evidenceBucket, of, this.signer)),
      way: (of) => {
        if (of.kind === 'secret') return new SecretCutOver(secrets, of);
        if (of.kind === 'parameter') return new ParameterCutOver(ssm, of.parameter, of.withPort);
        throw new Error('a rehearsal has no Route 53, so cut over in another way');
      },
      restart: events.restart ?? none('service to restart'),
      health: events.health ?? none('endpoint to look at'),
    };
  }
}

const BUCKET = 'lifeboat-recoveries';
const SUBNETS = 'lifeboat-recoveries';
const PASSWORD_KEY = 'lifeboat/recoveries/password-key';
/** The poll in which a recovery of tables only waits for time to pass. */
const HOLDS = 'hold what an undo needs';

/** What differs between recoveries; the site provides the rest. */
export type RehearsedRecovery = Omit<
  DatabaseRecoveryDefinition,
  'examiner' | 'evidenceBucket' | 'signingKey' | 'recovered' | 'holdSeconds'
> &
  Partial<Pick<DatabaseRecoveryDefinition, 'recovered' | 'holdSeconds'>>;

export type RehearsedTableRecovery = Omit<
  TableRecoveryDefinition,
  'examiner' | 'evidenceBucket' | 'signingKey' | 'copy' | 'passwordKey' | 'holdSeconds'
>;

const OF_THE_SITE = { examiner: 'examiner', evidenceBucket: BUCKET, signingKey: 'signing-key' };

export const wholeRecovery = (recovery: RehearsedRecovery): DatabaseRecoveryDefinition => ({
  recovered: { prefix: 'recovered-', replacedPrefix: 'replaced-', unencrypted: true },
  holdSeconds: 24 * 3600,
  ...recovery,
  ...OF_THE_SITE,
});

export const wholeTableRecovery = (recovery: RehearsedTableRecovery): TableRecoveryDefinition => ({
  ...recovery,
  copy: {
    prefix: 'lifeboat-rehearsal-',
    subnetGroup: SUBNETS,
    securityGroups: ['sg-0e0e'],
    expiresAfterSeconds: 12 * 3600,
  },
  passwordKey: PASSWORD_KEY,
  holdSeconds: 24 * 3600,
  ...OF_THE_SITE,
});
