import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { App, CfnParameter, Duration, Stack } from 'aws-cdk-lib';
import { Match } from 'aws-cdk-lib/assertions';
import * as rds from 'aws-cdk-lib/aws-rds';
import { type BackupSettings, backupSettings, parse } from '../../../lambda/contract';
import { applyBackupSettings, type BackupSettingsPorts } from '../../../lambda/rds/apply-backup-settings';
import { BackupWindow, ExternalDatabaseBackups, ExternalSetting, OlderBackups } from '../../../lib';
import { DATABASE, MINUTE, SimulatedDatabase, type Troubles } from '../../simulated/database';
import { SimulatedParameters } from '../../simulated/parameters';
import { passesNag } from '../../template/nag';
import { ACCOUNT, allows, REGION, resolved, statementsOf } from '../../template/policies';
import { importedDatabase, newDatabase, newStack, Template } from '../../template/stacks';

const window = BackupWindow.daily('03:00', '04:00');
const retention = Duration.days(30);

describe('the construct', () => {
  test('hands over a request that the runbook accepts, of what is asked and the safe rest', () => {
    const stack = newStack();
    new ExternalDatabaseBackups(stack, 'Backups', { database: importedDatabase(stack, 'Orders'), window, retention });
    const [resource] = Object.values(Template.fromStack(stack).findResources('Custom::LifeboatBackupSettings'));
    expect(parse(backupSettings, JSON.parse(resolved(resource?.Properties.Request)), 'settings')).toEqual({
      instance: 'orders',
      window: '03:00-04:00',
      retentionDays: 30,
      copyTagsToSnapshot: true,
      deletionProtection: true,
    });
  });

  test('lets older backups go only where that is said', () => {
    const requestOf = (olderBackups?: OlderBackups) => {
      const stack = newStack();
      const database = importedDatabase(stack, 'Orders');
      new ExternalDatabaseBackups(stack, 'Backups', { database, retention, olderBackups });
      const [resource] = Object.values(Template.fromStack(stack).findResources('Custom::LifeboatBackupSettings'));
      return parse(backupSettings, JSON.parse(resolved(resource?.Properties.Request)), 'settings');
    };
    expect(requestOf().olderBackupsMayBeDeleted).toBeUndefined();
    expect(requestOf(OlderBackups.KEPT).olderBackupsMayBeDeleted).toBeUndefined();
    expect(requestOf(OlderBackups.MAY_BE_DELETED).olderBackupsMayBeDeleted).toBe(true);
  });

  test('is called by an alias, whose name stays when the code changes, and waited for no longer than an hour', () => {
    const stack = newStack();
    new ExternalDatabaseBackups(stack, 'Backups', { database: importedDatabase(stack), window });
    const template = Template.fromStack(stack);
    template.hasResourceProperties('Custom::LifeboatBackupSettings', {
      ServiceToken: { Ref: Match.stringLikeRegexp('^BackupsSettingsLive') },
      ServiceTimeout: '3600',
    });
    template.hasResourceProperties('AWS::Lambda::Function', { DurableConfig: Match.anyValue() });
  });

  test('may modify its own database, none of the groups it is in, and nothing else', () => {
    const stack = newStack();
    new ExternalDatabaseBackups(stack, 'Backups', { database: importedDatabase(stack), window });
    const statements = statementsOf(Template.fromStack(stack), /^BackupsSettingsHandlerRole/);
    const may = (action: string, name: string) =>
      allows(statements, { action, resources: [`arn:aws:rds:${REGION}:${ACCOUNT}:db:${name}`] });
    expect(may('rds:ModifyDBInstance', 'orders')).toBe(true);
    for (const kind of ['og', 'pg', 'secgrp', 'subgrp']) {
      const resources = [`arn:aws:rds:${REGION}:${ACCOUNT}:${kind}:orders`];
      expect(allows(statements, { action: 'rds:ModifyDBInstance', resources })).toBe(false);
    }
    expect(may('rds:ModifyDBInstance', 'orders-archive')).toBe(false);
    expect(may('rds:DeleteDBInstance', 'orders')).toBe(false);
    expect(JSON.stringify(statements)).not.toContain('"*"');
  });

  const refused = (props: object) => () => {
    const stack = newStack();
    new ExternalDatabaseBackups(stack, 'Backups', { database: importedDatabase(stack), ...props });
  };

  test('refuses retentions that RDS refuses, and the one that deletes all backups', () => {
    expect(refused({ retention: Duration.days(36) })).toThrow("'retention' is 36 days, not 1 to 35");
    expect(refused({ retention: Duration.days(0) })).toThrow('it would delete all automated backups');
    expect(refused({ retention: Duration.hours(36) })).toThrow("'retention' is 1 day 12 hours");
    expect(refused({ retention: Duration.days(1) })).not.toThrow();
    expect(refused({ retention: Duration.days(35) })).not.toThrow();
  });

  test('hands on what is known only at deployment, and compares none of it', () => {
    const stack = newStack();
    const days = new CfnParameter(stack, 'Days', { type: 'Number' }).valueAsNumber;
    const database = importedDatabase(stack, new CfnParameter(stack, 'Identifier').valueAsString);
    new ExternalDatabaseBackups(stack, 'Backups', { database, retention: Duration.days(days) });
    const [resource] = Object.values(Template.fromStack(stack).findResources('Custom::LifeboatBackupSettings'));
    const request = resolved(resource?.Properties.Request).replace('<Days>', '35');
    expect(JSON.parse(request)).toMatchObject({ instance: '<Identifier>', retentionDays: 35 });
  });

  test('refuses a database of this app, which has the Mixin', () => {
    const stack = newStack();
    expect(() => new ExternalDatabaseBackups(stack, 'Backups', { database: newDatabase(stack), window })).toThrow(
      'use database.with(new DatabaseBackups({ ... }))',
    );
  });

  test.each([
    ['sun:03:30-sun:04:30', 'overlaps the maintenance window', 'sun:04:00-sun:05:00'],
    ['sunday 4am', 'is not in the form ddd:hh:mm-ddd:hh:mm', 'Sun:04:00-Sun:05:00'],
    ['sun:04:00-sun:04:15', 'is 15 minutes long', 'sun:04:00-sun:04:30'],
  ])('holds the window against the maintenance window that it is told: %s', (maintenance, message, legal) => {
    const told = (stated: string) => () => {
      const stack = newStack();
      const database = importedDatabase(stack);
      const window = BackupWindow.daily('03:00', '04:00');
      new ExternalDatabaseBackups(stack, 'Backups', { database, window, maintenance: stated });
      return JSON.stringify(Template.fromStack(stack).toJSON());
    };
    expect(told(maintenance)).toThrow(message);
    expect(told(legal)()).not.toContain(legal.toLowerCase());
  });

  test('refuses an instance of a cluster, and takes one of its own', () => {
    const of = (engine: rds.IInstanceEngine) => () => {
      const stack = newStack();
      const database = rds.DatabaseInstance.fromDatabaseInstanceAttributes(stack, 'Database', {
        instanceIdentifier: 'ledger-1',
        instanceEndpointAddress: 'ledger-1.example.com',
        port: 5432,
        securityGroups: [],
        engine,
      });
      new ExternalDatabaseBackups(stack, 'Backups', { database });
    };
    expect(of({ engineType: 'aurora-postgresql' } as rds.IInstanceEngine)).toThrow('it is an instance of a cluster');
    expect(of(rds.DatabaseInstanceEngine.POSTGRES)).not.toThrow();
  });

  test('refuses a database of another region', () => {
    const stack = new Stack(new App(), 'Here', { env: { region: 'us-east-1', account: ACCOUNT } });
    const there = new Stack(stack.node.root as App, 'There', { env: { region: 'us-west-2', account: ACCOUNT } });
    expect(() => new ExternalDatabaseBackups(stack, 'Backups', { database: importedDatabase(there) })).toThrow(
      "'database' is in us-west-2 and this stack in us-east-1",
    );
    expect(
      () => new ExternalDatabaseBackups(there, 'Backups', { database: importedDatabase(there, 'b') }),
    ).not.toThrow();
  });

  test('refuses to do nothing', () => {
    const unchanged = { tagCopying: ExternalSetting.UNCHANGED, deletionProtection: ExternalSetting.UNCHANGED };
    expect(refused(unchanged)).toThrow('no setting is to be changed');
    expect(refused({ ...unchanged, window })).not.toThrow();
  });

  test("passes cdk-nag's packs in a stack of its own", () => {
    passesNag((stack) => {
      const database = rds.DatabaseInstance.fromDatabaseInstanceAttributes(stack, 'Database', {
        instanceIdentifier: 'orders',
        instanceEndpointAddress: 'orders.example.com',
        port: 5432,
        securityGroups: [],
      });
      new ExternalDatabaseBackups(stack, 'Backups', { database, window, retention });
    });
  });

  test('its key keeps its logical ID', () => {
    const stack = newStack();
    new ExternalDatabaseBackups(stack, 'Backups', { database: importedDatabase(stack), window });
    expect(Object.keys(Template.fromStack(stack).findResources('AWS::KMS::Key'))).toEqual([
      'BackupsSettingsKeyB1ED35E8',
    ]);
  });
});

