import { App, Aspects, Aws, CfnParameter, Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import { Annotations, Match } from 'aws-cdk-lib/assertions';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as sns from 'aws-cdk-lib/aws-sns';
import { AwsSolutionsChecks, HIPAASecurityChecks, NIST80053R5Checks } from 'cdk-nag';
import {
  ArchiveBucket,
  type ArchiveBucketProps,
  ArchiveTier,
  type ArchiveTierOptions,
  BucketBackups,
  CoverageCheck,
  DeleteMarkers,
  ReplicationTiming,
  StorageTransition,
} from '../../../lib';
import { allows, statementsOf } from '../../template/policies';
import { newStack, Template, warningsOf } from '../../template/stacks';

const { standardInfrequentAccess, glacierInstantRetrieval, glacierFlexibleRetrieval, deepArchive } = StorageTransition;
const days = Duration.days;

function regional(region: string, app = new App({ builtinCloudFormationValidation: false })): Stack {
  return new Stack(app, `In-${region}`, { env: { account: '111122223333', region } });
}

const archive = (props: ArchiveBucketProps, stack = newStack()) => {
  new ArchiveBucket(stack, 'Archive', props);
  return Template.fromStack(stack);
};
const tier = (options: ArchiveTierOptions) => () => archive({ tiers: [ArchiveTier.monthly(options)] });

describe('an archive', () => {
  test('is versioned, encrypted, private, logged, TLS only, and kept when the stack goes', () => {
    const template = archive({});
    template.hasResource('AWS::S3::Bucket', {
      DeletionPolicy: 'Retain',
      UpdateReplacePolicy: 'Retain',
      Properties: {
        VersioningConfiguration: { Status: 'Enabled' },
        BucketEncryption: {
          ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
        },
        PublicAccessBlockConfiguration: { BlockPublicPolicy: true, RestrictPublicBuckets: true },
        LoggingConfiguration: { LogFilePrefix: 'Archive/' },
        ObjectLockConfiguration: Match.absent(),
      },
    });
    const policies = Object.values(template.findResources('AWS::S3::BucketPolicy'));
    const denials = policies.map(({ Properties }) =>
      Properties.PolicyDocument.Statement.filter((s: { Effect: string }) => s.Effect === 'Deny'),
    );
    // Once, though the mixin and the bucket both say it.
    expect(denials.map(({ length }) => length)).toEqual([1, 1]);
  });

  test('is kept with a name of its own, too, unless its first deployment fails: the name would be taken', () => {
    archive({ bucketName: 'shop-archive' }).hasResource('AWS::S3::Bucket', {
      DeletionPolicy: 'RetainExceptOnCreate',
      UpdateReplacePolicy: 'Retain',
      Properties: { BucketName: 'shop-archive' },
    });
  });

  test("keeps each tier as the CRUD app's guide has it, by the prefix that it is written under", () => {
    const stack = newStack();
    const template = archive(
      {
        tiers: [
          ArchiveTier.daily({ expireAfter: days(30) }),
          ArchiveTier.weekly({ expireAfter: days(90) }),
          ArchiveTier.monthly({ transitions: [glacierFlexibleRetrieval(days(30))], expireAfter: days(365) }),
          ArchiveTier.yearly({
            transitions: [deepArchive(days(120)), glacierInstantRetrieval(days(30))],
            expireAfter: days(7 * 365),
            noncurrentVersions: {
              expireAfter: days(120),
              keepNewest: 2,
              transitions: [standardInfrequentAccess(days(30))],
            },
          }),
        ],
      },
      stack,
    );
    template.hasResourceProperties('AWS::S3::Bucket', {
      LifecycleConfiguration: {
        Rules: [
          {
            Id: 'daily',
            Prefix: 'daily/',
            ExpirationInDays: 30,
            NoncurrentVersionExpiration: { NoncurrentDays: 30 },
          },
          { Id: 'weekly', Prefix: 'weekly/', ExpirationInDays: 90 },
          { Id: 'monthly', Transitions: [{ StorageClass: 'GLACIER', TransitionInDays: 30 }], ExpirationInDays: 365 },
          {
            Id: 'yearly',
            Transitions: [
              { StorageClass: 'GLACIER_IR', TransitionInDays: 30 },
              { StorageClass: 'DEEP_ARCHIVE', TransitionInDays: 120 },
            ],
            NoncurrentVersionTransitions: [
              { StorageClass: 'STANDARD_IA', TransitionInDays: 30, NewerNoncurrentVersions: 2 },
            ],
            NoncurrentVersionExpiration: { NoncurrentDays: 120, NewerNoncurrentVersions: 2 },
          },
          { Id: 'unfinished-uploads', AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 } },
        ],
      },
    });
    expect(warningsOf(stack)).toEqual([]);
    Annotations.fromStack(stack).hasInfo('*', Match.stringLikeRegexp('S3 does not move objects under 128 KB'));
  });

  test('says it once, however many buckets an app has', () => {
    const stack = newStack();
    const tiers = [ArchiveTier.monthly({ transitions: [glacierFlexibleRetrieval(days(90))], expireAfter: days(365) })];
    for (const id of ['Exports', 'Images', 'Logs']) new ArchiveBucket(stack, id, { tiers });
    const infos = Annotations.fromStack(stack).findInfo('*', Match.stringLikeRegexp('objects under 128 KB'));
    expect(infos.map(({ id }) => id)).toEqual(['/Test/Exports/Bucket/Resource']);
  });

  test('may be locked: removable by the privileged, or by nobody where asked for', () => {
    archive({ lock: s3.ObjectLockRetention.governance(days(30)) }).hasResourceProperties('AWS::S3::Bucket', {
      ObjectLockConfiguration: { Rule: { DefaultRetention: { Mode: 'GOVERNANCE', Days: 30 } } },
    });
    const stack = newStack();
    archive({ lock: s3.ObjectLockRetention.compliance(days(30)) }, stack);
    Annotations.fromStack(stack).hasInfo(
      '*',
      Match.stringLikeRegexp('no one, AWS included, can delete a version for 30 days'),
    );
  });

  test('passes three packs of cdk-nag, alone and replicated', () => {
    const app = new App({ builtinCloudFormationValidation: false });
    new ArchiveBucket(regional('us-west-2', app), 'Archive', { bucketName: 'shop-archive-west' });
    const stack = regional('us-east-1', app);
    new ArchiveBucket(stack, 'Archive', {
      replication: { bucketName: 'shop-archive-west', region: 'us-west-2' },
      notify: sns.Topic.fromTopicArn(stack, 'Topic', 'arn:aws:sns:us-east-1:111122223333:alarms'),
    });
    const packs = [new AwsSolutionsChecks(app), new NIST80053R5Checks(app), new HIPAASecurityChecks(app)];
    Validations.of(app).addPlugins(...packs);
    expect(() => app.synth()).not.toThrow();
  });

  test('counts as covered, and so does a bucket with BucketBackups', () => {
    const stack = newStack();
    new ArchiveBucket(stack, 'Archive');
    new s3.Bucket(stack, 'Files').with(new BucketBackups());
    Aspects.of(stack).add(new CoverageCheck());
    expect(warningsOf(stack)).toEqual([]);
  });

  test('keeps the logical IDs of its buckets', () => {
    expect(Object.keys(archive({}).findResources('AWS::S3::Bucket')).sort()).toMatchInlineSnapshot(`
[
  "ArchiveAccessLogs31F4F9D7",
  "ArchiveBucket49F1AC64",
]
`);
  });
});

