/** Runs the validation of AWS Backup's restores in a simulated region, on a virtual clock, with faults and crashes. */
import { BackupClient, DescribeRestoreJobCommand, PutRestoreValidationResultCommand } from '@aws-sdk/client-backup';
import { DescribeDBSnapshotsCommand, ModifyDBInstanceCommand, RDSClient } from '@aws-sdk/client-rds';
import type { Evidence, ValidationDefinition } from '../../lambda/contract';
import { validateRestore } from '../../lambda/drill/validate-restore';
import type { Execution } from '../../rehearsal/runbooks/durable-executions';
import { runCrashing } from './crashes';
import { type Schedule, simulatedPorts } from './drill';
import { type Behaviour, MINUTE, QUIET, SimulatedRegion } from './region';
import { seededRandom } from './seeded-random';

export const RESTORED = 'awsbackup-restore-test-1';
const TAG = { Key: 'awsbackup-restore-test', Value: 'plan' };
const PLAN = 'arn:aws:backup:eu-west-1:111122223333:restore-testing-plan:Orders';

export const validationDefinition: ValidationDefinition = {
  plan: 'Protection',
  target: 'Orders',
  drill: 'RestoreTest',
  testingPlan: PLAN,
  source: { instance: 'orders' },
  newest: true,
  windowSeconds: 8 * 3600,
  checks: [],
  databases: ['zephyr'],
  objectives: { rpoSeconds: 86_400, rtoSeconds: 3600 },
  examiner: 'examiner',
  passwordKey: 'key',
  evidenceBucket: 'evidence',
  signingKey: 'signing-key',
};

export interface ValidationSchedule extends Partial<Behaviour> {
  readonly seed?: number;
  readonly database?: Schedule['database'];
  readonly crashes?: number;
  /** What is deployed. */
  readonly definition?: Partial<ValidationDefinition>;
  /** How AWS Backup's own restore ended. @default 'COMPLETED' */
  readonly job?: 'COMPLETED' | 'FAILED';
  readonly testingPlan?: string;
  readonly recoveryPoint?: string;
  /** What AWS Backup made. @default RESTORED, with the tag of a restore test */
  readonly made?: { readonly name: string; readonly tagged: 'tagged' | 'untagged' | 'gone' };
  /** A result that was set before. */
  readonly answered?: 'SUCCESSFUL' | 'FAILED' | 'TIMED_OUT';
  /** How long the instance is said to be available, and can't be modified yet. @default 0 */
  readonly unmodifiableMinutes?: number;
  /** How often EventBridge tells of the job. @default 1 */
  readonly told?: number;
  /** @default 'one after the other' */
  readonly order?: 'one after the other' | 'at once';
}

export interface Validated {
  readonly executions: readonly Execution[];
  readonly steps: string[];
  readonly region: SimulatedRegion;
  readonly evidence: Evidence[];
  /** Results that took effect: a second one would be refused. */
  readonly answers: { readonly result: string; readonly message: string }[];
  readonly passwords: string[];
  readonly traces: string;
}

