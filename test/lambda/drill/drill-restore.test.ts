import type { Evidence } from '../../../lambda/contract';
import { BYSTANDER, drillDefinition, SOURCE, simulate } from '../../simulated/drill';
import { ELSEWHERE } from '../../simulated/region';

const COPY = /^lifeboat-orders-1a2b3c-[0-9a-f]{12}$/;

test.concurrent('restores beside the source, checks, deletes the copy, and then publishes', async () => {
  const run = await simulate();
  expect(run.steps).toEqual([
    'describe the source',
    'choose restore point',
    'start restore',
    'wait until available',
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
    'delete the copy',
    'publish evidence',
  ]);
  expect(run.evidence).toHaveLength(1);
  expect(run.evidence[0]).toMatchObject({ outcome: 'passed', findings: [], sequence: 1, previous: null });
  expect(run.region.present()).toEqual([SOURCE, BYSTANDER]);
});

test.concurrent('gives the copy all that RDS would otherwise fill in with defaults', async () => {
  const { region } = await simulate({
    definition: { copy: { ...drillDefinition.copy, instanceClass: 'db.t3.micro' } },
  });
  const copy = [...region.instances.values()].find(({ name }) => COPY.test(name));
  expect(copy?.settings).toMatchObject({
    SourceDBInstanceIdentifier: SOURCE,
    DBInstanceClass: 'db.t3.micro',
    DBSubnetGroupName: 'drills',
    VpcSecurityGroupIds: ['sg-drills'],
    DBParameterGroupName: 'zephyr-pg17',
    OptionGroupName: 'default:postgres-17',
    PubliclyAccessible: false,
    MultiAZ: false,
    DeletionProtection: false,
    BackupRetentionPeriod: 0,
    Tags: [
      { Key: 'lifeboat:copy-of', Value: SOURCE },
      { Key: 'lifeboat:run', Value: copy?.name.slice(-12) },
      { Key: 'lifeboat:expires', Value: expect.stringMatching(/^2026-11-01T22:00/) },
    ],
  });
});

describe('evidence', () => {
  test.concurrent('measures the recovery time to the last check, and the recovery point from the latest restorable time', async () => {
    const [document] = (await simulate({ restoreMinutes: 12 })).evidence as [Evidence];
    const available = document.phases.find(({ phase }) => phase === 'wait until available')?.seconds ?? 0;
    expect(available).toBeGreaterThanOrEqual(12 * 60);
    // A poll may notice it a twentieth late.
    expect(available).toBeLessThanOrEqual(12 * 60 * 1.06);
    expect(document.recoveryTime?.seconds).toBeGreaterThan(available);
    expect(document.recoveryTime).toMatchObject({ objectiveSeconds: 3600, met: true });
    // The simulated region's logs are four minutes behind.
    expect(document.recoveryPoint).toMatchObject({ seconds: expect.closeTo(240, 0), objectiveSeconds: 300, met: true });
  });

  test.concurrent('says that an objective was not met', async () => {
    const [document] = (await simulate({ restoreMinutes: 90 })).evidence as [Evidence];
    expect(document.outcome).toBe('passed');
    expect(document.recoveryTime).toMatchObject({ met: false });
  });

  test.concurrent('says that a smaller class proves restorability, not the RTO', async () => {
    const run = await simulate({ definition: { copy: { ...drillDefinition.copy, instanceClass: 'db.t3.micro' } } });
    expect(run.evidence[0]?.notes.join()).toMatch(/db\.t3\.micro.*db\.t3\.large.*not the RTO/);
  });

  test.concurrent('says which databases of the instance were not examined', async () => {
    const run = await simulate();
    expect(run.evidence[0]?.warnings).toEqual([expect.stringMatching(/^database 'billing' .* was not examined/)]);
    expect(run.evidence[0]?.outcome).toBe('passed');
  });

  test.concurrent('has a readable form beside it', async () => {
    const { region } = await simulate({ database: 'corrupt' });
    const text = region.objects.get('evidence/Protection/Orders/00000001.md');
    expect(text).toContain('# Orders: drill failed');
    expect(text).toContain('votes: invalid page in block 12');
  });
});

