/** Recoveries of a database through random faults, crashes, answers and stops: what they promise whatever happens. */

import { DeleteParameterCommand, GetParameterCommand, PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import fc from 'fast-check';
import type { DatabaseRecoveryDefinition, DatabaseRecoveryRequest, RecoveryDocument } from '../../../lambda/contract';
import { sha256Of } from '../../../lambda/evidence/documents';
import { RecoveryChain } from '../../../lambda/evidence/recovery-chain';
import type { RecoveryOutcome } from '../../../lambda/recover/outcome';
import type { RecoveryPorts } from '../../../lambda/recover/ports';
import { recoverDatabase } from '../../../lambda/recover/recover-database';
import type { Filed } from '../../../lambda/recover/shared-ports';
import { bindingOf, type Identified } from '../../../lambda/runbook/approval';
import { identityOf } from '../../../lambda/runbook/identity';
import { startBinding } from '../../../lambda/runbook/proof';
import type { RunningExecution } from '../../../rehearsal/runbooks/durable-executions';
import { runCrashing } from '../../simulated/crashes';
import { SIGNER, simulatedPorts } from '../../simulated/drill';
import { type Faults, PASSWORD, SimulatedRecoveries, SOURCE, SOURCE_ID } from '../../simulated/recovery';
import { QUIET, SimulatedRegion } from '../../simulated/region';
import { seededRandom } from '../../simulated/seeded-random';

/** More are for whoever changed the runbook: 1,000 take minutes, as each of many steps is replayed after each wait. */
const COUNT = Number(process.env.LIFEBOAT_SCHEDULES ?? 250);

interface Schedule extends Faults {
  readonly seed: number;
  readonly crashes: number;
  readonly stoppedAfter: number | undefined;
  readonly way: 'secret' | 'rename';
  readonly fence: 'connect' | 'none';
  /** What a person answers to the first question, and to those after it. */
  readonly answers: readonly ['approve' | 'refuse' | 'abandon' | 'nothing', 'approve' | 'refuse' | 'nothing'];
  /** Answers about another document, or with another's proof, that come before. */
  readonly stale: boolean;
  readonly rollBack: boolean;
}

const share = (most: number) => fc.double({ min: 0, max: most, noNaN: true });
const schedules: fc.Arbitrary<Schedule> = fc.record({
  seed: fc.integer({ min: 0 }),
  throttled: share(0.15),
  lost: share(0.15),
  garbled: fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: share(0.06) }),
  crashes: share(0.2),
  stoppedAfter: fc.oneof(
    { weight: 9, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 60 }) },
  ),
  way: fc.constantFrom('secret' as const, 'rename' as const),
  fence: fc.constantFrom('connect' as const, 'connect' as const, 'none' as const),
  answers: fc.tuple(
    fc.constantFrom(
      'approve' as const,
      'approve' as const,
      'approve' as const,
      'refuse' as const,
      'abandon' as const,
      'nothing' as const,
    ),
    fc.constantFrom('approve' as const, 'approve' as const, 'refuse' as const, 'nothing' as const),
  ),
  stale: fc.boolean(),
  rollBack: fc.boolean(),
});

const definitionOf = ({ way, fence }: Schedule): DatabaseRecoveryDefinition => ({
  plan: 'Protection',
  target: 'Orders',
  recovery: 'Database',
  source: { instance: SOURCE, resourceId: SOURCE_ID },
  credentials: 'credentials',
  database: 'shop',
  databases: ['shop'],
  checks: [{ kind: 'readable' }],
  objectives: { rpoSeconds: 300, rtoSeconds: 3600 },
  examiner: 'examiner',
  evidenceBucket: 'evidence',
  signingKey: 'signing-key',
  approval: { timeoutSeconds: 7200 },
  recovered: { prefix: 'recovered-', replacedPrefix: 'replaced-' },
  fence,
  cutOver: [way === 'rename' ? { kind: 'rename' } : { kind: 'secret', secret: 'orders' }],
  restart: [],
  health: [{ kind: 'query', sql: 'SELECT true' }],
  watchSeconds: 60,
  holdSeconds: 30 * 24 * 3600,
});

const ADA = identityOf('arn:aws:sts::123456789012:assumed-role/Ops/ada')!;
const GRACE = identityOf('arn:aws:sts::123456789012:assumed-role/Ops/grace')!;

interface Ran {
  readonly status: string;
  readonly outcome: RecoveryOutcome | undefined;
  readonly documents: readonly RecoveryDocument[];
  readonly traces: string;
  readonly id: string;
}

class World {
  readonly time = { now: Date.parse('2026-11-01T10:00:00Z') };
  private readonly random: () => number;
  readonly databases: SimulatedRecoveries;
  private readonly region: SimulatedRegion;
  private lock: string | undefined;

