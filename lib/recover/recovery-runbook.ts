import { Duration, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { type DatabaseRecoveryDefinition, databaseRecoveryDefinition } from '../../lambda/contract';
import { checkProps } from '../synth/props';
import { parseAtSynth } from '../synth/tokens';
import { refuseOtherWays, wayProblems } from './database-limits';
import { DATABASE_RECOVERY_PROPS, type RecoveryRunbookProps } from './database-recovery-options';
import { publishRecovery } from './deployed-recovery';
import { Fence } from './fence';
import { recoveredPrefix } from './recovered-names';
import { RecoveryConductor } from './recovery-conductor';
import { refuseOtherKinds, warnOfNoRestart } from './recovery-limits';
import { recoveryPermissions } from './recovery-permissions';
import { SettledRecovery } from './settled-recovery';

const WATCH = Duration.minutes(15);

/**
 * Brings a database back in production: restored beside the damaged one, checked and compared, approved, and then
 * switched to, with a way back for as long as `hold` says. It deletes no database, and nothing of production is changed
 * before the approval.
 *
 * Started by `lifeboat recover`, by invoking `function`, or by an alarm.
 */
export class RecoveryRunbook extends Construct implements ec2.IConnectable {
  /** The definition that is deployed with it. Anyone who starts a run can't change it. */
  public readonly definition: DatabaseRecoveryDefinition;
  /** Starts a recovery when it is invoked, asynchronously, with `{ action: 'recover', to, reason }`. */
  public readonly function: lambda.IAlias;
  /** What the recovery acts as: a cluster of Kubernetes has to let it in. */
  public readonly role: iam.IRole;
  /**
   * Let its examiner connect to the live and to the recovered database: `recovery.connections.allowToDefaultPort(database)`
   * puts the rules into the recovery's stack.
   */
  public readonly connections: ec2.Connections;

  private readonly conductor: RecoveryConductor;

  constructor(scope: Construct, id: string, props: RecoveryRunbookProps) {
    super(scope, id);
    checkProps(this, props, DATABASE_RECOVERY_PROPS);
    const what = `recovery '${this.node.path}'`;
    refuseOtherKinds(what, props);
    refuseOtherWays(what, props);
    const watch = props.watch ?? WATCH;
    const settled = new SettledRecovery(this, props, what, (database) => wayProblems(props, watch, database));
    const { examiner, database } = settled;
    const stack = Stack.of(this);
    const ways = [...props.cutOver, ...(props.restart ?? []), ...(props.health ?? [])];
    const kinds = props.cutOver.map(({ request }) => request.kind);
    warnOfNoRestart(this, kinds, props.restart?.length ?? 0);
    this.connections = new ec2.Connections({ securityGroups: [examiner.securityGroup] });
    this.definition = parseAtSynth(databaseRecoveryDefinition, this.definitionOf(props, settled, watch), what);
    this.conductor = new RecoveryConductor(this, 'Conductor', {
      entry: 'recover-database',
      description: `Lifeboat: recovery ${id} of ${settled.target}`,
      settled,
      definition: this.definition,
      statements: recoveryPermissions(this, {
        definition: this.definition,
        database,
        snapshots: props.snapshots ?? [],
        newKeyArn: props.storage?.encryptionKey?.keyArn,
      }),
      ways: ways.flatMap((way) => way.statements(stack)),
      patterns:
        'Recovered databases and their snapshots are named at run time, so they are allowed by prefixes, and by the tags ' +
        'they are made with; retained backups are named by RDS, at random, and only restored from; parameter, option and ' +
        'subnet groups are named and not changed; what only describes can not be narrowed; evidence is a document a step ' +
        'under one prefix; versions, changes and hosts of what is switched and restarted are named by AWS.',
    });
    this.function = this.conductor.alias;
    this.role = this.conductor.role;
    if (props.startOn) {
      const { alarm, restore } = props.startOn;
      const reason = `alarm ${alarm.alarmName}`;
      this.conductor.startOn(props.startOn, { action: 'recover', to: restore.request, reason });
    }
    publishRecovery(this, this.definition, this.function);
  }

  /**
   * Lets a principal start recoveries and rollbacks, see them, and choose only the restore point and a reason.
   *
   * @throws Error when the grantee is in a stack of another region, whose policies can't refer to the recovery
   */
  public grantStart(grantee: iam.IGrantable): iam.Grant {
    return this.conductor.grantStart(grantee);
  }

  /** Lets a principal see recoveries, and approve, refuse or abandon them. */
  public grantApprove(grantee: iam.IGrantable): iam.Grant {
    return this.conductor.grantApprove(grantee);
  }

  private definitionOf(
    props: RecoveryRunbookProps,
    settled: SettledRecovery,
    watch: Duration,
  ): DatabaseRecoveryDefinition {
    const { target } = settled;
    const { storage, restart = [], health = [], fence = Fence.connect() } = props;
    return {
      ...settled.definition,
      unattended: props.startOn && (true as const),
      recovered: {
        prefix: recoveredPrefix(this, target, 'recovered'),
        replacedPrefix: recoveredPrefix(this, target, 'replaced'),
        subnetGroup: props.subnetGroupName,
        securityGroups: props.securityGroups?.map(({ securityGroupId }) => securityGroupId),
        instanceClass: props.instanceType && `db.${props.instanceType}`,
        parameterGroup: props.parameterGroupName,
        encryptionKey: storage?.encryptionKey?.keyArn,
        unencrypted: storage && !storage.encryptionKey ? true : undefined,
      },
      fence: fence.request,
      cutOver: props.cutOver.map(({ request }) => request),
      restart: restart.map(({ request }) => request),
      health: health.map(({ request }) => request),
      watchSeconds: watch.toSeconds(),
      holdSeconds: settled.hold.toSeconds(),
    };
  }
}
