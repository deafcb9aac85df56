import { gzipSync } from 'node:zlib';
import type { DrillDefinition, Evidence } from '../../lambda/contract';
import { deleteExpired } from '../../lambda/drill/delete-expired';
import { drillRestore } from '../../lambda/drill/drill-restore';
import { EvidenceChain } from '../../lambda/evidence/evidence-chain';
import { Inventories } from '../../lambda/evidence/inventories';
import type { Listing } from '../../lambda/examiner/listing';
import type {
  Checked,
  CompressedListing,
  Finding,
  Problems,
  Server,
  Survey,
  Work,
} from '../../lambda/examiner/protocol';
import type { Examiner } from '../../lambda/runbook/examiner-client';
import type { ProofPorts } from '../../lambda/runbook/ports';
import type { Execution } from '../../rehearsal/runbooks/durable-executions';
import { localSigner } from '../../rehearsal/runbooks/local-signer';
import { runCrashing } from './crashes';
import { type Behaviour, MINUTE, QUIET, SimulatedRegion } from './region';
import { seededRandom } from './seeded-random';

export interface Schedule extends Partial<Behaviour> {
  readonly seed?: number;
  /** What the examiner finds in the copy. */
  readonly database?: 'healthy' | 'slow' | 'corrupt' | 'partly unchecked' | 'refuses connections' | 'examiner dies';
  /** Share of checkpoints that the invocation crashes at. */
  readonly crashes?: number;
  /** Somebody stops the execution after so many invocations. */
  readonly stoppedAfter?: number;
  /** What is deployed. */
  readonly definition?: Partial<DrillDefinition>;
  /** What whoever starts the run hands over. */
  readonly request?: unknown;
}

export interface Run {
  readonly execution: Execution;
  /** Steps and polls in the order in which they were first reached. */
  readonly steps: string[];
  readonly region: SimulatedRegion;
  /** This run's documents. */
  readonly evidence: Evidence[];
  /** Everything a run leaves that somebody could read: checkpoints, what was printed, documents. */
  readonly traces: string;
  /** Every password that was set on the copy. */
  readonly passwords: string[];
  /** Lets time pass until copies have expired, and the janitor's next round is over. */
  janitor(): Promise<void>;
}

export const SOURCE = 'orders';
/** Has the copies' prefix and none of their tags: nobody's to delete. */
export const BYSTANDER = 'lifeboat-orders-by-hand';
/** One for all simulated drills, as they have one site. */
export const SIGNER = localSigner();
const KEY = 'a key of more than thirty-two characters';

export const drillDefinition: DrillDefinition = {
  plan: 'Protection',
  target: 'Orders',
  drill: 'Monthly',
  source: { instance: SOURCE },
  restore: { kind: 'random', withinSeconds: 7 * 24 * 3600 },
  copy: {
    prefix: 'lifeboat-orders-1a2b3c-',
    subnetGroup: 'drills',
    securityGroups: ['sg-drills'],
    expiresAfterSeconds: 12 * 3600,
  },
  checks: [],
  databases: ['zephyr'],
  objectives: { rpoSeconds: 300, rtoSeconds: 3600 },
  examiner: 'examiner',
  passwordKey: 'key',
  evidenceBucket: 'evidence',
  signingKey: 'signing-key',
};

export async function simulate(schedule: Schedule = {}): Promise<Run> {
  const {
    seed = 1,
    crashes = 0,
    stoppedAfter,
    request = {},
    definition,
    database = 'healthy',
    ...behaviour
  } = schedule;
  const random = seededRandom(seed);
  const time = { now: Date.parse('2026-11-01T10:00:00Z') };
  const clock = () => time.now;
  const region = new SimulatedRegion(clock, random, { ...QUIET, ...behaviour });
  region.existing(SOURCE);
  region.existing(BYSTANDER);

  const printed: string[] = [];
  const passwords = new Set<string>();
  const print = (line: string) => printed.push(line);
  const { steps, ...execution } = await runCrashing(
    (alive) => {
      const deployed = { ...drillDefinition, ...definition };
      return drillRestore({ ...simulatedPorts(region, database, passwords, alive), definition: deployed, print });
    },
    request,
    { name: `run-${seed}`, time, crashes: () => random() < crashes, stoppedAfter },
  );

  const documents = [...region.objects]
    .filter(([key]) => /\/\d{8}\.json$/.test(key))
    .map(([, body]) => JSON.parse(body));
  return {
    execution,
    steps,
    region,
    evidence: documents,
    passwords: [...passwords],
    traces: JSON.stringify([execution, printed, [...region.objects]]),
    janitor: async () => {
      time.now += 13 * 60 * MINUTE;
      const quiet = new SimulatedRegion(clock, random, QUIET);
      for (const [name, instance] of region.instances) quiet.instances.set(name, instance);
      await deleteExpired(
        quiet.rds(() => true),
        clock,
      )({ prefix: 'lifeboat-' });
      region.touched.push(...quiet.touched);
      time.now += 10 * MINUTE;
    },
  };
}

