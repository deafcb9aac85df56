import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import type { RDSClient } from '@aws-sdk/client-rds';
import { CfnParameter, CfnResource } from 'aws-cdk-lib';
import type * as rds from 'aws-cdk-lib/aws-rds';
import { deploymentSnapshotRequest, parse, DEPLOYMENT_SNAPSHOT_TAGS as TAGS } from '../../../lambda/contract';
import { type DeploymentPorts, snapshotBeforeDeployment } from '../../../lambda/rds/snapshot-before-deployment';
import { snapshotName } from '../../../lambda/rds/take-snapshot';
import { DeploymentSnapshot, type DeploymentSnapshotProps, SnapshotsKept } from '../../../lib';
import { DATABASE, MINUTE, SimulatedDatabase, type Troubles } from '../../simulated/database';
import { SimulatedParameters } from '../../simulated/parameters';
import { passesNag } from '../../template/nag';
import { ACCOUNT, allows, rdsArn as arn, possible, REGION, resolved, statementsOf } from '../../template/policies';
import { importedDatabase, newDatabase, newStack, Template, warningsOf } from '../../template/stacks';

function newSnapshot(props: Partial<DeploymentSnapshotProps> = {}) {
  const stack = newStack();
  const database = importedDatabase(stack, 'Orders');
  const snapshot = new DeploymentSnapshot(stack, 'Before', { database, deploymentVersion: 'v1.4.2', ...props });
  return { stack, snapshot };
}

