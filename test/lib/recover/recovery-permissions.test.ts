import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as kms from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import { RECOVERY_TAGS, TAGS } from '../../../lambda/contract';
import { DrillSource, RecoveredStorage } from '../../../lib';
import {
  ACCOUNT,
  allows,
  rdsArn as arn,
  type Call,
  possible,
  REGION,
  resolved,
  type Statement,
  statementsOf,
} from '../../template/policies';
import { actionsOf } from '../../template/service-reference';
import { importedDatabase, newDatabase, newDrill, newStack, Template } from '../../template/stacks';
import { newRecovery } from './new-recovery';

const CONDUCTOR = /^ProductionConductorHandlerRole/;

/** The conductor of a recovery of the imported database `orders`, besides a drill of it. */
function conductor() {
  const stack = newStack();
  newDrill(stack, { source: DrillSource.database(importedDatabase(new Construct(stack, 'Drilled'))) });
  const recovery = newRecovery(stack);
  const template = Template.fromStack(stack);
  const statements = statementsOf(template, CONDUCTOR);
  const { prefix, replacedPrefix } = recovery.definition.recovered;
  return {
    statements,
    can: (call: Call) => allows(statements, call),
    drill: statementsOf(template, /^DrillConductorRole/),
    janitor: statementsOf(template, /^DrillSiteJanitorHandlerRole/),
    examiner: statementsOf(template, /^ProductionExaminerHandlerRole/),
    made: arn('db', `${prefix}a1b2c3`),
    replaced: arn('db', `${replacedPrefix}a1b2c3`),
    snapshot: arn('snapshot', `${prefix}a1b2c3`),
  };
}

const own = conductor();
const { can } = own;
const live = arn('db', 'orders');
const groups = [arn('pg', 'orders17'), arn('og', 'default:postgres-17'), arn('subgrp', 'production')];

function tagged(tags: Partial<Record<string, string>>): NonNullable<Call['context']> {
  const entries = Object.entries(tags).map(([tag, value]) => [`aws:RequestTag/${tag}`, String(value)] as const);
  return { ...Object.fromEntries(entries), 'aws:TagKeys': Object.keys(tags) };
}
const recoveryTags: Record<string, string> = {
  [RECOVERY_TAGS.recoveredFrom]: 'db-ABC',
  [RECOVERY_TAGS.recovery]: 'a1b2c3',
};
const drillTags = { [TAGS.copyOf]: 'orders', [TAGS.run]: 'a1b2c3', [TAGS.expires]: '2026-12-06T10:00:00Z' };
const isRecovered = Object.fromEntries(
  Object.entries(recoveryTags).map(([tag, value]) => [`aws:ResourceTag/${tag}`, value]),
);

describe('a recovery can do what it needs', () => {
  test.each([
    ['a moment', 'rds:RestoreDBInstanceToPointInTime', live],
    ['a moment of a database that is gone', 'rds:RestoreDBInstanceToPointInTime', arn('auto-backup', 'ab-1')],
    ['an automated snapshot', 'rds:RestoreDBInstanceFromDBSnapshot', arn('snapshot', 'rds:orders-2026-12-06-03-04')],
    [
      'a snapshot from before a deployment',
      'rds:RestoreDBInstanceFromDBSnapshot',
      arn('snapshot', 'lifeboat-before-orders-v1'),
    ],
    ['a snapshot that it took itself', 'rds:RestoreDBInstanceFromDBSnapshot', own.snapshot],
  ])('restore %s beside it, with its own tags and those of the source', (_, action, source) => {
    const context = tagged({ ...recoveryTags, Owner: 'shop' });
    expect(can({ action, resources: [own.made, source, ...groups], context })).toBe(true);
    expect(can({ action: 'rds:AddTagsToResource', resources: [own.made], context })).toBe(true);
  });

  test('rename the damaged database away, the recovered one to its name, and both back', () => {
    const action = 'rds:ModifyDBInstance';
    expect(can({ action, resources: [live] })).toBe(true);
    expect(can({ action, resources: [own.made], context: isRecovered })).toBe(true);
    expect(can({ action, resources: [own.replaced] })).toBe(true);
  });

  test('take a safety snapshot of the damaged database, and of the recovered one', () => {
    for (const one of [live, own.made, own.replaced]) {
      expect(can({ action: 'rds:CreateDBSnapshot', resources: [one, own.snapshot] })).toBe(true);
    }
  });

  test("read the master user's password, and write the application's secret", () => {
    const secret = (name: string) => `arn:aws:secretsmanager:${REGION}:${ACCOUNT}:secret:${name}-a1b2c3`;
    const call = (action: string, name: string) => ({ action: `secretsmanager:${action}`, resources: [secret(name)] });
    expect(can(call('GetSecretValue', 'master'))).toBe(true);
    expect(can(call('PutSecretValue', 'application'))).toBe(true);
    expect(can(call('PutSecretValue', 'master'))).toBe(false);
    expect(can(call('DeleteSecret', 'application'))).toBe(false);
    expect(can(call('GetSecretValue', 'other'))).toBe(false);
  });

  test('take the lock of its database, which holds its backups, and no other', () => {
    const parameter = (name: string) => [`arn:aws:ssm:${REGION}:${ACCOUNT}:parameter${name}`];
    for (const action of ['ssm:PutParameter', 'ssm:GetParameter', 'ssm:DeleteParameter']) {
      const may = (name: string) => can({ action, resources: parameter(name) });
      expect(may('/lifeboat/recoveries/database/orders')).toBe(true);
      expect(may('/lifeboat/recoveries/database/billing')).toBe(false);
      expect(may('/lifeboat/hold/database/orders')).toBe(false);
    }
  });

  test('append to the chain of its target, and read that of its drills', () => {
    const bucket = String(
      own.statements
        .flatMap(({ Resource }) => Resource)
        .map(resolved)
        .find((one) => one.includes('EvidenceBucket')),
    ).replace(/\/.*/, '');
    const object = (action: string, key: string, context = {}) =>
      can({ action: `s3:${action}`, resources: [`${bucket}/${key}`], context });
    const onlyIfNew = { 's3:if-none-match': '*' };
    expect(object('PutObject', 'recoveries/Test/Orders/00000001.json', onlyIfNew)).toBe(true);
    expect(object('PutObject', 'recoveries/Test/Orders/00000001.json')).toBe(false);
    expect(object('PutObject', 'recoveries/Test/Billing/00000001.json', onlyIfNew)).toBe(false);
    expect(object('GetObject', 'evidence/Test/Orders/00000001.json')).toBe(true);
    expect(object('PutObject', 'evidence/Test/Orders/00000001.json', onlyIfNew)).toBe(false);
    expect(object('PutObject', 'evidence/Test/Orders/inventories/a1b2c3.json', onlyIfNew)).toBe(true);
    expect(object('DeleteObject', 'recoveries/Test/Orders/00000001.json')).toBe(false);
  });
});

