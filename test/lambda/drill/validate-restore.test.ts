import { RESTORED, simulateValidation } from '../../simulated/validations';

test('checks what AWS Backup restored, publishes, and then answers', async () => {
  const run = await simulateValidation();
  expect(run.steps).toEqual([
    'describe the restore job',
    'describe the recovery point',
    'describe the source',
    'wait until available',
    'describe the restored instance',
    'reset the master password',
    'wait until the password is set',
    'look at the server',
    'list what zephyr holds',
    'survey zephyr',
    'make room (1)',
    'run checks (1)',
    'make room (2)',
    'run checks (2)',
    'compare with the last proof',
    'publish evidence',
    'answer AWS Backup',
  ]);
  expect(run.evidence).toMatchObject([
    { outcome: 'passed', run: 'job-1', drill: 'RestoreTest', source: { instance: 'orders' } },
  ]);
  expect(run.answers).toEqual([
    { result: 'SUCCESSFUL', message: '5 checks passed (evidence/Protection/Orders/00000001.json)' },
  ]);
});

test("measures from AWS Backup's own start, and from its recovery point", async () => {
  const [document] = (await simulateValidation()).evidence;
  expect(document).toMatchObject({
    started: '2026-11-01T09:30:00.000Z',
    restorePoint: { time: '2026-11-01T08:30:00.000Z', snapshot: 'awsbackup:job-2' },
    recoveryPoint: { seconds: 3600, met: true },
  });
  expect(document?.recoveryTime?.seconds).toBeGreaterThan(30 * 60);
});

test('a recovery point drawn at random says nothing about what would have been lost', async () => {
  const [document] = (await simulateValidation({ definition: { newest: false } })).evidence;
  expect(document?.recoveryPoint).toBeNull();
});

test('answers that it failed, with what was found', async () => {
  const { answers, evidence } = await simulateValidation({ database: 'corrupt' });
  expect(evidence[0]?.outcome).toBe('failed');
  expect(answers).toEqual([{ result: 'FAILED', message: expect.stringContaining('votes: invalid page in block 12') }]);
});

test.each(['refuses connections', 'examiner dies', 'partly unchecked'] as const)(
  'being unable to check is never a success: %s',
  async (database) => {
    const { answers, evidence } = await simulateValidation({ database });
    expect(evidence[0]?.outcome).toBe('failed');
    expect(answers).toMatchObject([{ result: 'FAILED' }]);
  },
);

test.each([
  ['without the name of a restore test', { name: 'orders-restored', tagged: 'tagged' }],
  ['without its tag', { name: RESTORED, tagged: 'untagged' }],
  ['that is gone', { name: RESTORED, tagged: 'gone' }],
] as const)('touches no instance %s, and says so', async (_, made) => {
  const { answers, region } = await simulateValidation({ made });
  expect(region.touched).toEqual([]);
  expect(answers).toMatchObject([{ result: 'FAILED', message: expect.stringContaining(made.name) }]);
});

describe('leaves alone', () => {
  test.each([
    [
      'restores of another testing plan',
      { testingPlan: 'arn:aws:backup:eu-west-1:111122223333:restore-testing-plan:Other' },
    ],
    ['restores of another database', { definition: { source: { instance: 'billing' } } }],
    ['restores that have their result', { answered: 'TIMED_OUT' }],
  ] as const)('%s', async (_, schedule) => {
    const run = await simulateValidation(schedule);
    expect(run.executions[0]).toMatchObject({ status: 'succeeded', result: { outcome: 'nothing to do' } });
    expect([run.evidence, run.region.touched]).toEqual([[], []]);
    expect(run.answers).toEqual('answered' in schedule ? [{ result: 'TIMED_OUT', message: 'before' }] : []);
  });
});

test('a continuous recovery point, whose moment nobody tells, is not answered', async () => {
  const run = await simulateValidation({
    recoveryPoint: 'arn:aws:backup:eu-west-1:111122223333:recovery-point:continuous:1',
  });
  expect(run.executions[0]).toMatchObject({
    status: 'failed',
    error: expect.stringContaining('is not an RDS snapshot'),
  });
  expect([run.answers, run.evidence]).toEqual([[], []]);
});

test('a restore that AWS Backup could not make is evidence too, and has nothing to answer', async () => {
  const run = await simulateValidation({ job: 'FAILED' });
  expect(run.evidence).toMatchObject([
    { outcome: 'failed', findings: [expect.stringContaining('the subnet group is gone')], recoveryTime: null },
  ]);
  expect([run.answers, run.region.touched]).toEqual([[], []]);
});

test('told of twice, a job leaves one document and one answer', async () => {
  const run = await simulateValidation({ told: 2 });
  expect(run.evidence).toHaveLength(1);
  expect(run.answers).toHaveLength(1);
  expect(run.executions[1]).toMatchObject({ result: { outcome: 'nothing to do' } });
});

test('checks that would outlast the validation window have failed', async () => {
  const { answers } = await simulateValidation({ definition: { windowSeconds: 600 } });
  expect(answers).toMatchObject([
    { result: 'FAILED', message: expect.stringContaining('the restored instance expired at') },
  ]);
});

test('waits for an instance that RDS is still at work on, since a result can never be taken back', async () => {
  const { answers, region } = await simulateValidation({ unmodifiableMinutes: 4 });
  expect(answers).toMatchObject([{ result: 'SUCCESSFUL' }]);
  expect(region.touched).toEqual([`modify ${RESTORED}`]);
});

test('keeps its promises through faults and crashes', async () => {
  const databases = ['healthy', 'corrupt', 'refuses connections', 'partly unchecked'] as const;
  const runs = Array.from({ length: 60 }, async (_, seed) => {
    const database = databases[seed % databases.length];
    const stormy = { throttled: 0.05, unavailable: 0.05, lost: 0.05, stale: 0.3, crashes: 0.15 };
    const order = seed % 4 < 2 ? 'at once' : 'one after the other';
    return {
      database,
      run: await simulateValidation({ seed: seed + 1, database, ...stormy, told: 1 + (seed % 2), order }),
    };
  });
  for (const { database, run } of await Promise.all(runs)) {
    expect(run.executions.map(({ status }) => status)).toEqual(run.executions.map(() => 'succeeded'));
    expect(run.answers).toHaveLength(1);
    expect(run.evidence).toHaveLength(1);
    expect(run.answers[0]?.result).toBe(run.evidence[0]?.outcome === 'passed' ? 'SUCCESSFUL' : 'FAILED');
    if (database !== 'healthy') expect(run.answers[0]?.result).toBe('FAILED');
    expect(run.region.touched.filter((call) => call !== `modify ${RESTORED}`)).toEqual([]);
    expect(run.passwords.filter((password) => run.traces.includes(password))).toEqual([]);
    expect(run.executions.every(({ metered }) => metered < 300)).toBe(true);
  }
});
