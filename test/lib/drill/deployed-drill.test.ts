/** How people and programs find what is deployed. */
import { App, Duration, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import { deployedDrill, deployedParameter, parse } from '../../../lambda/contract';
import { BackupCopy, EvidenceBucket, ProtectionPlan, RecoveryRegion, Recurrence } from '../../../lib';
import { EVERY_CONSTRUCT } from '../../template/every-construct';
import { ACCOUNT, resolved } from '../../template/policies';
import { importedDatabase, newDrill, newStack, OBJECTIVES, Template } from '../../template/stacks';

const schedule = Recurrence.daily({ hour: 2 });
const parametersOf = (stack: Stack) =>
  Object.values(Template.fromStack(stack).findResources('AWS::SSM::Parameter')).map(({ Properties }) => Properties);

describe('the parameter of a drill', () => {
  const planned = () => {
    const stack = newStack();
    const plan = new ProtectionPlan(stack, 'Protection', { objectives: OBJECTIVES, planName: 'Shop' });
    const orders = plan.addDatabase('Orders', { database: importedDatabase(stack) });
    return { stack, plan, orders };
  };

  test('says what starts it, when, and where its evidence lies, in a form that the contract reads', () => {
    const { stack, orders } = planned();
    orders.addDrill('Monthly', { schedule });
    const [parameter] = parametersOf(stack);
    expect(parameter).toMatchObject({ Name: '/lifeboat/targets/Shop/Orders/Monthly', Type: 'String' });
    const content = parse(deployedDrill, JSON.parse(resolved(parameter?.Value)), 'content');
    expect(content).toEqual({
      formatVersion: 1,
      kind: 'drill',
      plan: 'Shop',
      target: 'Orders',
      drill: 'Monthly',
      region: expect.any(String),
      instance: 'orders',
      function: expect.stringContaining('ProtectionOrdersMonthlyLive'),
      schedule: expect.stringContaining('ProtectionOrdersMonthlySchedule'),
      evidenceBucket: expect.stringContaining('ProtectionSiteEvidence'),
      signingKey: expect.stringContaining('ProtectionSiteSigningKey'),
    });
    // The standard tier of Parameter Store takes 4 KB.
    expect(JSON.stringify(parameter?.Value).length).toBeLessThan(2048);
  });

  test('is refused where a plan of the same name has such a drill in the same stack', () => {
    const { stack, orders } = planned();
    orders.addDrill('Monthly', { schedule });
    const other = new ProtectionPlan(stack, 'Other', { objectives: OBJECTIVES, planName: 'Shop' });
    const carts = other.addDatabase('Orders', { database: importedDatabase(stack, 'carts') });
    expect(() => carts.addDrill('Monthly', { schedule })).toThrow(
      "another drill of this app writes the parameter '/lifeboat/targets/Shop/Orders/Monthly' too",
    );
    expect(() => carts.addDrill('Weekly', { schedule })).not.toThrow();
  });

  test('is one for each drill, and no two meet', () => {
    const { stack, orders } = planned();
    orders.addDrill('Monthly', { schedule });
    orders.addDrill('Monthly 2', { schedule });
    orders.addDrill('Monthly.202', { schedule });
    expect(parametersOf(stack).map(({ Name }) => Name)).toEqual([
      '/lifeboat/targets/Shop/Orders/Monthly',
      '/lifeboat/targets/Shop/Orders/Monthly.202',
      '/lifeboat/targets/Shop/Orders/Monthly.2e202',
    ]);
    const name = { plan: 'a b', target: 'c', drill: 'd' };
    expect(deployedParameter(name)).toMatch(/^[\w./-]+$/);
  });

  test('of copies lies in the recovery region, and names what lies there', () => {
    const app = new App({ builtinCloudFormationValidation: false });
    const stack = new Stack(app, 'Shop', { env: { region: 'us-east-1', account: ACCOUNT } });
    const recovery = RecoveryRegion.named('us-west-2');
    const plan = new ProtectionPlan(stack, 'Protection', { objectives: OBJECTIVES, recovery, outputs: true });
    const orders = plan.addDatabase('Orders', {
      database: importedDatabase(stack),
      databaseName: 'shop',
      copies: [BackupCopy.snapshots({ retention: Duration.days(7) })],
    });
    const drill = orders.addRegionDrill('West', { schedule, instanceType: new ec2.InstanceType('t3.large') });
    const west = Stack.of(drill);
    const [parameter] = parametersOf(west);
    const content = parse(deployedDrill, JSON.parse(resolved(parameter?.Value)), 'content');
    expect(content).toMatchObject({ region: 'us-west-2', instance: 'orders', drill: 'West' });
    expect(JSON.stringify(parameter)).not.toContain('us-east-1');
    expect(parametersOf(stack)).toEqual([]);
    expect(Object.keys(Template.fromStack(west).findOutputs('*')).filter((id) => id.startsWith('Plans'))).toHaveLength(
      3,
    );
  });

  test('is read by older versions when it says more, and refused when it means something else', () => {
    const { stack, orders } = planned();
    orders.addDrill('Monthly', { schedule });
    const content = JSON.parse(resolved(parametersOf(stack)[0]?.Value));
    expect(parse(deployedDrill, { ...content, more: true }, 'content')).toEqual(content);
    expect(() => parse(deployedDrill, { ...content, formatVersion: 2 }, 'content')).toThrow(/formatVersion: must be 1/);
  });
});

describe('outputs', () => {
  const outputsOf = (stack: Stack) => Object.values(Template.fromStack(stack).findOutputs('*'));

  test('of a plan that asks for them print what starts each drill, its schedule and the bucket of its evidence', () => {
    const stack = newStack();
    const plan = new ProtectionPlan(stack, 'Protection', { objectives: OBJECTIVES, outputs: true });
    const drill = plan.addDatabase('Orders', { database: importedDatabase(stack) }).addDrill('Monthly', { schedule });
    expect(outputsOf(stack).map(({ Value }) => Value)).toEqual(
      [drill.function.functionArn, drill.schedule.scheduleName, plan.site.evidence.bucketName].map((name) =>
        stack.resolve(name),
      ),
    );
  });

  test('are none unless asked for, and a drill has its own say', () => {
    const stack = newStack();
    const drill = newDrill(stack);
    expect(outputsOf(stack)).toEqual([]);
    expect(drill.schedule.scheduleName).toBeDefined();
    const alone = newStack();
    newDrill(alone, { outputs: true });
    expect(outputsOf(alone)).toHaveLength(3);
  });
});

describe('grants', () => {
  test.each(['SnapshotCopy', 'SnapshotExport', 'RestoreDrill'])(
    'of a %s let somebody start it, and no more',
    (name) => {
      const stack = newStack();
      const made = EVERY_CONSTRUCT[name]?.(stack) as unknown as { grantStart(grantee: iam.IGrantable): iam.Grant };
      made.grantStart(new iam.Role(stack, 'OnCall', { assumedBy: new iam.AccountRootPrincipal() }));
      const [policy] = Object.values(Template.fromStack(stack).findResources('AWS::IAM::Policy'));
      expect(policy?.Properties.PolicyDocument.Statement).toEqual([
        { Effect: 'Allow', Action: 'lambda:InvokeFunction', Resource: { Ref: expect.stringMatching(/Live/) } },
      ]);
    },
  );

  test('of evidence let somebody read it, and its key decrypt it, and write nothing', () => {
    const auditor = (stack: Stack) => new iam.Role(stack, 'Auditor', { assumedBy: new iam.AccountRootPrincipal() });
    const alone = newStack();
    new EvidenceBucket(alone, 'Evidence').grantRead(auditor(alone));
    const planned = newStack();
    new ProtectionPlan(planned, 'Protection', { objectives: OBJECTIVES }).grants.readEvidence(auditor(planned));
    for (const stack of [alone, planned]) {
      const [policy] = Object.values(Template.fromStack(stack).findResources('AWS::IAM::Policy'));
      const statements: { Action: string | string[] }[] = policy?.Properties.PolicyDocument.Statement;
      expect(statements.flatMap(({ Action }) => Action).sort()).toEqual([
        'kms:Decrypt',
        'kms:DescribeKey',
        's3:GetBucket*',
        // Of recoveries, and of drills.
        's3:GetObject*',
        's3:GetObject*',
        's3:List*',
      ]);
    }
  });
});
