import { App, Duration, Stack } from 'aws-cdk-lib';
import { Match } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as sns from 'aws-cdk-lib/aws-sns';
import { DrillSite, DrillSource, EvidenceBucket } from '../../../lib';
import { passesNag } from '../../template/nag';
import { allows, resolved, type Statement, statementsOf } from '../../template/policies';
import { importedDatabase, newDrill, newStack, Template, warningsOf } from '../../template/stacks';

test('rings when the janitor fails, which it does on a copy that will not go', () => {
  const stack = newStack();
  newDrill(stack);
  Template.fromStack(stack).hasResourceProperties('AWS::CloudWatch::Alarm', {
    Namespace: 'AWS/Lambda',
    MetricName: 'Errors',
    Dimensions: [{ Name: 'FunctionName', Value: { Ref: Match.stringLikeRegexp('JanitorHandlerFunction') } }],
    Statistic: 'Sum',
    Threshold: 0,
    ComparisonOperator: 'GreaterThanThreshold',
    EvaluationPeriods: 1,
  });
});

describe("by default the network is the drills' own", () => {
  const stack = newStack();
  newDrill(stack);
  const template = Template.fromStack(stack);

  test.each([
    'AWS::EC2::NatGateway',
    'AWS::EC2::InternetGateway',
    'AWS::EC2::VPCEndpoint',
    'AWS::EC2::Route',
    'AWS::EC2::VPCPeeringConnection',
  ])('without %s', (type) => {
    template.resourceCountIs(type, 0);
  });

  test('of two subnets in two zones, and its flows are recorded', () => {
    template.resourceCountIs('AWS::EC2::Subnet', 2);
    template.hasResourceProperties('AWS::EC2::Subnet', { MapPublicIpOnLaunch: false });
    template.hasResourceProperties('AWS::EC2::FlowLog', { TrafficType: 'ALL' });
  });

  test('where only the examiner reaches a copy, on its port, and nothing goes out', () => {
    template.resourceCountIs('AWS::EC2::SecurityGroupIngress', 1);
    template.hasResourceProperties('AWS::EC2::SecurityGroupIngress', { FromPort: 5432, ToPort: 5432 });
    template.resourceCountIs('AWS::EC2::SecurityGroupEgress', 1);
    const groups = Object.values(template.findResources('AWS::EC2::SecurityGroup')).map(({ Properties }) => Properties);
    expect(groups.map((group) => group.SecurityGroupIngress)).toEqual([undefined, undefined]);
    // CDK's way to say that nothing goes out. The examiner's one way out is the rule above.
    const nothing = [expect.objectContaining({ CidrIp: '255.255.255.255/32', IpProtocol: 'icmp' })];
    expect(groups.map((group) => group.SecurityGroupEgress)).toEqual([nothing, undefined]);
  });

  test('and needs no lookup, also where account and region are known', () => {
    const known = new Stack(new App(), 'Known', { env: { account: '111122223333', region: 'eu-west-1' } });
    newDrill(known);
    expect(Template.fromStack(known).toJSON().Resources).toBeDefined();
    expect((known.node.root as App).synth().manifest.missing ?? []).toEqual([]);
  });
});

test('each port of its databases is opened once', () => {
  const stack = newStack();
  const site = new DrillSite(stack, 'Site');
  for (const [name, port] of Object.entries({ orders: 5432, billing: 5432, audit: 6543 })) {
    const inner = new Stack(stack.node.root, name);
    newDrill(inner, { source: DrillSource.database(importedDatabase(inner, name, port)), site });
  }
  Template.fromStack(stack).resourceCountIs('AWS::EC2::SecurityGroupIngress', 2);
});

describe('in a network that the user has', () => {
  const vpc = (scope: Stack) => new ec2.Vpc(scope, 'Vpc', { maxAzs: 2, natGateways: 1 });

  test('public subnets are refused', () => {
    const stack = newStack();
    const subnets = { subnetType: ec2.SubnetType.PUBLIC };
    expect(() => new DrillSite(stack, 'Site', { vpc: vpc(stack), subnets })).toThrow(
      "'subnets' are public, so only a security group would separate copies of your data from the internet",
    );
  });

  test('subnets with a way out are warned of', () => {
    const stack = newStack();
    const subnets = { subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS };
    new DrillSite(stack, 'Site', { vpc: vpc(stack), subnets });
    expect(warningsOf(stack)).toEqual([expect.stringContaining('lifeboat:drill-subnets-reach-the-internet')]);
  });

  test('isolated ones are taken as they are', () => {
    const stack = newStack();
    const subnetConfiguration = [{ name: 'Isolated', subnetType: ec2.SubnetType.PRIVATE_ISOLATED }];
    new DrillSite(stack, 'Site', { vpc: new ec2.Vpc(stack, 'Vpc', { maxAzs: 2, subnetConfiguration }) });
    expect(warningsOf(stack)).toEqual([]);
    Template.fromStack(stack).resourceCountIs('AWS::EC2::VPC', 1);
  });
});