describe('a recovery can never make things worse', () => {
  const everything = { ...isRecovered, ...tagged({ ...recoveryTags, ...drillTags }) };

  test('it deletes nothing that RDS has, whatever it is called and tagged', () => {
    const deleting = actionsOf('rds').filter(({ name }) => /:(Delete|Stop|Remove)/.test(name));
    expect(deleting.length).toBeGreaterThan(20);
    for (const { name: action, types } of deleting) {
      const [type] = types;
      const names = ['orders', 'orders-recovered-1', own.made.replace(/.*:/, ''), 'lifeboat-orders-1'];
      for (const name of names) {
        const resource = type ? type.arn.replace(/\$\{\w+\}/g, (part) => PARTS[part] ?? name) : '*';
        expect([action, can(possible({ action, resources: [resource], context: everything }))]).toEqual([
          action,
          false,
        ]);
      }
    }
  });

  test('no other service lets it delete anything either, but its own lock', () => {
    const allowed = own.statements.filter(({ Effect }) => Effect === 'Allow').flatMap(({ Action }) => Action);
    expect(allowed.filter((action) => /:(\*|Delete|Schedule|Terminate|Remove)/.test(action))).toEqual([
      'ssm:DeleteParameter',
    ]);
  });

  test.each([
    ['another database', 'rds:ModifyDBInstance', arn('db', 'billing')],
    ['a database whose name begins with that of the deployed one', 'rds:ModifyDBInstance', arn('db', 'orders-archive')],
    ["a drill's restored instance", 'rds:ModifyDBInstance', arn('db', 'lifeboat-orders-1-a1b2c3')],
    ["another recovery's database", 'rds:ModifyDBInstance', arn('db', 'orders-recovered-00000000-a1b2c3')],
    ['the tags of the live database', 'rds:AddTagsToResource', live],
    ['a reboot', 'rds:RebootDBInstance', live],
    ['a snapshot of another database', 'rds:CreateDBSnapshot', arn('db', 'billing')],
  ])('it does not touch %s', (_, action, resource) => {
    expect(can(possible({ action, resources: [resource], context: everything }))).toBe(false);
  });

  test('what it restores from a snapshot has its prefix', () => {
    const action = 'rds:RestoreDBInstanceFromDBSnapshot';
    const snapshot = arn('snapshot', 'rds:orders-2026-12-06-03-04');
    for (const name of ['orders2', 'lifeboat-orders-1-a1b2c3', 'orders']) {
      expect(can({ action, resources: [arn('db', name), snapshot, ...groups], context: tagged(recoveryTags) })).toBe(
        false,
      );
    }
  });

  test.each(Object.keys(recoveryTags))('what it restores has the tag %s', (tag) => {
    const { [tag]: _, ...others } = recoveryTags;
    const action = 'rds:RestoreDBInstanceToPointInTime';
    expect(can({ action, resources: [own.made, live, ...groups], context: tagged(others) })).toBe(false);
  });

  test.each([TAGS.copyOf, TAGS.expires])('what it restores has no tag %s, by which drills delete', (tag) => {
    const action = 'rds:RestoreDBInstanceToPointInTime';
    const context = tagged({ ...recoveryTags, [tag]: 'x' });
    expect(can({ action, resources: [own.made, live, ...groups], context })).toBe(false);
  });

  test('it restores no snapshot of another database', () => {
    const action = 'rds:RestoreDBInstanceFromDBSnapshot';
    for (const name of ['rds:billing-2026-12-06-03-04', 'rds:orders-archive-2026-12-06-03-04', 'before-release']) {
      const resources = [own.made, arn('snapshot', name), ...groups];
      expect(can({ action, resources, context: tagged(recoveryTags) })).toBe(false);
    }
  });
});

