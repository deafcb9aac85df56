import * as kms from 'aws-cdk-lib/aws-kms';
import { TAGS } from '../../../lambda/contract';
import { DrillSource, Recurrence, RestorePoint } from '../../../lib';
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
import { importedDatabase, newDatabase, newDrill, newPlan, newStack, Template } from '../../template/stacks';

/** The conductor of one drill on the imported database `orders`. */
function conductor(restore?: RestorePoint): { can: (call: Call) => boolean; prefix: string; subnetGroup: string } {
  const stack = newStack();
  const drill = newDrill(stack, { source: DrillSource.database(importedDatabase(stack, 'orders')), restore });
  const statements = statementsOf(Template.fromStack(stack), /^DrillConductorRole/);
  const { prefix, subnetGroup } = drill.definition.copy;
  return { can: (call) => allows(statements, call), prefix, subnetGroup: resolved(stack.resolve(subnetGroup)) };
}

const copyTags = { copyOf: 'orders', run: 'a1b2c3', expires: '2026-12-06T10:00:00Z' };

function requestTags(tags: Partial<typeof copyTags> = copyTags): NonNullable<Call['context']> {
  const entries = Object.entries(tags).map(([tag, value]) => [TAGS[tag as keyof typeof TAGS], value] as const);
  return {
    ...Object.fromEntries(entries.map(([tag, value]) => [`aws:RequestTag/${tag}`, value])),
    'aws:TagKeys': entries.map(([tag]) => tag),
  };
}

/** What a restore is asked for besides the tags. */
const isPrivate = { 'rds:PubliclyAccessible': 'false' };

const resourceTags = { [`aws:ResourceTag/${TAGS.copyOf}`]: 'orders' };

describe('a drill can do what it needs', () => {
  const { can, prefix, subnetGroup } = conductor();
  const copy = arn('db', `${prefix}a1b2c3`);
  const groups = [arn('pg', 'default.postgres17'), arn('og', 'default:postgres-17'), arn('subgrp', subnetGroup)];

  test.each([
    'DescribeDBInstances',
    'DescribeDBSnapshots',
    'DescribeDBInstanceAutomatedBackups',
    'ListTagsForResource',
  ])('rds:%s', (action) => {
    expect(can({ action: `rds:${action}`, resources: [arn('db', 'orders')] })).toBe(true);
  });

  test('rds:DescribeEvents, which is of no resource', () => {
    expect(can({ action: 'rds:DescribeEvents', resources: ['*'] })).toBe(true);
  });

  test('restore an automated snapshot of its source, and tag the copy', () => {
    const snapshot = arn('snapshot', 'rds:orders-2026-12-06-03-04');
    const context = requestTags();
    const action = 'rds:RestoreDBInstanceFromDBSnapshot';
    expect(can({ action, resources: [copy, snapshot, ...groups], context: { ...context, ...isPrivate } })).toBe(true);
    expect(can({ action: 'rds:AddTagsToResource', resources: [copy], context })).toBe(true);
  });

  test('restore its source to a point in time', () => {
    const resources = [copy, arn('db', 'orders'), ...groups];
    expect(can({ action: 'rds:RestoreDBInstanceToPointInTime', resources, context: requestTags() })).toBe(true);
  });

  test('restore the one snapshot that it was given, and automated ones of its source', () => {
    const given = conductor(RestorePoint.snapshot('before-release'));
    const action = 'rds:RestoreDBInstanceFromDBSnapshot';
    const restoring = (snapshot: string) => ({
      action,
      resources: [arn('db', `${given.prefix}a1b2c3`), arn('snapshot', snapshot)],
      context: requestTags(),
    });
    expect(given.can(restoring('before-release'))).toBe(true);
    // Whoever starts a run may choose one of the source's automated snapshots as well.
    expect(given.can(restoring('rds:orders-2026-12-06-03-04'))).toBe(true);
    expect(given.can(restoring('before-another-release'))).toBe(false);
    expect(given.can(restoring('rds:orders-archive-2026-12-06-03-04'))).toBe(false);
  });

  test.each(['rds:ModifyDBInstance', 'rds:DeleteDBInstance'])('%s on its copy', (action) => {
    expect(can({ action, resources: [copy], context: resourceTags })).toBe(true);
  });
});