describe('evidence', () => {
  test('is locked, versioned, encrypted, private, logged, and kept when the stack goes', () => {
    const stack = newStack();
    new EvidenceBucket(stack, 'Evidence');
    const template = Template.fromStack(stack);
    template.hasResource('AWS::S3::Bucket', {
      DeletionPolicy: 'Retain',
      UpdateReplacePolicy: 'Retain',
      Properties: {
        ObjectLockConfiguration: { Rule: { DefaultRetention: { Mode: 'GOVERNANCE', Days: 400 } } },
        VersioningConfiguration: { Status: 'Enabled' },
        BucketEncryption: {
          ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms' } }],
        },
        PublicAccessBlockConfiguration: { BlockPublicAcls: true, RestrictPublicBuckets: true },
        LoggingConfiguration: Match.anyValue(),
      },
    });
    template.hasResourceProperties('AWS::S3::BucketPolicy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
        ]),
      },
    });
  });

  test('is neither hidden nor written over, whoever may do everything else', () => {
    const stack = newStack();
    new EvidenceBucket(stack, 'Evidence');
    const policies = Object.entries(Template.fromStack(stack).findResources('AWS::S3::BucketPolicy'));
    const [own] = policies.filter(([id]) => !id.includes('AccessLogs')).map(([, { Properties }]) => Properties);
    const bucket = resolved({ 'Fn::GetAtt': [own?.Bucket.Ref, 'Arn'] });
    const everything: Statement = { Effect: 'Allow', Action: '*', Resource: '*' };
    const denied = own?.PolicyDocument.Statement as (Statement & { Principal: unknown })[];
    for (const { Effect, Principal } of denied) expect([Effect, Principal]).toEqual(['Deny', { AWS: '*' }]);
    const may = (action: string, key: string, context: Record<string, string> = {}) =>
      allows([everything, ...denied], {
        action,
        resources: [`${bucket}/${key}`],
        context: { 'aws:SecureTransport': 'true', ...context },
      });
    const document = 'evidence/Shop/Orders/00000001.json';
    expect(may('s3:DeleteObject', document)).toBe(false);
    expect(may('s3:PutObject', document)).toBe(false);
    for (const replica of ['s3:ReplicateDelete', 's3:ReplicateObject']) expect(may(replica, document)).toBe(false);
    expect(may('s3:PutObject', document, { 's3:if-none-match': '*' })).toBe(true);
    expect(may('s3:GetObject', document)).toBe(true);
    expect(may('s3:DeleteObject', 'elsewhere/x')).toBe(true);
  });

  test('may be kept in a bucket of another stack', () => {
    const app = new App();
    const { bucket } = new EvidenceBucket(new Stack(app, 'Audit'), 'Evidence');
    const stack = new Stack(app, 'Test');
    newDrill(stack, { site: new DrillSite(stack, 'Site', { evidence: bucket }) });
    Template.fromStack(stack).resourceCountIs('AWS::S3::Bucket', 0);
  });

  test('that nothing locks is warned of; a default lock is enough', () => {
    const warned = (make: (stack: Stack) => s3.IBucket) => {
      const stack = newStack();
      new DrillSite(stack, 'Site', { evidence: make(stack) });
      return warningsOf(stack);
    };
    const bucket = (props: s3.BucketProps) => (stack: Stack) => new s3.Bucket(stack, 'Bucket', props);
    expect(warned(bucket({ versioned: true }))).toEqual([expect.stringContaining('lifeboat:evidence-not-locked')]);
    expect(warned(bucket({ objectLockEnabled: true }))).toHaveLength(1);
    const lock = s3.ObjectLockRetention.governance(Duration.days(1));
    expect(warned(bucket({ objectLockDefaultRetention: lock }))).toEqual([]);
    expect(warned((stack) => s3.Bucket.fromBucketName(stack, 'Bucket', 'evidence'))).toEqual([]);
  });

  test('may be locked for good, where asked for', () => {
    const stack = newStack();
    new EvidenceBucket(stack, 'Evidence', { lock: s3.ObjectLockRetention.compliance(Duration.days(30)) });
    Template.fromStack(stack).hasResourceProperties('AWS::S3::Bucket', {
      ObjectLockConfiguration: { Rule: { DefaultRetention: { Mode: 'COMPLIANCE', Days: 30 } } },
    });
  });
});

