import { App, CfnParameter, Duration, Stack, Validations } from 'aws-cdk-lib';
import * as elasticache from 'aws-cdk-lib/aws-elasticache';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as sns from 'aws-cdk-lib/aws-sns';
import { AwsSolutionsChecks, HIPAASecurityChecks, NIST80053R5Checks } from 'cdk-nag';
import { cacheExportRequest, cacheSnapshotDefinition, cacheSnapshotRequest, parse } from '../../../lambda/contract';
import {
  ArchiveBucket,
  ArchiveTier,
  CacheExport,
  CacheExportAccess,
  type CacheExportProps,
  CacheSnapshots,
  type CacheSnapshotsProps,
  CacheSource,
  StorageTransition,
} from '../../../lib';
import { deployedWith } from '../../template/definition';
import { ACCOUNT, allows, REGION, resolved, type Statement, statementsOf } from '../../template/policies';
import { newStack, Template, warningsOf } from '../../template/stacks';

const imported = (stack: Stack, id = 'sessions') =>
  CacheSource.replicationGroup(elasticache.CfnReplicationGroup.fromReplicationGroupId(stack, `Cache-${id}`, id));
const serverless = (stack: Stack) =>
  CacheSource.serverless(elasticache.CfnServerlessCache.fromServerlessCacheName(stack, 'Serverless', 'votes'));
const cluster = (stack: Stack, engine: string) =>
  CacheSource.cluster(
    new elasticache.CfnCacheCluster(stack, 'Cluster', { engine, cacheNodeType: 'cache.t4g.small', numCacheNodes: 1 }),
  );

function snapshots(stack: Stack, props: Partial<CacheSnapshotsProps> = {}): CacheSnapshots {
  return new CacheSnapshots(stack, 'SixHourly', {
    cache: props.cache ?? imported(stack),
    every: Duration.hours(6),
    retention: Duration.days(2),
    ...props,
  });
}

/** What the schedule of that rate hands over. */
function requestOf(template: Template, expression: string): object {
  const [schedule] = Object.values(
    template.findResources('AWS::Scheduler::Schedule', { Properties: { ScheduleExpression: expression } }),
  );
  return JSON.parse(resolved(schedule?.Properties.Target.Input));
}