describe('the construct', () => {
  test('hands over a request that the runbook accepts', () => {
    const { stack } = newSnapshot();
    const [resource] = Object.values(Template.fromStack(stack).findResources('Custom::LifeboatSnapshot'));
    const request = JSON.parse(resolved(resource?.Properties.Request));
    expect(parse(deploymentSnapshotRequest, request, 'request')).toEqual({
      instance: 'orders',
      reason: 'pre-deployment',
      deploymentVersion: 'v1.4.2',
      keepLast: 10,
    });
  });

  test('has migrations wait', () => {
    const { stack, snapshot } = newSnapshot();
    const migrations = new CfnResource(stack, 'Migrations', { type: 'Custom::Migrations' });
    snapshot.before(migrations);
    const { DependsOn } = Template.fromStack(stack).findResources('Custom::Migrations').Migrations ?? {};
    expect(DependsOn).toHaveLength(1);
    expect(DependsOn).toContainEqual(expect.stringMatching(/^BeforeSnapshot[0-9A-F]{8}$/));
  });

  test('is taken of a database of this app as well, after it is there', () => {
    const stack = newStack();
    new DeploymentSnapshot(stack, 'Before', { database: newDatabase(stack), deploymentVersion: 'v1' });
    const [resource] = Object.values(Template.fromStack(stack).findResources('Custom::LifeboatSnapshot'));
    expect(JSON.stringify(resource?.Properties.Request)).toContain('{"Ref":"DatabaseB269D8BB"}');
  });

  test.each(['', 'v1\nv2', '<script>', 'x'.repeat(257)])(
    'refuses %j as a version, which no tag could hold',
    (version) => {
      expect(() => newSnapshot({ deploymentVersion: version })).toThrow(
        'deploymentVersion: must be 1 to 256 letters, digits, spaces or any of _.:/=+-@',
      );
    },
  );

  test('takes the longest version that a tag holds, and what is known only at deployment', () => {
    const longest = 'ä b_.:/=+-@'.padEnd(256, 'x');
    expect(() => newSnapshot({ deploymentVersion: longest })).not.toThrow();
    const deploymentVersion = new CfnParameter(newStack(), 'Version').valueAsString;
    expect(() => newSnapshot({ deploymentVersion })).not.toThrow();
  });

  test('refuses a reason that no tag could hold', () => {
    expect(() => newSnapshot({ reason: 'why?' })).toThrow('reason: must be 1 to 256');
    expect(() => newSnapshot({ reason: 'schema change 12' })).not.toThrow();
  });

  test('refuses to keep none', () => {
    expect(() => SnapshotsKept.last(0)).toThrow('a deployment needs a snapshot to go back to');
    expect(() => SnapshotsKept.last(1.5)).toThrow('set a whole number from 1');
    expect(() => SnapshotsKept.last(1)).not.toThrow();
  });

  test('warns of keeping as many as a region may have', () => {
    expect(warningsOf(newSnapshot({ retention: SnapshotsKept.last(100) }).stack)).toEqual([
      expect.stringContaining('lifeboat:snapshot-quota'),
    ]);
    expect(warningsOf(newSnapshot({ retention: SnapshotsKept.last(99) }).stack)).toEqual([]);
  });

  test('refuses an instance of a cluster, which RDS takes no snapshot of; one of its own is fine', () => {
    const of = (dbClusterIdentifier?: string) => () => {
      const stack = newStack();
      const database = newDatabase(stack);
      (database.node.defaultChild as rds.CfnDBInstance).dbClusterIdentifier = dbClusterIdentifier;
      new DeploymentSnapshot(stack, 'Before', { database, deploymentVersion: 'v1' });
    };
    expect(of('ledger')).toThrow("deployment snapshot 'Test/Before':\n  it is an instance of a cluster");
    expect(of()).not.toThrow();
  });

  test("passes cdk-nag's packs in a stack of its own", () => {
    passesNag((stack) => {
      new DeploymentSnapshot(stack, 'Before', { database: importedDatabase(stack), deploymentVersion: 'v1' });
    });
  });

  test('its key keeps its logical ID', () => {
    const keys = Template.fromStack(newSnapshot().stack).findResources('AWS::KMS::Key');
    expect(Object.keys(keys)).toEqual(['BeforeSnapshotKeyDAD94E01']);
  });

  describe('may', () => {
    const statements = statementsOf(Template.fromStack(newSnapshot().stack), /^BeforeSnapshotHandlerRole/);
    const ours = arn('snapshot', 'lifeboat-before-orders-v1-0123456789ab');
    const made = {
      [`aws:RequestTag/${TAGS.beforeDeploymentOf}`]: 'orders',
      [`aws:RequestTag/${TAGS.keep}`]: 'last',
      'aws:TagKeys': Object.values(TAGS),
    };
    const create = (db: string, snapshot: string, context = {}) =>
      allows(statements, { action: 'rds:CreateDBSnapshot', resources: [arn('db', db), snapshot], context });
    const remove = (snapshot: string, of?: string, keep?: string) =>
      allows(statements, {
        action: 'rds:DeleteDBSnapshot',
        resources: [snapshot],
        context: {
          ...(of && { [`aws:ResourceTag/${TAGS.beforeDeploymentOf}`]: of }),
          ...(keep && { [`aws:ResourceTag/${TAGS.keep}`]: keep }),
        },
      });

    test('make snapshots of its database, tagged, under its prefix', () => {
      expect(create('orders', ours, made)).toBe(true);
      expect(create('orders', ours)).toBe(false);
      expect(create('billing', ours, made)).toBe(false);
      expect(create('orders', arn('snapshot', 'by-hand'), made)).toBe(false);
    });

    test('delete those that may be replaced, and no other', () => {
      expect(remove(ours, 'orders', 'last')).toBe(true);
      expect(remove(ours, 'orders', 'forever')).toBe(false);
      expect(remove(ours, 'orders-archive', 'last')).toBe(false);
      expect(remove(ours)).toBe(false);
      expect(remove(arn('snapshot', 'by-hand'), 'orders', 'last')).toBe(false);
    });

    test('tag nothing that is not its own, and not the database', () => {
      const tag = (resource: string, now: object = {}) =>
        allows(statements, { action: 'rds:AddTagsToResource', resources: [resource], context: { ...made, ...now } });
      expect(tag(ours)).toBe(true);
      expect(tag(ours, { [`aws:ResourceTag/${TAGS.keep}`]: 'forever' })).toBe(false);
      expect(tag(ours, { [`aws:ResourceTag/${TAGS.beforeDeploymentOf}`]: 'orders-archive' })).toBe(false);
      expect(tag(arn('snapshot', 'by-hand'))).toBe(false);
      expect(tag(arn('db', 'orders'))).toBe(false);
    });

    test('read whether the database is on hold, and hold or release nothing', () => {
      const may = (action: string, name: string) =>
        allows(statements, { action, resources: [`arn:aws:ssm:${REGION}:${ACCOUNT}:parameter/lifeboat/${name}`] });
      expect(may('ssm:GetParameter', 'hold/database/orders')).toBe(true);
      expect(may('ssm:GetParameter', 'recoveries/database/orders')).toBe(true);
      expect(may('ssm:GetParameter', 'hold/database/billing')).toBe(false);
      expect(may('ssm:PutParameter', 'hold/database/orders')).toBe(false);
    });

    test('delete none at all where all are kept', () => {
      const { stack } = newSnapshot({ retention: SnapshotsKept.forever() });
      const all = statementsOf(Template.fromStack(stack), /^BeforeSnapshotHandlerRole/);
      const forever = { ...made, [`aws:RequestTag/${TAGS.keep}`]: 'forever' };
      const resources = [arn('db', 'orders'), ours];
      expect(allows(all, { action: 'rds:CreateDBSnapshot', resources, context: forever })).toBe(true);
      expect(allows(all, { action: 'rds:CreateDBSnapshot', resources, context: made })).toBe(false);
      expect(JSON.stringify(all)).not.toContain('rds:DeleteDBSnapshot');
    });

    test('not touch the database', () => {
      for (const action of ['rds:DeleteDBInstance', 'rds:ModifyDBInstance', 'rds:RestoreDBInstanceFromDBSnapshot']) {
        expect(allows(statements, possible({ action, resources: [arn('db', 'orders')], context: made }))).toBe(false);
      }
    });
  });
});