describe('a drill can never touch production', () => {
  const { can, prefix, subnetGroup } = conductor();
  const production = arn('db', 'orders');
  const copy = arn('db', `${prefix}a1b2c3`);
  const everyTag = { ...requestTags(), ...resourceTags };
  const snapshot = arn('snapshot', 'rds:orders-2026-12-06-03-04');
  const replica = arn('auto-backup', 'ab-1');

  test.each([
    ['rds:ModifyDBInstance', [production]],
    ['rds:DeleteDBInstance', [production]],
    ['rds:RebootDBInstance', [production]],
    ['rds:StopDBInstance', [production]],
    ['rds:AddTagsToResource', [production, snapshot, replica]],
    ['rds:RemoveTagsFromResource', [production, snapshot, replica]],
    ['rds:DeleteDBSnapshot', [snapshot]],
    ['rds:DeleteDBInstanceAutomatedBackup', [replica]],
    ['rds:ModifyDBSnapshotAttribute', [snapshot]],
  ])('not by %s, whatever tags it carried', (action, resources) => {
    for (const resource of resources) {
      expect(can(possible({ action, resources: [resource], context: everyTag }))).toBe(false);
    }
  });

  test.each(['rds:ModifyDBInstance', 'rds:DeleteDBInstance'])('%s wants the tag besides the prefix', (action) => {
    expect(can({ action, resources: [copy] })).toBe(false);
    const ofAnother = { [`aws:ResourceTag/${TAGS.copyOf}`]: 'billing' };
    expect(can({ action, resources: [copy], context: ofAnother })).toBe(false);
  });

  test("not another drill's copies", () => {
    const other = arn('db', 'lifeboat-billing-00000000-a1b2c3');
    expect(can({ action: 'rds:DeleteDBInstance', resources: [other], context: resourceTags })).toBe(false);
  });

  test('a copy can not be made public', () => {
    const group = arn('subgrp', subnetGroup);
    for (const [action, source] of [
      ['rds:RestoreDBInstanceToPointInTime', production],
      ['rds:RestoreDBInstanceFromDBSnapshot', snapshot],
    ] as const) {
      const restoring = (PubliclyAccessible: string) =>
        can({
          action,
          resources: [copy, source, group],
          context: { ...requestTags(), 'rds:PubliclyAccessible': PubliclyAccessible },
        });
      expect([action, restoring('false'), restoring('true')]).toEqual([action, true, false]);
    }
  });

  describe.each([
    ['rds:RestoreDBInstanceFromDBSnapshot', arn('snapshot', 'rds:orders-2026-12-06-03-04')],
    ['rds:RestoreDBInstanceToPointInTime', production],
  ])('%s', (action, source) => {
    const group = arn('subgrp', subnetGroup);

    test('makes nothing outside the prefix', () => {
      for (const target of ['billing', 'lifeboat-x', prefix.slice(0, -1)]) {
        expect(can({ action, resources: [arn('db', target), source, group], context: requestTags() })).toBe(false);
      }
    });

    test.each(['copyOf', 'run', 'expires'] as const)('makes nothing without the tag %s', (tag) => {
      const { [tag]: _, ...others } = copyTags;
      expect(can({ action, resources: [copy, source, group], context: requestTags(others) })).toBe(false);
    });

    test('makes nothing that claims to be a copy of something else, or carries further tags', () => {
      const resources = [copy, source, group];
      expect(can({ action, resources, context: requestTags({ ...copyTags, copyOf: 'billing' }) })).toBe(false);
      const further = { ...requestTags(), 'aws:TagKeys': [...Object.values(TAGS), 'Owner'] };
      expect(can({ action, resources, context: further })).toBe(false);
    });

    test("puts nothing into production's subnets", () => {
      expect(can({ action, resources: [copy, source, arn('subgrp', 'production')], context: requestTags() })).toBe(
        false,
      );
    });

    test('restores no other database', () => {
      const other = source.replace(/orders/, 'billing');
      expect(can({ action, resources: [copy, source, group], context: requestTags() })).toBe(true);
      expect(can({ action, resources: [copy, other, group], context: requestTags() })).toBe(false);
    });
  });

  test('not even a database whose name begins with that of the source', () => {
    const resources = [copy, arn('snapshot', 'rds:orders-archive-2026-12-06-03-04')];
    expect(can({ action: 'rds:RestoreDBInstanceFromDBSnapshot', resources, context: requestTags() })).toBe(false);
  });
});