describe('snapshots', () => {
  test('are taken on schedule and watched every hour, with requests that the handler takes', () => {
    const stack = newStack();
    const { prefix } = snapshots(stack);
    const template = Template.fromStack(stack);
    const due = requestOf(template, 'rate(6 hours)');
    expect(due).toEqual({ due: '<aws.scheduler.scheduled-time>' });
    const definition = parse(cacheSnapshotDefinition, deployedWith(stack, /^SixHourlyHandler/), 'definition');
    expect(definition).toMatchObject({ keepSeconds: 2 * 86_400, prefix });
    expect(prefix).toMatch(/^lifeboat-six-hourly-[0-9a-f]{8}-$/);
    const put = { due: '2026-11-20T12:00:00Z' };
    expect(() => parse(cacheSnapshotRequest, put, 'request')).not.toThrow();
    expect(() => parse(cacheSnapshotRequest, requestOf(template, 'rate(1 hour)'), 'request')).not.toThrow();
  });

  test('ring when the newest is too old, or there is none', () => {
    const stack = newStack();
    snapshots(stack);
    Template.fromStack(stack).hasResourceProperties('AWS::CloudWatch::Alarm', {
      MetricName: 'SecondsSinceBackup',
      Dimensions: [{ Name: 'Backup', Value: 'Test-SixHourly' }],
      Threshold: 7 * 3600,
      TreatMissingData: 'breaching',
    });
  });

  test('tell of a hold that is old, by what the handler says beside their age', () => {
    const stack = newStack();
    snapshots(stack);
    Template.fromStack(stack).hasResourceProperties('AWS::CloudWatch::Alarm', {
      Namespace: 'Lifeboat',
      MetricName: 'HoldAge',
      Dimensions: [{ Name: 'Backup', Value: 'Test-SixHourly' }],
      Threshold: 7 * 86_400,
      TreatMissingData: 'notBreaching',
    });
  });

  test.each([
    ['nodes', imported, 72, 20, 'a node'],
    ['serverless caches', serverless, 60, 24, 'a serverless cache'],
  ])('of %s are refused beyond the quota, and taken within it', (_, source, least, count, of) => {
    const every = (minutes: number) => () => {
      const stack = newStack();
      snapshots(stack, { cache: source(stack), every: Duration.minutes(minutes) });
    };
    expect(every(least - 1)).toThrow(
      `which is ${count + 1} snapshots within 24 hours, and ElastiCache allows ${count} manual snapshots of ${of}, so the rest ` +
        `would fail; set ${least} minutes or more`,
    );
    expect(every(least)).not.toThrow();
  });

  test('are refused at fractions of a minute, which is no schedule', () => {
    expect(() => snapshots(newStack(), { every: Duration.seconds(5430) })).toThrow("'every' is 90.5 minutes");
    expect(() => snapshots(newStack(), { every: Duration.minutes(90) })).not.toThrow();
  });

  test('are refused where they would be gone before the next one', () => {
    expect(() => snapshots(newStack(), { retention: Duration.hours(5) })).toThrow(
      "'retention' is 5 hours, less than 'every' of 6 hours",
    );
    expect(() => snapshots(newStack(), { retention: Duration.hours(6) })).not.toThrow();
  });

  test('are refused of Memcached on nodes', () => {
    const of = (engine: string) => () => {
      const stack = newStack();
      snapshots(stack, { cache: cluster(stack, engine) });
    };
    expect(of('memcached')).toThrow("'cache' runs Memcached on nodes");
    expect(of('valkey')).not.toThrow();
  });

  describe('may', () => {
    const stack = newStack();
    const { prefix } = snapshots(stack);
    const statements = statementsOf(Template.fromStack(stack), /HandlerRole/);
    const arn = (resource: string) => `arn:aws:elasticache:${REGION}:${ACCOUNT}:${resource}`;
    const own = arn(`snapshot:${prefix}2026-11-20-1200`);
    const tagged = {
      'aws:ResourceTag/lifeboat:cache-snapshot-of': 'sessions',
      'aws:ResourceTag/lifeboat:taken-by': prefix,
    };

    test.each([
      ['take one of this cache', 'CreateSnapshot', [arn('replicationgroup:sessions'), own], {}, true],
      ['take one of its replica', 'CreateSnapshot', [arn('cluster:sessions-002'), own], {}, true],
      ['not take one of another', 'CreateSnapshot', [arn('replicationgroup:carts'), own], {}, false],
      ['not take one of any name', 'CreateSnapshot', [arn('replicationgroup:sessions'), arn('snapshot:x')], {}, false],
      ['delete its own with its tags', 'DeleteSnapshot', [own], tagged, true],
      ['not delete one without tags', 'DeleteSnapshot', [own], {}, false],
      ['not delete what others took', 'DeleteSnapshot', [arn('snapshot:by-hand')], tagged, false],
      ['not tag what others took', 'AddTagsToResource', [arn('snapshot:by-hand')], {}, false],
      ['not delete the cache', 'DeleteReplicationGroup', [arn('replicationgroup:sessions')], tagged, false],
      ['not change the cache', 'ModifyReplicationGroup', [arn('replicationgroup:sessions')], tagged, false],
    ])('%s', (_, action, resources, context, allowed) => {
      expect(allows(statements, { action: `elasticache:${action}`, resources, context })).toBe(allowed);
    });

    test('read whether this cache is on hold, and hold or release nothing', () => {
      const may = (action: string, name: string) =>
        allows(statements, { action, resources: [`arn:aws:ssm:${REGION}:${ACCOUNT}:parameter/lifeboat/${name}`] });
      expect(may('ssm:GetParameter', 'hold/cache/sessions')).toBe(true);
      expect(may('ssm:GetParameter', 'recoveries/cache/sessions')).toBe(true);
      expect(may('ssm:GetParameter', 'hold/cache/carts')).toBe(false);
      expect(may('ssm:GetParameter', 'hold/database/sessions')).toBe(false);
      expect(may('ssm:PutParameter', 'hold/cache/sessions')).toBe(false);
      expect(may('ssm:DeleteParameter', 'hold/cache/sessions')).toBe(false);
    });
  });
});

describe('all that takes snapshots of one cache', () => {
  const taken = (hours: number[], source: (stack: Stack) => CacheSource = imported, exported = false) => {
    const stack = newStack();
    const cache = source(stack);
    hours.forEach((every, index) => {
      new CacheSnapshots(stack, `Round${index}`, { cache, every: Duration.hours(every), retention: Duration.days(2) });
    });
    const bucket = s3.Bucket.fromBucketName(stack, 'Bucket', 'archive');
    if (exported) new CacheExport(stack, 'Weekly', { cache, bucket });
    return () => Template.fromStack(stack);
  };

  test('is refused together beyond the quota, and taken within it', () => {
    expect(taken([2, 2])).toThrow(
      "[Test/Round0] 'Test/Round0', 'Test/Round1' take 24 snapshots of one cache within 24 hours, and ElastiCache allows 20 manual snapshots of a node",
    );
    expect(taken([2, 3])).not.toThrow();
  });

  test('counts the snapshot that is taken for the export of a serverless cache', () => {
    expect(taken([1], serverless, true)).toThrow("'Test/Round0', 'Test/Weekly' take 25 snapshots of one cache");
    expect(taken([2], serverless, true)).not.toThrow();
    expect(taken([2], imported, true)).not.toThrow();
  });
});

