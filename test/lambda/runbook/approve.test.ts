/** Approvals of runbooks: which answers count, and that the others do nothing, at any crash. */
import { createHash } from 'node:crypto';
import { type Answer, type Approval, bindingOf, type Identify } from '../../../lambda/runbook/approval';
import { identityOf } from '../../../lambda/runbook/identity';
import type { Runbook } from '../../../lambda/runbook/runbook';
import type { RunningExecution } from '../../../rehearsal/runbooks/durable-executions';
import { runCrashing } from '../../simulated/crashes';
import { seededRandom } from '../../simulated/seeded-random';

const START = Date.UTC(2026, 10, 20, 3);
const HOUR = 3_600_000;
const hash = (text: string) => createHash('sha256').update(text).digest('hex');
const DOCUMENT = hash('what would change');
const SHOWN = {
  sha256: DOCUMENT,
  resources: ['db-ABC'],
  expires: new Date(START + 48 * HOUR).toISOString(),
};
const person = (name: string) => {
  const identity = identityOf(`arn:aws:sts::123456789012:assumed-role/Operators/${name}`);
  if (!identity) throw new Error(name);
  return identity;
};
const ADA = person('ada');

/** Proofs of this test: who, and what it is bound to. What STS checks is tested with the identity. */
const identify: Identify = async (proof, binding) => {
  const [name = '', bound] = proof.split('|');
  return bound === binding ? { identity: person(name) } : { why: 'it is bound to something else' };
};

type Change = (answer: Answer) => unknown;

/** Answers whatever the execution waits for. */
function answer(
  execution: RunningExecution,
  decision: Answer['decision'],
  by = 'ada',
  change: Change = (same) => same,
) {
  const [{ id = '', name = '' } = {}] = execution.waiting;
  const given = { decision, sha256: DOCUMENT };
  const proof = `${by}|${bindingOf({ execution: execution.arn, question: name }, SHOWN, decision)}`;
  execution.succeed(id, JSON.stringify(change({ ...given, proof })));
  return { id, proof };
}

const cutOver =
  (limit = 24, notBy?: typeof ADA) =>
  async (_: unknown, runbook: Runbook) =>
    runbook.approve('cut over', SHOWN, { hours: limit }, { identify, notBy });

/** @param visits what the person does at each suspension; then nothing more */
async function run(
  visits: readonly ((execution: RunningExecution, time: { now: number }) => void)[],
  runbook: (request: unknown, runbook: Runbook) => Promise<unknown> = cutOver(),
) {
  const time = { now: START };
  let visit = 0;
  const execution = await runCrashing(
    () => runbook,
    {},
    {
      name: 'run',
      time,
      onSuspend: (running) => visits[visit++]?.(running, time),
    },
  );
  if (execution.status !== 'succeeded') throw new Error(JSON.stringify(execution));
  return { ...execution, approval: execution.result as Approval };
}

test.each([
  ['approve', 'approved'],
  ['refuse', 'refused'],
  ['abandon', 'abandoned'],
] as const)('a person can %s, and is recorded', async (decision, outcome) => {
  const { approval } = await run([(execution) => answer(execution, decision)]);
  expect(approval).toMatchObject({ outcome, by: ADA.arn, ignored: [] });
});

test('nobody answers: a result after the limit, or the expiry of what was shown, not an error', async () => {
  const { approval } = await run([]);
  expect(approval).toMatchObject({ outcome: 'timed-out', by: null, ignored: [] });
  expect((Date.parse(approval.at) - START) / HOUR).toBeCloseTo(24, 2);
  const later = await run([], cutOver(1000));
  expect((Date.parse(later.approval.at) - START) / HOUR).toBeCloseTo(48, 2);
});