test('a database of the same app is guarded as an imported one is', () => {
  const stack = newStack();
  const database = newDatabase(stack);
  newDrill(stack, { source: DrillSource.database(database) });
  const statements = statementsOf(Template.fromStack(stack), /^DrillConductorRole/);
  const name = resolved(stack.resolve(database.instanceIdentifier));
  const context = { [`aws:ResourceTag/${TAGS.copyOf}`]: name };
  for (const action of ['rds:DeleteDBInstance', 'rds:ModifyDBInstance', 'rds:AddTagsToResource']) {
    expect(allows(statements, { action, resources: [arn('db', name)], context })).toBe(false);
  }
});

describe('the janitor', () => {
  const stack = newStack();
  newDrill(stack);
  const statements = statementsOf(Template.fromStack(stack), /^DrillSiteJanitorHandlerRole/);
  const action = 'rds:DeleteDBInstance';
  const tags = (...named: string[]) => Object.fromEntries(named.map((tag) => [`aws:ResourceTag/${tag}`, 'x']));
  const all = tags(...Object.values(TAGS));

  test('deletes what has the prefix and all three tags', () => {
    expect(allows(statements, { action, resources: [arn('db', 'lifeboat-orders-1-a')], context: all })).toBe(true);
  });

  test('deletes nothing else, and modifies nothing', () => {
    expect(allows(statements, { action, resources: [arn('db', 'orders')], context: all })).toBe(false);
    for (const tag of Object.values(TAGS)) {
      const others = tags(...Object.values(TAGS).filter((other) => other !== tag));
      expect(allows(statements, { action, resources: [arn('db', 'lifeboat-orders-1-a')], context: others })).toBe(
        false,
      );
    }
    for (const [other, kind] of [
      ['rds:ModifyDBInstance', 'db'],
      ['rds:AddTagsToResource', 'db'],
      ['rds:DeleteDBSnapshot', 'snapshot'],
    ] as const) {
      const resources = [arn(kind, 'lifeboat-orders-1-a')];
      expect(allows(statements, { action: other, resources, context: all })).toBe(false);
    }
  });
});

describe('the examiner', () => {
  const stack = newStack();
  newDrill(stack);
  const statements = statementsOf(Template.fromStack(stack), /^DrillSiteExaminerRole/);

  test('has no permission in AWS besides its log and its place in the network', () => {
    const actions = statements.flatMap(({ Action }) => Action);
    expect(actions.filter((action) => !/^(logs:(CreateLogStream|PutLogEvents)|ec2:\w+)$/.test(action))).toEqual([]);
  });

  test('can not use its place in the network itself', () => {
    const [own] = statements.flatMap(({ Effect, Condition }) => (Effect === 'Deny' ? [Condition] : []));
    const source = resolved(own?.ArnEquals?.['lambda:SourceFunctionArn']);
    const call = { action: 'ec2:CreateNetworkInterface', resources: ['*'] };
    expect(allows(statements, call)).toBe(true);
    expect(allows(statements, { ...call, context: { 'lambda:SourceFunctionArn': source } })).toBe(false);
  });
});

