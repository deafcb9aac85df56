/**
 * The package loaded twice in one app, as happens in a monorepo, or where a package manager doesn't hoist it: constructs
 * of both copies lie side by side, and the app is the same as with one copy.
 */
import { cpSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, AspectPriority, Aspects, Duration, Stack } from 'aws-cdk-lib';
import * as backup from 'aws-cdk-lib/aws-backup';
import * as elasticache from 'aws-cdk-lib/aws-elasticache';
import type * as rds from 'aws-cdk-lib/aws-rds';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import * as lib from '../../lib';
import { importedDatabase, newDatabase, OBJECTIVES } from '../template/stacks';

type Lifeboat = typeof lib;

const root = join(__dirname, '..', '..');
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'lifeboat-copy-')));
let copy: Lifeboat;

/** Dependencies are shared, as hoisted ones are: CDK itself is there once. */
beforeAll(() => {
  for (const part of ['lib', join('lambda', 'contract')]) {
    cpSync(join(root, part), join(folder, part), { recursive: true });
  }
  for (const shared of ['node_modules', 'dist']) symlinkSync(realpathSync(join(root, shared)), join(folder, shared));
  copy = require(join(folder, 'lib'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Adds constructs of two copies of the package to a stack. */
type Parts = (stack: Stack, one: Lifeboat, other: Lifeboat) => void;

/** All that synth says of an app: its templates, and its messages or its error. */
function synthesized(parts: Parts[], one: Lifeboat, other: Lifeboat): object {
  const app = new App({ builtinCloudFormationValidation: false });
  parts.forEach((add, index) => {
    const env = { region: 'us-east-1', account: '111122223333' };
    add(new Stack(app, `Shop${index}`, { env }), one, other);
  });
  try {
    return app.synth().stacks.map(({ stackName, template, messages }) => ({
      stackName,
      template,
      messages: messages.map(({ id, level, entry }) => `${level} ${id}: ${entry.data}`),
    }));
  } catch (error) {
    return { error: error instanceof Error ? error.message : error };
  }
}

const oncall = (stack: Stack) => new sns.Topic(stack, 'Oncall');
const planOf = (stack: Stack, { ProtectionPlan }: Lifeboat, notify: sns.ITopic = oncall(stack)) =>
  new ProtectionPlan(stack, 'Protection', { objectives: OBJECTIVES, notify });
const bucketOf = (stack: Stack, id = 'Archive') => new s3.Bucket(stack, id, { versioned: true });
const valkey = (stack: Stack) =>
  new elasticache.CfnReplicationGroup(stack, 'Sessions', {
    replicationGroupDescription: 'Sessions',
    engine: 'valkey',
    cacheNodeType: 'cache.t4g.small',
  });
const coldAfter90 = ({ ArchiveTier, StorageTransition, BucketBackups }: Lifeboat) =>
  new BucketBackups({
    tiers: [ArchiveTier.everything({ transitions: [StorageTransition.glacierFlexibleRetrieval(Duration.days(90))] })],
  });

/** What each is about, and a text that shows that it is there. */
const APPS: Record<string, [Parts, string]> = {
  'alarms under a plan tell whom the plan tells': [
    (stack, one, other) => {
      const plan = planOf(stack, one);
      new other.DatabaseWatch(plan, 'Watch', { database: importedDatabase(stack) });
    },
    '"AlarmActions":[{"Ref":"Oncall',
  ],
  'drills under a plan run at its site, under its name': [
    (stack, one, other) => {
      const plan = planOf(stack, one);
      new other.RestoreDrill(plan, 'Weekly', {
        source: other.DrillSource.database(importedDatabase(stack)),
        schedule: other.Recurrence.weekly({ weekday: other.Weekday.SUNDAY, hour: 5 }),
        objectives: OBJECTIVES,
      });
      const added = plan.addDatabase('Billing', { database: importedDatabase(stack, 'billing') });
      added.addDrill('Monthly', { schedule: other.Recurrence.firstSunday({ hour: 10 }) });
    },
    'ProtectionSiteExaminer',
  ],
  'recoveries under a plan use its site, and have its name': [
    (stack, one, other) => {
      const recovered = newDatabase(stack, { databaseName: 'shop', storageEncrypted: true });
      new other.RecoveryRunbook(planOf(stack, one), 'Production', {
        source: other.DrillSource.database(recovered),
        objectives: OBJECTIVES,
        cutOver: [one.CutOver.rename()],
        fence: one.Fence.none(),
        approval: one.Approval.byAnyone(),
        credentials: recovered.secret,
      });
    },
    '/lifeboat/targets/Shop0-Protection/Production/recovery/Production',
  ],
  'copies of snapshots under a plan have its name': [
    (stack, one, other) => {
      new other.SnapshotCopy(planOf(stack, one), 'Copy', {
        source: other.SnapshotSource.automated(importedDatabase(stack)),
        destination: other.RecoveryRegion.named('us-west-2'),
        retention: Duration.days(7),
      });
    },
    'Shop0-Protection',
  ],
  'restore tests run at the site of the plan, and see which recovery points there are': [
    (stack, one, other) => {
      const database = newDatabase(stack);
      const { vault } = new one.ProtectedVault(stack, 'Vault');
      const targets = [one.BackupTarget.database(database)];
      const tiers = [one.BackupTier.weekly({ weekday: one.Weekday.SUNDAY, hour: 7 })];
      new one.BackupTiers(stack, 'Tiers', { vault, targets, tiers });
      const schedule = other.Recurrence.quarterly({ hour: 10 });
      new other.RestoreTesting(planOf(stack, one), 'Tests', { vaults: [vault], schedule }).addDatabase('Orders', {
        database,
        objectives: { rpo: Duration.days(1), rto: Duration.hours(4) },
      });
    },
    'tiers Weekly take a recovery point every 7 days',
  ],
  'jobs of a vault that has alarms ring once': [
    (stack, one, other) => {
      const notify = oncall(stack);
      const { vault } = new one.ProtectedVault(stack, 'Vault', { notify });
      const targets = [other.BackupTarget.database(importedDatabase(stack))];
      new other.BackupTiers(stack, 'Tiers', { vault, targets, notify });
    },
    'NumberOfBackupJobsFailed',
  ],
  'what is covered is not warned of': [
    (stack, one, other) => {
      const database = newDatabase(stack);
      database.with(new one.DatabaseBackups({ retention: Duration.days(7) }));
      const archive = bucketOf(stack);
      archive.with(new one.BucketBackups());
      bucketOf(stack, 'Thumbnails');
      valkey(stack).with(new one.CacheBackups({ retention: Duration.days(7) }));
      for (const check of [new other.CoverageCheck(), new other.TemplateCheck()]) {
        Aspects.of(stack).add(check, { priority: AspectPriority.READONLY });
      }
    },
    "nothing here backs up bucket 'Shop0/Thumbnails/Resource'",
  ],
  'an app is told of small objects once': [
    (stack, one, other) => {
      bucketOf(stack).with(coldAfter90(one));
      bucketOf(stack, 'Resumes').with(coldAfter90(other));
    },
    'lifeboat:small-objects-stay',
  ],
  'snapshots that one region holds are counted together': [
    (stack, one, other) => {
      for (const [id, from] of Object.entries({ One: one, Other: other })) {
        new from.DeploymentSnapshot(stack, id, {
          database: importedDatabase(stack, id),
          deploymentVersion: 'v1',
          retention: from.SnapshotsKept.last(60),
        });
      }
    },
    "'Shop0/One' keeps up to 61, 'Shop0/Other' keeps up to 61",
  ],
  'a cache has a snapshot to export, and its bucket lets ElastiCache in': [
    (stack, one, other) => {
      const cache = valkey(stack);
      const bucket = bucketOf(stack);
      bucket.with(new one.CacheExportAccess());
      const every = Duration.hours(6);
      new one.CacheSnapshots(stack, 'Often', {
        cache: one.CacheSource.replicationGroup(cache),
        every,
        retention: Duration.days(2),
      });
      new other.CacheExport(stack, 'Weekly', { cache: other.CacheSource.replicationGroup(cache), bucket });
    },
    'elasticache-snapshot.amazonaws.com',
  ],
};

/** What each refuses, and what it says; once, though both copies look. */
const REFUSALS: Record<string, [Parts, string]> = {
  'snapshots of one cache beyond its quota': [
    (stack, one, other) => {
      const cache = valkey(stack);
      for (const [id, from] of Object.entries({ One: one, Other: other })) {
        const every = Duration.hours(2);
        new from.CacheSnapshots(stack, id, {
          cache: from.CacheSource.replicationGroup(cache),
          every,
          retention: Duration.days(2),
        });
      }
    },
    'take 24 snapshots of one cache',
  ],
  'snapshots and exports of one cache beyond its quota': [
    (stack, one, other) => {
      const cache = elasticache.CfnServerlessCache.fromServerlessCacheName(stack, 'Cache', 'votes');
      const every = Duration.hours(1);
      new one.CacheSnapshots(stack, 'Hourly', {
        cache: one.CacheSource.serverless(cache),
        every,
        retention: Duration.days(2),
      });
      const bucket = bucketOf(stack);
      bucket.with(new one.CacheExportAccess());
      new other.CacheExport(stack, 'Weekly', { cache: other.CacheSource.serverless(cache), bucket });
    },
    'take 25 snapshots of one cache',
  ],
  'two continuous backups of one database': [
    (stack, one, other) => {
      const database = importedDatabase(stack);
      const vault = backup.BackupVault.fromBackupVaultName(stack, 'Vault', 'vault');
      for (const [id, from] of Object.entries({ One: one, Other: other })) {
        new from.BackupTiers(stack, id, {
          vault,
          targets: [from.BackupTarget.database(database)],
          tiers: [from.BackupTier.continuous({ hour: 6 })],
        });
      }
    },
    "is backed up continuously by 'Shop0/One' and by 'Shop0/Other'",
  ],
  'more controls than a region has': [
    (stack, one, other) => {
      const bucket = s3.Bucket.fromBucketName(stack, 'Bucket', 'reports');
      for (let index = 0; index < 51; index += 1) {
        const { BackupAudit, BackupControl } = index % 2 ? other : one;
        new BackupAudit(stack, `Audit${index}`, { controls: [BackupControl.vaultLock()], reports: [], bucket });
      }
    },
    'have 51 controls together',
  ],
  'more restore testing plans than a region has': [
    (stack, one, other) => {
      const vaults = [backup.BackupVault.fromBackupVaultName(stack, 'Vault', 'vault')];
      const site = new one.DrillSite(stack, 'Site');
      for (let index = 0; index < 101; index += 1) {
        const { RestoreTesting, Recurrence } = index % 2 ? other : one;
        new RestoreTesting(stack, `Tests${index}`, { vaults, site, schedule: Recurrence.daily({ hour: 5 }) });
      }
    },
    'there are 101 restore testing plans',
  ],
  'two backups that say in one place that they are good': [
    (stack, one, other) => {
      const bucket = bucketOf(stack);
      for (const [id, from] of Object.entries({ One: one, Other: other })) {
        new from.ConfigurationBackups(stack, id, { bucket });
      }
    },
    "both write success markers under 'configuration/' of one bucket",
  ],
  'windows that overlap, once': [
    (stack, one, other) => {
      const database = newDatabase(stack, WINDOWS_THAT_OVERLAP);
      planOf(stack, one).addDatabase('Orders', { database });
      Aspects.of(stack).add(new other.TemplateCheck(), { priority: AspectPriority.READONLY });
    },
    'overlaps the maintenance window',
  ],
  "a topic's second policy, once": [
    (stack, one, other) => {
      const notify = oncall(stack);
      for (const [id, from] of Object.entries({ One: one, Other: other })) {
        new from.DatabaseWatch(stack, id, { database: importedDatabase(stack, id), notify });
      }
      new sns.TopicPolicy(stack, 'Policy', { topics: [notify] });
    },
    'is a second policy of it',
  ],
};

const WINDOWS_THAT_OVERLAP: Partial<rds.DatabaseInstanceProps> = {
  preferredBackupWindow: '03:00-04:00',
  preferredMaintenanceWindow: 'sun:03:30-sun:04:30',
};

test('the two copies are two: no class of one is that of the other', () => {
  const classes = Object.entries(lib).filter(([, value]) => typeof value === 'function');
  expect(classes.length).toBeGreaterThan(50);
  expect(classes.filter(([name, value]) => copy[name as keyof Lifeboat] === value)).toEqual([]);
});

describe.each([
  ['the first inside, the second outside', () => [copy, lib] as const],
  ['the second inside, the first outside', () => [lib, copy] as const],
])('%s', (_, copies) => {
  test.each(Object.entries(APPS))('%s', (_name, [parts, shown]) => {
    const expected = synthesized([parts], lib, lib);
    expect(JSON.stringify(expected)).toContain(shown);
    expect(synthesized([parts], ...copies())).toEqual(expected);
  });

  test.each(Object.entries(REFUSALS))('refuses %s', (_name, [parts, message]) => {
    const expected = synthesized([parts], lib, lib);
    expect(expected).toEqual({ error: expect.stringContaining(message) });
    expect(synthesized([parts], ...copies())).toEqual(expected);
  });

  test('all in one app', () => {
    const all = Object.values(APPS).map(([parts]) => parts);
    const expected = synthesized(all, lib, lib);
    expect(expected).toHaveLength(all.length);
    expect(synthesized(all, ...copies())).toEqual(expected);
  });
});

test('buckets of another copy of CDK are buckets, too: told by their resources, not by their classes', () => {
  const protect = ({ App: AnyApp, Stack: AnyStack, aws_s3, aws_sns, assertions }: typeof import('aws-cdk-lib')) => {
    const stack = new AnyStack(new AnyApp({ builtinCloudFormationValidation: false }), 'Shop');
    const made = new aws_s3.Bucket(stack, 'Archive', { versioned: true });
    made.with(new lib.BucketBackups(), new lib.CacheExportAccess());
    const imported = aws_s3.Bucket.fromBucketName(stack, 'Imported', 'archive');
    const others = [imported, new aws_sns.Topic(stack, 'Topic')];
    const supported = others.map((other) => [
      new lib.BucketBackups().supports(other),
      new lib.CacheExportAccess().supports(other),
    ]);
    return { Bucket: aws_s3.Bucket, supported, template: assertions.Template.fromStack(stack).toJSON() };
  };
  const expected = protect(require('aws-cdk-lib'));
  expect(JSON.stringify(expected.template)).toMatch(/aws:SecureTransport.*elasticache-snapshot.amazonaws.com/);
  expect(expected.supported).toEqual([
    [true, false],
    [false, false],
  ]);
  // CDK loads its parts when they are first used, so all that uses this copy of it happens here.
  jest.isolateModules(() => {
    const { Bucket, ...found } = protect(require('aws-cdk-lib'));
    expect(Bucket).not.toBe(expected.Bucket);
    expect(found).toEqual({ supported: expected.supported, template: expected.template });
  });
});

/** Errors are of the language, and caught where they are thrown. */
test('nothing in lib is decided by a class or a module of one copy', () => {
  const files = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  );
  const found = files.flatMap((file) => {
    const text = readFileSync(join(root, 'lib', file), 'utf8').replaceAll('error instanceof Error', '');
    return (
      text.match(/^(?! *(\*|\/[/*])).*(\binstanceof\b|new Weak(Map|Set)|^(const|let) .* = new (Map|Set)).*$/gm) ?? []
    ).map((line) => `${file}: ${line}`);
  });
  expect(files.length).toBeGreaterThan(100);
  expect(found).toEqual([]);
});

test('two recoveries of one name are refused, each of its own copy', () => {
  const add: Parts = (stack, one, other) => {
    for (const [id, from] of Object.entries({ One: one, Other: other })) {
      const recovered = newDatabase(new Construct(stack, id), { databaseName: 'shop', storageEncrypted: true });
      new from.RecoveryRunbook(new Construct(stack, `${id}Scope`), 'Production', {
        source: from.DrillSource.database(recovered),
        objectives: OBJECTIVES,
        cutOver: [from.CutOver.rename()],
        planName: 'Shop',
      });
    }
  };
  const stack = () => new Stack(new App(), 'Shop', { env: { region: 'us-east-1', account: '111122223333' } });
  const refusal = /writes the parameter '\/lifeboat\/targets\/Shop\/Production\/recovery\/Production' too/;
  expect(() => add(stack(), lib, copy)).toThrow(refusal);
  expect(() => add(stack(), copy, lib)).toThrow(refusal);
});
