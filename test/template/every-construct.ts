/** Every public construct, with the least that it takes, for tests of what all of them promise. */
import { Duration, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecr from 'aws-cdk-lib/aws-ecr';
import * as elasticache from 'aws-cdk-lib/aws-elasticache';
import * as rds from 'aws-cdk-lib/aws-rds';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct, IMixin } from 'constructs';
import * as lifeboat from '../../lib';
import { importedDatabase, OBJECTIVES } from './stacks';

const { DrillSource, DumpSource, RecoveryRegion, Recurrence, SnapshotSource } = lifeboat;

const WEST = RecoveryRegion.named('us-west-2');
const daily = Recurrence.daily({ hour: 2 });

const sessions = (scope: Construct) =>
  lifeboat.CacheSource.replicationGroup(
    elasticache.CfnReplicationGroup.fromReplicationGroupId(scope, 'Sessions', 'sessions'),
  );
const vaultOf = (scope: Construct) => new lifeboat.ProtectedVault(scope, 'AVault').vault;
function filesFor(scope: Construct, ...mixins: IMixin[]): s3.Bucket {
  const bucket = new s3.Bucket(scope, 'Files', { versioned: true });
  bucket.with(...mixins);
  return bucket;
}
const secretOf = (scope: Construct, name: string) =>
  secretsmanager.Secret.fromSecretNameV2(scope, `Secret-${name}`, name);
const repository = (scope: Construct) => new ecr.Repository(scope, 'Web');

/** With nothing that depends on the app's feature flags. */
function ownDatabase(scope: Construct) {
  const vpc = new ec2.Vpc(scope, 'Network', { maxAzs: 2, natGateways: 1, restrictDefaultSecurityGroup: false });
  const engine = rds.DatabaseInstanceEngine.postgres({ version: rds.PostgresEngineVersion.VER_16 });
  return { vpc, database: new rds.DatabaseInstance(scope, 'Database', { engine, vpc, databaseName: 'shop' }) };
}

/** Makes one in a scope of its own. `given` is added to the props, whatever it is. */
type Make = (scope: Construct, given?: object) => Construct;

