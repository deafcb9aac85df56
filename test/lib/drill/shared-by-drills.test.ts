import { App, Duration, Stack } from 'aws-cdk-lib';
import { DrillSite, ProtectionPlan, Recurrence } from '../../../lib';
import { allows, statementsOf } from '../../template/policies';
import { importedDatabase, newStack, Template } from '../../template/stacks';

const objectives = { rpo: Duration.minutes(5), rto: Duration.hours(1) };

/** Databases that exist elsewhere, each with a drill. */
function drilled(count: number, stack = newStack(), site = new DrillSite(stack, 'Site')) {
  const plan = new ProtectionPlan(stack, 'Plan', { objectives, site });
  for (let number = 1; number <= count; number++) {
    plan
      .addDatabase(`Orders${number}`, { database: importedDatabase(stack, `orders-${number}`) })
      .addDrill('Monthly', { schedule: Recurrence.monthly({ day: 1, hour: 2 }) });
  }
  return stack;
}

const resourcesOf = (stack: Stack): Record<string, { Type: string; Properties?: Record<string, unknown> }> =>
  Template.fromStack(stack).toJSON().Resources;

test('a drill adds at most 11 resources, and forty databases with one each fit a stack of 500', () => {
  const [one, forty] = [1, 40].map((count) => Object.keys(resourcesOf(drilled(count))).length) as [number, number];
  expect((forty - one) / 39).toBeLessThanOrEqual(11);
  expect(forty).toBeLessThanOrEqual(500);
});

test('the policy that drills share lets them use the site, and nothing of a database or of evidence', () => {
  const policies = Template.fromStack(drilled(2)).findResources('AWS::IAM::ManagedPolicy');
  const shared = Object.entries(policies).filter(([id]) => /Drills1Basics/.test(id));
  expect(shared).toHaveLength(1);
  const actions = shared.flatMap(([, { Properties }]) =>
    Properties.PolicyDocument.Statement.flatMap(({ Action }: { Action: string | string[] }) => Action),
  );
  expect(actions.sort()).toEqual([
    'kms:Decrypt',
    'lambda:InvokeFunction',
    'logs:CreateLogStream',
    'logs:PutLogEvents',
    'secretsmanager:GetSecretValue',
    'sqs:SendMessage',
  ]);
});

test('a rule tells of ten drills at most, and each drill is told of once', () => {
  const rules = Object.values(resourcesOf(drilled(21))).filter(({ Type }) => Type === 'AWS::Events::Rule');
  const told = rules.map(({ Properties }) => JSON.stringify(Properties).match(/"prefix"/g)?.length);
  expect(told).toEqual([10, 10, 1]);
});

test('what a rule hands over says which function runs which drill', () => {
  const stack = drilled(2);
  const [rule] = Object.values(resourcesOf(stack)).filter(({ Type }) => Type === 'AWS::Events::Rule');
  const text = JSON.stringify(rule!.Properties);
  for (const number of [1, 2]) {
    expect(text).toMatch(
      new RegExp(`Orders${number}[^{}]*Monthly[^{}]*{"Fn::GetAtt":\\["PlanOrders${number}MonthlyConductor`),
    );
  }
});

test('the role that starts drills may start these, and no others', () => {
  const stack = drilled(2);
  const template = Template.fromStack(stack);
  const [alias] = Object.keys(template.findResources('AWS::Lambda::Alias'));
  const statements = statementsOf(template, /Drills1StarterRole/);
  expect(allows(statements, { action: 'lambda:InvokeFunction', resources: [`<${alias}>`] })).toBe(true);
  const other = 'arn:aws:lambda:eu-west-1:111122223333:function:other';
  expect(allows(statements, { action: 'lambda:InvokeFunction', resources: [other] })).toBe(false);
});

test('stacks that share a site refer to it, and it refers to none of them', () => {
  const app = new App();
  const env = { account: '111122223333', region: 'eu-west-1' };
  const home = new Stack(app, 'Home', { env });
  const site = new DrillSite(home, 'Site');
  const shops = ['East', 'West'].map((name) => drilled(1, new Stack(app, name, { env }), site));
  app.synth();
  expect(home.dependencies).toEqual([]);
  for (const shop of shops) {
    expect(shop.dependencies).toEqual([home]);
    Template.fromStack(shop).resourceCountIs('AWS::Events::Rule', 1);
  }
});