describe('a stale, forged or repeated approval does nothing', () => {
  const forged: readonly (readonly [string, Change, RegExp])[] = [
    ['another document', (given) => ({ ...given, sha256: hash('better numbers') }), /about another document/],
    ['another decision than was proven', (given) => ({ ...given, decision: 'refuse' }), /bound to something else/],
    ['no proof', ({ decision, sha256 }) => ({ decision, sha256 }), /not an answer that this version understands/],
    ['an empty proof', (given) => ({ ...given, proof: '' }), /bound to something else/],
    ['more than was asked', (given) => ({ ...given, also: 'this' }), /not an answer/],
    ['no object', () => 'approve', /not an answer/],
    ['a decision that does not exist', (given) => ({ ...given, decision: 'force' }), /not an answer/],
  ];
  test.each(forged)('%s', async (_, change, why) => {
    const { approval } = await run([
      (execution) => void answer(execution, 'approve', 'eve', change),
      (execution) => void answer(execution, 'refuse'),
    ]);
    expect(approval).toMatchObject({ outcome: 'refused', by: ADA.arn, ignored: [expect.stringMatching(why)] });
  });

  test('a proof for the same document about other resources', async () => {
    const elsewhere = { ...SHOWN, resources: ['db-XYZ'] };
    const { approval } = await run([
      (execution) => {
        const [{ id = '', name = '' } = {}] = execution.waiting;
        const proof = `ada|${bindingOf({ execution: execution.arn, question: name }, elsewhere, 'approve')}`;
        execution.succeed(id, JSON.stringify({ decision: 'approve', sha256: DOCUMENT, proof }));
      },
    ]);
    expect(approval).toMatchObject({ outcome: 'timed-out', ignored: [expect.stringMatching(/something else/)] });
  });

  test('what is no JSON, and a failure that anyone could send', async () => {
    const { approval } = await run([
      (execution) => execution.succeed(String(execution.waiting[0]?.id), 'approve'),
      (execution) => execution.fail(String(execution.waiting[0]?.id), 'no'),
    ]);
    expect(approval.outcome).toBe('timed-out');
    expect(approval.ignored).toEqual([expect.stringMatching(/not an answer/), expect.stringMatching(/as a failure/)]);
  });

  test('one that comes after the expiry', async () => {
    const { approval } = await run(
      [
        (execution, time) => {
          time.now = START + 48 * HOUR;
          answer(execution, 'approve');
        },
      ],
      cutOver(1000),
    );
    expect(approval).toMatchObject({ outcome: 'timed-out', ignored: [expect.stringMatching(/came after/)] });
  });

  test('one that was used before, in the same run, for the same document', async () => {
    let used = '';
    const twice = async (request: unknown, runbook: Runbook) => [
      await cutOver()(request, runbook),
      await cutOver()(request, runbook),
    ];
    const { result } = await run(
      [
        (execution) => {
          used = answer(execution, 'approve').proof;
        },
        (execution) => void answer(execution, 'approve', 'ada', (given) => ({ ...given, proof: used })),
      ],
      twice,
    );
    expect(result).toEqual([
      expect.objectContaining({ outcome: 'approved' }),
      expect.objectContaining({ outcome: 'timed-out', ignored: [expect.stringMatching(/bound to something else/)] }),
    ]);
  });

  test('a second one for a question that has its answer', async () => {
    let again: unknown;
    await run([
      (execution) => {
        const { id, proof } = answer(execution, 'refuse');
        try {
          execution.succeed(id, JSON.stringify({ decision: 'approve', sha256: DOCUMENT, proof }));
        } catch (error) {
          again = error;
        }
      },
    ]);
    expect(again).toMatchObject({ name: 'CallbackTimeoutException' });
  });

  test('more of them than a run has operations for: it stops waiting, and nothing was approved', async () => {
    const flood = Array.from({ length: 40 }, () => (execution: RunningExecution) => {
      const [waiting] = execution.waiting;
      if (waiting) execution.succeed(waiting.id, '{}');
    });
    const { approval, metered } = await run(flood);
    expect(approval).toMatchObject({ outcome: 'timed-out', by: null });
    expect(approval.ignored.at(-1)).toMatch(/no answer is taken after 25/);
    expect(metered).toBeLessThan(60);
  });
});

test('whoever started a run may refuse or abandon it, and only another person approves it', async () => {
  const starter = cutOver(24, ADA);
  const self = await run([(execution) => void answer(execution, 'approve')], starter);
  expect(self.approval).toMatchObject({ outcome: 'timed-out', ignored: [expect.stringMatching(/another person/)] });
  const refused = await run([(execution) => void answer(execution, 'refuse')], starter);
  expect(refused.approval.outcome).toBe('refused');
  const other = await run([(execution) => void answer(execution, 'approve', 'grace')], starter);
  expect(other.approval).toMatchObject({ outcome: 'approved', by: person('grace').arn });
});