const PARTS: Record<string, string> = {
  '${Partition}': 'aws',
  '${Region}': REGION,
  '${Account}': ACCOUNT,
};

describe('drills and recoveries do not reach each other', () => {
  const every = {
    ...isRecovered,
    ...Object.fromEntries(Object.keys(drillTags).map((t) => [`aws:ResourceTag/${t}`, 'orders'])),
  };

  test.each([
    'rds:DeleteDBInstance',
    'rds:ModifyDBInstance',
    'rds:AddTagsToResource',
    'rds:RestoreDBInstanceToPointInTime',
  ])('no role of drills may %s a recovered or replaced database', (action) => {
    for (const resource of [own.made, own.replaced]) {
      for (const statements of [own.drill, own.janitor]) {
        const context = { ...every, ...tagged({ ...drillTags, ...recoveryTags }) };
        expect(allows(statements, possible({ action, resources: [resource], context }))).toBe(false);
      }
    }
  });

  test('a recovery calls its own examiner, and not that of drills', () => {
    const invoked = (statements: readonly Statement[]) =>
      statements
        .filter(({ Action }) => [Action].flat().includes('lambda:InvokeFunction'))
        .flatMap(({ Resource }) => [Resource].flat())
        .map(resolved);
    expect(invoked(own.statements)).toEqual([expect.stringMatching(/^<ProductionExaminerHandlerFunction/)]);
    expect(invoked(own.drill).filter((one) => one.includes('Production'))).toEqual([]);
  });

  test('its examiner has no permission in AWS besides its log and its place in the network', () => {
    const actions = own.examiner.flatMap(({ Action }) => Action);
    expect(actions.filter((action) => !/^(logs:(CreateLogStream|PutLogEvents)|ec2:\w+)$/.test(action))).toEqual([]);
  });
});

describe('what synth knows of a database narrows it', () => {
  const stack = newStack();
  const [storageEncryptionKey, newKey] = [new kms.Key(stack, 'StorageKey'), new kms.Key(stack, 'NewKey')];
  const database = newDatabase(stack, {
    storageEncryptionKey,
    vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_ISOLATED },
  });
  newRecovery(stack, {
    source: DrillSource.database(database),
    credentials: undefined,
    vpc: undefined,
    storage: RecoveredStorage.encrypted(newKey),
  });
  const statements = statementsOf(Template.fromStack(stack), CONDUCTOR);
  const name = (value: string) => resolved(stack.resolve(value));

  test('a recovered database stays private, and in the subnets of production', () => {
    const action = 'rds:RestoreDBInstanceToPointInTime';
    const prefix = resolved(
      statements.flatMap(({ Resource }) => Resource).find((one) => resolved(one).includes('-recovered-')),
    );
    const resources = (subnets: string) => [
      prefix.replace('*', 'a1b2c3'),
      arn('db', name(database.instanceIdentifier)),
      arn('pg', 'x'),
      arn('og', 'x'),
      arn('subgrp', subnets),
    ];
    const group = name((database.node.defaultChild as unknown as { dbSubnetGroupName: string }).dbSubnetGroupName);
    const context = tagged(recoveryTags);
    expect(allows(statements, { action, resources: resources(group), context })).toBe(true);
    expect(allows(statements, { action, resources: resources('other'), context })).toBe(false);
    const isPublic = { ...context, 'rds:PubliclyAccessible': 'true' };
    expect(allows(statements, { action, resources: resources(group), context: isPublic })).toBe(false);
  });

  test("its keys are used through RDS alone, the source's and the new one", () => {
    for (const key of [storageEncryptionKey, newKey]) {
      const call = { action: 'kms:CreateGrant', resources: [name(key.keyArn)] };
      expect(allows(statements, { ...call, context: { 'kms:ViaService': `rds.${REGION}.amazonaws.com` } })).toBe(true);
      expect(allows(statements, call)).toBe(false);
    }
  });
});