  constructor(private readonly schedule: Schedule) {
    const clock = () => this.time.now;
    this.random = seededRandom(schedule.seed);
    this.databases = new SimulatedRecoveries(clock, this.random, schedule, schedule.fence === 'connect');
    this.region = new SimulatedRegion(clock, this.random, QUIET);
  }

  async run(name: string, request: DatabaseRecoveryRequest, quiet = false): Promise<Ran> {
    const { crashes, stoppedAfter, answers, stale } = this.schedule;
    let id = '';
    let asked = 0;
    let sentStale = 0;
    const execution = await runCrashing(
      (alive) => (input: unknown, runbook) => {
        id = runbook.id;
        return recoverDatabase(this.ports(alive))(input, runbook);
      },
      { ...request, startedBy: `ada|${startBinding(definitionOf(this.schedule), request)}` },
      {
        name: `${name}-${this.schedule.seed}`,
        time: this.time,
        crashes: () => !quiet && this.random() < crashes,
        stoppedAfter: quiet ? undefined : stoppedAfter,
        onSuspend: (running) => {
          const [question] = running.waiting;
          if (!question) return;
          if (stale && sentStale <= asked) {
            sentStale++;
            this.send(running, 'f'.repeat(64), 'grace', 'approve');
            return;
          }
          const decision = answers[Math.min(asked++, 1)]!;
          if (decision === 'nothing') {
            this.time.now += 3 * 3_600_000;
            return;
          }
          const { sha256 } = this.published(id)
            .filter(({ document }) => document.kind === 'proposal')
            .at(-1)!;
          // The person who started it may not approve it.
          if (stale && decision === 'approve' && this.random() < 0.3) {
            asked--;
            this.send(running, sha256, 'ada', 'approve');
            return;
          }
          if (decision === 'approve') this.databases.approved = true;
          this.send(running, sha256, 'grace', decision);
        },
      },
    );
    const outcome = execution.status === 'succeeded' ? (execution.result as RecoveryOutcome) : undefined;
    const documents = this.published(id).map(({ document }) => document);
    const traces = JSON.stringify([execution, [...this.region.objects]]);
    return { status: execution.status, outcome, documents, traces, id };
  }

  /** As `lifeboat approve` does, which reads in the lock what is wanted. */
  private send(execution: RunningExecution, sha256: string, by: string, decision: 'approve' | 'refuse' | 'abandon') {
    const [{ id = '', name = '' } = {}] = execution.waiting;
    const { approval } = JSON.parse(this.lock ?? '{}');
    const shown = { ...approval, sha256 };
    const proof = `${by}|${bindingOf({ execution: execution.arn, question: name }, shown, decision)}`;
    execution.succeed(id, JSON.stringify({ decision, sha256, proof }));
  }

  private chain(alive: () => boolean): RecoveryChain {
    const of: Filed = definitionOf(this.schedule);
    return new RecoveryChain(this.region.s3(alive), of.evidenceBucket, of, SIGNER);
  }

  get isLocked(): boolean {
    return this.lock !== undefined;
  }

  /** The one parameter that there is. */
  private parameters(alive: () => boolean): SSMClient {
    const named = (name: string) => Object.assign(new Error(name), { name });
    const send = async (command: object) => {
      if (!alive()) return new Promise(() => {});
      if (command instanceof PutParameterCommand) {
        if (this.lock !== undefined && !command.input.Overwrite) throw named('ParameterAlreadyExists');
        this.lock = command.input.Value;
        return {};
      }
      if (this.lock === undefined) throw named('ParameterNotFound');
      if (command instanceof GetParameterCommand) return { Parameter: { Value: this.lock } };
      if (!(command instanceof DeleteParameterCommand)) throw new Error(`${command.constructor.name} is not modelled`);
      this.lock = undefined;
      return {};
    };
    return Object.create(SSMClient.prototype, { send: { value: send } });
  }

  /** Somebody stopped a run, and abandons it. */
  abandon(): void {
    this.lock = undefined;
  }

  /** As they lie in the bucket, the oldest first. Reading them by their chain is tested with the chain. */
  private published(run: string): { readonly document: RecoveryDocument; readonly sha256: string }[] {
    const keys = [...this.region.objects.keys()].filter((key) => /^recoveries\/.*\/\d{8}\.json$/.test(key)).sort();
    return keys.flatMap((key) => {
      const text = this.region.objects.get(key) ?? '';
      const document: RecoveryDocument = JSON.parse(text);
      return document.run === run ? [{ document, sha256: sha256Of(text) }] : [];
    });
  }