describe('a restore point', () => {
  const restoredTo = async (restore: (typeof drillDefinition)['restore']) => {
    const run = await simulate({ definition: { restore } });
    const copy = [...run.region.instances.values()].find(({ name }) => COPY.test(name));
    return { document: run.evidence[0] as Evidence, settings: copy?.settings as Record<string, unknown> | undefined };
  };

  test.concurrent('at random lies within the span, in whole seconds', async () => {
    const { document, settings } = await restoredTo({ kind: 'random', withinSeconds: 3600 });
    const time = settings?.RestoreTime as Date;
    const age = (Date.parse(document.started) - time.getTime()) / 1000;
    expect(time.getMilliseconds()).toBe(0);
    expect(age).toBeGreaterThan(240);
    expect(age).toBeLessThan(3600 + 250);
  });

  test.concurrent('latest is the last whole second that RDS can restore', async () => {
    const { document } = await restoredTo({ kind: 'latest' });
    const behind =
      Date.parse(String(document.restorePoint?.latestRestorable)) - Date.parse(String(document.restorePoint?.time));
    expect(behind).toBeGreaterThan(0);
    expect(behind).toBeLessThanOrEqual(1000);
  });

  test.concurrent('latest snapshot is the newest available one of all pages, not the first', async () => {
    // Newer are one that is still being made, and one that somebody tagged as bad.
    const { settings } = await restoredTo({ kind: 'latest-snapshot' });
    expect(settings).toMatchObject({ DBSnapshotIdentifier: 'rds:orders-2026-11-19-03-05' });
  });

  test.concurrent('may be a snapshot by its name, of the very database', async () => {
    const own = await restoredTo({ kind: 'snapshot', snapshot: 'orders-by-hand' });
    expect(own.settings).toMatchObject({ DBSnapshotIdentifier: 'orders-by-hand' });
    expect(own.document.outcome).toBe('passed');
    const { document } = await restoredTo({ kind: 'snapshot', snapshot: 'billing-by-hand' });
    expect(document.findings.join()).toMatch(/'billing-by-hand' is of database 'billing'.*nothing about 'orders'/);
  });

  test.concurrent('that is no moment is refused at the door', async () => {
    for (const time of [
      '2026-02-31T10:00:00Z',
      '2026-11-01T10:00:00+05',
      '2026-11-01 10:00:00Z',
      '2026-11-01T25:00:00Z',
    ]) {
      const run = await simulate({ definition: { restore: { kind: 'time', time } } });
      expect(JSON.stringify(run.execution)).toMatch(/restore\.time: must be/);
      expect(run.evidence).toEqual([]);
    }
  });

  test.concurrent('outside of the backups is refused, with the moments that are possible', async () => {
    const { document } = await restoredTo({ kind: 'time', time: '2020-01-01T00:00:00Z' });
    expect(document.outcome).toBe('failed');
    expect(document.findings.join()).toMatch(/2020-01-01.*can't be restored: the backups reach from 2026-10-02/);
  });
});

describe('a drill of what was copied from another region', () => {
  const copied = { from: ELSEWHERE, instanceClass: 'db.r6g.large' };
  const drilled = async (
    restore: (typeof drillDefinition)['restore'],
    more: Partial<NonNullable<(typeof drillDefinition)['source']['copied']>> = {},
    instanceClass?: string,
  ) => {
    const source = { instance: SOURCE, copied: { ...copied, ...more } };
    const copyOptions = { ...drillDefinition.copy, instanceClass };
    const run = await simulate({ definition: { source, restore, database: 'zephyr', copy: copyOptions } });
    const copy = [...run.region.instances.values()].find(({ name }) => COPY.test(name));
    return { ...run, document: run.evidence[0] as Evidence, settings: copy?.settings };
  };

  test.concurrent("restores the newest copy of the database's that its role may restore, with the class it was told", async () => {
    const { document, settings, region } = await drilled({ kind: 'latest-snapshot' });
    expect(settings).toMatchObject({
      DBSnapshotIdentifier: 'lifeboat-0a1b2c3d-orders-2026-10-30-03-04',
      DBInstanceClass: 'db.r6g.large',
    });
    expect(document).toMatchObject({
      outcome: 'passed',
      source: { instance: SOURCE, engine: 'postgres 17.10', copiedFrom: ELSEWHERE },
      restorePoint: { requested: 'latest copy of a snapshot' },
      // As old as the snapshot was when it was taken, not when it was copied.
      recoveryPoint: { seconds: expect.closeTo(2 * 86_400, -2), met: false },
    });
    expect(region.objects.get('evidence/Protection/Orders/00000001.md')).toContain(`backups of ${ELSEWHERE}`);
  });

  test.concurrent('restores replicated backups to a point in time, naming them and not the database', async () => {
    const { document, settings } = await drilled({ kind: 'latest' }, { parameterGroup: 'orders-west' });
    const automatedBackups = 'arn:aws:rds:us-west-2:123456789012:auto-backup:ab-orders';
    expect(settings).toMatchObject({
      SourceDBInstanceAutomatedBackupsArn: automatedBackups,
      DBParameterGroupName: 'orders-west',
    });
    expect(settings).not.toHaveProperty('SourceDBInstanceIdentifier');
    expect(document).toMatchObject({
      outcome: 'passed',
      restorePoint: { automatedBackups },
      recoveryPoint: { seconds: expect.closeTo(300, 0) },
    });
  });

  test.concurrent('names no group of the region that may not be there, and no option group of another region', async () => {
    for (const kind of ['latest', 'latest-snapshot'] as const) {
      const { settings } = await drilled({ kind });
      expect(settings?.DBParameterGroupName).toBeUndefined();
      expect(settings?.OptionGroupName).toBeUndefined();
    }
  });

  test.concurrent('of a database that is gone restores what reaches furthest, and says that nothing is added to it', async () => {
    const { document, settings } = await drilled({ kind: 'latest' }, { from: ELSEWHERE.replace('orders', 'gone') });
    const note = expect.stringMatching(/^These backups are retained.*deleted, or their replication was stopped/);
    expect(document.notes).toContainEqual(note);
    expect((await drilled({ kind: 'latest' })).document.notes).not.toContainEqual(note);
    expect(settings).toMatchObject({ SourceDBInstanceAutomatedBackupsArn: expect.stringMatching(/:ab-gone$/) });
  });

  test.concurrent('is not passed by what an earlier database of the same name left, while the new one has nothing here', async () => {
    const from = ELSEWHERE.replace('orders', 'anew');
    const { document, settings } = await drilled({ kind: 'latest' }, { from });
    expect(document.findings).toEqual([expect.stringContaining(`${from} are not replicated here (pending)`)]);
    expect(settings).toBeUndefined();
  });

  test.concurrent('may be of a snapshot by its name, unless its tags say that it is of another database of that name', async () => {
    const byHand = await drilled({ kind: 'snapshot', snapshot: 'orders-by-hand' });
    expect(byHand.document.outcome).toBe('passed');
    expect(byHand.document.notes).toContainEqual(
      expect.stringMatching(/chosen by its name.*its database, orders: .*make sure that this is/),
    );
    const own = await drilled({ kind: 'snapshot', snapshot: 'orders-from-us-east-1' });
    expect(own.document.outcome).toBe('passed');
    const other = await drilled({ kind: 'snapshot', snapshot: 'orders-from-eu-west-1' });
    expect(other.document.findings.join()).toMatch(
      /of database 'arn:aws:rds:eu-west-1:.*nothing about 'arn:aws:rds:us-east-1/,
    );
    expect(other.settings).toBeUndefined();
  });

  test.concurrent('claims no recovery time for a class that nobody told', async () => {
    const { document, settings } = await drilled({ kind: 'latest' }, { instanceClass: undefined }, 'db.t3.large');
    expect(settings).toMatchObject({ DBInstanceClass: 'db.t3.large' });
    expect(document).toMatchObject({ outcome: 'passed', source: { instanceClass: 'unknown' } });
    expect(document.notes).toContainEqual(expect.stringMatching(/the source's class is unknown.*not the RTO/));
  });

  test.concurrent('says so when nothing was copied yet, and asks for no restore', async () => {
    const from = ELSEWHERE.replace('orders', 'new');
    for (const [restore, finding] of [
      [{ kind: 'latest-snapshot' }, `no copy of a snapshot of ${from} is available here`],
      [{ kind: 'latest' }, `automated backups of ${from} are not replicated here (none found)`],
    ] as const) {
      const { document, settings } = await drilled(restore, { from });
      expect(document.findings).toEqual([expect.stringContaining(finding)]);
      expect(settings).toBeUndefined();
    }
  });

  test.concurrent("says that the parameter group is not the source's, unless one is named", async () => {
    const note = expect.stringContaining('default.postgres17, without the settings of');
    expect((await drilled({ kind: 'latest' })).document.notes).toContainEqual(note);
    expect((await drilled({ kind: 'latest' }, { parameterGroup: 'mine' })).document.notes).not.toContainEqual(note);
  });

  test.concurrent('needs the name of the database and a class, which copies do not tell', async () => {
    const run = await simulate({ definition: { source: { instance: SOURCE, copied: { from: ELSEWHERE } } } });
    expect(JSON.stringify(run.execution)).toMatch(/needs the name of the database.*needs an instance class/);
  });
});

describe('a drill that can not pass', () => {
  test.concurrent('fails with the finding when a check fails', async () => {
    const run = await simulate({ database: 'corrupt' });
    expect(run.evidence[0]?.outcome).toBe('failed');
    expect(run.evidence[0]?.findings.join()).toContain('votes: invalid page in block 12');
    expect(run.evidence[0]?.recoveryTime).toBeNull();
    expect(run.region.present()).toEqual([SOURCE, BYSTANDER]);
  });

  test.concurrent('does not pass when a check could not run', async () => {
    const run = await simulate({ database: 'partly unchecked' });
    expect(run.evidence[0]?.outcome).toBe('failed');
    expect(run.evidence[0]?.findings.join()).toContain('could not run: votes: canceling statement');
  });

  test.concurrent('fails loudly, and still deletes the copy, when the copy refuses connections', async () => {
    const run = await simulate({ database: 'refuses connections' });
    expect(run.evidence[0]?.outcome).toBe('failed');
    expect(run.evidence[0]?.findings.join()).toContain('password authentication failed');
    expect(run.region.present()).toEqual([SOURCE, BYSTANDER]);
  });

  test.concurrent('is dated when its very first step fails, so that its alarm hears of it', async () => {
    const run = await simulate({ definition: { source: { instance: 'gone' } } });
    expect(run.evidence[0]).toMatchObject({ outcome: 'failed', findings: [expect.stringContaining('NotFound')] });
    expect(run.evidence[0]?.started).toMatch(/^2026-11-01T10:0/);
    expect(run.evidence[0]?.finished).toMatch(/^2026-11-01T10:0/);
    expect(run.evidence[0]?.phases.map(({ phase }) => phase)).toEqual(['describe the source']);
    // CloudWatch drops metrics that are older than two weeks.
    const stamps = [...run.traces.matchAll(/"Timestamp\\":(\d+)/g)].map(([, stamp]) => Number(stamp));
    expect(Math.min(...stamps)).toBeGreaterThan(Date.parse('2026-11-01T10:00:00Z'));
    expect(stamps.length).toBeGreaterThan(0);
  });

  test.concurrent('says which checks did not run when the examiner dies', async () => {
    const run = await simulate({ database: 'examiner dies' });
    expect(run.evidence[0]?.checks.map(({ outcome }) => outcome)).toEqual(Array(5).fill('not-run'));
    expect(run.evidence[0]?.findings.join()).toContain('Runtime exited');
  });

  test.concurrent('ends at once, with what RDS says, when the restore fails', async () => {
    const run = await simulate({ restore: 'incompatible-restore' });
    expect(run.evidence[0]?.findings.join()).toContain(
      'incompatible-restore. Its events: Restore failed: disk on fire',
    );
    expect(run.region.present()).toEqual([SOURCE, BYSTANDER]);
  });

  test.concurrent('gives up on a restore that sticks, within its budget of operations', async () => {
    const run = await simulate({ restore: 'sticks' });
    expect(run.evidence[0]?.findings.join()).toContain("'wait until available' did not end within 12 h");
    expect(run.execution.metered).toBeLessThan(500);
    expect(run.region.present()).toEqual([SOURCE, BYSTANDER]);
  });
});

test.concurrent('waits for a restore as long as its copy may live, and for no check beyond that', async () => {
  const copy = { ...drillDefinition.copy, expiresAfterSeconds: 10 * 3600 };
  const long = await simulate({ restoreMinutes: 8 * 60, definition: { copy } });
  expect(long.evidence[0]?.outcome).toBe('passed');
  const late = await simulate({ restoreMinutes: 1, definition: { copy: { ...copy, expiresAfterSeconds: 75 } } });
  expect(late.evidence[0]?.findings.join()).toContain('the restored instance expired at');
  expect(late.evidence[0]?.checks.map(({ outcome }) => outcome)).toEqual(Array(5).fill('not-run'));
  expect(late.region.present()).toEqual([SOURCE, BYSTANDER]);
});

test.concurrent('waits while RDS is at work on the copy, as after a reset of the password whose answer was lost', async () => {
  const runs = await Promise.all(Array.from({ length: 30 }, (_, seed) => simulate({ seed, lost: 0.3 })));
  const outcomes = runs.map(({ evidence }) => evidence[0]?.outcome);
  expect(outcomes).toEqual(Array(30).fill('passed'));
});

test.concurrent('uses a copy whose blocks are still being loaded', async () => {
  const run = await simulate({ restore: 'storage-initialization' });
  expect(run.evidence[0]?.outcome).toBe('passed');
});

test.concurrent('gives every call to the examiner an invocation of its own, whose 15 minutes it may need', async () => {
  const { execution } = await simulate();
  const names = execution.operations.map(({ Name }) => Name);
  for (const [at, name] of names.entries()) {
    if (name?.startsWith('run checks')) expect(names[at - 1]).toMatch(/^make room/);
  }
});

test.concurrent('calls again for what a slow copy left no time for', async () => {
  const run = await simulate({ database: 'slow' });
  expect(run.steps.filter((step) => step.startsWith('run checks'))).toHaveLength(5);
  expect(run.evidence[0]?.outcome).toBe('passed');
});

describe('whoever starts a drill', () => {
  test.concurrent('may choose the restore point, and say why; evidence says that they did', async () => {
    const request = { restore: { kind: 'latest-snapshot' }, reason: 'audit of 2026' };
    const { evidence, region } = await simulate({ request });
    expect(evidence[0]).toMatchObject({
      outcome: 'passed',
      request,
      restorePoint: { snapshot: 'rds:orders-2026-11-19-03-05' },
      notes: expect.arrayContaining([
        expect.stringMatching(/^The restore point was chosen by whoever started the run/),
      ]),
    });
    expect(region.objects.get('evidence/Protection/Orders/00000001.md')).toContain('| Reason | audit of 2026 |');
  });

  test.concurrent.each([undefined, null, {}])('may choose nothing: %j', async (request) => {
    const { evidence } = await simulate({ request: request === undefined ? null : request });
    expect(evidence[0]).toMatchObject({
      request: { restore: null, reason: null },
      restorePoint: { requested: 'random time' },
    });
  });

  test.concurrent('may not choose what is proven: a request of a drill that anything passes is refused, and touches nothing', async () => {
    const everything = {
      ...drillDefinition,
      database: 'postgres',
      checks: [{ kind: 'row-count', table: 't', atLeast: 0 }],
    };
    const { execution, region, evidence, steps } = await simulate({ request: everything });
    expect(execution).toMatchObject({
      status: 'failed',
      error: expect.stringMatching(/plan: can't be set by a request, .*; a drill takes restore and reason/),
    });
    expect([steps, evidence, region.touched]).toEqual([[], [], []]);
    for (const field of Object.keys(everything).filter((name) => name !== 'restore')) {
      const run = await simulate({ request: { [field]: everything[field as keyof typeof everything] } });
      expect(JSON.stringify(run.execution)).toContain(`${field}: can't be set by a request`);
    }
  });

  test.concurrent.each([
    [{ restore: { kind: 'snapshot', snapshot: 'rds:orders-2026-11-18-03-05' } }, 'allowed'],
    [{ restore: { kind: 'snapshot', snapshot: 'orders-by-hand' } }, 'refused'],
    [{ restore: { kind: 'snapshot', snapshot: 'rds:billing-2026-11-18-03-05' } }, 'refused'],
    [{ restore: { kind: 'latest', copy: {} } }, 'refused'],
    [{ reason: '' }, 'refused'],
    [{ reason: 'x'.repeat(501) }, 'refused'],
    [['restore'], 'refused'],
    ['{}', 'refused'],
  ])('%j is %s, by what the role may restore', async (request, expected) => {
    const { execution, steps } = await simulate({ request });
    expect(execution.status).toBe(expected === 'allowed' ? 'succeeded' : 'failed');
    if (expected === 'refused') expect(steps).toEqual([]);
  });

  test.concurrent('may name the snapshot that was deployed', async () => {
    const restore = { kind: 'snapshot', snapshot: 'orders-by-hand' } as const;
    const { evidence } = await simulate({ definition: { restore }, request: { restore } });
    expect(evidence[0]?.outcome).toBe('passed');
  });
});

test.concurrent('evidence tells what was deployed: its hash, the database, and all checks with their queries', async () => {
  const checks = [{ kind: 'query' as const, name: 'tenants', sql: 'SELECT count(*) FROM tenants', atLeast: 3 }];
  const [told] = (await simulate({ definition: { checks, database: 'zephyr' } })).evidence;
  expect(told?.definition).toEqual({ sha256: expect.stringMatching(/^[0-9a-f]{64}$/), database: 'zephyr', checks });
  const [same, other] = await Promise.all([
    simulate({ definition: { checks, database: 'zephyr' }, request: { reason: 'again' } }),
    simulate({ definition: { checks, database: 'zephyr', objectives: { rpoSeconds: 1, rtoSeconds: 1 } } }),
  ]);
  expect(same.evidence[0]?.definition).toEqual(told?.definition);
  expect(other.evidence[0]?.definition?.sha256).not.toBe(told?.definition?.sha256);
  const [generic] = (await simulate()).evidence;
  expect(generic?.definition?.database).toBe('zephyr');
  expect(generic?.definition?.checks.map(({ kind }) => kind)).toEqual([
    'readable',
    'indexes',
    'constraints',
    'foreign-keys',
    'not-shrunk',
  ]);
});

test.concurrent('refuses a definition with every problem at once, before it touches anything', async () => {
  const run = await simulate({
    definition: {
      restore: { kind: 'random', withinSeconds: -1 },
      copy: { ...drillDefinition.copy, prefix: 'orders-' },
    },
  });
  expect(run.execution).toMatchObject({ status: 'failed' });
  expect(JSON.stringify(run.execution)).toMatch(/restore\.withinSeconds.*copy\.prefix/);
  expect(run.steps).toEqual([]);
});

test.concurrent('leaves the password in no checkpoint, no printed line and no document', async () => {
  for (const database of ['healthy', 'refuses connections', 'examiner dies'] as const) {
    const run = await simulate({ database, crashes: 0.2, lost: 0.1 });
    expect(run.passwords).toHaveLength(1);
    expect(run.passwords[0]).toHaveLength(43);
    expect(run.traces).toContain('publish evidence');
    for (const secret of [...run.passwords, 'a key of more than']) expect(run.traces).not.toContain(secret);
  }
});

test.concurrent('a stopped run leaves its copy to the janitor, who takes nothing else', async () => {
  const run = await simulate({ stoppedAfter: 3 });
  expect(run.execution.status).toBe('stopped');
  expect(run.region.present()).toHaveLength(3);
  await run.janitor();
  expect(run.region.present()).toEqual([SOURCE, BYSTANDER]);
});

test.concurrent('finds and deletes a copy that RDS does not list yet, when the answer to its restore was lost on the way', async () => {
  const runs = await Promise.all(Array.from({ length: 60 }, (_, seed) => simulate({ seed, garbled: 0.2, stale: 0.9 })));
  const hasty = runs.filter(({ steps }) => steps.includes('start restore') && !steps.includes('wait until available'));
  expect(hasty.length).toBeGreaterThan(3);
  for (const { region } of hasty) expect(region.present()).toEqual([SOURCE, BYSTANDER]);
});
