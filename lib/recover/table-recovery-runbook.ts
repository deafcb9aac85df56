import { Duration, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import * as rds from 'aws-cdk-lib/aws-rds';
import { Construct } from 'constructs';
import { type TableRecoveryDefinition, tableRecoveryDefinition } from '../../lambda/contract';
import { copyPermissions } from '../drill/drill-permissions';
import { allow } from '../function/statements';
import { refuseOtherUnits } from '../synth/durations';
import { copyPrefix } from '../synth/names';
import { checkProps } from '../synth/props';
import { parseAtSynth } from '../synth/tokens';
import { publishRecovery } from './deployed-recovery';
import { RecoveryConductor } from './recovery-conductor';
import { refuseOtherKinds } from './recovery-limits';
import { deleteNothing, rdsArn, restorableSnapshots } from './recovery-permissions';
import { SettledRecovery } from './settled-recovery';
import { TABLE_RECOVERY_PROPS, type TableRecoveryRunbookProps } from './table-recovery-options';

/**
 * Brings tables of a live database back out of a restored copy: compared first, approved, and with an undo for as long
 * as `hold` says. The copy is made beside the live database, as a drill's is, and deleted at the end.
 *
 * Started by `lifeboat recover-table`, or by invoking `function`.
 */
export class TableRecoveryRunbook extends Construct implements ec2.IConnectable {
  /** The definition that is deployed with it. Anyone who starts a run can't change it. */
  public readonly definition: TableRecoveryDefinition;
  /** Starts a recovery when it is invoked, asynchronously, with `{ action: 'recover', to, tables, way, reason }`. */
  public readonly function: lambda.IAlias;
  /**
   * Let its examiner connect to the live database: `recovery.connections.allowToDefaultPort(database)` puts the rules into
   * the recovery's stack. Those for the copy are its own.
   */
  public readonly connections: ec2.Connections;

  private readonly conductor: RecoveryConductor;

  constructor(scope: Construct, id: string, props: TableRecoveryRunbookProps) {
    super(scope, id);
    checkProps(this, props, TABLE_RECOVERY_PROPS);
    const what = `recovery of tables '${this.node.path}'`;
    refuseOtherKinds(what, props);
    refuseOtherUnits(what, {}, { expiresAfter: props.expiresAfter });
    const settled = new SettledRecovery(this, props, what, (database) => tableProblems(props, database));
    const { examiner, site } = settled;
    const { source } = props;
    this.connections = new ec2.Connections({ securityGroups: [examiner.securityGroup] });
    this.definition = parseAtSynth(tableRecoveryDefinition, this.definitionOf(props, settled), what);
    const arn = rdsArn(this);
    const live = this.definition.source.instance;
    this.conductor = new RecoveryConductor(this, 'Conductor', {
      entry: 'recover-tables',
      description: `Lifeboat: recovery ${id} of tables of ${settled.target}`,
      settled,
      definition: this.definition,
      statements: [
        ...copyPermissions(
          this,
          { ...this.definition, restore: { kind: 'latest' } },
          source.keyArn,
          'leave it',
          restorableSnapshots(live, props.snapshots ?? [], arn),
        ),
        deleteNothing([arn('db', '*')]),
      ],
      ways: [
        allow(['secretsmanager:GetSecretValue'], [site.passwordKey.secretArn]),
        allow(['kms:Decrypt'], [site.encryptionKey.keyArn], {
          StringEquals: { 'kms:ViaService': `secretsmanager.${Stack.of(this).region}.amazonaws.com` },
        }),
      ],
      patterns:
        'Copies are named at run time, so they are allowed by prefix, and by the tags they are made with; a restore names ' +
        'parameter and option groups without changing them; what only describes can not be narrowed; evidence is a ' +
        'document a step under one prefix.',
    });
    this.function = this.conductor.alias;
    publishRecovery(this, this.definition, this.function);
  }

  /**
   * Lets a principal start recoveries and undo them, see them, and choose only the restore point, the tables, the way
   * that rows come back, and a reason.
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

  private definitionOf(props: TableRecoveryRunbookProps, settled: SettledRecovery): TableRecoveryDefinition {
    const { target, vpc, subnets, examiner, site, approval } = settled;
    const group = new rds.SubnetGroup(this, 'SubnetGroup', {
      description: 'Copies that recoveries of tables read from',
      vpc,
      vpcSubnets: subnets,
    });
    const copies = new ec2.SecurityGroup(this, 'Copies', {
      vpc,
      description: 'Copies that recoveries of tables read from: reached by their examiner alone',
      allowAllOutbound: false,
    });
    copies.connections.allowFrom(examiner.securityGroup, ec2.Port.tcp(props.source.port), 'rows of a restored copy');
    const usual = Duration.days(1).plus(Duration.seconds(approval.request.timeoutSeconds));
    return {
      ...settled.definition,
      copy: {
        prefix: copyPrefix(this, target),
        subnetGroup: group.subnetGroupName,
        securityGroups: [copies.securityGroupId],
        instanceClass: props.instanceType && `db.${props.instanceType}`,
        expiresAfterSeconds: (props.expiresAfter ?? usual).toSeconds(),
      },
      passwordKey: site.passwordKey.secretArn,
      holdSeconds: settled.hold.toSeconds(),
    };
  }
}

function tableProblems({ source }: TableRecoveryRunbookProps, databaseName: string | undefined): string[] {
  const problems: string[] = [];
  if (!source.database) {
    problems.push(
      "'source' is copies of a database elsewhere, and rows come back into a live database of this region; recover the whole " +
        'database here with RecoveryRunbook',
    );
  }
  if (databaseName === undefined) {
    problems.push(
      "'databaseName' is missing, and synth does not know the initial database, so tables would be looked for in 'postgres'; " +
        'state it',
    );
  }
  return problems;
}