describe('the key that signs evidence', () => {
  const stack = newStack();
  newDrill(stack, { site: new DrillSite(stack, 'Site') });
  const template = Template.fromStack(stack);
  const [key] = Object.keys(template.findResources('AWS::KMS::Key')).filter((id) => id.startsWith('SiteSigningKey'));
  const sign = { action: 'kms:Sign', context: { 'kms:SigningAlgorithm': 'ECDSA_SHA_256' } };
  const own = [`<${key}.Arn>`];

  test('is asymmetric, of P-256, signs and does nothing else, and is kept when the stack goes', () => {
    template.hasResource('AWS::KMS::Key', {
      Properties: { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY', EnableKeyRotation: Match.absent() },
      DeletionPolicy: 'Retain',
      UpdateReplacePolicy: 'Retain',
    });
  });

  test('needs no acknowledgement in the packs of cdk-nag: asymmetric keys have no rotation to turn on', () => {
    passesNag((alone) => {
      const notify = sns.Topic.fromTopicArn(alone, 'Topic', 'arn:aws:sns:eu-west-1:111122223333:operators');
      newDrill(alone, { site: new DrillSite(alone, 'Site', { notify }), notify });
    });
  });

  test('is used by drills, and by nothing else here; the watch knows its public half', () => {
    const conductor = statementsOf(template, /^DrillConductorRole/);
    expect(allows(conductor, { ...sign, resources: own })).toBe(true);
    expect(allows(conductor, { ...sign, resources: ['arn:aws:kms:eu-west-1:111122223333:key/other'] })).toBe(false);
    const others = Object.keys(template.findResources('AWS::IAM::Role')).filter(
      (id) => !id.startsWith('DrillConductor'),
    );
    expect(others.length).toBeGreaterThan(3);
    for (const role of others) {
      expect(allows(statementsOf(template, new RegExp(`^${role}$`)), { ...sign, resources: own })).toBe(false);
    }
    const watch = statementsOf(template, /^SiteWatchHandlerRole/);
    expect(allows(watch, { action: 'kms:GetPublicKey', resources: own })).toBe(true);
  });

  test('is used by nobody else, whoever may use every key', () => {
    const everything: Statement = { Effect: 'Allow', Action: 'kms:*', Resource: '*' };
    const policy: Statement[] = template.findResources('AWS::KMS::Key')[String(key)]?.Properties.KeyPolicy.Statement;
    const denied = policy.filter(({ Effect }) => Effect === 'Deny');
    const signs = (principal: string) =>
      allows([everything, ...denied], {
        ...sign,
        resources: own,
        context: { ...sign.context, 'aws:PrincipalArn': `arn:aws:iam::111122223333:${principal}` },
      });
    const conductor = Object.values(
      template.findResources('AWS::IAM::Role', { Properties: { Path: Match.anyValue() } }),
    );
    expect(conductor.map(({ Properties }) => Properties.Path)).toEqual(['/lifeboat/evidence/']);
    expect(signs('role/lifeboat/evidence/Test-DrillConductorRole')).toBe(true);
    for (const other of ['user/ada', 'role/Admin', 'role/lifeboat/evidenceless', 'root'])
      expect(signs(other)).toBe(false);
  });

  test('is what the watch verifies all evidence with, versions and delete markers included', () => {
    const watch = statementsOf(template, /^SiteWatchHandlerRole/);
    const [bucket] = Object.keys(template.findResources('AWS::S3::Bucket')).filter((id) => !id.includes('AccessLogs'));
    const context = { 's3:prefix': 'evidence/Test/Drill/' };
    const listing = { action: 's3:ListBucketVersions', resources: [`<${bucket}.Arn>`] };
    expect(allows(watch, { ...listing, context })).toBe(true);
    expect(allows(watch, { ...listing, context: { 's3:prefix': 'other/' } })).toBe(false);
    const version = `<${bucket}.Arn>/evidence/Test/Drill/00000001.json`;
    expect(allows(watch, { action: 's3:GetObjectVersion', resources: [version] })).toBe(true);
    template.hasResourceProperties('AWS::CloudWatch::Alarm', {
      MetricName: 'EvidenceProblems',
      Dimensions: [{ Name: 'Bucket', Value: { Ref: bucket } }],
      ComparisonOperator: 'GreaterThanThreshold',
      Threshold: 0,
    });
  });
});

/** An upgrade that changed one of these would replace what can't be replaced: past evidence, and the keys to it. */
test('logical IDs of buckets, keys and secrets stay as they are', () => {
  const stack = newStack();
  newDrill(stack, { site: new DrillSite(stack, 'Site') });
  const template = Template.fromStack(stack);
  const ids = ['AWS::S3::Bucket', 'AWS::KMS::Key', 'AWS::SecretsManager::Secret'].flatMap((type) =>
    Object.keys(template.findResources(type)),
  );
  expect(ids.sort()).toMatchInlineSnapshot(`
[
  "SiteEvidenceAccessLogs6C56B3E8",
  "SiteEvidenceBucketDF858609",
  "SiteKey28264800",
  "SitePasswordKey55F34818",
  "SiteSigningKeyC48E1C6C",
]
`);
});