export const EVERY_CONSTRUCT: Readonly<Record<string, Make>> = {
  AirGappedVault: (scope, given) =>
    new lifeboat.AirGappedVault(scope, 'Vault', {
      vaultName: 'apart',
      minRetention: Duration.days(7),
      maxRetention: Duration.days(90),
      ...given,
    }),
  ArchiveBucket: (scope, given) =>
    new lifeboat.ArchiveBucket(scope, 'Archive', {
      replication: { bucketName: 'archive-west', region: 'us-west-2' },
      ...given,
    }),
  BackupAudit: (scope, given) => new lifeboat.BackupAudit(scope, 'Audit', { ...given }),
  BackupTiers: (scope, given) =>
    new lifeboat.BackupTiers(scope, 'Tiers', {
      targets: [lifeboat.BackupTarget.database(importedDatabase(scope))],
      vault: vaultOf(scope),
      ...given,
    }),
  CacheExport: (scope, given) =>
    new lifeboat.CacheExport(scope, 'Export', {
      cache: sessions(scope),
      bucket: filesFor(scope, new lifeboat.CacheExportAccess()),
      ...given,
    }),
  CacheSnapshots: (scope, given) =>
    new lifeboat.CacheSnapshots(scope, 'Snapshots', {
      cache: sessions(scope),
      every: Duration.hours(6),
      retention: Duration.days(2),
      ...given,
    }),
  ConfigurationBackups: (scope, given) => new lifeboat.ConfigurationBackups(scope, 'Configuration', { ...given }),
  DatabaseAlarms: (scope, given) =>
    new lifeboat.DatabaseAlarms(scope, 'Alarms', { database: importedDatabase(scope), ...given }),
  DatabaseWatch: (scope, given) =>
    new lifeboat.DatabaseWatch(scope, 'Watch', { database: importedDatabase(scope), ...given }),
  DeploymentSnapshot: (scope, given) =>
    new lifeboat.DeploymentSnapshot(scope, 'Snapshot', {
      database: importedDatabase(scope),
      deploymentVersion: 'v1',
      ...given,
    }),
  DrillSite: (scope, given) => new lifeboat.DrillSite(scope, 'Site', { ...given }),
  EvidenceBucket: (scope, given) => new lifeboat.EvidenceBucket(scope, 'Evidence', { ...given }),
  ExternalDatabaseBackups: (scope, given) =>
    new lifeboat.ExternalDatabaseBackups(scope, 'Backups', {
      database: importedDatabase(scope),
      retention: Duration.days(7),
      ...given,
    }),
  ImageArchive: (scope, given) =>
    new lifeboat.ImageArchive(scope, 'Images', { repositories: [repository(scope)], ...given }),
  ImageReplication: (scope, given) =>
    new lifeboat.ImageReplication(scope, 'Images', { destinations: [{ region: 'us-west-2' }], ...given }),
  ImageReplicationAccess: (scope, given) =>
    new lifeboat.ImageReplicationAccess(scope, 'Images', { accounts: ['444455556666'], ...given }),
  LogArchive: (scope, given) => {
    const archive = new lifeboat.LogArchive(scope, 'Logs', { ...given });
    archive.addLogGroup('application');
    return archive;
  },
  LogicalDump: (scope, given) => {
    const { vpc, database } = ownDatabase(scope);
    const dump = new lifeboat.LogicalDump(scope, 'Dump', { source: DumpSource.database(database), vpc, ...given });
    dump.connections.allowToDefaultPort(database);
    return dump;
  },
  ObjectiveAlarms: (scope, given) =>
    new lifeboat.ObjectiveAlarms(scope, 'Alarms', {
      planName: 'Plan',
      target: 'Orders',
      objectives: OBJECTIVES,
      ...given,
    }),
  ProtectedVault: (scope, given) => new lifeboat.ProtectedVault(scope, 'Vault', { ...given }),
  ProtectionPlan: (scope, given) => {
    const plan = new lifeboat.ProtectionPlan(scope, 'Plan', { objectives: OBJECTIVES, ...given });
    plan.addDatabase('Orders', { database: importedDatabase(scope) }).addDrill('Daily', { schedule: daily });
    return plan;
  },
  RecoveryRunbook: (scope, given) => {
    const { vpc, database } = ownDatabase(scope);
    const recovery = new lifeboat.RecoveryRunbook(scope, 'Recovery', {
      source: DrillSource.database(database),
      objectives: OBJECTIVES,
      credentials: secretOf(scope, 'master'),
      storage: lifeboat.RecoveredStorage.unencrypted(),
      vpc,
      cutOver: [lifeboat.CutOver.secret(secretOf(scope, 'application'))],
      ...given,
    });
    recovery.connections.allowToDefaultPort(database);
    return recovery;
  },
  RecoverySite: (scope, given) =>
    new lifeboat.RecoverySite(scope, 'Recovery', {
      region: RecoveryRegion.named(Stack.of(scope).region),
      primary: 'Shop',
      ...given,
    }),
  RegionReplica: (scope, given) =>
    new lifeboat.RegionReplica(scope, 'Replica', {
      sourceIdentifier: 'orders',
      sourceRegion: 'us-east-2',
      sourceClass: 'db.t4g.small',
      subnetGroupName: 'data',
      securityGroupIds: ['sg-0123456789abcdef0'],
      ...given,
    }),
  RestoreDrill: (scope, given) =>
    new lifeboat.RestoreDrill(scope, 'Drill', {
      source: DrillSource.database(importedDatabase(scope)),
      schedule: daily,
      objectives: OBJECTIVES,
      ...given,
    }),
  RestoreTesting: (scope, given) => {
    const testing = new lifeboat.RestoreTesting(scope, 'Tests', {
      vaults: [vaultOf(scope)],
      schedule: Recurrence.firstSunday({ hour: 5 }),
      ...given,
    });
    testing.addDatabase('Orders', { database: ownDatabase(scope).database, objectives: OBJECTIVES });
    return testing;
  },
  SnapshotCopy: (scope, given) =>
    new lifeboat.SnapshotCopy(scope, 'Copy', {
      source: SnapshotSource.automated(importedDatabase(scope)),
      destination: WEST,
      retention: Duration.days(7),
      ...given,
    }),
  SnapshotExport: (scope, given) =>
    new lifeboat.SnapshotExport(scope, 'Export', {
      database: importedDatabase(scope),
      bucket: filesFor(scope),
      prefix: 'weekly',
      ...given,
    }),
  TableRecoveryRunbook: (scope, given) => {
    const { vpc, database } = ownDatabase(scope);
    const recovery = new lifeboat.TableRecoveryRunbook(scope, 'Recovery', {
      source: DrillSource.database(database),
      objectives: OBJECTIVES,
      credentials: secretOf(scope, 'master'),
      vpc,
      ...given,
    });
    recovery.connections.allowToDefaultPort(database);
    return recovery;
  },
  VaultAlarms: (scope, given) => new lifeboat.VaultAlarms(scope, 'Alarms', { vault: vaultOf(scope), ...given }),
};
