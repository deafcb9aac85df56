/** The generated resource is complete, and CDK's own model of AWS::RDS::DBInstance accepts each of its properties. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { DBInstance } from '@aws-sdk/client-rds';
import { App, Stack } from 'aws-cdk-lib';
import { CfnDBInstance, type CfnDBInstanceProps } from 'aws-cdk-lib/aws-rds';
import { backInLine, driftOf, stackOf } from '../../../lambda/cut-over/back-in-line';
import { propertiesOf } from '../../../lambda/cut-over/import-template';

const ARN = 'arn:aws:rds:eu-central-1:123456789012';

/** As RDS reports an instance with everything that PostgreSQL may have. */
const LIVE: DBInstance = {
  DBInstanceIdentifier: 'recovered-1',
  DBInstanceArn: `${ARN}:db:recovered-1`,
  DbiResourceId: 'db-NEW',
  DBInstanceStatus: 'available',
  DBInstanceClass: 'db.r7g.large',
  Engine: 'postgres',
  EngineVersion: '17.5',
  EngineLifecycleSupport: 'open-source-rds-extended-support',
  LicenseModel: 'postgresql-license',
  MasterUsername: 'owner',
  MasterUserSecret: { SecretArn: 'arn:aws:secretsmanager:x', SecretStatus: 'active', KmsKeyId: 'key-1' },
  DBName: 'shop',
  Endpoint: { Address: 'recovered-1.x.rds.amazonaws.com', Port: 5433, HostedZoneId: 'Z1' },
  AllocatedStorage: 500,
  MaxAllocatedStorage: 2000,
  StorageType: 'gp3',
  Iops: 12000,
  StorageThroughput: 500,
  StorageEncrypted: true,
  KmsKeyId: 'arn:aws:kms:eu-central-1:123456789012:key/1',
  DedicatedLogVolume: true,
  MultiAZ: false,
  AvailabilityZone: 'eu-central-1b',
  DBSubnetGroup: { DBSubnetGroupName: 'data', VpcId: 'vpc-1' },
  VpcSecurityGroups: [
    { VpcSecurityGroupId: 'sg-2', Status: 'active' },
    { VpcSecurityGroupId: 'sg-1', Status: 'active' },
  ],
  PubliclyAccessible: false,
  NetworkType: 'DUAL',
  CACertificateIdentifier: 'rds-ca-rsa2048-g1',
  CertificateDetails: { CAIdentifier: 'rds-ca-rsa2048-g1' },
  IAMDatabaseAuthenticationEnabled: true,
  DomainMemberships: [
    {
      Domain: 'd-1',
      Status: 'joined',
      FQDN: 'shop.local',
      IAMRoleName: 'join',
      OU: 'OU=x',
      AuthSecretArn: 'arn:x',
      DnsIps: ['10.0.0.2'],
    },
  ],
  AssociatedRoles: [{ FeatureName: 's3Import', RoleArn: 'arn:aws:iam::123456789012:role/import', Status: 'ACTIVE' }],
  DBParameterGroups: [{ DBParameterGroupName: 'shop-17', ParameterApplyStatus: 'in-sync' }],
  OptionGroupMemberships: [{ OptionGroupName: 'default:postgres-17', Status: 'in-sync' }],
  ProcessorFeatures: [{ Name: 'threadsPerCore', Value: '1' }],
  AutoMinorVersionUpgrade: false,
  PreferredMaintenanceWindow: 'sun:03:00-sun:03:30',
  BackupRetentionPeriod: 14,
  PreferredBackupWindow: '01:00-01:30',
  BackupTarget: 'region',
  CopyTagsToSnapshot: true,
  DeletionProtection: true,
  DBInstanceAutomatedBackupsReplications: [
    { DBInstanceAutomatedBackupsArn: 'arn:aws:rds:us-east-1:123456789012:auto-backup:ab-1' },
  ],
  MonitoringInterval: 60,
  MonitoringRoleArn: 'arn:aws:iam::123456789012:role/monitoring',
  PerformanceInsightsEnabled: true,
  PerformanceInsightsKMSKeyId: 'arn:aws:kms:eu-central-1:123456789012:key/2',
  PerformanceInsightsRetentionPeriod: 465,
  DatabaseInsightsMode: 'advanced',
  EnabledCloudwatchLogsExports: ['upgrade', 'postgresql'],
  AdditionalStorageVolumes: [
    {
      VolumeName: 'rdsdbdata2',
      AllocatedStorage: 200,
      IOPS: 3000,
      StorageThroughput: 125,
      StorageType: 'gp3',
      StorageVolumeStatus: 'available',
    },
  ],
  ReplicaMode: 'open-read-only',
  ReadReplicaSourceDBInstanceIdentifier: 'primary',
  ReadReplicaSourceDBClusterIdentifier: 'cluster',
  DBClusterIdentifier: 'cluster',
  PromotionTier: 1,
  CharacterSetName: 'UTF8',
  NcharCharacterSetName: 'AL16UTF16',
  Timezone: 'UTC',
  DBSystemId: 'system',
  CustomIamInstanceProfile: 'AWSRDSCustomProfile',
  TagList: [
    { Key: 'team', Value: 'shop' },
    { Key: 'lifeboat:recovery', Value: '0123' },
    { Key: 'aws:cloudformation:stack-name', Value: 'data' },
    { Key: 'aws:cloudformation:logical-id', Value: 'OrdersDb' },
  ],
};