describe('the runbook', () => {
  async function deploy(
    region: SimulatedDatabase,
    more: object = {},
    request: object = {},
    stackStatus = 'UPDATE_IN_PROGRESS',
    parameters = new SimulatedParameters(),
  ) {
    const answers: Record<string, string>[] = [];
    const asked = {
      instance: DATABASE,
      reason: 'pre-deployment',
      deploymentVersion: 'v1.4.2',
      keepLast: 2,
      ...request,
    };
    const event: unknown = {
      RequestType: 'Create',
      ResponseURL: 'https://answers.example/secret',
      StackId: 'stack',
      RequestId: 'request',
      LogicalResourceId: 'Before',
      ResourceProperties: { Request: JSON.stringify(asked) },
      ...more,
    };
    const cloudFormation: DeploymentPorts['cloudFormation'] = Object.create(CloudFormationClient.prototype, {
      send: { value: async () => ({ Stacks: [{ StackStatus: stackStatus }] }) },
    });
    const answer = async (_: string, body: string) => {
      answers.push(JSON.parse(body));
    };
    const execution = await region.run(
      (rds: RDSClient) =>
        snapshotBeforeDeployment({ rds, ssm: parameters.client('eu-west-1'), cloudFormation, answer }),
      event,
    );
    return { execution, answer: answers[0] };
  }
  const update = { RequestType: 'Update', PhysicalResourceId: 'lifeboat-before-orders-v1-000000000000' };
  const ours = (keep = 'last') => ({ [TAGS.beforeDeploymentOf]: DATABASE, [TAGS.keep]: keep });
  const name = (version: string) => `lifeboat-before-orders-${version}-0123456789ab`;

  test('takes a snapshot with reason and version, waits for it, and names it', async () => {
    const region = new SimulatedDatabase();
    const { answer } = await deploy(region);
    const [snapshot] = region.snapshots.values();
    expect(answer).toMatchObject({ Status: 'SUCCESS', PhysicalResourceId: snapshot?.DBSnapshotIdentifier });
    expect(snapshot).toMatchObject({
      DBSnapshotIdentifier: expect.stringMatching(/^lifeboat-before-orders-v1-4-2-[0-9a-f]{12}$/),
      Status: 'available',
    });
    expect(Object.fromEntries(snapshot?.TagList?.map(({ Key, Value }) => [Key, Value]) ?? [])).toEqual({
      'lifeboat:before-deployment-of': 'orders',
      'lifeboat:keep': 'last',
      'lifeboat:announced': 'true',
      Reason: 'pre-deployment',
      DeploymentVersion: 'v1.4.2',
    });
  });

  test('takes a new one for each new version, and keeps as many as asked', async () => {
    const region = new SimulatedDatabase();
    for (const deploymentVersion of ['v1', 'v2', 'v3']) {
      await deploy(region, update, { deploymentVersion });
      region.now += 60 * MINUTE;
    }
    expect([...region.snapshots.keys()]).toEqual([expect.stringContaining('-v2-'), expect.stringContaining('-v3-')]);
  });

  test('told of one request twice, takes one snapshot, and answers alike', async () => {
    const region = new SimulatedDatabase();
    const first = await deploy(region);
    region.now += 5 * MINUTE;
    const again = await deploy(region);
    expect(again.answer?.PhysicalResourceId).toBe(first.answer?.PhysicalResourceId);
    expect(region.snapshots.size).toBe(1);
    await deploy(region, { RequestId: 'another' });
    expect(region.snapshots.size).toBe(2);
  });

  test('takes none while the stack rolls back: the one to go back to is there', async () => {
    const region = new SimulatedDatabase();
    const { answer } = await deploy(region, update, {}, 'UPDATE_ROLLBACK_IN_PROGRESS');
    expect(answer).toMatchObject({ Status: 'SUCCESS', PhysicalResourceId: update.PhysicalResourceId });
    expect(region.touched).toEqual([]);
  });

  test.each(['CREATE_COMPLETE', 'UPDATE_ROLLBACK_COMPLETE', 'UPDATE_FAILED'])(
    'takes and deletes nothing for whoever invokes its function while the stack is %s',
    async (stackStatus) => {
      const region = new SimulatedDatabase();
      for (const age of [2, 3]) region.snapshot(name(`v${age}`), age, ours());
      const { answer } = await deploy(region, update, { keepLast: 1 }, stackStatus);
      expect(answer).toMatchObject({
        Status: 'FAILED',
        Reason: expect.stringContaining(`stack stack is ${stackStatus}, so CloudFormation did not ask for this`),
      });
      expect(region.touched).toEqual([]);
    },
  );

  test('leaves the snapshots when it is deleted', async () => {
    const region = new SimulatedDatabase();
    const { answer } = await deploy(region, { ...update, RequestType: 'Delete' });
    expect([answer?.Status, region.touched]).toEqual(['SUCCESS', []]);
  });

  test('deletes only what is its own, replaceable, good and over age', async () => {
    const region = new SimulatedDatabase();
    region.snapshot(name('old'), 30, ours());
    region.snapshot(name('newer'), 20, ours());
    region.snapshot(name('kept'), 40, ours('forever'));
    region.snapshot(name('failed'), 1, ours(), { Status: 'failed' });
    region.snapshot('orders-by-hand', 50, {});
    region.snapshot('copied-by-hand-with-tags', 50, ours());
    region.snapshot(name('untagged'), 50, {});
    region.snapshot(name('automated'), 50, ours(), { SnapshotType: 'automated' });
    region.snapshot('lifeboat-before-orders-archive-v1-0123456789ab', 50, {
      ...ours(),
      [TAGS.beforeDeploymentOf]: 'orders-archive',
    });
    await deploy(region);
    expect(region.touched.filter((change) => change.startsWith('delete'))).toEqual([`delete ${name('old')}`]);
  });

  test('leaves one that is available while its own run may still wait for it, and says so', async () => {
    const region = new SimulatedDatabase();
    const hours = (count: number) => count / 24;
    region.snapshot(name('waited-for'), hours(2), ours());
    region.snapshot(name('announced'), hours(3), { ...ours(), [TAGS.announced]: 'true' });
    region.snapshot(name('broken-off'), hours(25), ours());
    const { answer } = await deploy(region, {}, { keepLast: 1 });
    expect([...region.snapshots.keys()]).toEqual([name('waited-for'), answer?.PhysicalResourceId]);
    expect(answer?.Reason).toContain(`${name('waited-for')}: the run that took it may not have announced it yet`);
  });

  test('keeps the newest good snapshot, whatever its age', async () => {
    const region = new SimulatedDatabase();
    region.snapshot(name('good'), 400, ours());
    region.ends.snapshot = 'failed';
    const { answer } = await deploy(region, {}, { keepLast: 1 });
    expect(answer).toMatchObject({
      Status: 'FAILED',
      Reason: expect.stringContaining('failed, so there is nothing to go back to'),
    });
    expect(region.snapshots.has(name('good'))).toBe(true);
  });

  test('deletes nothing while the database is on hold, says so, and fails no deployment', async () => {
    const region = new SimulatedDatabase();
    const parameters = new SimulatedParameters();
    const since = new Date(Date.now() - MINUTE).toISOString();
    const hold = { reason: 'recovery', by: 'ada', since, until: new Date(Date.now() + 60 * MINUTE).toISOString() };
    parameters.hold('eu-west-1', { kind: 'database', id: DATABASE }, hold);
    for (const age of [1, 2, 3]) region.snapshot(name(`v${age}`), age, ours());
    const { answer } = await deploy(region, {}, { keepLast: 2 }, undefined, parameters);
    expect(answer?.Status).toBe('SUCCESS');
    expect(answer?.Reason).toContain(
      `${name('v2')}, ${name('v3')}: on hold until ${hold.until}, set by ada at ${since}: recovery`,
    );
    expect(region.touched.filter((change) => change.startsWith('delete'))).toEqual([]);
  });

  test('deletes nothing where nobody can say whether the database is on hold, and fails no deployment', async () => {
    const region = new SimulatedDatabase();
    const parameters = new SimulatedParameters();
    parameters.refuses.set('eu-west-1', 'AccessDeniedException');
    region.snapshot(name('old'), 30, ours());
    const { answer } = await deploy(region, {}, { keepLast: 1 }, undefined, parameters);
    expect(answer).toMatchObject({ Status: 'SUCCESS', Reason: expect.stringContaining('AccessDeniedException') });
    expect(region.snapshots.has(name('old'))).toBe(true);
  });

  test('one that is known to be bad counts as none, and goes once a good one from after it is enough', async () => {
    const region = new SimulatedDatabase();
    region.snapshot(name('good'), 9, ours());
    region.snapshot(name('bad'), 5, { ...ours(), 'lifeboat:bad': 'does not restore' });
    await deploy(region, {}, { keepLast: 2 });
    expect(region.touched.filter((change) => change.startsWith('delete'))).toEqual([]);
    region.now += 60 * MINUTE;
    await deploy(region, { RequestId: 'next' }, { keepLast: 1 });
    expect([...region.snapshots.keys()]).toEqual([expect.stringContaining('-v1-4-2-')]);
  });

  test('keeps all, this one for ever, when no number is asked for', async () => {
    const region = new SimulatedDatabase();
    region.snapshot(name('old'), 30, ours());
    await deploy(region, {}, { keepLast: undefined });
    expect(region.touched).toEqual([expect.stringMatching(/^snapshot/)]);
    expect([...region.snapshots.values()].at(-1)?.TagList).toContainEqual({ Key: TAGS.keep, Value: 'forever' });
  });

  test('waits while a backup is being taken', async () => {
    const region = new SimulatedDatabase();
    region.busyUntil = region.now + 2 * MINUTE;
    expect((await deploy(region)).answer?.Status).toBe('SUCCESS');
  });

  test('answers before CloudFormation gives up', async () => {
    const region = new SimulatedDatabase();
    const began = region.now;
    region.busyUntil = began + 600 * MINUTE;
    expect((await deploy(region)).answer?.Status).toBe('FAILED');
    expect(region.now - began).toBeLessThan(60 * MINUTE);
  });

  test('a lost answer costs no deployment, however long the snapshot takes', async () => {
    const region = new SimulatedDatabase();
    region.snapshotMinutes = 25;
    region.loses = 'CreateDBSnapshotCommand';
    expect((await deploy(region)).answer?.Status).toBe('SUCCESS');
  });

  test.each(['v1.4.2', '2026/11/20', '--', '1', 'ü', 'release--9-', 'x'.repeat(256)])(
    'names are valid for version %s',
    (deploymentVersion) => {
      const request = { instance: 'a'.repeat(63), reason: 'x', deploymentVersion };
      const snapshot = snapshotName(request, '0123456789ab');
      expect(snapshot).toMatch(/^[a-z](-?[a-z0-9])*$/);
      expect(snapshot.length).toBeLessThanOrEqual(255);
    },
  );

  test('takes exactly one, and answers, through faults and crashes', async () => {
    for (let seed = 1; seed <= 40; seed++) {
      const rate = (seed % 4) / 20;
      const troubles: Troubles = { seed, throttled: rate, unavailable: rate, lost: rate, crashes: rate };
      const region = new SimulatedDatabase(troubles);
      region.snapshot(name('old'), 30, ours());
      region.snapshot(name('newer'), 20, ours());
      const { answer, execution } = await deploy(region);
      expect([troubles, answer?.Status]).toEqual([troubles, 'SUCCESS']);
      expect(region.touched.filter((change) => change.startsWith('snapshot'))).toHaveLength(1);
      expect(region.snapshots.has(name('newer'))).toBe(true);
      expect(execution.metered).toBeLessThan(200);
    }
  });
});