export async function simulateValidation(schedule: ValidationSchedule = {}): Promise<Validated> {
  const {
    seed = 1,
    crashes = 0,
    database = 'healthy',
    definition,
    told = 1,
    order,
    unmodifiableMinutes = 0,
    ...rest
  } = schedule;
  const {
    job = 'COMPLETED',
    testingPlan = PLAN,
    made = { name: RESTORED, tagged: 'tagged' },
    answered,
    ...more
  } = rest;
  const { recoveryPoint = 'arn:aws:rds:eu-west-1:111122223333:snapshot:awsbackup:job-2', ...behaviour } = more;
  const random = seededRandom(seed);
  const time = { now: Date.parse('2026-11-01T10:00:00Z') };
  const clock = () => time.now;
  const begun = new Date(time.now - 30 * MINUTE);
  const modifiableFrom = time.now + unmodifiableMinutes * MINUTE;
  const region = new SimulatedRegion(clock, random, { ...QUIET, ...behaviour });
  region.existing('orders');
  if (made.tagged !== 'gone') region.existing(made.name, made.tagged === 'tagged' ? [TAG] : []);

  const answers: { result: string; message: string }[] = answered ? [{ result: answered, message: 'before' }] : [];
  const printed: string[] = [];
  const passwords = new Set<string>();

  const faults = async <T>(alive: () => boolean, effect: () => T): Promise<T> => {
    if (!alive()) return new Promise(() => {});
    const { throttled, unavailable, lost } = region.behaviour;
    if (random() < throttled) throw fault('ThrottlingException', 400);
    if (random() < unavailable) throw fault('ServiceUnavailableException', 500);
    const result = effect();
    if (random() < lost) throw fault('TimeoutError');
    return result;
  };
  const describeJob = () => ({
    Status: job,
    StatusMessage: job === 'FAILED' ? 'the subnet group is gone' : undefined,
    CreationDate: begun,
    CompletionDate: new Date(time.now - MINUTE),
    RecoveryPointArn: recoveryPoint,
    CreatedResourceArn: `arn:aws:rds:eu-west-1:111122223333:db:${made.name}`,
    CreatedBy: { RestoreTestingPlanArn: testingPlan },
    ValidationStatus: answers[0]?.result ?? 'VALIDATING',
  });
  const put = ({ ValidationStatus, ValidationStatusMessage }: PutRestoreValidationResultCommand['input']) => {
    if (answers.length > 0) throw fault('InvalidRequestException', 400);
    answers.push({ result: String(ValidationStatus), message: String(ValidationStatusMessage) });
  };
  const backup = (alive: () => boolean): BackupClient =>
    Object.create(BackupClient.prototype, {
      send: {
        value: (command: object) =>
          faults(alive, () => {
            if (command instanceof DescribeRestoreJobCommand) return describeJob();
            if (command instanceof PutRestoreValidationResultCommand) return put(command.input);
            throw new Error(`${command.constructor.name} is not modelled`);
          }),
      },
    });
  const snapshots = ({ DBSnapshotIdentifier, SnapshotType }: DescribeDBSnapshotsCommand['input']) => {
    if (SnapshotType !== 'awsbackup' || DBSnapshotIdentifier !== 'awsbackup:job-2') return { DBSnapshots: [] };
    return {
      DBSnapshots: [{ DBInstanceIdentifier: 'orders', SnapshotCreateTime: new Date(begun.getTime() - 60 * MINUTE) }],
    };
  };
  const rds = (alive: () => boolean): RDSClient => {
    const own = region.rds(alive);
    const send = async (command: object) => {
      if (command instanceof DescribeDBSnapshotsCommand) return faults(alive, () => snapshots(command.input));
      if (command instanceof ModifyDBInstanceCommand && time.now < modifiableFrom) {
        throw fault('InvalidDBInstanceStateFault', 400);
      }
      return own.send(command as Parameters<RDSClient['send']>[0]);
    };
    return Object.create(RDSClient.prototype, { send: { value: send } });
  };

  const tell = (which: number) =>
    runCrashing(
      (alive) =>
        validateRestore({
          ...simulatedPorts(region, database, passwords, alive),
          backup: backup(alive),
          rds: rds(alive),
          definition: { ...validationDefinition, ...definition },
          print: (line) => printed.push(line),
        }),
      { restoreJob: 'job-1' },
      { name: `run-${seed}-${which}`, time, crashes: () => random() < crashes },
    );
  const times = Array.from({ length: told }, (_, which) => which + 1);
  const executions: Awaited<ReturnType<typeof tell>>[] = [];
  if (order === 'at once') executions.push(...(await Promise.all(times.map(tell))));
  else for (const which of times) executions.push(await tell(which));
  return {
    executions,
    steps: [...new Set(executions.flatMap(({ steps }) => steps))],
    region,
    evidence: [...region.objects].filter(([key]) => /\/\d{8}\.json$/.test(key)).map(([, body]) => JSON.parse(body)),
    answers,
    passwords: [...passwords],
    traces: JSON.stringify([executions, printed, [...region.objects], answers]),
  };
}

function fault(name: string, httpStatusCode?: number): Error {
  return Object.assign(new Error(`simulated ${name}`), { name, $metadata: { httpStatusCode } });
}