describe('a lifecycle is refused', () => {
  test('that moves objects to STANDARD_IA before day 30', () => {
    expect(tier({ transitions: [standardInfrequentAccess(days(29))] })).toThrow(
      "lifecycle 'monthly': objects move to STANDARD_IA after 29 days, and S3 allows that after 30 days at the earliest; " +
        'move them at 30 days or later',
    );
    expect(tier({ transitions: [standardInfrequentAccess(days(30))] })).not.toThrow();
  });

  test('that moves noncurrent versions to STANDARD_IA before day 30', () => {
    const noncurrent = (day: number) =>
      tier({ noncurrentVersions: { expireAfter: days(200), transitions: [standardInfrequentAccess(days(day))] } });
    expect(noncurrent(29)).toThrow('noncurrent versions move to STANDARD_IA after 29 days');
    expect(noncurrent(30)).not.toThrow();
  });

  test('that moves objects upwards', () => {
    expect(tier({ transitions: [glacierFlexibleRetrieval(days(30)), glacierInstantRetrieval(days(200))] })).toThrow(
      'objects move from GLACIER (day 30) to GLACIER_IR (day 200), and S3 moves objects only downwards',
    );
    expect(
      tier({ transitions: [glacierInstantRetrieval(days(30)), glacierFlexibleRetrieval(days(200))] }),
    ).not.toThrow();
  });

  test("that moves objects on before a class's minimum is over", () => {
    const moves = (day: number) => tier({ transitions: [glacierInstantRetrieval(days(4)), deepArchive(days(day))] });
    expect(moves(93)).toThrow(
      'objects move to DEEP_ARCHIVE 89 days after they moved to GLACIER_IR, and S3 requires 90 days there within one ' +
        'rule; move them at day 94 or later',
    );
    expect(moves(94)).not.toThrow();
  });

  test('that deletes objects before they move', () => {
    const ends = (day: number) => tier({ transitions: [glacierFlexibleRetrieval(days(90))], expireAfter: days(day) });
    expect(ends(90)).toThrow('objects are deleted after 90 days and move to GLACIER after 90, so S3 would refuse');
    expect(ends(180)).not.toThrow();
  });

  test('that counts in fractions of days, or in none', () => {
    expect(tier({ expireAfter: Duration.hours(36) })).toThrow(
      'deleted after 1 day 12 hours, and S3 takes whole days from 1',
    );
    expect(tier({ expireAfter: days(0) })).toThrow('deleted after 0 days');
    expect(tier({ transitions: [deepArchive(Duration.hours(12))] })).toThrow(
      'objects move to DEEP_ARCHIVE after 12 hours, and S3 takes only whole days',
    );
    expect(tier({ expireAfter: Duration.hours(48), transitions: [deepArchive(days(0))] })).not.toThrow();
  });

  test('that keeps more than 100 noncurrent versions by number', () => {
    const keeps = (keepNewest: number) => tier({ noncurrentVersions: { expireAfter: days(30), keepNewest } });
    expect(keeps(101)).toThrow("'keepNewest' is 101 noncurrent versions, and S3 takes 1 to 100");
    expect(keeps(100)).not.toThrow();
  });

  test('whose wider tier deletes what a narrower one keeps', () => {
    const both = (everything: number) => () =>
      archive({
        tiers: [
          ArchiveTier.everything({ expireAfter: days(everything) }),
          ArchiveTier.yearly({ expireAfter: days(2555) }),
        ],
      });
    expect(both(30)).toThrow(
      "lifecycle 'everything' deletes everything under '' after 30 days, and lifecycle 'yearly' keeps 'yearly/' for 2555 days",
    );
    expect(both(2555)).not.toThrow();
  });

  test('whose rule has a name of more than 255 characters', () => {
    const named = (length: number) => () => archive({ tiers: [ArchiveTier.prefixed('x'.repeat(length), {})] });
    expect(named(256)).toThrow(
      "the name of lifecycle rule 'xxxxxxxxxxxxxxxxxxxx...' has 256 characters, and S3 allows 255",
    );
    expect(named(255)).not.toThrow();
  });

  test('that states a tier twice, or a prefix that no key starts with', () => {
    const twice = [ArchiveTier.daily({ expireAfter: days(7) }), ArchiveTier.daily({ expireAfter: days(7) })];
    expect(() => archive({ tiers: twice })).toThrow("lifecycle 'daily' is stated twice");
    expect(() => ArchiveTier.prefixed('/exports/', {})).toThrow('keys start without a slash');
    expect(() => ArchiveTier.prefixed('', {})).toThrow('an empty prefix means all objects');
    expect(ArchiveTier.prefixed('exports/', {}).prefix).toBe('exports/');
  });

  test('whose unfinished uploads are kept for no whole day', () => {
    expect(() => archive({ unfinishedUploads: Duration.hours(12) })).toThrow('deleted after 12 hours');
    expect(() => archive({ unfinishedUploads: days(1) })).not.toThrow();
  });

  test('with all that is wrong, at once', () => {
    const wrong = tier({
      transitions: [standardInfrequentAccess(days(1)), deepArchive(days(2))],
      expireAfter: days(2),
    });
    for (const problem of ['after 1 days', '1 days after they moved', 'deleted after 2 days']) {
      expect(wrong).toThrow(problem);
    }
  });

  test('never for what is only known at deployment', () => {
    const stack = newStack();
    const later = Duration.days(new CfnParameter(stack, 'Days', { type: 'Number' }).valueAsNumber);
    const template = archive(
      { tiers: [ArchiveTier.daily({ transitions: [standardInfrequentAccess(later)], expireAfter: later })] },
      stack,
    );
    template.hasResourceProperties('AWS::S3::Bucket', {
      LifecycleConfiguration: { Rules: Match.arrayWith([Match.objectLike({ ExpirationInDays: { Ref: 'Days' } })]) },
    });
  });
});