describe('evidence', () => {
  const stack = newStack();
  newPlan(stack)
    .addDatabase('Orders', { database: importedDatabase(stack) })
    .addDrill('Daily', { schedule: Recurrence.daily({ hour: 2 }) });
  const template = Template.fromStack(stack);
  const conductorOf = statementsOf(template, /^ProtectionOrdersDailyConductorRole/);
  const watch = statementsOf(template, /^ProtectionSiteWatchHandlerRole/);
  const bucket = Object.keys(template.findResources('AWS::S3::Bucket')).find((id) => /EvidenceBucket/.test(id));
  const object = (key: string) => [`<${bucket}.Arn>/${key}`];
  const mine = 'evidence/Test-Protection/Orders/00000001.json';
  const onlyIfNew = { 's3:if-none-match': '*' };
  const can = (statements: Statement[], action: string, key: string, context = {}) =>
    allows(statements, { action: `s3:${action}`, resources: object(key), context });

  test("a drill reads and writes its target's, and only where nothing is yet", () => {
    expect(can(conductorOf, 'GetObject', mine)).toBe(true);
    expect(can(conductorOf, 'PutObject', mine, onlyIfNew)).toBe(true);
    expect(can(conductorOf, 'PutObject', mine)).toBe(false);
    expect(can(conductorOf, 'PutObject', 'evidence/Test-Protection/Billing/00000001.json', onlyIfNew)).toBe(false);
    expect(can(conductorOf, 'GetObject', 'evidence/Other/Orders/00000001.json')).toBe(false);
  });

  test('the watch reads all of it, and writes only since when it watches', () => {
    expect(can(watch, 'GetObject', mine)).toBe(true);
    expect(can(watch, 'PutObject', mine, onlyIfNew)).toBe(false);
    const since = 'evidence/Test-Protection/Orders/watched-since-Daily.json';
    expect(can(watch, 'PutObject', since, onlyIfNew)).toBe(true);
  });

  test.each(['DeleteObject', 'DeleteObjectVersion', 'PutObjectRetention', 'BypassGovernanceRetention'])(
    'nobody may %s',
    (action) => {
      for (const statements of [conductorOf, watch]) expect(can(statements, action, mine)).toBe(false);
    },
  );
});

test("a copy is encrypted with the source's own key, through RDS only", () => {
  const stack = newStack();
  const storageEncryptionKey = new kms.Key(stack, 'StorageKey');
  newDrill(stack, { source: DrillSource.database(newDatabase(stack, { storageEncryptionKey })) });
  const statements = statementsOf(Template.fromStack(stack), /^DrillConductorRole/);
  const call = { action: 'kms:CreateGrant', resources: [resolved(stack.resolve(storageEncryptionKey.keyArn))] };
  expect(allows(statements, { ...call, context: { 'kms:ViaService': `rds.${REGION}.amazonaws.com` } })).toBe(true);
  expect(allows(statements, call)).toBe(false);
});

test.each(['DrillConductorPolicy', 'DrillSiteWatchDrills1Basics'])(
  '%s fits a managed policy, with names as long as they get',
  (name) => {
    const stack = newStack();
    const storageEncryptionKey = new kms.Key(stack, 'StorageKey');
    const target = 'T'.repeat(100);
    newDrill(stack, {
      source: DrillSource.database(newDatabase(stack, { storageEncryptionKey })),
      planName: 'P'.repeat(100),
      target,
    });
    const policies = Template.fromStack(stack).findResources('AWS::IAM::ManagedPolicy');
    const [policy] = Object.entries(policies).filter(([id]) => id.startsWith(name));
    const written = JSON.stringify(policy?.[1].Properties.PolicyDocument, (_, value) => {
      if (value?.Ref === 'AWS::Region') return 'ap-southeast-2';
      if (value?.Ref === 'AWS::AccountId') return ACCOUNT;
      if (value?.Ref === 'AWS::Partition') return 'aws-us-gov';
      if (value?.Ref?.includes('PasswordKey')) return 'S'.repeat(140);
      if (value?.Ref) return 'R'.repeat(63);
      if (value?.['Fn::GetAtt']) return 'A'.repeat(140);
      return value;
    });
    const joined = written.replace(/\{"Fn::Join":\["",\[([^\]]*)\]\]\}/g, (_, parts) => parts.replaceAll('","', ''));
    expect(joined).not.toContain('Fn::');
    expect(joined.length).toBeLessThanOrEqual(6144);
  },
);
