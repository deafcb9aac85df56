/** The example that has all of it: both regions, without a warning, under the packs that auditors ask for. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Stack, Validations } from 'aws-cdk-lib';
import { Annotations, Match } from 'aws-cdk-lib/assertions';
import { AwsSolutionsChecks, HIPAASecurityChecks, NIST80053R5Checks } from 'cdk-nag';
import { addSystem } from '../../examples';
import { Template } from '../template/stacks';

const { context } = JSON.parse(readFileSync(join(__dirname, '..', '..', 'cdk.json'), 'utf8'));

let outdir: string;
beforeEach(() => {
  outdir = mkdtempSync(join(tmpdir(), 'lifeboat-test-'));
});
afterEach(() => rmSync(outdir, { recursive: true }));

function everything(): App {
  const app = new App({ context, outdir });
  addSystem(app, 'everything');
  return app;
}

test('is synthesised in two regions without a warning', () => {
  const app = everything();
  const stacks = app.node.children.filter(Stack.isStack);
  expect(stacks.map(({ stackName, region }) => [stackName, region])).toEqual([
    ['Everything-west', 'us-west-2'],
    ['Everything', 'us-east-1'],
    ['Everything-us-west-2', 'us-west-2'],
    ['Everything-us-west-2-replicas', 'us-west-2'],
  ]);
  for (const stack of stacks) {
    const warnings = Annotations.fromStack(stack).findWarning('*', Match.anyValue());
    expect(warnings.map(({ id, entry }) => `${id}: ${entry.data}`)).toEqual([]);
  }
});

test('AWS can match every statement of its policies, whose templates are examined for that', () => {
  const stacks = everything().node.children.filter(Stack.isStack);
  const policies = stacks.flatMap((stack) =>
    Object.keys(Template.fromStack(stack).findResources('AWS::IAM::ManagedPolicy')),
  );
  expect(policies.length).toBeGreaterThan(50);
});

test("the recovery region's stacks need nothing of the primary's", () => {
  for (const { stackName, dependencies, template } of everything().synth().stacks) {
    if (stackName === 'Everything') continue;
    // A replica is made of a database that is there: that is an order of deployment, and no reference.
    if (!stackName.endsWith('-replicas')) expect(dependencies.map(({ id }) => id)).not.toContain('Everything');
    expect(JSON.stringify(template)).not.toMatch(/"StackName":"Everything"|"Fn::ImportValue":"Everything:/);
  }
});

test('is deployed where replicas and copies go before it is where they come from', () => {
  const order = everything()
    .synth()
    .stacks.map(({ stackName }) => stackName);
  const [primary] = everything()
    .synth()
    .stacks.filter(({ stackName }) => stackName === 'Everything');
  expect(primary?.dependencies.map(({ id }) => id)).toEqual(
    expect.arrayContaining(['Everything-west', 'Everything-us-west-2']),
  );
  expect(order.slice(-2)).toEqual(['Everything', 'Everything-us-west-2-replicas']);
});

interface Resource {
  readonly Type: string;
  readonly Properties?: {
    readonly ServiceToken?: { readonly Ref?: string };
    readonly FunctionName?: { readonly Ref?: string };
    readonly DurableConfig?: object;
    readonly MetricName?: string;
    readonly Dimensions?: readonly { readonly Value: { readonly Ref?: string } }[];
  };
}

test('tells of a durable function that breaks off, unless CloudFormation waits for its answer', () => {
  const durable: string[] = [];
  const alarms = new Map<string, string[]>();
  /** What their runs' ends are told of by events of Lambda, as drills' are: as text, since names are inside of functions. */
  const events: string[] = [];
  for (const { template } of everything().synth().stacks) {
    const resources: Record<string, Resource> = template.Resources;
    const answering = Object.values(resources).flatMap(({ Properties }) => Properties?.ServiceToken?.Ref ?? []);
    const waitedFor = new Set(answering.map((alias) => resources[alias]?.Properties?.FunctionName?.Ref));
    for (const [id, { Type, Properties = {} }] of Object.entries(resources)) {
      if (Type === 'AWS::Lambda::Function' && Properties.DurableConfig && !waitedFor.has(id)) durable.push(id);
      const of = Properties.Dimensions?.[0]?.Value.Ref;
      if (Type === 'AWS::CloudWatch::Alarm' && of)
        alarms.set(of, [...(alarms.get(of) ?? []), String(Properties.MetricName)]);
      if (Type === 'AWS::Events::Rule') events.push(JSON.stringify(Properties));
    }
  }
  expect(durable.length).toBeGreaterThan(4);
  const metrics = ['DurableExecutionFailed', 'DurableExecutionTimedOut'];
  const untold = durable.filter((id) => {
    const own = alarms.get(id) ?? [];
    const byEvent = events.some((rule) => rule.includes('Durable Execution Status Change') && rule.includes(`"${id}"`));
    return !(byEvent || ['Errors', ...metrics].every((name) => own.includes(name)));
  });
  expect(untold).toEqual([]);
});

test("passes cdk-nag's AwsSolutions, NIST 800-53 R5 and HIPAA.Security packs", () => {
  const app = everything();
  const packs = [AwsSolutionsChecks, NIST80053R5Checks, HIPAASecurityChecks].map((Pack) => new Pack(app));
  Validations.of(app).addPlugins(...packs);
  expect(() => app.synth()).not.toThrow();
});