describe('it is warned of', () => {
  const warnings = (props: ArchiveBucketProps) => {
    const stack = newStack();
    archive(props, stack);
    return warningsOf(stack);
  };
  const glacier = (end: number) => ({
    tiers: [ArchiveTier.daily({ transitions: [glacierFlexibleRetrieval(days(10))], expireAfter: days(end) })],
  });
  const locked = (end: number) => ({
    lock: s3.ObjectLockRetention.governance(days(90)),
    tiers: [ArchiveTier.daily({ expireAfter: days(end) })],
  });

  test('storage that is paid for and not used, with its cost; versions of what expired use it, too', () => {
    expect(warnings(glacier(40))).toEqual([
      expect.stringMatching(
        /are deleted 60 days after they moved to GLACIER.*30 unused days cost about \$0\.0036 a GB; keep them 30 days longer/,
      ),
    ]);
    expect(warnings(glacier(69))).toHaveLength(1);
    expect(warnings(glacier(70))).toEqual([]);
  });

  test('storage that versions have not paid off', () => {
    const replaced = (end: number) => ({
      tiers: [
        ArchiveTier.daily({
          noncurrentVersions: { transitions: [glacierFlexibleRetrieval(days(10))], expireAfter: days(end) },
        }),
      ],
    });
    expect(warnings(replaced(99))).toEqual([expect.stringContaining('noncurrent versions are deleted 89 days after')]);
    expect(warnings(replaced(100))).toEqual([]);
  });

  test('a lock that outlasts expiry', () => {
    expect(warnings(locked(30))).toEqual([expect.stringContaining('billed until day 90')]);
    expect(warnings(locked(90))).toEqual([]);
  });

  test("a bucket's own rule that expires objects and keeps their versions for ever", () => {
    const expiring = (rules: s3.LifecycleRule[], backups = new BucketBackups()) => {
      const stack = newStack();
      new s3.Bucket(stack, 'Dumps', {
        versioned: true,
        blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
        removalPolicy: RemovalPolicy.RETAIN,
        lifecycleRules: rules,
      }).with(backups);
      return warningsOf(stack);
    };
    const rule = { id: 'dumps', prefix: 'dumps/', expiration: days(90) };
    const versions = { noncurrentVersionExpiration: days(30) };
    expect(expiring([rule])).toEqual([
      expect.stringMatching(/'dumps': objects expire after 90 days.*billed forever.*lifeboat:expired-versions-stay/),
    ]);
    expect(expiring([{ ...rule, ...versions }])).toEqual([]);
    // Another rule may delete them, unless it is for some objects only.
    expect(expiring([rule, { id: 'versions', ...versions }])).toEqual([]);
    expect(expiring([rule, { id: 'versions', prefix: 'other/', ...versions }])).toHaveLength(1);
    expect(expiring([rule, { id: 'versions', tagFilters: { kind: 'dump' }, ...versions }])).toHaveLength(1);
    const tiers = [ArchiveTier.everything({ noncurrentVersions: { expireAfter: days(30) } })];
    expect(expiring([rule], new BucketBackups({ tiers }))).toEqual([]);
  });
});