describe('the runbook', () => {
  const settings: BackupSettings = {
    instance: DATABASE,
    window: '03:00-04:00',
    retentionDays: 30,
    copyTagsToSnapshot: true,
    deletionProtection: true,
  };

  const parameters = new SimulatedParameters();
  beforeEach(() => parameters.values.clear());

  async function deploy(region: SimulatedDatabase, more: object = {}, StackStatus = 'UPDATE_IN_PROGRESS') {
    const cloudFormation: BackupSettingsPorts['cloudFormation'] = Object.create(CloudFormationClient.prototype, {
      send: { value: async () => ({ Stacks: [{ StackStatus }] }) },
    });
    const answers: Record<string, string>[] = [];
    const event = {
      RequestType: 'Create',
      ResponseURL: 'https://answers.example/secret',
      StackId: 'stack',
      RequestId: 'request',
      LogicalResourceId: 'Backups',
      ResourceProperties: { ServiceToken: 'x', Request: JSON.stringify(settings) },
      ...more,
    };
    const execution = await region.run(
      (rds) =>
        applyBackupSettings({
          rds,
          ssm: parameters.client('eu-west-1'),
          cloudFormation,
          answer: async (url, body) => {
            answers.push({ url, ...JSON.parse(body) });
          },
        }),
      event as unknown,
    );
    return { execution, answer: answers[0], answers };
  }

  test('applies what differs, at once, and answers when it is in force', async () => {
    const region = new SimulatedDatabase();
    region.instance.CopyTagsToSnapshot = true;
    const { answer } = await deploy(region);
    expect(answer).toMatchObject({
      Status: 'SUCCESS',
      PhysicalResourceId: 'backup-settings-of-orders',
      Reason: expect.stringContaining('they stay when this resource is deleted'),
    });
    expect(region.touched).toEqual([
      `modify orders ${JSON.stringify({
        PreferredBackupWindow: '03:00-04:00',
        BackupRetentionPeriod: 30,
        DeletionProtection: true,
      })}`,
    ]);
  });

  test('changes nothing for whoever invokes its function while no deployment is under way', async () => {
    const region = new SimulatedDatabase();
    const lower = { ...settings, retentionDays: 1, olderBackupsMayBeDeleted: true };
    const ResourceProperties = { Request: JSON.stringify(lower) };
    const { answer } = await deploy(region, { ResourceProperties }, 'UPDATE_COMPLETE');
    expect(answer).toMatchObject({
      Status: 'FAILED',
      Reason: expect.stringContaining('stack stack is UPDATE_COMPLETE, so CloudFormation did not ask for this'),
    });
    expect(region.touched).toEqual([]);
  });

  test('changes nothing the second time', async () => {
    const region = new SimulatedDatabase();
    await deploy(region);
    await deploy(region, { RequestType: 'Update', PhysicalResourceId: 'backup-settings-of-orders' });
    expect(region.touched).toHaveLength(1);
  });

  test('waits while the database is being backed up', async () => {
    const region = new SimulatedDatabase();
    region.busyUntil = region.now + 20 * MINUTE;
    const { answer } = await deploy(region);
    expect([answer?.Status, region.touched.length]).toEqual(['SUCCESS', 1]);
  });

  test('leaves what waits for the maintenance window there', async () => {
    const region = new SimulatedDatabase();
    const waiting = { DBInstanceClass: 'db.r6g.4xlarge', EngineVersion: '18.1' };
    Object.assign(region.instance, { BackupRetentionPeriod: 7, PendingModifiedValues: waiting });
    const { answer } = await deploy(region);
    expect(answer?.Status).toBe('SUCCESS');
    expect(region.instance).toMatchObject({ BackupRetentionPeriod: 30, PendingModifiedValues: waiting });
  });

  test.each([
    ['off', { BackupRetentionPeriod: 0 }],
    ['to be turned on later', { BackupRetentionPeriod: 0, PendingModifiedValues: { BackupRetentionPeriod: 30 } }],
    ['to be turned off later', { BackupRetentionPeriod: 30, PendingModifiedValues: { BackupRetentionPeriod: 0 } }],
  ])('turns backups on at once where they are %s', async (_, more) => {
    const region = new SimulatedDatabase();
    Object.assign(region.instance, structuredClone(more));
    const { answer } = await deploy(region);
    expect(answer?.Status).toBe('SUCCESS');
    expect(region.instance.BackupRetentionPeriod).toBe(30);
    expect(region.instance.PendingModifiedValues?.BackupRetentionPeriod).toBeUndefined();
  });

  test('refuses to turn backups on where that would bring an outage forward', async () => {
    const region = new SimulatedDatabase();
    const more = { BackupRetentionPeriod: 0, PendingModifiedValues: { EngineVersion: '18.1', ProcessorFeatures: [] } };
    Object.assign(region.instance, more);
    const { answer } = await deploy(region);
    expect(answer).toMatchObject({
      Status: 'FAILED',
      Reason: expect.stringContaining('(EngineVersion), maybe with an outage, so nothing was changed'),
    });
    expect(region.touched).toEqual([]);
  });

  describe('a lower retention', () => {
    const asking = (more: Partial<BackupSettings>) => ({
      ResourceProperties: { ServiceToken: 'x', Request: JSON.stringify({ ...settings, ...more }) },
    });
    const withRetention = (days: number) => {
      const region = new SimulatedDatabase();
      region.instance.BackupRetentionPeriod = days;
      return region;
    };
    const day = (ago: number) => new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10);

    test('fails the deployment with nothing changed, and says which days would be lost', async () => {
      const region = withRetention(35);
      const { answer } = await deploy(region, asking({}));
      expect(answer).toMatchObject({
        Status: 'FAILED',
        Reason: expect.stringContaining(
          `RDS would delete its automated backups of ${day(35)} to ${day(30)} (UTC) at once`,
        ),
      });
      expect(region.touched).toEqual([]);
    });

    test('is refused at once, and not only when a busy database is ready', async () => {
      const region = withRetention(35);
      const began = region.now;
      region.busyUntil = began + 30 * MINUTE;
      expect((await deploy(region, asking({}))).answer?.Status).toBe('FAILED');
      expect(region.now - began).toBeLessThan(MINUTE);
    });

    test('is set where the request says that older backups may go, unless the database is on hold', async () => {
      const region = withRetention(35);
      const allowed = asking({ olderBackupsMayBeDeleted: true });
      const since = new Date(Date.now() - MINUTE).toISOString();
      const until = new Date(Date.now() + 60 * MINUTE).toISOString();
      parameters.hold('eu-west-1', { kind: 'database', id: DATABASE }, { reason: 'recovery', by: 'ada', since, until });
      const held = await deploy(region, allowed);
      expect([held.answer?.Status, held.answer?.Reason, region.touched]).toEqual([
        'FAILED',
        expect.stringContaining(`on hold until ${until}, set by ada at ${since}: recovery`),
        [],
      ]);
      parameters.values.clear();
      expect((await deploy(region, allowed)).answer?.Status).toBe('SUCCESS');
      expect(region.instance.BackupRetentionPeriod).toBe(30);
    });

    test('holds up no rollback: what was kept longer meanwhile stays', async () => {
      const region = withRetention(35);
      const update = { RequestType: 'Update', PhysicalResourceId: 'backup-settings-of-orders', ...asking({}) };
      expect((await deploy(region, update, 'UPDATE_ROLLBACK_IN_PROGRESS')).answer).toMatchObject({
        Status: 'SUCCESS',
        Reason: expect.stringMatching(/^The earlier settings were not restored/),
      });
      expect(region.instance.BackupRetentionPeriod).toBe(35);
    });

    test.each([30, 29, 0])('is none from %d days to 30', async (days) => {
      const region = withRetention(days);
      expect((await deploy(region, asking({}))).answer?.Status).toBe('SUCCESS');
    });
  });

  test('puts nothing back on deletion, and says so, whatever it was asked for', async () => {
    const region = new SimulatedDatabase();
    const { answer } = await deploy(region, {
      RequestType: 'Delete',
      PhysicalResourceId: 'backup-settings-of-orders',
      ResourceProperties: { Request: 'not even JSON' },
    });
    expect(answer).toMatchObject({ Status: 'SUCCESS', Reason: expect.stringMatching(/^Nothing was changed/) });
    expect(region.touched).toEqual([]);
  });

  test.each([
    [{ DBInstanceStatus: 'stopped' }, "database 'orders' is stopped, so RDS can't modify it"],
    [{ DBClusterIdentifier: 'shop' }, "is a member of cluster 'shop'"],
  ])('fails the deployment, with the reason, of %j', async (more, reason) => {
    const region = new SimulatedDatabase();
    Object.assign(region.instance, more);
    const { answer } = await deploy(region);
    expect(answer).toMatchObject({ Status: 'FAILED', Reason: expect.stringContaining(reason) });
    expect(region.touched).toEqual([]);
  });

  test('holds up no rollback where it can not put back what was asked before, and says so', async () => {
    const region = new SimulatedDatabase();
    region.instance.DBInstanceStatus = 'stopped';
    const update = { RequestType: 'Update', PhysicalResourceId: 'backup-settings-of-orders' };
    expect((await deploy(region, update)).answer?.Status).toBe('FAILED');
    expect((await deploy(region, update, 'UPDATE_ROLLBACK_IN_PROGRESS')).answer).toMatchObject({
      Status: 'SUCCESS',
      PhysicalResourceId: update.PhysicalResourceId,
      Reason: expect.stringMatching(
        /^The earlier settings were not restored, so deploy again: database 'orders' is stopped/,
      ),
    });
  });

  test('answers before CloudFormation gives up, when the database is never ready', async () => {
    const region = new SimulatedDatabase();
    const began = region.now;
    region.busyUntil = began + 600 * MINUTE;
    const { answer } = await deploy(region);
    expect(answer).toMatchObject({ Status: 'FAILED', Reason: expect.stringContaining('backing-up') });
    expect(region.now - began).toBeLessThan(60 * MINUTE);
  });

  test('keeps the address of the answer out of what it leaves', async () => {
    const { execution } = await deploy(new SimulatedDatabase());
    expect(JSON.stringify(execution.operations.map(({ StepDetails }) => StepDetails))).not.toContain('secret');
  });

  const troubles = Array.from({ length: 40 }, (_, seed): Troubles => {
    const rate = (seed % 4) / 20;
    return { seed: seed + 1, throttled: rate, unavailable: rate, lost: rate, crashes: rate };
  });
  test('ends in force, or with an answer that says why not, through faults and crashes', async () => {
    for (const trouble of troubles) {
      const region = new SimulatedDatabase(trouble);
      const { answer } = await deploy(region);
      expect([trouble, answer?.Status]).toEqual([trouble, 'SUCCESS']);
      expect(region.instance).toMatchObject({ BackupRetentionPeriod: 30, DeletionProtection: true });
    }
  });
});