test('somebody of another account approves nothing, whatever they are called there', async () => {
  const stranger = { ...ADA, account: '999999999999', arn: ADA.arn.replace(ADA.account, '999999999999') };
  const { approval } = await run([(execution) => void answer(execution, 'approve')], (_, runbook) =>
    runbook.approve('cut over', SHOWN, { hours: 1 }, { identify: async () => ({ identity: stranger }) }),
  );
  expect(approval).toMatchObject({ outcome: 'timed-out', ignored: [expect.stringMatching(/not of the account/)] });
});

test('a proof that could not be checked approves nothing, and is in no result', async () => {
  const failing: Identify = async (proof) => {
    throw new Error(`refused ${proof}`);
  };
  let sent = '';
  const { approval, operations } = await run(
    [
      (execution) => {
        sent = answer(execution, 'approve').proof;
      },
    ],
    (_, runbook) => runbook.approve('cut over', SHOWN, { hours: 1 }, { identify: failing }),
  );
  expect(approval).toMatchObject({ outcome: 'timed-out', ignored: [expect.stringMatching(/could not be checked/)] });
  const ours = operations.filter(({ Type }) => Type !== 'CALLBACK');
  expect(JSON.stringify([ours, approval])).not.toContain(sent);
});

test("a callback's id is in no result: who may answer reads it in the history", async () => {
  let id = '';
  const { approval, operations, execution } = await run([
    (running) => {
      ({ id } = answer(running, 'approve'));
    },
  ]).then((ended) => ({ ...ended, execution: ended }));
  const ours = operations.filter(({ Type }) => Type !== 'CALLBACK');
  expect(JSON.stringify([ours, approval, execution.steps])).not.toContain(id);
  expect(JSON.stringify(operations)).toContain(id);
});

test('waits for days in a few operations', async () => {
  const { metered } = await run([]);
  expect(metered).toBeLessThan(5);
});

/** A recovery in small: one effect that must not be repeated, allowed by an approval. */
async function recover(seed: number) {
  const random = seededRandom(seed);
  const time = { now: START };
  const done = { effects: 0, approvals: 0, forged: 0 };
  const decisions = ['approve', 'refuse', 'abandon'] as const;
  const execution = await runCrashing(
    () => async (_, runbook) => {
      const approval = await runbook.approve('cut over', SHOWN, { hours: 24 }, { identify });
      if (approval.outcome !== 'approved') return approval.outcome;
      return runbook
        .once('send', async () => {
          done.effects += 1;
          if (random() < 0.1) throw new Error('an error of AWS');
          return 'sent';
        })
        .catch((error: Error) => error.name);
    },
    {},
    {
      name: `run-${seed}`,
      time,
      crashes: () => random() < 0.25,
      onSuspend: (running) => {
        if (random() < 0.3) time.now += random() * 10 * HOUR;
        if (random() < 0.5) return;
        const decision = decisions[Math.floor(random() * 3)] ?? 'refuse';
        const isForged = random() < 0.6;
        done[isForged ? 'forged' : 'approvals'] += isForged || decision === 'approve' ? 1 : 0;
        if (running.waiting.length === 0) return;
        answer(running, decision, 'ada', (given) => (isForged ? { ...given, sha256: hash('other') } : given));
      },
    },
  );
  return { execution, done };
}

test('300 random schedules of crashes: no effect without an approval, none twice, and always an end', async () => {
  const ends = new Map<string, number>();
  for (let seed = 1; seed <= 300; seed++) {
    const { execution, done } = await recover(seed);
    expect(execution.status).toBe('succeeded');
    const result = execution.status === 'succeeded' ? String(execution.result) : '';
    ends.set(result, (ends.get(result) ?? 0) + 1);
    expect(done.effects).toBeLessThanOrEqual(1);
    if (result === 'sent') expect(done).toMatchObject({ effects: 1 });
    if (done.effects > 0) expect(done.approvals).toBeGreaterThan(0);
  }
  // Every way to end was met.
  expect([...ends.keys()].sort()).toEqual(
    ['StepError', 'InterruptedStep', 'abandoned', 'refused', 'sent', 'timed-out'].sort(),
  );
});