/** The names of CDK's properties, from its own declarations. */
const NAMES = (() => {
  const text = readFileSync(join(dirname(require.resolve('aws-cdk-lib/aws-rds')), 'lib', 'rds.generated.d.ts'), 'utf8');
  const [, members = ''] = /export interface CfnDBInstanceProps \{([\s\S]*?)\n\}/.exec(text) ?? [];
  return Array.from(members.matchAll(/readonly (\w+)\??:/g), ([, name = '']) => name);
})();

/** Members of lists and structures are spelled in CDK's way, too. */
function inCamelCase(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inCamelCase);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inside]) => {
      const word = /^[A-Z]+$/.test(name) ? name.toLowerCase() : name.charAt(0).toLowerCase() + name.slice(1);
      return [word, inCamelCase(inside)];
    }),
  );
}

function asCdkRenders(property: string, value: unknown): unknown {
  const name = NAMES.find((one) => one.toLowerCase() === property.toLowerCase());
  if (name === undefined) throw new Error(`AWS::RDS::DBInstance has no property ${property}`);
  const stack = new Stack(new App());
  const given = property === 'Tags' ? value : inCamelCase(value);
  const camel =
    property === 'Tags'
      ? (given as { Key: string; Value: string }[]).map(({ Key: key, Value: v }) => ({ key, value: v }))
      : given;
  const instance = new CfnDBInstance(stack, 'Db', { [name]: camel } as CfnDBInstanceProps);
  return stack.resolve(instance._toCloudFormation()).Resources.Db.Properties;
}

const properties = Object.entries(propertiesOf(LIVE));

test.each(properties)('%s is a property of CloudFormation, with a value of its type', (property, value) => {
  expect(asCdkRenders(property, value)).toEqual({ [property]: JSON.parse(JSON.stringify(value)) });
});

test('every property that says what a live instance is like is generated', () => {
  const generated = new Set(properties.map(([name]) => name.toLowerCase()));
  const missing = NAMES.filter((name) => !generated.has(name.toLowerCase()));
  expect(missing).toEqual([
    // How a change is made, not what is there.
    'allowMajorVersionUpgrade',
    'applyImmediately',
    // RDS does not report these, or they are no longer.
    'automaticBackupReplicationKmsKeyId',
    'automaticBackupReplicationRetentionPeriod',
    'certificateRotationRestart',
    'dbClusterSnapshotIdentifier',
    'dbSecurityGroups',
    'dbSnapshotIdentifier',
    'deleteAutomatedBackups',
    'masterUserAuthenticationType',
    'masterUserPassword',
    // How an instance was made.
    'restoreTime',
    'sourceDbInstanceAutomatedBackupsArn',
    'sourceDbiResourceId',
    'sourceRegion',
    'tdeCredentialArn',
    'tdeCredentialPassword',
    'useDefaultProcessorFeatures',
    'useLatestRestorableTime',
  ]);
});

