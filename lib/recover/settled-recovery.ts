/** What a recovery of either kind is made of, once all defaults are in place. */
import { Duration, Stack, Token } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { evidencePrefix, recoveryParameter, recoveryPrefix } from '../../lambda/contract';
import { DrillSite } from '../drill/drill-site';
import { enclosingSite } from '../drill/enclosing-site';
import type { IDrillSite } from '../drill/shared-site';
import { allow, evidenceAccess } from '../function/statements';
import { enclosingPlan } from '../synth/enclosing-plan';
import { pathName } from '../synth/names';
import { refuseAll } from '../synth/problems';
import { Approval } from './approval';
import { LiveDatabase } from './live-database';
import { examinerSubnets, LiveExaminer } from './live-examiner';
import { recoveryProblems, warnOfManagedSecret } from './recovery-limits';
import type { RecoveryProps } from './recovery-options';
import { readSecret } from './secrets';

const HOLD = Duration.days(7);

/** Time that a run may take besides what it waits for people: restores of large databases take many hours. */
const FOR_THE_WORK = Duration.days(3);

export class SettledRecovery {
  public readonly plan: string;
  public readonly target: string;
  public readonly database: LiveDatabase;
  public readonly approval: Approval;
  public readonly hold: Duration;
  public readonly notify: sns.ITopic | undefined;
  public readonly databaseName: string | undefined;
  public readonly site: IDrillSite;
  public readonly examiner: LiveExaminer;
  public readonly vpc: ec2.IVpc;
  public readonly subnets: ec2.SubnetSelection;
  private readonly credentials: secretsmanager.ISecret;

  /**
   * @param problems what its kind refuses besides
   * @throws Error that lists all problems of recovering that synth can find
   */
  constructor(
    private readonly scope: Construct,
    private readonly props: RecoveryProps,
    what: string,
    problems: (databaseName: string | undefined) => string[],
  ) {
    const { source } = props;
    this.database = new LiveDatabase(source);
    this.approval = props.approval ?? Approval.byAnother();
    this.hold = props.hold ?? HOLD;
    this.databaseName = props.databaseName ?? this.database.databaseName;
    this.plan = props.planName ?? enclosingPlan(scope)?.planName ?? pathName(scope.node.scope ?? scope);
    this.target = props.target ?? scope.node.id;
    const found = [
      ...nameProblems({ planName: this.plan, target: this.target }),
      ...recoveryProblems(props, this.hold),
      ...problems(this.databaseName),
    ];
    const credentials = props.credentials ?? this.database.secret;
    const vpc = props.vpc ?? this.database.vpc;
    refuseAll(what, found);
    if (!credentials || !vpc) throw new Error(`${what}: 'credentials' or 'vpc' is missing; state both`);
    this.credentials = credentials;
    this.vpc = vpc;
    this.subnets = props.subnets ?? examinerSubnets(vpc);
    refusePublicSubnets(what, vpc, this.subnets);
    warnOfManagedSecret(scope, props);

    this.notify = props.notify ?? enclosingPlan(scope)?.notify;
    this.site = props.site ?? enclosingSite(scope) ?? new DrillSite(scope, 'Site', { notify: props.notify });
    const { encryptionKey } = this.site;
    this.examiner = new LiveExaminer(scope, 'Examiner', { vpc, subnets: this.subnets, encryptionKey });
  }

  /** The part of the definition that both kinds have. */
  public get definition() {
    const { plan, target, props, site, scope } = this;
    const { source, objectives, checks = [] } = props;
    return {
      plan,
      target,
      recovery: scope.node.id,
      source: { ...source.definition(scope), resourceId: props.resourceId ?? this.database.resourceId },
      credentials: this.credentials.secretArn,
      database: this.databaseName,
      databases: props.databases,
      checks: checks.map((check) => check.contract),
      objectives: { rpoSeconds: objectives.rpo.toSeconds(), rtoSeconds: objectives.rto.toSeconds() },
      examiner: this.examiner.function.functionArn,
      evidenceBucket: site.evidence.bucketName,
      signingKey: site.signingKey.keyArn,
      approval: this.approval.request,
      notify: this.notify?.topicArn,
    };
  }

  /** How long a run may take. */
  public get durableFor(): Duration {
    return FOR_THE_WORK.plus(this.hold).plus(Duration.seconds(this.approval.request.timeoutSeconds));
  }

  /** To call its examiner, log in, keep other recoveries and pruning away, and notify. */
  public get statements(): iam.PolicyStatement[] {
    const { notify } = this;
    const stack = Stack.of(this.scope);
    return [
      allow(['lambda:InvokeFunction'], [this.examiner.function.functionArn]),
      ...readSecret(stack, this.credentials),
      // Others of the target wait for this one, and nothing prunes its backups meanwhile.
      allow(['ssm:DeleteParameter', 'ssm:GetParameter', 'ssm:PutParameter'], [parameterArn(this.scope, this.lock)]),
      ...(notify ? [allow(['sns:Publish'], [notify.topicArn])] : []),
      ...(notify?.masterKey ? [allow(['kms:Decrypt', 'kms:GenerateDataKey'], [notify.masterKey.keyArn])] : []),
    ];
  }

  /** Name of the parameter that tells which recovery of the database is open. */
  public get lock(): string {
    return recoveryParameter({ kind: 'database', id: this.props.source.identifier });
  }

  /** To append to the target's chain of recoveries, and to read that of its drills. */
  public get evidence(): iam.PolicyStatement[] {
    const { evidence, signingKey } = this.site;
    const [own, drills] = [recoveryPrefix(this), evidencePrefix(this)];
    return [
      ...evidenceAccess(evidence, own, `${own}*`),
      allow(['s3:GetObject'], [evidence.arnForObjects(`${drills}*`)]),
      allow(['s3:ListBucket'], [evidence.bucketArn], { StringLike: { 's3:prefix': `${drills}*` } }),
      // Inventories, named after their hash, with which `notShrunk` compares. Only a document of a drill makes one count.
      allow(['s3:PutObject'], [evidence.arnForObjects(`${drills}inventories/*`)], {
        Null: { 's3:if-none-match': 'false' },
      }),
      allow(['kms:GetPublicKey', 'kms:Sign'], [signingKey.keyArn]),
    ];
  }
}

/** They name the parameter by which `lifeboat` finds the recovery. */
function nameProblems(names: Readonly<Record<string, string>>): string[] {
  return Object.entries(names)
    .filter(([, value]) => Token.isUnresolved(value))
    .map(
      ([name]) =>
        `'${name}' is unknown until deployment, so the recovery could not be found by its parameter; write it as text`,
    );
}

export const parameterArn = (scope: Construct, name: string) =>
  Stack.of(scope).formatArn({ service: 'ssm', resource: 'parameter', resourceName: name.slice(1) });

function refusePublicSubnets(what: string, vpc: ec2.IVpc, subnets: ec2.SubnetSelection): void {
  if (!vpc.selectSubnets(subnets).hasPublic) return;
  refuseAll(what, [
    "'subnets' are public, so only a security group would separate the examiner, which reads your data, from the internet; " +
      'choose isolated ones',
  ]);
}