  private ports(alive: () => boolean): RecoveryPorts {
    const region = { ...simulatedPorts(this.region, 'healthy', new Set(), alive) };
    const password = PASSWORD;
    return {
      definition: definitionOf(this.schedule),
      rds: this.databases.rds(alive),
      clock: () => this.time.now,
      examiner: () => this.examiner(region.examiner()),
      live: () => this.databases.live(alive),
      secret: async () => JSON.stringify({ username: 'master', password }),
      inventories: region.inventories,
      chain: () => this.chain(alive),
      way: () => this.databases.way(alive),
      restart: () => {
        throw new Error('none is deployed');
      },
      health: () => {
        throw new Error('none is deployed');
      },
      notify: async () => {},
      ssm: this.parameters(alive),
      identify: async (proof, binding): Promise<Identified> => {
        const [name, bound] = proof.split('|');
        return bound === binding
          ? { identity: name === 'ada' ? ADA : GRACE }
          : { why: 'it is bound to something else' };
      },
    };
  }

  /** The simulated one knows passwords of its own region only. */
  private examiner(examiner: ReturnType<RecoveryPorts['examiner']>): ReturnType<RecoveryPorts['examiner']> {
    this.region.passwordOf = () => PASSWORD;
    return examiner;
  }
}

async function brokenPromises(schedule: Schedule): Promise<{ broken: string[]; ended: string; rolledBack: string }> {
  const world = new World(schedule);
  const { databases } = world;
  const before = databases.production();
  const byRename = schedule.way === 'rename';
  const recover = { action: 'recover', to: { kind: 'latest' }, reason: 'rows were deleted' } as const;
  const ran = await world.run('recover', recover);
  const broken: string[] = [];
  const promise = (what: string, kept: boolean) => {
    if (!kept) broken.push(what);
  };
  const check = (run: Ran, of: string) => {
    const { outcome, documents } = run;
    promise(`${of}: leaks no password`, !run.traces.includes(PASSWORD));
    if (run.status === 'stopped') return;
    promise(`${of}: ends with an outcome: ${run.status}`, outcome !== undefined);
    promise(`${of}: leaves one report`, documents.filter(({ kind }) => kind === 'report').length === 1);
    const [report] = documents.filter(({ kind }) => kind === 'report');
    const isClean = outcome?.outcome !== 'failed';
    promise(`${of}: nothing is half done unless it failed`, !isClean || outcome?.halfDone.length === 0);
    promise(`${of}: what is half done keeps the target locked`, world.isLocked === (outcome?.halfDone.length ?? 0) > 0);
    promise(`${of}: a failure says why`, isClean || !JSON.stringify(report?.facts).includes('its last step'));
  };
  check(ran, 'recover');
  const production = databases.production();
  const { outcome } = ran.outcome ?? {};
  const recovered = ran.outcome?.recovered?.resourceId;
  if (ran.status !== 'stopped') {
    if (outcome === 'recovered')
      promise('applications get into the recovered database', databases.answers(byRename) === recovered);
    if (outcome === 'refused' || outcome === 'abandoned' || outcome === 'timed out') {
      promise(`production is as it was after '${outcome}'`, production === before);
    }
    if (outcome === 'failed' && production !== before) {
      const told = ran.documents.some(({ kind, name }) => kind === 'intent' && name !== 'counts at the cut-over');
      promise('what changed has its intent written before', told);
    }
  }
  promise('the damaged database is still there', databases.databases.has(SOURCE_ID));
  let rolledBack = 'not asked for';
  const changed = ran.documents.some(({ kind }) => kind === 'intent');
  if (schedule.rollBack && changed && (outcome === 'recovered' || outcome === 'failed' || ran.status === 'stopped')) {
    if (ran.status === 'stopped') world.abandon();
    const back = await world.run('back', { action: 'roll-back', run: ran.id, reason: 'it was the wrong moment' });
    check(back, 'roll back');
    rolledBack = back.outcome?.outcome ?? back.status;
    if (rolledBack === 'rolled back')
      promise('production is as it was after a rollback', databases.production() === before);
  }
  return { broken: [...broken, ...databases.broken], ended: outcome ?? ran.status, rolledBack };
}

test(`keeps its promises through ${COUNT} random schedules of faults, crashes, answers and stops`, async () => {
  const totals: Record<string, number> = {};
  const all = fc.sample(schedules, { numRuns: COUNT, seed: Number(process.env.LIFEBOAT_SEED ?? 20261129) });
  const next = all.values();
  const worker = async () => {
    for (const schedule of next) {
      const { broken, ended, rolledBack } = await brokenPromises(schedule);
      if (broken.length > 0)
        throw new Error(
          `broken: ${broken.join('; ')}\nin ${JSON.stringify(schedule)}, which ended ${ended}, ${rolledBack}`,
        );
      for (const key of [ended, `rollback ${rolledBack}`]) totals[key] = (totals[key] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: 50 }, worker));
  // The schedules are worth something only if all kinds of endings are among them.
  const many = (key: string, share: number) =>
    expect([key, (totals[key] ?? 0) >= COUNT * share, totals]).toEqual([key, true, totals]);
  many('recovered', 0.15);
  many('failed', 0.02);
  many('refused', 0.05);
  many('timed out', 0.02);
  many('stopped', 0.02);
  many('rollback rolled back', 0.05);
});
