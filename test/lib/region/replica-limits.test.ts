import { App, CfnParameter, Duration, Stack } from 'aws-cdk-lib';
import * as rds from 'aws-cdk-lib/aws-rds';
import { BackupCopy, ProtectionPlan, RecoveryRegion, RegionReplica, type ReplicaOptions } from '../../../lib';
import { ACCOUNT } from '../../template/policies';
import { newDatabase, OBJECTIVES, Template, warningsOf } from '../../template/stacks';

const NETWORK: ReplicaOptions = { subnetGroupName: 'shop-data', securityGroupIds: ['sg-0123'] };

/** What is warned of in the replica's stack. */
function warned(
  props: (stack: Stack) => Partial<rds.DatabaseInstanceProps>,
  options: Partial<ReplicaOptions> = {},
): string[] {
  const app = new App({ builtinCloudFormationValidation: false });
  const stack = new Stack(app, 'Shop', { env: { region: 'us-east-1', account: ACCOUNT } });
  const plan = new ProtectionPlan(stack, 'Protection', {
    objectives: OBJECTIVES,
    recovery: RecoveryRegion.named('us-west-2'),
  });
  const database = newDatabase(stack, { instanceIdentifier: 'orders', storageEncrypted: true, ...props(stack) });
  plan.addDatabase('Orders', { database, copies: [BackupCopy.replica({ ...NETWORK, ...options })] });
  return warningsOf(app.node.findChild('Shop-us-west-2-replicas') as Stack);
}

describe('a replica whose source has a parameter group', () => {
  const group = (stack: Stack) => ({
    parameterGroup: new rds.ParameterGroup(stack, 'Parameters', {
      engine: rds.DatabaseInstanceEngine.postgres({ version: rds.PostgresEngineVersion.VER_17 }),
    }),
  });

  test('is warned of where it would have the defaults', () => {
    expect(warned(group)).toEqual([
      expect.stringMatching(/'Shop\/Parameters\/Resource'.*lifeboat:replica-without-parameter-group/),
    ]);
    const imported = (stack: Stack) => ({
      parameterGroup: rds.ParameterGroup.fromParameterGroupName(stack, 'Parameters', 'orders-17'),
    });
    expect(warned(imported)).toEqual([expect.stringContaining("parameter group 'orders-17'")]);
  });

  test('is fine with one of its own region, or where the source has a default one', () => {
    expect(warned(group, { parameterGroupName: 'orders-west' })).toEqual([]);
    expect(warned(() => ({}))).toEqual([]);
  });

  test('is not judged where only deployment tells', () => {
    const named = (stack: Stack) => ({
      parameterGroup: rds.ParameterGroup.fromParameterGroupName(
        stack,
        'Parameters',
        new CfnParameter(stack, 'Group').valueAsString,
      ),
    });
    expect(warned(named)).toEqual([]);
  });
});

describe('a replica by itself', () => {
  const alone = (sourceRegion: string, retention?: (stack: Stack) => Duration) => () => {
    const app = new App({ builtinCloudFormationValidation: false });
    const stack = new Stack(app, 'West', { env: { region: 'us-west-2', account: ACCOUNT } });
    const source = { sourceIdentifier: 'orders', sourceRegion, sourceClass: 'db.t4g.small' };
    new RegionReplica(stack, 'Replica', { ...NETWORK, ...source, retention: retention?.(stack) });
    return Template.fromStack(stack);
  };

  test("is refused in its source's own region, and taken in another", () => {
    expect(alone('us-west-2')).toThrow("its stack is in us-west-2, the source's own region");
    expect(alone('us-east-1')).not.toThrow();
  });

  test('keeps backups for a time that only deployment tells', () => {
    const days = (stack: Stack) => Duration.days(new CfnParameter(stack, 'Days', { type: 'Number' }).valueAsNumber);
    alone('us-east-1', days)().hasResourceProperties('AWS::RDS::DBInstance', {
      BackupRetentionPeriod: { Ref: 'Days' },
    });
  });
});

test('a replica that is not encrypted is warned of', () => {
  expect(warned(() => ({ storageEncrypted: false }))).toEqual([
    expect.stringMatching(/'orders-us-west-2' has no 'encryptionKey'.*lifeboat:copies-not-encrypted/),
  ]);
});
