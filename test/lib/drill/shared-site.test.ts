/** One site for the drills of several apps. */
import { App, Stack } from 'aws-cdk-lib';
import { DrillSite, type DrillSiteAttributes, ProtectionPlan, Recurrence } from '../../../lib';
import { ACCOUNT, allows, statementsOf } from '../../template/policies';
import { importedDatabase, OBJECTIVES, Template } from '../../template/stacks';

const env = { account: ACCOUNT, region: 'us-east-1' };
const arn = (service: string, name: string) => `arn:aws:${service}:us-east-1:${ACCOUNT}:${name}`;
const SITE: DrillSiteAttributes = {
  evidenceBucketName: 'platform-evidence',
  signingKeyArn: arn('kms', 'key/signing'),
  encryptionKeyArn: arn('kms', 'key/encryption'),
  examinerArn: arn('lambda', 'function:examiner'),
  passwordKeyArn: arn('secretsmanager', 'secret:password-key-AbCdEf'),
  deadLetterQueueArn: arn('sqs', 'not-started'),
  logGroupName: '/platform/drills',
  subnetGroupName: 'platform-copies',
  copiesSecurityGroupId: 'sg-0123456789abcdef0',
};

function drilled(given: Partial<DrillSiteAttributes> & Record<string, unknown> = {}, port?: number) {
  const stack = new Stack(new App({ builtinCloudFormationValidation: false }), 'Shop', { env });
  const site = DrillSite.fromDrillSiteAttributes(stack, 'Site', { ...SITE, ...given });
  const plan = new ProtectionPlan(stack, 'Protection', { objectives: OBJECTIVES, site });
  const orders = plan.addDatabase('Orders', { database: importedDatabase(stack, 'orders', port) });
  return { stack, drill: orders.addDrill('Daily', { schedule: Recurrence.daily({ hour: 2 }) }) };
}

test('of another app is used by a drill, which makes no network, no key and no bucket', () => {
  const { stack, drill } = drilled();
  const template = Template.fromStack(stack);
  for (const type of [
    'AWS::EC2::VPC',
    'AWS::KMS::Key',
    'AWS::S3::Bucket',
    'AWS::SQS::Queue',
    'AWS::EC2::SecurityGroupIngress',
  ]) {
    template.resourceCountIs(type, 0);
  }
  expect(drill.definition).toMatchObject({
    copy: { subnetGroup: 'platform-copies', securityGroups: ['sg-0123456789abcdef0'] },
    examiner: SITE.examinerArn,
    passwordKey: SITE.passwordKeyArn,
    evidenceBucket: 'platform-evidence',
    signingKey: SITE.signingKeyArn,
  });
  const statements = statementsOf(template, /DailyConductorRole/);
  const may = (action: string, ...resources: string[]) => allows(statements, { action, resources });
  expect(may('lambda:InvokeFunction', SITE.examinerArn)).toBe(true);
  expect(may('kms:Sign', SITE.signingKeyArn)).toBe(true);
  expect(may('secretsmanager:GetSecretValue', SITE.passwordKeyArn)).toBe(true);
});

test('has its drills of this app watched here, since the other app does not know them', () => {
  const { stack } = drilled();
  const watches = Object.values(Template.fromStack(stack).findResources('AWS::Scheduler::Schedule'));
  const watched = watches.filter(({ Properties }) =>
    JSON.stringify(Properties.Target.Input).includes('evidenceBucket'),
  );
  expect(watched).toHaveLength(1);
  expect(JSON.stringify(watched[0]?.Properties.Target.Input)).toContain('Orders');
});

test('is refused in another region, with a port that it has not opened, or misspelt', () => {
  expect(() => drilled({ signingKeyArn: SITE.signingKeyArn.replace('us-east-1', 'us-west-2') })).toThrow(
    /'signingKeyArn' is 'arn:aws:kms:us-west-2:.*', which is not an ARN in us-east-1, where the drills run/,
  );
  expect(() => drilled({}, 6543)).toThrow(/reaches copies on port 5432, and a drill's database listens on 6543/);
  expect(() => drilled({ ports: [6543] }, 6543)).not.toThrow();
  expect(() => drilled({ ports: 6543 as never })).toThrow("'ports' is 6543 and not a list");
  expect(() => drilled({ logGroup: 'x' })).toThrow("did you mean 'logGroupName'?");
  expect(() => drilled({ colour: 'x' })).toThrow("'colour' is 'x', and fromDrillSiteAttributes() has no such property");
});

test('names what is missing, and an ARN of another service or account', () => {
  const stack = new Stack(new App(), 'Shop', { env });
  const { logGroupName: _, ...rest } = SITE;
  const of = (given: object, id = 'Site') => DrillSite.fromDrillSiteAttributes(stack, id, given as DrillSiteAttributes);
  expect(() => of(rest)).toThrow("'logGroupName' is missing, so no drill could run there; state it");
  expect(() => of({ ...SITE, examinerArn: 'examiner' }, 'Named')).toThrow(
    "'examinerArn' is 'examiner', which is not an ARN of lambda; state the ARN",
  );
  expect(() => of({ ...SITE, examinerArn: SITE.examinerArn.replace(ACCOUNT, '444455556666') }, 'Theirs')).toThrow(
    `and the drills run in account ${ACCOUNT}; give a site of that account`,
  );
});
