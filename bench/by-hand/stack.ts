/**
 * Zephyr production as somebody would write it who has CDK and no Lifeboat: the same resources, with the same bundled
 * functions. Synth of it is what synth of Zephyr is held against.
 */
import { App, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as rds from 'aws-cdk-lib/aws-rds';
import * as sns from 'aws-cdk-lib/aws-sns';
import { addDrills } from './drills';

const stack = new Stack(new App(), 'ByHand-production');

const key = new kms.Key(stack, 'Key', { enableKeyRotation: true });
key.grantEncryptDecrypt(new iam.ServicePrincipal('cloudwatch.amazonaws.com'));
key.grantEncryptDecrypt(new iam.ServicePrincipal(`logs.${stack.region}.amazonaws.com`));

const vpc = new ec2.Vpc(stack, 'Vpc', {
  maxAzs: 2,
  natGateways: 0,
  subnetConfiguration: [{ name: 'Database', subnetType: ec2.SubnetType.PRIVATE_ISOLATED }],
});
vpc.addFlowLog('FlowLog', {
  destination: ec2.FlowLogDestination.toCloudWatchLogs(
    new logs.LogGroup(stack, 'Flows', { retention: logs.RetentionDays.ONE_MONTH, encryptionKey: key }),
  ),
});

const database = new rds.DatabaseInstance(stack, 'Database', {
  instanceIdentifier: 'zephyr-production-db',
  engine: rds.DatabaseInstanceEngine.postgres({ version: rds.PostgresEngineVersion.VER_17 }),
  databaseName: 'zephyr',
  instanceType: ec2.InstanceType.of(ec2.InstanceClass.T3, ec2.InstanceSize.LARGE),
  allocatedStorage: 100,
  multiAz: true,
  vpc,
  vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_ISOLATED },
  manageMasterUserPassword: true,
  storageEncryptionKey: key,
  preferredBackupWindow: '03:00-04:00',
  backupRetention: Duration.days(30),
  deleteAutomatedBackups: false,
  preferredMaintenanceWindow: 'sun:04:00-sun:05:00',
  cloudwatchLogsExports: ['postgresql', 'upgrade'],
  monitoringInterval: Duration.minutes(1),
  copyTagsToSnapshot: true,
  deletionProtection: true,
  removalPolicy: RemovalPolicy.SNAPSHOT,
});

addDrills(stack, database, new sns.Topic(stack, 'Alerts', { masterKey: key, enforceSSL: true }));
