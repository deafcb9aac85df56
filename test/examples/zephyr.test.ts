import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks, NIST80053R5Checks } from 'cdk-nag';
import { addSystem } from '../../examples';
import { zephyr } from '../../examples/zephyr/plan';
import { drillDefinition, parse } from '../../lambda/contract';
import { deployedWith } from '../template/definition';
import { Template } from '../template/stacks';

const root = join(__dirname, '..', '..');
const { context } = JSON.parse(readFileSync(join(root, 'cdk.json'), 'utf8'));
const ENVIRONMENTS = ['development', 'staging', 'production'];

let outdir: string;
beforeEach(() => {
  outdir = mkdtempSync(join(tmpdir(), 'lifeboat-test-'));
});
afterEach(() => rmSync(outdir, { recursive: true }));

const newApp = () => new App({ context, outdir });
const templateOf = (environment?: string) => Template.fromStack(addSystem(newApp(), 'zephyr', environment));

/** Hashes of bundles change with every line of a runbook; they are no part of what a reviewer reads. */
function withoutHashes(template: Template): unknown {
  const text = JSON.stringify(template.toJSON())
    .replace(/[0-9a-f]{64}/g, '<asset>')
    .replace(/(CurrentVersion[0-9A-F]{8})[0-9a-f]{32}/g, '$1<hash>');
  return JSON.parse(text);
}

test('is what was reviewed', () => {
  expect(withoutHashes(templateOf())).toMatchSnapshot();
});

test("backs up as its guide's numbers say", () => {
  templateOf('production').hasResourceProperties('AWS::RDS::DBInstance', {
    PreferredBackupWindow: '03:00-04:00',
    BackupRetentionPeriod: 30,
    PreferredMaintenanceWindow: 'sun:04:00-sun:05:00',
    DBInstanceClass: 'db.t3.large',
    CopyTagsToSnapshot: true,
    DeletionProtection: true,
    EnableCloudwatchLogsExports: ['postgresql', 'upgrade'],
    MultiAZ: true,
    StorageEncrypted: true,
  });
  templateOf('production').hasResource('AWS::RDS::DBInstance', { DeletionPolicy: 'Snapshot' });
});

test('is drilled on the first Sunday of the month, with the checks that its rehearsal runs', () => {
  const schedules = Object.values(templateOf().findResources('AWS::Scheduler::Schedule'));
  const [monthly] = schedules.filter(({ Properties }) => Properties.ScheduleExpression === 'cron(0 10 ? * SUN#1 *)');
  expect(monthly?.Properties.Target.Input).toBe('{"reason":"scheduled"}');
  const deployed = JSON.stringify(deployedWith(addSystem(newApp()), /MonthlyConductor/));
  const named = JSON.parse(deployed.replace(/<\w*Database\w*>/, 'zephyr-production-db'));
  expect(parse(drillDefinition, named, 'definition')).toMatchObject({
    checks: zephyr.checks,
    objectives: zephyr.objectives,
    restore: { kind: 'random', withinSeconds: 7 * 86_400 },
  });
});

test.each(ENVIRONMENTS)("passes cdk-nag's AwsSolutions and NIST 800-53 R5 packs in %s", (environment) => {
  const app = newApp();
  addSystem(app, 'zephyr', environment);
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new NIST80053R5Checks(app));
  expect(() => app.synth()).not.toThrow();
});

test('acknowledges nothing without a reason', () => {
  const app = newApp();
  const stack = addSystem(app);
  app.synth();
  const acknowledged = stack.node
    .findAll()
    .flatMap(({ node }) =>
      node.metadata
        .filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
        .flatMap(({ data }) => Object.entries(data)),
    );
  expect(acknowledged.length).toBeGreaterThan(20);
  for (const [rule, reason] of acknowledged) expect([rule, String(reason).length > 30]).toEqual([rule, true]);
});

test.each(ENVIRONMENTS)('asks AWS nothing at synth: %s', (environment) => {
  const app = newApp();
  addSystem(app, 'zephyr', environment);
  expect(app.synth().manifest.missing ?? []).toEqual([]);
});

test('environments differ in size and retention', () => {
  const databases = ENVIRONMENTS.map((environment) => {
    const [database] = Object.values(templateOf(environment).findResources('AWS::RDS::DBInstance'));
    return [database?.Properties.DBInstanceClass, database?.Properties.BackupRetentionPeriod];
  });
  expect(databases).toEqual([
    ['db.t3.small', 3],
    ['db.t3.medium', 7],
    ['db.t3.large', 30],
  ]);
});

test.each([
  ['zefir', 'production', "there is no system 'zefir', so nothing was synthesised; name one of: zephyr"],
  ['zephyr', 'prod', "system 'zephyr' has no environment 'prod', so nothing was synthesised; name one of: development"],
])('refuses %s in %s, and names what there is', (system, environment, message) => {
  expect(() => addSystem(newApp(), system, environment)).toThrow(message);
});

describe('the app', () => {
  const env = { ...process.env, CDK_DISABLE_CLI_TELEMETRY: 'true' };
  const list = (...args: string[]) =>
    execFileSync(
      process.execPath,
      ['node_modules/aws-cdk/bin/cdk', 'list', '--no-notices', '--build', 'true', '-o', outdir, ...args],
      { cwd: root, encoding: 'utf8', env },
    ).trim();

  test('synthesises production', () => {
    expect(list()).toBe('Zephyr-production');
  });

  test('synthesises the environment that it is given', () => {
    expect(list('-c', 'system=zephyr', '-c', 'environment=staging')).toBe('Zephyr-staging');
  });

  test('says what is wrong in one line, without a stack trace', () => {
    const wrong = { ...env, CDK_CONTEXT_JSON: JSON.stringify({ environment: 'prod' }) };
    const run = spawnSync(process.execPath, ['dist/bin/app.js'], { cwd: root, encoding: 'utf8', env: wrong });
    expect([run.status, run.stderr.trim().split('\n').length]).toEqual([2, 1]);
  });
});