describe('access logs that S3 would not deliver', () => {
  const logged = (make: (stack: Stack) => s3.IBucket) => () => {
    const stack = regional('us-east-1');
    return archive({ accessLogs: make(stack) }, stack);
  };
  const owned =
    (props: s3.BucketProps): ((stack: Stack) => s3.IBucket) =>
    (stack) =>
      new s3.Bucket(stack, 'Logs', props);
  const named = (region: string) => (stack: Stack) =>
    s3.Bucket.fromBucketAttributes(stack, 'Logs', { bucketName: 'logs', region });

  test.each([
    ['a key', { encryption: s3.BucketEncryption.KMS }, 'encrypted with AWS KMS'],
    ["AWS's key", { encryption: s3.BucketEncryption.KMS_MANAGED }, 'encrypted with AWS KMS'],
    [
      'a default lock',
      { objectLockEnabled: true, objectLockDefaultRetention: s3.ObjectLockRetention.governance(days(1)) },
      'has a default Object Lock retention',
    ],
  ] as const)('are refused for %s', (_, props, message) => {
    expect(logged(owned(props))).toThrow(message);
  });

  test('are refused for another region', () => {
    expect(logged(named('us-west-2'))).toThrow("'accessLogs' is in us-west-2 and the archive in us-east-1");
    expect(logged(named('us-east-1'))).not.toThrow();
  });

  test("are delivered to a bucket with S3's own keys, Object Lock by version included", () => {
    expect(logged(owned({ encryption: s3.BucketEncryption.S3_MANAGED, objectLockEnabled: true }))).not.toThrow();
  });
});

