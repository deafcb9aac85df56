/** What only deployment knows does not keep the rest of a request from being checked at synth. */
import { Fn, Lazy, Token } from 'aws-cdk-lib';
import {
  backupSettings,
  cacheExportRequest,
  configurationRequest,
  type DrillDefinition,
  deploymentSnapshotRequest,
  drillDefinition,
  imageExportRequest,
  snapshotCopyDefinition,
  snapshotExportRequest,
} from '../../../lambda/contract';
import { parseAtSynth } from '../../../lib/synth/tokens';

const unknown = () => Lazy.string({ produce: () => 'known later' });
const unknownNumber = () => Lazy.number({ produce: () => 7 });

const DRILL: DrillDefinition = {
  plan: 'shop',
  target: 'orders',
  drill: 'Monthly',
  source: { instance: 'orders' },
  restore: { kind: 'latest' },
  copy: {
    prefix: 'lifeboat-orders-1a2b3c4d-',
    subnetGroup: 'drills',
    securityGroups: ['sg-1'],
    expiresAfterSeconds: 3600,
  },
  checks: [],
  objectives: { rpoSeconds: 300, rtoSeconds: 3600 },
  examiner: 'examiner',
  passwordKey: 'key',
  evidenceBucket: 'evidence',
  signingKey: 'key',
};

describe('each field of a request may be known at deployment only', () => {
  test.each([
    [
      'drill',
      drillDefinition,
      {
        ...DRILL,
        plan: unknown(),
        source: { instance: unknown() },
        restore: { kind: 'time', time: unknown() },
        copy: { ...DRILL.copy, prefix: unknown(), securityGroups: [unknown()], expiresAfterSeconds: unknownNumber() },
      },
    ],
    [
      'snapshot copy',
      snapshotCopyDefinition,
      {
        plan: unknown(),
        target: unknown(),
        copy: unknown(),
        source: { kind: 'automated', region: unknown(), instance: unknown(), arn: unknown() },
        destination: { region: unknown(), key: unknown(), optionGroup: unknown() },
        keepSeconds: unknownNumber(),
        shareWith: [unknown(), '111122223333', unknown()],
      },
    ],
    [
      'snapshot export',
      snapshotExportRequest,
      {
        instance: unknown(),
        bucket: unknown(),
        prefix: unknown(),
        statusPrefix: unknown(),
        role: unknown(),
        key: unknown(),
      },
    ],
    [
      'deployment snapshot',
      deploymentSnapshotRequest,
      { instance: unknown(), reason: unknown(), deploymentVersion: unknown(), keepLast: unknownNumber() },
    ],
    ['backup settings', backupSettings, { instance: unknown(), window: unknown(), retentionDays: unknownNumber() }],
    [
      'cache export',
      cacheExportRequest,
      {
        cache: { kind: 'cluster', id: unknown() },
        bucket: unknown(),
        prefix: unknown(),
        statusPrefix: unknown(),
        due: unknown(),
      },
    ],
    [
      'configuration',
      configurationRequest,
      { bucket: unknown(), prefix: unknown(), services: [unknown()], zones: Fn.split(',', unknown()) },
    ],
    [
      'image export',
      imageExportRequest,
      { bucket: unknown(), prefix: unknown(), repositories: Fn.split(',', unknown()), newest: unknownNumber() },
    ],
  ] as const)('of a %s', (_, schema, request) => {
    expect(() => parseAtSynth<unknown>(schema, request, 'request')).not.toThrow();
  });
});

test('a list that only deployment knows stands for values of the right form', () => {
  const request = {
    plan: 'shop',
    target: 'orders',
    copy: 'West',
    source: { kind: 'automated' as const, region: 'eu-central-1', instance: 'orders', arn: 'arn' },
    destination: { region: 'us-west-2', key: 'key' },
    keepSeconds: 86_400,
    shareWith: Token.asList(Fn.split(',', unknown())),
  };
  expect(() => parseAtSynth(snapshotCopyDefinition, request, 'request')).not.toThrow();
});

test('what is known is checked, and the request stays as it is', () => {
  const request = { ...DRILL, source: { instance: unknown() } };
  expect(parseAtSynth(drillDefinition, request, 'request')).toBe(request);
  expect(() => parseAtSynth(drillDefinition, { ...request, drill: 'a/b' }, "restore drill 'Drill'")).toThrow(
    "restore drill 'Drill' is not valid, so it can't be used; correct:\n  drill: must be 1 to 100 printable ASCII",
  );
});

test('checks of the whole request hold beside unknown values', () => {
  const request = { ...DRILL, source: { instance: unknown(), copied: { from: unknown() } } };
  expect(() => parseAtSynth(drillDefinition, request, 'request')).toThrow("copied backups don't record it");
});

test('a form that nothing stands for is named, instead of being passed unseen', () => {
  const restore = { kind: unknown() as 'latest' };
  expect(() => parseAtSynth(drillDefinition, { ...DRILL, restore }, 'request')).toThrow('restore.kind');
});