type Target = Pick<DrillDefinition, 'plan' | 'target' | 'evidenceBucket'>;

/** All that a drill reaches, in the simulated region. Calls hang once `alive` is false, as a dead process does. */
export function simulatedPorts(
  region: SimulatedRegion,
  database: Schedule['database'] = 'healthy',
  passwords = new Set<string>(),
  alive = () => true,
) {
  const chainOf = (of: Target) => new EvidenceChain(region.s3(alive), of.evidenceBucket, of, SIGNER);
  return {
    definition: drillDefinition as unknown,
    rds: region.rds(alive),
    examiner: () => simulatedExaminer(region, database, passwords),
    secret: async () => KEY,
    evidence: chainOf,
    inventories: (of: Target) => new Inventories(region.s3(alive), of.evidenceBucket, of, chainOf(of)),
    print: () => {},
  } satisfies ProofPorts;
}

export function simulatedExaminer(
  region: SimulatedRegion,
  database: Schedule['database'],
  passwords: Set<string>,
): Examiner {
  const connect = ({ host, password }: { host: string; password: string }) => {
    passwords.add(password);
    if (database === 'refuses connections' || region.passwordOf(host) !== password) {
      throw Object.assign(new Error('password authentication failed'), { name: 'CopyNotReady' });
    }
  };
  return {
    server: async ({ connection }): Promise<Server> => {
      connect(connection);
      return {
        version: '17.10',
        databases: ['billing', connection.database].map((name) => ({ name, bytes: 250_000_000 })),
        notes: [],
      };
    },
    survey: async ({ connection, checks }): Promise<Survey> => {
      connect(connection);
      const work = checks.map((_, check): Work => ({ detector: 'rows', checks: [check], objects: 1, bytes: 1000 }));
      const calls = [work.slice(0, 2), work.slice(2)].filter((call) => call.length > 0);
      return {
        database: connection.database,
        bytes: 250_000_000,
        lookedFor: checks.map((_, check) => check),
        calls,
        tables: 2,
        holdsRows: true,
        notes: [],
      };
    },
    list: async ({ connection }): Promise<CompressedListing> => {
      connect(connection);
      return { gzip: gzipSync(JSON.stringify(listing(connection.database))).toString('base64') };
    },
    check: async ({ connection, work }): Promise<Checked> => {
      connect(connection);
      if (database === 'examiner dies') throw new Error('Runtime exited');
      const left = database === 'slow' ? work.slice(1) : [];
      const findings = work.slice(0, work.length - left.length).map((one, index): Finding => {
        const observed = index > 0 || database === 'healthy' || database === 'slow' ? ['all well'] : [];
        const wrong = observed.length === 0;
        return {
          work: one,
          check: one.checks[0]!,
          examined: 1,
          bytes: 1000,
          observed,
          failures: problems(wrong && database === 'corrupt', 'invalid page in block 12', 'no damage'),
          warnings: problems(false),
          notRun: problems(wrong && database === 'partly unchecked', 'canceling statement due to statement timeout'),
        };
      });
      return { findings, left, rows: [] };
    },
  };
}

const listing = (database: string): Listing => ({
  database,
  tables: [],
  objects: {},
  largeObjects: 0,
  roles: [],
  unlisted: [],
});

const problems = (any: boolean, observed = '', expected?: string): Problems =>
  any ? { count: 1, first: [{ object: 'votes', observed, expected }] } : { count: 0, first: [] };