describe('replication', () => {
  const target = { bucketName: 'shop-archive-west', region: 'us-west-2' };

  test.each([
    [{}, /usually within minutes, which S3 does not promise.*delete markers are not/],
    [
      { timing: ReplicationTiming.WITHIN_15_MINUTES, deleteMarkers: DeleteMarkers.REPLICATED },
      /99.9 % of them within 15 minutes.*delete markers are replicated/,
    ],
  ])('is no recovery point of zero, and says what replicas lack: %j', (options, lack) => {
    const stack = regional('us-east-1');
    archive({ replication: { ...target, ...options } }, stack);
    const [info] = Annotations.fromStack(stack).findInfo('*', Match.stringLikeRegexp('asynchronously'));
    expect(info?.entry.data).toMatch(lack);
    expect(info?.entry.data).toContain('lifeboat:replication-lags');
  });

  test('into what is no region is refused', () => {
    const into = (region: string) => () => archive({ replication: { ...target, region } }, regional('us-east-1'));
    expect(into('us-west')).toThrow("'us-west' is not an AWS region name");
    expect(into('us-west-2')).not.toThrow();
  });

  test('is measured, and keeps what is deleted, by default', () => {
    archive({ replication: target }, regional('us-east-1')).hasResourceProperties('AWS::S3::Bucket', {
      ReplicationConfiguration: {
        Rules: [
          {
            Status: 'Enabled',
            DeleteMarkerReplication: { Status: 'Disabled' },
            Destination: {
              Bucket: { 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, ':s3:::shop-archive-west']] },
              Metrics: { Status: 'Enabled' },
              ReplicationTime: Match.absent(),
            },
          },
        ],
      },
    });
  });

  test('may be timed, delete what the source deletes, and use keys of both regions', () => {
    const stack = regional('us-east-1');
    const encryptionKeyArn = 'arn:aws:kms:us-west-2:111122223333:key/west';
    const template = archive(
      {
        encryptionKey: new kms.Key(stack, 'Key'),
        replication: {
          ...target,
          encryptionKeyArn,
          timing: ReplicationTiming.WITHIN_15_MINUTES,
          deleteMarkers: DeleteMarkers.REPLICATED,
        },
      },
      stack,
    );
    template.hasResourceProperties('AWS::S3::Bucket', {
      ReplicationConfiguration: {
        Rules: [
          {
            DeleteMarkerReplication: { Status: 'Enabled' },
            SourceSelectionCriteria: { SseKmsEncryptedObjects: { Status: 'Enabled' } },
            Destination: {
              ReplicationTime: { Status: 'Enabled', Time: { Minutes: 15 } },
              Metrics: { Status: 'Enabled', EventThreshold: { Minutes: 15 } },
              EncryptionConfiguration: { ReplicaKmsKeyID: encryptionKeyArn },
            },
          },
        ],
      },
    });
    const statements = statementsOf(template, /Replication/);
    const through = (region: string) => ({ 'kms:ViaService': `s3.${region}.amazonaws.com` });
    const key = { resources: [encryptionKeyArn], action: 'kms:Encrypt' };
    expect(allows(statements, { ...key, context: through('us-west-2') })).toBe(true);
    expect(allows(statements, { ...key, context: through('us-east-1') })).toBe(false);
  });

  test('may read the source and write the target, and delete in neither', () => {
    const statements = statementsOf(archive({ replication: target }, regional('us-east-1')), /Replication/);
    const west = ['arn:aws:s3:::shop-archive-west/daily/1'];
    expect(allows(statements, { action: 's3:ReplicateObject', resources: west })).toBe(true);
    for (const action of ['s3:ReplicateDelete', 's3:DeleteObject', 's3:DeleteObjectVersion', 's3:PutObject']) {
      expect([action, allows(statements, { action, resources: west })]).toEqual([action, false]);
    }
  });

  test('brings objects of other keys, too, where a key in the other region is named', () => {
    const replicated = (encryptionKeyArn?: string) => {
      const template = archive({ replication: { ...target, encryptionKeyArn } }, regional('us-east-1'));
      const [bucket] = Object.values(
        template.findResources('AWS::S3::Bucket', { Properties: { ReplicationConfiguration: Match.anyValue() } }),
      );
      const [rule] = bucket?.Properties.ReplicationConfiguration.Rules ?? [];
      const decrypt = { action: 'kms:Decrypt', resources: ['arn:aws:kms:us-east-1:111122223333:key/exports'] };
      const context = { 'kms:ViaService': 's3.us-east-1.amazonaws.com' };
      const may = allows(statementsOf(template, /Replication/), { ...decrypt, context });
      return { kms: rule.SourceSelectionCriteria?.SseKmsEncryptedObjects.Status, may };
    };
    expect(replicated('arn:aws:kms:us-west-2:111122223333:key/west')).toEqual({ kms: 'Enabled', may: true });
    expect(replicated()).toEqual({ kms: undefined, may: false });
  });

  test('within one region is refused', () => {
    expect(() => archive({ replication: target }, regional('us-west-2'))).toThrow(
      "'replication.region' is us-west-2, the region of the bucket itself, so replicas would be lost with it",
    );
  });

  test('without a key in the other region is refused where the source has one', () => {
    const stack = regional('us-east-1');
    const encryptionKey = new kms.Key(stack, 'Key');
    const replicate = (encryptionKeyArn?: string) => () =>
      new ArchiveBucket(stack, encryptionKeyArn ?? 'None', {
        encryptionKey,
        replication: { ...target, encryptionKeyArn },
      });
    expect(replicate()).toThrow("'replication.encryptionKeyArn' is missing");
    expect(replicate('arn:aws:kms:us-east-1:111122223333:key/east')).toThrow(
      "'replication.encryptionKeyArn' is in us-east-1",
    );
    expect(replicate('arn:aws:kms:us-west-2:111122223333:key/west')).not.toThrow();
  });

  test('is held against the other side where the same app makes it', () => {
    const synth = (west: (stack: Stack) => void, region = 'us-west-2') => {
      const app = new App({ builtinCloudFormationValidation: false });
      west(regional(region, app));
      const lock = s3.ObjectLockRetention.governance(days(30));
      new ArchiveBucket(regional('us-east-1', app), 'Archive', { lock, replication: target });
      return () => app.synth();
    };
    const { bucketName } = target;
    const lock = s3.ObjectLockRetention.governance(days(30));
    expect(synth((stack) => new s3.Bucket(stack, 'West', { bucketName }))).toThrow(
      /is not versioned, so S3 would refuse[\s\S]*has no Object Lock/,
    );
    expect(synth((stack) => new ArchiveBucket(stack, 'West', { bucketName, lock }), 'us-west-1')).toThrow(
      "[In-us-east-1/Archive/Bucket/Resource] 'replication.region' of target 'shop-archive-west' is us-west-2, and this app creates that bucket in us-west-1",
    );
    expect(synth((stack) => new ArchiveBucket(stack, 'West', { bucketName, lock }))).not.toThrow();
  });

  test('from another account is let in by name of its role, and hands over what it writes', () => {
    const stack = regional('us-west-2');
    new ArchiveBucket(stack, 'Archive', { bucketName: 'west' }).acceptReplicas('444455556666', 'replicate');
    Template.fromStack(stack).hasResourceProperties('AWS::S3::BucketPolicy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Action: Match.arrayWith(['s3:ReplicateObject', 's3:ObjectOwnerOverrideToBucketOwner']),
            Condition: { ArnEquals: { 'aws:PrincipalArn': Match.anyValue() } },
          }),
        ]),
      },
    });
  });

  test('into or from what is no account is refused', () => {
    const into = (account: string) => () =>
      archive({ replication: { ...target, account, roleName: 'replicate' } }, regional('us-east-1'));
    expect(into('44445555666')).toThrow(
      "'44445555666' is not an AWS account ID, so no replica would ever get there; use the 12-digit ID",
    );
    expect(into('444455556666')).not.toThrow();
    const from = (account: string) => () =>
      new ArchiveBucket(newStack(), 'Archive').acceptReplicas(account, 'replicate');
    expect(from('production')).toThrow(
      "archive 'Test/Archive' can't accept replicas: 'production' is not an AWS account ID, so S3 would refuse the bucket policy",
    );
    expect(from('444455556666')).not.toThrow();
    expect(from(Aws.ACCOUNT_ID)).not.toThrow();
  });

  test('into another account is refused without a name for its role', () => {
    const into = (roleName?: string) => () =>
      archive({ replication: { ...target, account: '444455556666', roleName } }, regional('us-east-1'));
    expect(into()).toThrow("account 444455556666 of 'shop-archive-west' can allow the role only by its name");
    into('replicate')().hasResourceProperties('AWS::S3::Bucket', {
      ReplicationConfiguration: {
        Rules: [{ Destination: { Account: '444455556666', AccessControlTranslation: { Owner: 'Destination' } } }],
      },
    });
  });

  test('is measured where S3 says so: how late in the region of the replicas, what failed at home', () => {
    const stack = regional('us-east-1');
    const made = new ArchiveBucket(stack, 'Archive', { replication: target });
    expect(made.replicationLatency(target.bucketName)).toMatchObject({ region: 'us-west-2' });
    expect(made.replicationLatency('another').region).toBeUndefined();
  });

  test('rings when objects could not be replicated', () => {
    archive({ replication: target }, regional('us-east-1')).hasResourceProperties('AWS::CloudWatch::Alarm', {
      MetricName: 'OperationsFailedReplication',
      Threshold: 0,
      Dimensions: Match.arrayWith([{ Name: 'RuleId', Value: 'recovery-region' }]),
    });
  });
});

