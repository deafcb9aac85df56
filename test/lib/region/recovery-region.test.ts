import { App, CfnParameter, Duration, NestedStack, Stack, Stage, Validations } from 'aws-cdk-lib';
import { Match } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as rds from 'aws-cdk-lib/aws-rds';
import * as sns from 'aws-cdk-lib/aws-sns';
import { AwsSolutionsChecks, HIPAASecurityChecks, NIST80053R5Checks } from 'cdk-nag';
import {
  BackupCopy,
  ProtectionPlan,
  RecoveryRegion,
  RecoverySite,
  RegionReplica,
  type RegionReplicaProps,
  type ReplicaOptions,
  ReplicatedBackups,
} from '../../../lib';
import { ACCOUNT } from '../../template/policies';
import { importedDatabase, newDatabase, newStack, OBJECTIVES, Template, warningsOf } from '../../template/stacks';

const EAST = 'us-east-1';
const WEST = RecoveryRegion.named('us-west-2');
const NETWORK: ReplicaOptions = { subnetGroupName: 'shop-data', securityGroupIds: ['sg-0123'] };
const env = (region: string) => ({ env: { region, account: ACCOUNT } });
const newApp = () => new App({ builtinCloudFormationValidation: false });
const shop = (app = newApp()) => new Stack(app, 'Shop', env(EAST));

/** A plan with one database, copied. */
function planned(
  copies: BackupCopy[],
  props: Partial<rds.DatabaseInstanceProps> = {},
  recovery: RecoveryRegion | undefined = WEST,
) {
  const stack = shop();
  const database = newDatabase(stack, { instanceIdentifier: 'orders', storageEncrypted: true, ...props });
  const plan = new ProtectionPlan(stack, 'Protection', { objectives: OBJECTIVES, recovery });
  plan.addDatabase('Orders', { database, copies });
  const found = stack.node.root.node.tryFindChild('Shop-us-west-2');
  const replicas = stack.node.root.node.tryFindChild('Shop-us-west-2-replicas');
  return { stack, plan, database, west: found as Stack, replicas: replicas as Stack };
}

const instanceOf = (stack: Stack) => Object.values(Template.fromStack(stack).findResources('AWS::RDS::DBInstance'))[0];

