/** Runs the shipped recovery of a database against a rehearsal region: the same runbook and examiner. */
import { randomBytes } from 'node:crypto';
import { CreateBucketCommand, PutObjectLockConfigurationCommand } from '@aws-sdk/client-s3';
import { GetSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import type { DatabaseRecoveryDefinition, DatabaseRecoveryRequest, RecoveryDocument } from '../../lambda/contract';
import { ParameterCutOver } from '../../lambda/cut-over/parameter';
import { SecretCutOver } from '../../lambda/cut-over/secret';
import { examine } from '../../lambda/detectors/examine';
import { EvidenceChain } from '../../lambda/evidence/evidence-chain';
import { Inventories } from '../../lambda/evidence/inventories';
import { RecoveryChain } from '../../lambda/evidence/recovery-chain';
import { liveOf } from '../../lambda/live/client';
import { workOnLive } from '../../lambda/live/work';
import type { RecoveryOutcome } from '../../lambda/recover/outcome';
import type { Filed, RecoveryPorts } from '../../lambda/recover/ports';
import { recoverDatabase } from '../../lambda/recover/recover-database';
import { type Answer, bindingOf, type Identified } from '../../lambda/runbook/approval';
import { examinerOf } from '../../lambda/runbook/examiner-client';
import { identityOf } from '../../lambda/runbook/identity';
import { startBinding } from '../../lambda/runbook/proof';
import { readLock } from '../../lambda/runbook/recovery-lock';
import { durable } from '../../lambda/runbook/runbook';
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
}

export interface RecoveryRun {
  readonly outcome: RecoveryOutcome;
  /** Of the run, the oldest first. */
  readonly documents: readonly RecoveryDocument[];
  /** Short id of the run. */
  readonly run: string;
}

const BUCKET = 'lifeboat-recoveries';
const STARTER = identityOf('arn:aws:sts::123456789012:assumed-role/Operators/ada')!;
const APPROVER = identityOf('arn:aws:sts::123456789012:assumed-role/Operators/grace')!;

/** What the constructs would provision around recoveries. */
export class RecoverySite {
  private readonly signer = localSigner();

  private constructor(private readonly clients: ClientOptions) {}

  static async build(clients: ClientOptions): Promise<RecoverySite> {
    const s3 = s3Client(clients);
    await s3.send(new CreateBucketCommand({ Bucket: BUCKET, ObjectLockEnabledForBucket: true }));
    const Rule = { DefaultRetention: { Mode: 'GOVERNANCE' as const, Days: 365 } };
    await s3.send(
      new PutObjectLockConfigurationCommand({
        Bucket: BUCKET,
        ObjectLockConfiguration: { ObjectLockEnabled: 'Enabled', Rule },
      }),
    );
    return new RecoverySite(clients);
  }

  get chain(): (of: Filed) => RecoveryChain {
    return (of) => new RecoveryChain(s3Client(this.clients), of.evidenceBucket, of, this.signer);
  }

  /** @throws when the runbook itself ends in an error, which a recovery that stopped is not */
  async run(
    recovery: RehearsedRecovery,
    request: DatabaseRecoveryRequest,
    events: RecoveryEvents = {},
  ): Promise<RecoveryRun> {
    const definition = wholeRecovery(recovery);
    const runbook = recoverDatabase(this.ports(definition, events));
    let run = '';
    const execution = new RunningExecution(
      (client) =>
        durable(
          (input: unknown, book) => {
            run = book.id;
            return runbook(input, book);
          },
          { durableExecutionClient: client },
        ),
      { ...request, startedBy: `ada|${startBinding(definition, request)}` },
      {
        name: `recovery-${randomBytes(6).toString('hex')}`,
        clock: impatient(),
        onUpdate: ({ Name, Action }) => Action === 'START' && Name && events.onStep?.(Name),
        onSuspend: (waiting) => this.answer(definition, run, waiting, events),
      },
    );
    const ended = await execution.ended;
    if (ended.status !== 'succeeded') throw new Error(ended.status === 'failed' ? ended.error : 'it was stopped');
    return { outcome: ended.result as RecoveryOutcome, documents: await this.chain(definition).ofRun(run), run };
  }

  private async answer(
    definition: DatabaseRecoveryDefinition,
    run: string,
    execution: RunningExecution,
    { answer = () => 'approve' as const }: RecoveryEvents,
  ): Promise<void> {
    const [question] = execution.waiting;
    if (!question) return;
    // As `lifeboat approve` does, which reads in the lock what is wanted.
    const lock = await readLock(ssmClient(this.clients), { kind: 'database', id: definition.source.instance });
    const shown = (await this.chain(definition).ofRun(run)).filter(({ kind }) => kind === 'proposal').at(-1);
    if (!shown || !lock?.approval) throw new Error('an approval is waited for, and nothing was shown');
    const { sha256 } = lock.approval;
    const decision = await answer(shown);
    const proof = `grace|${bindingOf({ execution: execution.arn, question: question.name }, lock.approval, decision)}`;
    execution.succeed(question.id, JSON.stringify({ decision, sha256, proof } satisfies Answer));
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
      definition,
      rds: rdsClient(this.clients),
      clock: Date.now,
      examiner: () => examinerOf((task) => look(task)),
      live: () => liveOf((task) => work(task)),
      secret: async (id) => (await secrets.send(new GetSecretValueCommand({ SecretId: id }))).SecretString ?? '',
      inventories: (of) =>
        new Inventories(s3, of.evidenceBucket, of, new EvidenceChain(s3, of.evidenceBucket, of, this.signer)),
      chain: this.chain,
      way: (of) => {
        if (of.kind === 'secret') return new SecretCutOver(secrets, of);
        if (of.kind === 'parameter') return new ParameterCutOver(ssm, of.parameter, of.withPort);
        throw new Error('a rehearsal has no Route 53, so cut over in another way');
      },
      restart: events.restart ?? none('service to restart'),
      health: events.health ?? none('endpoint to look at'),
      notify: async () => {},
      ssm,
      identify: async (proof, binding): Promise<Identified> => {
        const [name, bound] = proof.split('|');
        const identity = name === 'ada' ? STARTER : APPROVER;
        return bound === binding ? { identity } : { why: 'it is bound to something else' };
      },
    };
  }
}

/** What differs between recoveries; the site provides the rest. */
export type RehearsedRecovery = Omit<
  DatabaseRecoveryDefinition,
  'examiner' | 'evidenceBucket' | 'signingKey' | 'recovered' | 'holdSeconds'
> &
  Partial<Pick<DatabaseRecoveryDefinition, 'recovered' | 'holdSeconds'>>;

export const wholeRecovery = (recovery: RehearsedRecovery): DatabaseRecoveryDefinition => ({
  recovered: { prefix: 'recovered-', replacedPrefix: 'replaced-', unencrypted: true },
  holdSeconds: 24 * 3600,
  ...recovery,
  examiner: 'examiner',
  evidenceBucket: BUCKET,
  signingKey: 'signing-key',
});