test('snapshots of a cache that asks for an append-only file are refused', () => {
  const asking = (properties: Record<string, string>) => () => {
    const stack = newStack();
    const { ref } = new elasticache.CfnParameterGroup(stack, 'Parameters', {
      cacheParameterGroupFamily: 'redis7',
      description: 'p',
      properties,
    });
    const cache = new elasticache.CfnReplicationGroup(stack, 'Group', {
      replicationGroupDescription: 'g',
      cacheParameterGroupName: ref,
    });
    snapshots(stack, { cache: CacheSource.replicationGroup(cache) });
  };
  expect(asking({ appendonly: 'yes' })).toThrow(/neither append-only files.*Durability/);
  expect(asking({ 'maxmemory-policy': 'noeviction' })).not.toThrow();
});

test('the keys of snapshots and exports keep their logical IDs', () => {
  const stack = newStack();
  snapshots(stack);
  const bucket = s3.Bucket.fromBucketName(stack, 'Bucket', 'archive');
  new CacheExport(stack, 'Weekly', { cache: imported(stack, 'carts'), bucket });
  expect(Object.keys(Template.fromStack(stack).findResources('AWS::KMS::Key')).sort()).toMatchInlineSnapshot(`
[
  "SixHourlyKey96F06485",
  "WeeklyKey0C0884BD",
]
`);
});