describe('a recovery region', () => {
  test.each(['us-west', 'US-WEST-2', 'us-west-2a', ''])("is refused when its name is '%s'", (name) => {
    expect(() => RecoveryRegion.named(name)).toThrow(/can't be named after it; write it as in 'us-west-2'/);
  });

  test.each(['us-west-2', 'us-gov-east-1', 'ap-southeast-4', 'eusc-de-east-1'])('can be %s', (name) => {
    expect(String(RecoveryRegion.named(name))).toBe(name);
  });

  test('takes a key and a topic of its own only, by their ARNs', () => {
    const named = (options: { keyArn?: string; topicArn?: string }) => () => RecoveryRegion.named('us-west-2', options);
    const arn = (service: string, region: string, name: string) => `arn:aws:${service}:${region}:${ACCOUNT}:${name}`;
    expect(named({ keyArn: arn('kms', EAST, 'key/1') })).toThrow(
      /'keyArn' arn:.* is in us-east-1.*state the ARN of a key/,
    );
    expect(named({ keyArn: 'alias/mine' })).toThrow(/'keyArn' 'alias\/mine' is not an ARN of kms/);
    expect(named({ keyArn: arn('kms', 'us-west-2', 'alias/mine') })).not.toThrow();
    expect(named({ topicArn: arn('sqs', 'us-west-2', 'queue') })).toThrow(
      /'topicArn' 'arn:aws:sqs:.*' is not an ARN of sns/,
    );
    expect(named({ topicArn: arn('sns', 'us-west-2', 'operators') })).not.toThrow();
  });

  test('known at deployment only is refused, since nothing could be named after it', () => {
    expect(() => RecoveryRegion.named(new Stack(newApp(), 'Any').region)).toThrow(/unknown until deployment/);
  });

  test('has a topic that alarms there reach, unless a replica names its own', () => {
    const region = RecoveryRegion.named('us-west-2', { topicArn: `arn:aws:sns:us-west-2:${ACCOUNT}:operators` });
    const { replicas } = planned([BackupCopy.replica(NETWORK)], {}, region);
    Template.fromStack(replicas).hasResourceProperties('AWS::CloudWatch::Alarm', { AlarmActions: [region.topicArn] });
  });

  test('refuses a key of another region; one of its own is fine', () => {
    const key = (region: string) => `arn:aws:kms:${region}:${ACCOUNT}:key/mine`;
    expect(() => RecoveryRegion.named('us-west-2', { keyArn: key(EAST) })).toThrow(/is in us-east-1.*a key there/);
    expect(RecoveryRegion.named('us-west-2', { keyArn: key('us-west-2') }).keyArn).toBe(key('us-west-2'));
  });
});

describe('the stack of a recovery region', () => {
  const replica = BackupCopy.replica(NETWORK);
  const all = () => [BackupCopy.automatedBackups(), BackupCopy.snapshots({ retention: Duration.days(7) }), replica];

  test('is synthesised from names alone: no import, no reference, no dependency on the primary', () => {
    const { west } = planned(all());
    expect(west.dependencies).toEqual([]);
    const { Resources, Outputs, Parameters } = Template.fromStack(west).toJSON();
    expect(JSON.stringify([Resources, Outputs])).not.toMatch(/ImportValue|ssm|ExportsReader|Custom::/);
    // CDK's own, of the region it lies in.
    expect(Object.keys(Parameters)).toEqual(['BootstrapVersion']);
    expect(west.region).toBe('us-west-2');
  });

  test('is deployed first, then the primary, then replicas; none refers to another, so each deploys by itself', () => {
    const { stack, west, replicas } = planned(all());
    expect([stack.dependencies, replicas.dependencies]).toEqual([[west], [stack]]);
    for (const each of [stack, replicas]) {
      expect(JSON.stringify(Template.fromStack(each).toJSON())).not.toMatch(/ImportValue|ExportsReader|Custom::Cross/);
    }
    expect(Object.keys(Template.fromStack(west).findOutputs('*'))).toEqual([expect.stringMatching(/KeyArn/)]);
  });

  test('is the same when its primary is not there at all', () => {
    const { west } = planned(all());
    const alone = new Stack(newApp(), 'Shop-us-west-2', env('us-west-2'));
    new RecoverySite(alone, 'Recovery', { region: WEST, primary: 'Shop' });
    expect(Template.fromStack(alone).toJSON().Resources).toEqual(Template.fromStack(west).toJSON().Resources);
  });

  test('agrees with the primary on the name of the key', () => {
    const { stack, west } = planned([BackupCopy.automatedBackups()]);
    Template.fromStack(west).hasResourceProperties('AWS::KMS::Alias', { AliasName: 'alias/lifeboat-Shop' });
    expect(instanceOf(stack)?.Properties.AutomaticBackupReplicationKmsKeyId).toEqual(
      expect.objectContaining({
        'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, `:kms:us-west-2:${ACCOUNT}:alias/lifeboat-Shop`]],
      }),
    );
  });

  test('is named after the stack that is deployed, where the database lies in one nested in it', () => {
    const stack = shop();
    const nested = new NestedStack(stack, 'Data');
    expect(WEST.aliasFor(nested)).toBe('alias/lifeboat-Shop');
    expect(Stack.of(RecoverySite.beside(nested, WEST)).stackName).toBe('Shop-us-west-2');
  });

  test('is one for each region, however many databases and plans use it', () => {
    const { stack, plan, west } = planned([BackupCopy.snapshots({ retention: Duration.days(7) })]);
    const snapshots = [BackupCopy.snapshots({ retention: Duration.days(30) })];
    plan.addDatabase('Users', { database: importedDatabase(stack, 'users'), copies: snapshots });
    expect(RecoverySite.beside(stack, WEST).node.scope).toBe(west);
    Template.fromStack(west).resourceCountIs('AWS::KMS::Key', 1);
  });

  test('lies in the same stage as the primary', () => {
    const stage = new Stage(newApp(), 'Production');
    const stack = new Stack(stage, 'Shop', env(EAST));
    expect(Stack.of(RecoverySite.beside(stack, WEST))).toMatchObject({ stackName: 'Production-Shop-us-west-2' });
    expect(Stage.of(RecoverySite.beside(stack, WEST))).toBe(stage);
  });

  test('keeps its key: its logical ID never changes, and deleting the stack leaves it', () => {
    const { west } = planned([BackupCopy.snapshots({ retention: Duration.days(7) })]);
    const keys = Template.fromStack(west).findResources('AWS::KMS::Key');
    expect(Object.keys(keys)).toEqual(['RecoveryKeyF0CE256A']);
    expect(Object.values(keys)[0]).toMatchObject({ DeletionPolicy: 'Retain', Properties: { EnableKeyRotation: true } });
  });

  test('lets accounts read the copies that are shared with them, through RDS of its region only', () => {
    const { west } = planned([BackupCopy.snapshots({ retention: Duration.days(7), shareWith: ['444455556666'] })]);
    const [key] = Object.values(Template.fromStack(west).findResources('AWS::KMS::Key'));
    const [, reader] = key?.Properties.KeyPolicy.Statement ?? [];
    expect(JSON.stringify(reader.Principal)).toContain('444455556666');
    expect(reader.Condition).toEqual({ StringEquals: { 'kms:ViaService': 'rds.us-west-2.amazonaws.com' } });
  });

  test('is refused in another region than the one it is for', () => {
    const alone = new Stack(newApp(), 'Elsewhere', env('eu-west-1'));
    expect(() => new RecoverySite(alone, 'Recovery', { region: WEST, primary: 'Shop' })).toThrow(
      /'region' is us-west-2 and its stack is in eu-west-1.*create the stack with env/,
    );
  });

  test('is read by accounts only', () => {
    const read = (account: string) => () =>
      new RecoverySite(newStack(), 'Recovery', { region: WEST, primary: 'Shop' }).addReader(account);
    expect(read('4444-5555-6666')).toThrow(
      "recovery site 'Test/Recovery': '4444-5555-6666' is not an AWS account ID, so AWS KMS would refuse the key policy",
    );
    expect(read('444455556666')).not.toThrow();
  });

  test('is not made where the region names a key of its own', () => {
    const recovery = RecoveryRegion.named('us-west-2', { keyArn: `arn:aws:kms:us-west-2:${ACCOUNT}:key/mine` });
    expect(planned([BackupCopy.automatedBackups()], {}, recovery).west).toBeUndefined();
  });
});

describe('copies of a plan', () => {
  test('without a recovery region are refused', () => {
    const copies = [BackupCopy.automatedBackups()];
    const stack = shop();
    const plan = new ProtectionPlan(stack, 'Protection', { objectives: OBJECTIVES });
    expect(() => plan.addDatabase('Orders', { database: newDatabase(stack), copies })).toThrow(
      /'recovery' of the plan is missing.*recovery: RecoveryRegion.named/,
    );
  });

  test('of one kind twice are refused; one of each kind is not', () => {
    const snapshots = () => BackupCopy.snapshots({ retention: Duration.days(7) });
    expect(() => planned([snapshots(), snapshots()])).toThrow(/has two of the kind 'snapshots'/);
    expect(() => planned([snapshots(), BackupCopy.automatedBackups()])).not.toThrow();
  });

  test('of an imported database are snapshots, whose owner need not be this app', () => {
    const stack = shop();
    const plan = new ProtectionPlan(stack, 'Protection', { objectives: OBJECTIVES, recovery: WEST });
    const database = importedDatabase(stack);
    expect(() => plan.addDatabase('A', { database, copies: [BackupCopy.automatedBackups()] })).toThrow(
      /is imported.*apply ReplicatedBackups in the app that creates it.* for orders$/,
    );
    const later = importedDatabase(stack, new CfnParameter(stack, 'Identifier').valueAsString);
    expect(() => plan.addDatabase('C', { database: later, copies: [BackupCopy.automatedBackups()] })).toThrow(
      /for its ARN$/,
    );
    expect(() =>
      plan.addDatabase('B', { database, copies: [BackupCopy.snapshots({ retention: Duration.days(7) })] }),
    ).not.toThrow();
  });

  test('share one key for the logs of their handlers', () => {
    const { stack, plan } = planned([BackupCopy.snapshots({ retention: Duration.days(7) })]);
    const copies = [BackupCopy.snapshots({ retention: Duration.days(7) })];
    plan.addDatabase('Users', { database: importedDatabase(stack, 'users'), copies });
    Template.fromStack(stack).resourceCountIs('AWS::KMS::Key', 1);
  });
});

describe('replicated automated backups', () => {
  const replicated = (props: Partial<rds.DatabaseInstanceProps> = {}, retention?: Duration) =>
    instanceOf(planned([BackupCopy.automatedBackups({ retention })], props).stack)?.Properties;

  test('are set on the instance, with its own retention unless stated', () => {
    expect(replicated()).toMatchObject({ AutomaticBackupReplicationRegion: 'us-west-2' });
    expect(replicated()?.AutomaticBackupReplicationRetentionPeriod).toBeUndefined();
    expect(replicated({}, Duration.days(14))?.AutomaticBackupReplicationRetentionPeriod).toBe(14);
  });

  test('of a database that is not encrypted have no key, which RDS would refuse', () => {
    expect(replicated({ storageEncrypted: false })?.AutomaticBackupReplicationKmsKeyId).toBeUndefined();
  });

  test('are kept for 1 to 35 days', () => {
    for (const days of [0, 36]) expect(() => replicated({}, Duration.days(days))).toThrow(/not 1 to 35 whole days/);
    for (const days of [1, 35]) expect(() => replicated({}, Duration.days(days))).not.toThrow();
    expect(() => replicated({}, Duration.hours(36))).toThrow(/1 day 12 hours, not 1 to 35/);
  });

  test('of a database without backups are refused; one day is enough', () => {
    expect(() => replicated({ backupRetention: Duration.days(0) })).toThrow(/retention is 0 days/);
    expect(() => replicated({ backupRetention: Duration.days(1) })).not.toThrow();
  });

  test('of an engine that RDS does not replicate are refused; MariaDB is replicated', () => {
    const engine = (name: string) => {
      const stack = shop();
      const instance = new rds.CfnDBInstance(stack, 'Instance', { engine: name });
      return () => instance.with(new ReplicatedBackups({ region: WEST }));
    };
    for (const name of ['aurora-postgresql', 'custom-oracle-ee'])
      expect(engine(name)).toThrow(/does not replicate backups of/);
    for (const name of ['mariadb', 'sqlserver-se', 'oracle-se2-cdb']) expect(engine(name)).not.toThrow();
  });

  test("into the database's own region, or a second one, are refused", () => {
    const instance = new rds.CfnDBInstance(shop(), 'Instance', { engine: 'postgres' });
    expect(() => instance.with(new ReplicatedBackups({ region: RecoveryRegion.named(EAST) }))).toThrow(
      /the database's own/,
    );
    instance.with(new ReplicatedBackups({ region: WEST }));
    expect(() => instance.with(new ReplicatedBackups({ region: RecoveryRegion.named('eu-west-1') }))).toThrow(
      /'region' is eu-west-1, and the database itself states us-west-2/,
    );
  });

  test('compare nothing that is only known at deployment', () => {
    const stack = new Stack(newApp(), 'Anywhere');
    const instance = new rds.CfnDBInstance(stack, 'Instance', { engine: 'postgres' });
    expect(() => instance.with(new ReplicatedBackups({ region: WEST }))).not.toThrow();
  });
});

describe('a replica', () => {
  const replicated = (props: Partial<rds.DatabaseInstanceProps> = {}, options: Partial<ReplicaOptions> = {}) =>
    planned([BackupCopy.replica({ ...NETWORK, ...options })], props);

  test("lies in the recovery region's stack, guarded, encrypted there, and with backups of its own", () => {
    const { replicas } = replicated();
    const [[id, replica] = []] = Object.entries(Template.fromStack(replicas).findResources('AWS::RDS::DBInstance'));
    expect(id).toBe('ShopProtectionOrdersInstanceBFF1A757');
    expect(replica).toMatchObject({
      DeletionPolicy: 'Retain',
      Properties: {
        DBInstanceIdentifier: 'orders-us-west-2',
        DBInstanceClass: 'db.m5.large',
        SourceRegion: EAST,

        BackupRetentionPeriod: 7,
        DBSubnetGroupName: 'shop-data',
        VPCSecurityGroups: ['sg-0123'],
        DeleteAutomatedBackups: false,
        DeletionProtection: true,
        PubliclyAccessible: false,
      },
    });
    expect(JSON.stringify(replica?.Properties.KmsKeyId)).toContain(`:kms:us-west-2:${ACCOUNT}:alias/lifeboat-Shop`);
    expect(JSON.stringify(replica?.Properties.SourceDBInstanceIdentifier)).toContain(
      `:rds:${EAST}:${ACCOUNT}:db:orders`,
    );
  });

  test('rings when it falls behind, and when nobody says how far', () => {
    const { replicas } = replicated({}, { maxLag: Duration.minutes(1) });
    const lag = (statistic: string) => ({
      MetricStat: {
        Metric: { MetricName: 'ReplicaLag', Dimensions: [{ Name: 'DBInstanceIdentifier', Value: 'orders-us-west-2' }] },
        Stat: statistic,
      },
      ReturnData: false,
    });
    Template.fromStack(replicas).hasResourceProperties('AWS::CloudWatch::Alarm', {
      ComparisonOperator: 'GreaterThanThreshold',
      Threshold: 60,
      TreatMissingData: 'breaching',
      Metrics: Match.arrayWith([
        // RDS says -1 while nothing is replicated, which no limit of its own would ever exceed.
        Match.objectLike({ Expression: 'IF(most < 0, 31536000, least)' }),
        Match.objectLike({ Id: 'least', ...lag('Minimum') }),
        Match.objectLike({ Id: 'most', ...lag('Maximum') }),
      ]),
    });
  });

  test("is encrypted with the user's own key where the region names one", () => {
    const keyArn = `arn:aws:kms:us-west-2:${ACCOUNT}:key/mine`;
    const { west, replicas } = planned(
      [BackupCopy.replica(NETWORK)],
      {},
      RecoveryRegion.named('us-west-2', { keyArn }),
    );
    expect(west).toBeUndefined();
    expect(instanceOf(replicas)?.Properties.KmsKeyId).toBe(keyArn);
  });

  test('of a database that is not encrypted is not either', () => {
    expect(instanceOf(replicated({ storageEncrypted: false }).replicas)?.Properties.KmsKeyId).toBeUndefined();
  });

  test('of a database without backups is refused; one day is enough', () => {
    expect(() => replicated({ backupRetention: Duration.days(0) })).toThrow(/replicas only of databases with backups/);
    expect(() => replicated({ backupRetention: Duration.days(1) })).not.toThrow();
  });

  test('of a database whose name is only known at deployment is refused', () => {
    expect(() => replicated({ instanceIdentifier: undefined })).toThrow(/unknown until deployment.*instanceIdentifier/);
  });

  test('of a database whose region is only known at deployment is refused', () => {
    const stack = new Stack(newApp(), 'Anywhere');
    const plan = new ProtectionPlan(stack, 'Protection', { objectives: OBJECTIVES, recovery: WEST });
    const copies = [BackupCopy.replica(NETWORK)];
    expect(() => plan.addDatabase('Orders', { database: importedDatabase(stack), copies })).toThrow(
      /create its stack with env/,
    );
  });

  test('of an engine without replicas in other regions is refused; the edition that has them is not', () => {
    const engine = (version: rds.IInstanceEngine) => () =>
      replicated({ engine: version, licenseModel: rds.LicenseModel.LICENSE_INCLUDED, ...noCredentials });
    const noCredentials = { allocatedStorage: 100 };
    const version = rds.SqlServerEngineVersion.VER_16;
    expect(engine(rds.DatabaseInstanceEngine.sqlServerWeb({ version }))).toThrow(
      /runs sqlserver-web, and RDS has no cross-region replicas/,
    );
    expect(engine(rds.DatabaseInstanceEngine.sqlServerEe({ version }))).not.toThrow();
  });

  test('of a database whose password RDS manages is refused', () => {
    const stack = shop();
    const database = newDatabase(stack, { instanceIdentifier: 'orders' });
    (database.node.defaultChild as rds.CfnDBInstance).manageMasterUserPassword = true;
    const plan = new ProtectionPlan(stack, 'Protection', { objectives: OBJECTIVES, recovery: WEST });
    const copies = [BackupCopy.replica(NETWORK)];
    expect(() => plan.addDatabase('Orders', { database, copies })).toThrow(/secret of your own/);
  });

  test('in its own region is refused', () => {
    const copies = [BackupCopy.replica(NETWORK)];
    expect(() => planned(copies, {}, RecoveryRegion.named(EAST))).toThrow(/the database's own/);
  });

  test('keeps its backups for 1 to 35 days', () => {
    for (const days of [0, 36])
      expect(() => replicated({}, { retention: Duration.days(days) })).toThrow(/1 to 35 whole days/);
    for (const days of [1, 35]) expect(() => replicated({}, { retention: Duration.days(days) })).not.toThrow();
  });

  test('beyond what RDS makes of one source is refused; the last one is not', () => {
    const withOthers = (others: number) => {
      const { stack } = replicated();
      for (let index = 0; index < others; index++) {
        new rds.CfnDBInstance(stack, `Replica${index}`, { sourceDbInstanceIdentifier: 'orders' });
      }
      return () => stack.node.root.node.findAll().flatMap(({ node }) => node.validate());
    };
    expect(withOthers(14)()).toEqual([]);
    expect(withOthers(15)()).toEqual([expect.stringMatching(/16 replicas.*RDS allows 15/)]);
  });

  test('has a name that only deployment knows, whole', () => {
    const stack = newStack();
    new RegionReplica(stack, 'Replica', {
      ...NETWORK,
      sourceIdentifier: 'orders',
      sourceRegion: EAST,
      sourceClass: 'db.t4g.small',
    });
    Template.fromStack(stack).hasResourceProperties('AWS::RDS::DBInstance', {
      DBInstanceIdentifier: { 'Fn::Join': ['', ['orders-', { Ref: 'AWS::Region' }]] },
    });
  });

  describe('alone', () => {
    const alone = (props: Partial<RegionReplicaProps> = {}) =>
      new RegionReplica(new Stack(newApp(), 'West', env('us-west-2')), 'Replica', {
        ...NETWORK,
        sourceIdentifier: 'orders',
        sourceRegion: EAST,
        instanceType: ec2.InstanceType.of(ec2.InstanceClass.T4G, ec2.InstanceSize.SMALL),
        ...props,
      });

    test('needs a class, a security group and a name that RDS takes; all problems are told at once', () => {
      const nothing = { instanceType: undefined, securityGroupIds: [], instanceIdentifier: 'orders--west' };
      expect(() => alone(nothing)).toThrow(
        /'instanceIdentifier' is[\s\S]*'instanceType'[\s\S]*'securityGroupIds' is empty/,
      );
      expect(() => alone({ instanceIdentifier: 'a'.repeat(63) })).not.toThrow();
      expect(() => alone({ instanceIdentifier: 'a'.repeat(64) })).toThrow(/up to 63/);
    });
  });
});

test("passes cdk-nag's AwsSolutions, NIST 800-53 R5 and HIPAA packs in a stack of its own", () => {
  const app = newApp();
  const west = new Stack(app, 'West', env('us-west-2'));
  const site = new RecoverySite(west, 'Recovery', { region: WEST, primary: 'Shop' });
  new RegionReplica(west, 'Replica', {
    ...NETWORK,
    sourceIdentifier: 'orders',
    sourceRegion: EAST,
    sourceClass: 'db.t4g.small',
    encryptionKey: site.key,
    notify: sns.Topic.fromTopicArn(west, 'Topic', `arn:aws:sns:us-west-2:${ACCOUNT}:alarms`),
  });
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new NIST80053R5Checks(app), new HIPAASecurityChecks(app));
  expect(() => app.synth()).not.toThrow();
});

test('all three kinds synthesise without a warning of ours', () => {
  const copies = [
    BackupCopy.automatedBackups(),
    BackupCopy.snapshots({ retention: Duration.days(7) }),
    BackupCopy.replica(NETWORK),
  ];
  const { stack, west, replicas } = planned(copies, { backupRetention: Duration.days(7) });
  const ours = [stack, west, replicas].flatMap(warningsOf).filter((warning) => warning.includes('lifeboat:'));
  expect(ours).toEqual([]);
});
