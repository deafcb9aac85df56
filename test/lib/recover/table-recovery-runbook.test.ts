import { Duration } from 'aws-cdk-lib';
import * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { deployedRecovery, parse, TAGS, tableRecoveryDefinition } from '../../../lambda/contract';
import { DrillSource, TableRecoveryRunbook, type TableRecoveryRunbookProps } from '../../../lib';
import { deployedWith } from '../../template/definition';
import { passesNag } from '../../template/nag';
import { allows, rdsArn as arn, possible, resolved, statementsOf } from '../../template/policies';
import { importedDatabase, newDrill, newStack, Template } from '../../template/stacks';
import { least } from './new-recovery';

function newTableRecovery(stack = newStack(), props: Readonly<Record<string, unknown>> = {}): TableRecoveryRunbook {
  const { cutOver, ...others } = least(stack);
  const all: TableRecoveryRunbookProps = { ...others, databaseName: 'shop', target: 'Orders', ...props };
  return new TableRecoveryRunbook(stack, 'Tables', all);
}

test('is deployed with a definition that its runbook takes', () => {
  const stack = newStack();
  newTableRecovery(stack);
  const definition = parse(tableRecoveryDefinition, deployedWith(stack, /^TablesConductorHandlerFunction/), 'it');
  expect(definition).toMatchObject({
    source: { instance: 'orders' },
    database: 'shop',
    copy: { prefix: expect.stringMatching(/^lifeboat-orders-[0-9a-f]{8}-$/), expiresAfterSeconds: 100_800 },
    holdSeconds: 604_800,
  });
});

test('has its copies in the network of the live database, where its own examiner alone reaches them', () => {
  const stack = newStack();
  newTableRecovery(stack);
  const template = Template.fromStack(stack);
  const rules = Object.values(template.findResources('AWS::EC2::SecurityGroupIngress')).map(
    ({ Properties }) => `${resolved(Properties.SourceSecurityGroupId)} -> ${resolved(Properties.GroupId)}`,
  );
  const ofCopies = rules.filter((rule) => rule.includes('-> <TablesCopies'));
  expect(ofCopies).toEqual([expect.stringMatching(/^<TablesExaminerSecurityGroup/)]);
  const groups = Object.values(template.findResources('AWS::RDS::DBSubnetGroup')).map(({ Properties }) => Properties);
  expect(groups).toContainEqual(
    expect.objectContaining({ SubnetIds: ['subnet-0123456789abcdef0', 'subnet-0123456789abcdef1'] }),
  );
});

describe('its role', () => {
  const stack = newStack();
  newDrill(stack, { source: DrillSource.database(importedDatabase(new Construct(stack, 'Drilled'))) });
  const { definition } = newTableRecovery(stack);
  const template = Template.fromStack(stack);
  const statements = statementsOf(template, /^TablesConductorHandlerRole/);
  const copy = arn('db', `${definition.copy.prefix}a1b2c3`);
  const tags = { [TAGS.copyOf]: 'orders', [TAGS.run]: 'a1b2c3', [TAGS.expires]: '2026-12-06T10:00:00Z' };
  const carried = Object.fromEntries(Object.entries(tags).map(([tag, value]) => [`aws:ResourceTag/${tag}`, value]));

  test('restores a copy, and deletes none: the janitor of drills does when it expires', () => {
    const context = {
      ...Object.fromEntries(Object.entries(tags).map(([tag, value]) => [`aws:RequestTag/${tag}`, value])),
      'aws:TagKeys': Object.keys(tags),
    };
    const subnets = resolved(stack.resolve(definition.copy.subnetGroup));
    const groups = [arn('pg', 'orders17'), arn('og', 'default:postgres-17'), arn('subgrp', subnets)];
    const snapshot = arn('snapshot', 'lifeboat-before-orders-v1');
    const action = 'rds:RestoreDBInstanceFromDBSnapshot';
    expect(allows(statements, { action, resources: [copy, snapshot, ...groups], context })).toBe(true);
    expect(allows(statements, { action: 'rds:DeleteDBInstance', resources: [copy], context: carried })).toBe(false);
  });

  test.each(['rds:DeleteDBInstance', 'rds:ModifyDBInstance', 'rds:AddTagsToResource', 'rds:RebootDBInstance'])(
    'may not %s the live database, whatever tags it has, or what drills and others made',
    (action) => {
      for (const name of ['orders', 'orders-recovered-1-a', 'lifeboat-orders-00000000-a1b2c3']) {
        const call = possible({ action, resources: [arn('db', name)], context: carried });
        expect(allows(statements, call)).toBe(false);
      }
    },
  );

  test('is none that drills have, nor the other way round', () => {
    const drill = statementsOf(template, /^DrillConductorRole/);
    for (const action of ['rds:DeleteDBInstance', 'rds:ModifyDBInstance']) {
      expect(allows(drill, { action, resources: [copy], context: carried })).toBe(false);
    }
  });
});

describe('is refused', () => {
  test.each<[string, Readonly<Record<string, unknown>>, RegExp]>([
    ['without a database to look for tables in', { databaseName: undefined }, /'databaseName' is missing/],
    [
      'of copies of a database elsewhere',
      { source: DrillSource.copies({ instanceIdentifier: 'orders', region: 'us-east-1' }) },
      /rows come back into a live database of this region/,
    ],
    ['with a number for a duration', { expiresAfter: 3 }, /'expiresAfter' is 3 and not a Duration/],
    ['with a prop of whole databases', { fence: 'connect' }, /TableRecoveryRunbook has no such property/],
    ['with a hold beyond what a run may take', { hold: Duration.days(370) }, /Lambda ends a run after 365/],
  ])('%s', (_, props, message) => {
    expect(() => newTableRecovery(newStack(), props)).toThrow(message);
  });
});

test('a parameter tells programs where it is', () => {
  const stack = newStack();
  newTableRecovery(stack);
  const parameters = Object.values(Template.fromStack(stack).findResources('AWS::SSM::Parameter'));
  const [parameter] = parameters.filter(({ Properties }) => Properties.Name.includes('/recovery/'));
  const content = parse(deployedRecovery, JSON.parse(resolved(parameter?.Properties.Value)), 'it');
  expect(content).toMatchObject({ of: 'tables', recovery: 'Tables', cutOver: [], approval: 'another' });
});

test("follows the rules of cdk-nag's packs, alone in a stack", () => {
  passesNag((stack) => {
    const notify = sns.Topic.fromTopicArn(stack, 'Oncall', 'arn:aws:sns:eu-west-1:111122223333:oncall');
    newTableRecovery(stack, { notify });
  });
});