describe('a bucket that there is already', () => {
  const tiers = [ArchiveTier.daily({ expireAfter: days(30) })];

  test('is given what it lacks, beside the rules that it has or is given later', () => {
    const stack = newStack();
    const bucket = new s3.Bucket(stack, 'Files', {
      lifecycleRules: [{ id: 'before', expiration: days(9), prefix: 'tmp/' }],
    });
    bucket.with(new BucketBackups({ tiers }));
    bucket.addLifecycleRule({ id: 'later', expiration: days(9), prefix: 'cache/' });
    const template = Template.fromStack(stack);
    template.hasResource('AWS::S3::Bucket', {
      DeletionPolicy: 'Retain',
      Properties: {
        VersioningConfiguration: { Status: 'Enabled' },
        PublicAccessBlockConfiguration: { BlockPublicAcls: true },
        LifecycleConfiguration: {
          Rules: [{ Id: 'before' }, { Id: 'later' }, { Id: 'daily' }, { Id: 'unfinished-uploads' }],
        },
      },
    });
    template.hasResourceProperties('AWS::S3::BucketPolicy', {
      PolicyDocument: { Statement: [{ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }] },
    });
  });

  test('may be an L1', () => {
    const stack = newStack();
    new s3.CfnBucket(stack, 'Files').with(new BucketBackups({ tiers }));
    Template.fromStack(stack).hasResource('AWS::S3::Bucket', {
      DeletionPolicy: 'Retain',
      Properties: {
        VersioningConfiguration: { Status: 'Enabled' },
        BucketEncryption: Match.anyValue(),
        LifecycleConfiguration: { Rules: [{ Id: 'daily' }, { Id: 'unfinished-uploads' }] },
      },
    });
  });

  test('has its own rules checked, too', () => {
    const stack = newStack();
    const bucket = new s3.Bucket(stack, 'Files', { lifecycleRules: [{ expiration: days(7) }] });
    bucket.with(new BucketBackups({ tiers }));
    expect(() => Template.fromStack(stack)).toThrow(
      "deletes everything under '' after 7 days, and lifecycle 'daily' keeps",
    );
  });

  test('is refused with suspended versions', () => {
    const versions = (status: string) => () =>
      new s3.CfnBucket(newStack(), 'Files', { versioningConfiguration: { status } }).with(new BucketBackups());
    expect(versions('Suspended')).toThrow('its versioning is suspended, so overwritten and deleted objects are lost');
    expect(versions('Enabled')).not.toThrow();
  });

  test('is refused a second replication', () => {
    const stack = regional('us-east-1');
    const bucket = new s3.Bucket(stack, 'Files', { versioned: true });
    const replication = { bucketName: 'west', region: 'us-west-2' };
    bucket.with(new BucketBackups({ replication }));
    expect(() => bucket.with(new BucketBackups({ replication }))).toThrow('state it once');
  });

  test('is warned of where it could be public, or go with its stack', () => {
    const warnings = (props: s3.BucketProps) => {
      const stack = newStack();
      new s3.Bucket(stack, 'Files', props).with(new BucketBackups());
      return warningsOf(stack);
    };
    expect(warnings({ removalPolicy: RemovalPolicy.DESTROY })).toEqual([
      expect.stringContaining('lifeboat:bucket-goes-with-its-stack'),
    ]);
    expect(warnings({ blockPublicAccess: s3.BlockPublicAccess.BLOCK_ACLS_ONLY })).toEqual([
      expect.stringContaining('lifeboat:bucket-may-be-public'),
    ]);
    expect(warnings({ blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL })).toEqual([]);
  });

  test('and is made elsewhere under a name that only deployment knows is told by its path', () => {
    const stack = newStack();
    const bucket = s3.Bucket.fromBucketName(stack, 'Files', new CfnParameter(stack, 'Name').valueAsString);
    bucket.with(new BucketBackups({ tiers }));
    expect(warningsOf(stack)).toEqual([expect.stringMatching(/^bucket 'Test\/Files' is imported/)]);
  });

  test('and is made elsewhere is left alone, and its owner is told what to do', () => {
    const stack = newStack();
    const bucket = s3.Bucket.fromBucketName(stack, 'Files', 'files');
    bucket.with(new BucketBackups({ tiers, replication: { bucketName: 'west', region: 'us-west-2' } }));
    Template.fromStack(stack).resourceCountIs('AWS::IAM::Role', 0);
    const [warning, ...others] = warningsOf(stack);
    expect(others).toEqual([]);
    for (const task of ['enable versioning', 'block public access', "rules 'daily', 'unfinished-uploads'", "'west'"]) {
      expect(warning).toContain(task);
    }
    const wrong = [ArchiveTier.daily({ expireAfter: days(0) })];
    expect(() => bucket.with(new BucketBackups({ tiers: wrong }))).toThrow('deleted after 0 days');
  });
});