test('what RDS refuses together is left out', () => {
  const { StorageType, Iops, StorageThroughput } = propertiesOf({ ...LIVE, AllocatedStorage: 100 });
  expect([StorageType, Iops, StorageThroughput]).toEqual(['gp3', undefined, undefined]);
  expect(propertiesOf({ ...LIVE, MultiAZ: true })).not.toHaveProperty('AvailabilityZone');
  expect(propertiesOf({ ...LIVE, StorageEncrypted: false })).toMatchObject({ StorageEncrypted: false });
  expect(propertiesOf({ ...LIVE, StorageEncrypted: false })).not.toHaveProperty('KmsKeyId');
  expect(propertiesOf({ ...LIVE, PerformanceInsightsEnabled: false })).not.toHaveProperty(
    'PerformanceInsightsKMSKeyId',
  );
});

test("the storage type is always named, and AWS's own tags never are", () => {
  expect(propertiesOf({ StorageType: 'gp2' })).toMatchObject({ StorageType: 'gp2' });
  expect(propertiesOf(LIVE).Tags).toEqual([
    { Key: 'lifeboat:recovery', Value: '0123' },
    { Key: 'team', Value: 'shop' },
  ]);
});

describe('a stack is brought back in line', () => {
  const damaged: DBInstance = { ...LIVE, DBInstanceIdentifier: 'orders', DbiResourceId: 'db-OLD' };

  test('by an import, after every way but a rename', () => {
    const { lines, resources, resourcesToImport } = backInLine(damaged, LIVE, false);
    expect(resources).toEqual({
      OrdersDb: {
        Type: 'AWS::RDS::DBInstance',
        DeletionPolicy: 'Retain',
        UpdateReplacePolicy: 'Retain',
        Properties: propertiesOf(LIVE),
      },
    });
    expect(resourcesToImport).toEqual([
      {
        ResourceType: 'AWS::RDS::DBInstance',
        LogicalResourceId: 'OrdersDb',
        ResourceIdentifier: { DBInstanceIdentifier: 'recovered-1' },
      },
    ]);
    const retain = lines.findIndex((line) => line.includes('DeletionPolicy Retain'));
    const remove = lines.findIndex((line) => line.includes("remove 'OrdersDb'"));
    expect([retain, remove]).toEqual([1, 2]);
  });

  test('while something is still changing, the resource has to be generated again', () => {
    const { lines } = backInLine(damaged, { ...LIVE, PendingModifiedValues: { MultiAZ: true } }, false);
    expect(lines.at(-1)).toMatch(/^MultiAZ is changing at the moment/);
  });

  test('by what has drifted, after a rename', () => {
    const recovered = { ...LIVE, DBInstanceIdentifier: 'orders', StorageType: 'gp3', MultiAZ: true };
    const { lines, resources } = backInLine({ ...damaged, StorageType: 'io1' }, recovered, true);
    expect(resources).toBeUndefined();
    expect(lines).toEqual(
      expect.arrayContaining([
        'MultiAZ: false before, true now',
        'StorageType: "io1" before, "gp3" now',
        expect.stringContaining('still has db-OLD; it is db-NEW now'),
      ]),
    );
  });

  test('not at all where no stack has made the database', () => {
    expect(backInLine({ ...damaged, TagList: [] }, LIVE, false).lines).toEqual([
      expect.stringContaining("no stack of CloudFormation has made 'orders'"),
    ]);
    expect(stackOf(damaged)).toEqual({ stack: 'data', logicalId: 'OrdersDb' });
  });

  test('and the order in which RDS lists things is not a difference', () => {
    const shuffled = {
      ...LIVE,
      VpcSecurityGroups: [...(LIVE.VpcSecurityGroups ?? [])].reverse(),
      TagList: [...(LIVE.TagList ?? [])].reverse(),
      EnabledCloudwatchLogsExports: ['postgresql', 'upgrade'],
    };
    expect(driftOf(LIVE, shuffled)).toEqual([]);
  });
});
