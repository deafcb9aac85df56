/** A database under a plan: backed up, copied into the other region in all three ways, drilled here and there, recovered here. */
import { Duration } from 'aws-cdk-lib';
import * as autoscaling from 'aws-cdk-lib/aws-autoscaling';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as rds from 'aws-cdk-lib/aws-rds';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import {
  BackupCopy,
  BackupWindow,
  CutOver,
  DatabaseAlarms,
  DatabaseLogs,
  DatabaseProtection,
  DatabaseStandby,
  DatabaseWatch,
  Health,
  type ProtectedDatabase,
  ProtectionPlan,
  RecoveryRegion,
  Recurrence,
  Restart,
  RestorePoint,
} from '../../lib';
import { acknowledge, ROTATION } from './cdk-nag';
import { WEST } from './west';

export interface DatabaseProps {
  readonly vpc: ec2.IVpc;
  readonly key: kms.IKey;
  readonly notify: sns.ITopic;
  /** Topic of the recovery region: alarms publish only to topics of their own region. */
  readonly western: sns.ITopic;
}

export interface Database {
  readonly database: rds.DatabaseInstance;
  readonly plan: ProtectionPlan;
}

export function addDatabase(scope: Construct, props: DatabaseProps): Database {
  const database = ordersDatabase(scope, props);
  const plan = protectedOrders(scope, database, props);
  addBilling(scope, plan);
  return { database, plan };
}

function ordersDatabase(scope: Construct, { vpc, key }: DatabaseProps): rds.DatabaseInstance {
  const database = new rds.DatabaseInstance(scope, 'Orders', {
    instanceIdentifier: 'orders',
    engine: rds.DatabaseInstanceEngine.postgres({ version: rds.PostgresEngineVersion.VER_17 }),
    databaseName: 'orders',
    instanceType: ec2.InstanceType.of(ec2.InstanceClass.T3, ec2.InstanceSize.LARGE),
    allocatedStorage: 100,
    vpc,
    vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_ISOLATED },
    credentials: rds.Credentials.fromGeneratedSecret('orders', { encryptionKey: key }),
    storageEncryptionKey: key,
    preferredMaintenanceWindow: 'sun:05:00-sun:06:00',
    monitoringInterval: Duration.minutes(1),
  });
  database.with(new DatabaseProtection(), new DatabaseStandby(), new DatabaseLogs());
  acknowledge(database, 'The security group guards the port, and psql expects the usual one.', 'AwsSolutions-RDS11');
  acknowledge(
    database,
    'The policy that AWS made for enhanced monitoring: it writes to one log group.',
    'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole]',
  );
  acknowledge(database, 'Rotation needs functions of the shop itself, which this example leaves out.', ...ROTATION);
  return database;
}

function protectedOrders(
  scope: Construct,
  database: rds.DatabaseInstance,
  { key, notify, western }: DatabaseProps,
): ProtectionPlan {
  const plan = new ProtectionPlan(scope, 'Protection', {
    objectives: { rpo: Duration.minutes(15), rto: Duration.hours(4) },
    notify,
    recovery: RecoveryRegion.named(WEST, { topicArn: western.topicArn }),
  });
  const orders = plan.addDatabase('Orders', {
    database,
    window: BackupWindow.daily('03:00', '04:00'),
    retention: Duration.days(30),
    copies: [
      BackupCopy.automatedBackups({ retention: Duration.days(14) }),
      BackupCopy.snapshots({ retention: Duration.days(90) }),
      BackupCopy.replica({
        subnetGroupName: 'everything-data',
        securityGroupIds: ['sg-0123456789abcdef0'],
      }),
    ],
  });
  orders.addDrill('Monthly', {
    schedule: Recurrence.firstSunday({ hour: 10 }),
    restore: RestorePoint.random({ within: Duration.days(7) }),
  });
  orders.addRegionDrill('QuarterlyWest', { schedule: Recurrence.quarterly({ hour: 14 }) });
  addRecoveries(scope, orders, key);
  new DatabaseWatch(scope, 'OrdersWatch', { database, logEncryptionKey: key, notify });
  new DatabaseAlarms(scope, 'OrdersAlarms', { database, notify });
  return plan;
}

/** What brings it back during an outage: as a whole, or tables of it. */
function addRecoveries(scope: Construct, orders: ProtectedDatabase, key: kms.IKey): void {
  const connection = new secretsmanager.Secret(scope, 'OrdersConnection', {
    description: 'Where the shop finds its database',
    encryptionKey: key,
    generateSecretString: {
      secretStringTemplate: JSON.stringify({ host: 'orders', port: 5432, username: 'shop' }),
      generateStringKey: 'password',
    },
  });
  acknowledge(connection, 'Rotation needs functions of the shop itself, which this example leaves out.', ...ROTATION);
  const workers = autoscaling.AutoScalingGroup.fromAutoScalingGroupName(scope, 'Workers', 'shop-workers');
  const errors = cloudwatch.Alarm.fromAlarmName(scope, 'Errors', 'shop-errors');
  const production = orders.addRecovery('Production', {
    cutOver: [CutOver.secret(connection)],
    restart: [Restart.instanceRefresh(workers)],
    health: [Health.http('https://shop.example.com/health'), Health.alarms(errors)],
    hold: Duration.days(3),
  });
  const tables = orders.addTableRecovery('Tables');
  for (const recovery of [production, tables])
    recovery.connections.allowTo(orders.database, ec2.Port.POSTGRES, 'examiner of recoveries');
}

/** A database that was made by hand, years ago: a custom resource applies its settings. */
function addBilling(scope: Construct, plan: ProtectionPlan): void {
  const billing = rds.DatabaseInstance.fromDatabaseInstanceAttributes(scope, 'Billing', {
    instanceIdentifier: 'billing',
    instanceEndpointAddress: 'billing.example.us-east-1.rds.amazonaws.com',
    port: 5432,
    securityGroups: [],
  });
  plan.addDatabase('Billing', {
    database: billing,
    window: BackupWindow.daily('02:00', '02:30'),
    retention: Duration.days(14),
  });
}