describe('exports', () => {
  const regional = (region: string, app = new App({ builtinCloudFormationValidation: false })) =>
    new Stack(app, `In-${region}`, { env: { account: ACCOUNT, region } });
  const exported = (stack: Stack, props: Partial<CacheExportProps> = {}) =>
    new CacheExport(stack, 'Weekly', {
      cache: props.cache ?? imported(stack),
      bucket: props.bucket ?? archive(stack),
      ...props,
    });
  const archive = (stack: Stack) => {
    const { bucket } = new ArchiveBucket(stack, 'Archive', {
      tiers: [
        ArchiveTier.prefixed('weekly-sessions-', {
          transitions: [StorageTransition.glacierFlexibleRetrieval(Duration.days(90))],
          expireAfter: Duration.days(365),
        }),
      ],
    });
    bucket.with(new CacheExportAccess());
    return bucket;
  };

  describe("let ElastiCache of the bucket's region", () => {
    /** What ElastiCache may do with a key, or with the bucket itself. */
    const access = (stack: Stack) => {
      const policies = Object.values(Template.fromStack(stack).findResources('AWS::S3::BucketPolicy'));
      const statements: (Statement & { Principal?: object })[] = policies.flatMap(
        ({ Properties }) => Properties.PolicyDocument.Statement,
      );
      const theirs = statements.filter(({ Effect, Principal }) => {
        return Effect === 'Allow' && /"\.elasticache-snapshot\.amazonaws\.com"/.test(JSON.stringify(Principal));
      });
      const [arn] = theirs.map(({ Resource }) => Resource).filter((one) => !JSON.stringify(one).includes('/'));
      return (action: string, key?: string, context = {}) => {
        const resource = key === undefined ? resolved(arn) : `${resolved(arn)}/${key}`;
        return allows(theirs, { action: `s3:${action}`, resources: [resource], context });
      };
    };
    const file = 'weekly-sessions-2026-11-22-0530-0001.rdb';

    test('write and read the files of its exports, and nothing else that lies there', () => {
      const stack = newStack();
      exported(stack, { prefix: 'weekly-sessions-' });
      const may = access(stack);
      for (const action of ['PutObject', 'GetObject', 'ListMultipartUploadParts']) {
        expect(may(action, file)).toBe(true);
        expect(may(action, 'daily/orders/2026-11-22/x.dump')).toBe(false);
        expect(may(action, 'weekly-carts-2026-11-22-0530-0001.rdb')).toBe(false);
        expect(may(action, 'status/weekly-sessions/last-good.json')).toBe(false);
      }
      for (const action of ['ListBucket', 'GetBucketAcl', 'ListBucketMultipartUploads']) {
        expect(may(action)).toBe(true);
      }
      expect(may('DeleteObject', file)).toBe(false);
    });

    test('for this account, where it says for whom', () => {
      const stack = newStack();
      exported(stack, { prefix: 'weekly-sessions-' });
      const may = access(stack);
      expect(may('PutObject', file, { 'aws:SourceAccount': ACCOUNT })).toBe(true);
      expect(may('PutObject', file, { 'aws:SourceAccount': '999999999999' })).toBe(false);
      expect(may('GetBucketAcl', undefined, { 'aws:SourceAccount': '999999999999' })).toBe(false);
    });

    test('whether its owner or the export comes first, and for several exports', () => {
      const stack = newStack();
      const bucket = new s3.Bucket(stack, 'Bucket', { enforceSSL: true });
      new CacheExport(stack, 'Before', { cache: imported(stack), bucket, prefix: 'before-' });
      bucket.with(new CacheExportAccess());
      const carts = imported(stack, 'carts');
      new CacheExport(stack, 'After', { cache: carts, bucket, prefix: 'after-' });
      const may = access(stack);
      expect([may('PutObject', 'before-1.rdb'), may('PutObject', 'after-1.rdb')]).toEqual([true, true]);
      expect(may('PutObject', 'other-1.rdb')).toBe(false);
    });

    test('write what another app exports into it, where its owner names that', () => {
      const stack = newStack();
      const bucket = new s3.Bucket(stack, 'Bucket', { enforceSSL: true });
      bucket.with(new CacheExportAccess({ otherPrefixes: ['elsewhere-'] }));
      expect(access(stack)('PutObject', 'elsewhere-1.rdb')).toBe(true);
      expect(access(stack)('PutObject', 'lifeboat-1.rdb')).toBe(false);
    });
  });

  test('are started weekly, with a request that the runbook takes', () => {
    const stack = newStack();
    exported(stack, { prefix: 'weekly-sessions-' });
    const request = requestOf(Template.fromStack(stack), 'cron(30 5 ? * SUN *)');
    expect(request).toMatchObject({
      prefix: 'weekly-sessions-',
      statusPrefix: 'status/weekly-sessions/',
      due: '<aws.scheduler.scheduled-time>',
    });
    expect(() => parse(cacheExportRequest, { ...request, due: '2026-11-22T05:30:00Z' }, 'request')).not.toThrow();
  });

  test('ring when the newest is too old', () => {
    const stack = newStack();
    exported(stack);
    Template.fromStack(stack).hasResourceProperties('AWS::CloudWatch::Alarm', {
      MetricName: 'SecondsSinceBackup',
      Threshold: 9 * 86_400,
      TreatMissingData: 'breaching',
    });
  });

  test('may list all buckets, and write and delete nothing but its files', () => {
    const stack = newStack();
    const bucket = s3.Bucket.fromBucketName(stack, 'Bucket', 'archive');
    exported(stack, { bucket, prefix: 'weekly-sessions-' });
    const statements = statementsOf(Template.fromStack(stack), /ConductorRole/);
    const at = (action: string, key: string) =>
      allows(statements, { action, resources: [`arn:aws:s3:::archive/${key}`] });
    expect(allows(statements, { action: 's3:ListAllMyBuckets', resources: ['*'] })).toBe(true);
    expect(at('s3:DeleteObject', 'weekly-sessions-2026-11-22-0530-0001.rdb')).toBe(true);
    expect(at('s3:DeleteObject', 'daily/orders.dump')).toBe(false);
    expect(at('s3:PutObject', 'daily/orders.dump')).toBe(false);
    expect(at('s3:DeleteObject', 'status/weekly-sessions/last-good.json')).toBe(false);
    const snapshot = [`arn:aws:elasticache:${REGION}:${ACCOUNT}:snapshot:automatic.sessions`];
    expect(allows(statements, { action: 'elasticache:DeleteSnapshot', resources: snapshot })).toBe(false);
  });

  test('into another region are refused', () => {
    const app = new App({ builtinCloudFormationValidation: false });
    const west = regional('us-west-2', app);
    const bucket = new s3.Bucket(west, 'Bucket', { bucketName: 'archive-west' });
    expect(() => exported(regional('us-east-1', app), { bucket })).toThrow(
      "'bucket' is in us-west-2 and the cache in us-east-1, and ElastiCache exports only within a region; use a bucket in us-east-1",
    );
    expect(() => exported(west, { bucket: archive(west) })).not.toThrow();
  });

  test('of a cache that takes no snapshots are refused; one day of them is enough', () => {
    const of = (snapshotRetentionLimit?: number, more?: (stack: Stack, cache: CacheSource) => void) => () => {
      const stack = newStack();
      const group = new elasticache.CfnReplicationGroup(stack, 'Group', {
        replicationGroupDescription: 'g',
        snapshotRetentionLimit,
      });
      const cache = CacheSource.replicationGroup(group);
      exported(stack, { cache });
      more?.(stack, cache);
      Template.fromStack(stack);
    };
    for (const days of [undefined, 0]) expect(of(days)).toThrow("cache 'Test/Group' takes no snapshots");
    expect(of(1)).not.toThrow();
    expect(of(0, (stack, cache) => snapshots(stack, { cache }))).not.toThrow();
  });

  test('of nodes that tier data are refused', () => {
    const of = (cacheNodeType: string) => () => {
      const stack = newStack();
      const group = new elasticache.CfnReplicationGroup(stack, 'Group', {
        replicationGroupDescription: 'g',
        cacheNodeType,
      });
      exported(stack, { cache: CacheSource.replicationGroup(group) });
    };
    expect(of('cache.r6gd.xlarge')).toThrow(
      "'cache' has nodes with data tiering (r6gd), which ElastiCache can't export",
    );
    expect(of('cache.r7g.large')).not.toThrow();
  });

  test('of Memcached on nodes are refused', () => {
    const of = (engine: string) => () => {
      const stack = newStack();
      exported(stack, { cache: cluster(stack, engine) });
    };
    expect(of('memcached')).toThrow("'cache' runs Memcached on nodes");
    expect(of('redis')).not.toThrow();
  });

  test('under a name that ElastiCache would refuse are refused', () => {
    const named = (prefix: string) => () => exported(newStack(), { prefix });
    for (const prefix of ['exports/', 'Weekly-', 'weekly', 'weekly--', '7-']) {
      expect(named(prefix)).toThrow(`'prefix' is '${prefix}', not up to 63 lower case letters`);
    }
    expect(named('weekly-7-')).not.toThrow();
  });

  test('into a bucket that lets ElastiCache in nowhere are refused', () => {
    const stack = newStack();
    const bucket = new s3.Bucket(stack, 'Bucket', { enforceSSL: true });
    exported(stack, { bucket });
    expect(() => Template.fromStack(stack)).toThrow(
      "[Test/Weekly] the policy of bucket 'Test/Bucket' does not allow ElastiCache, so every export would fail",
    );
    bucket.with(new CacheExportAccess());
    expect(() => Template.fromStack(stack)).not.toThrow();
  });

  test('into a bucket with a key are warned of, and into one made elsewhere', () => {
    const stack = newStack();
    const bucket = new s3.Bucket(stack, 'Bucket', { encryptionKey: new kms.Key(stack, 'Key') });
    bucket.with(new CacheExportAccess());
    exported(stack, { bucket });
    expect(warningsOf(stack)).toEqual([expect.stringContaining('lifeboat:export-can-not-seed')]);
    const other = newStack();
    exported(other, { bucket: s3.Bucket.fromBucketName(other, 'Bucket', 'archive') });
    expect(warningsOf(other)).toEqual([expect.stringMatching(/^bucket 'archive' is imported.*made-elsewhere/s)]);
    const later = newStack();
    const name = new CfnParameter(later, 'Name').valueAsString;
    exported(later, { bucket: s3.Bucket.fromBucketName(later, 'Bucket', name) });
    expect(String(warningsOf(later))).not.toMatch(/Token\[|object Object/);
    const right = newStack();
    exported(right);
    expect(warningsOf(right)).toEqual([]);
  });

  test.each([
    ['a group', imported],
    ['a serverless cache', serverless],
  ])('and snapshots of %s pass three packs of cdk-nag', (_, source) => {
    const app = new App({ builtinCloudFormationValidation: false });
    const stack = regional('eu-west-1', app);
    const notify = sns.Topic.fromTopicArn(stack, 'Topic', `arn:aws:sns:eu-west-1:${ACCOUNT}:alarms`);
    const cache = source(stack);
    exported(stack, { cache, notify });
    snapshots(stack, { cache, notify });
    const packs = [new AwsSolutionsChecks(app), new NIST80053R5Checks(app), new HIPAASecurityChecks(app)];
    Validations.of(app).addPlugins(...packs);
    expect(() => app.synth()).not.toThrow();
  });
});
