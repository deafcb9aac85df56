/** The durable function of a recovery, what starts it, and who may start, see and approve it. */
import { Annotations, Duration, Stack } from 'aws-cdk-lib';
import * as events from 'aws-cdk-lib/aws-events';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import {
  type DatabaseRecoveryRequest,
  DEPLOYED_PATH,
  type HandlerName,
  RECOVERIES_PATH,
  recoveryPrefix,
  type TableRecoveryRequest,
} from '../../lambda/contract';
import { tellOfEvents } from '../alarm/told-events';
import { grantStart } from '../function/grant-start';
import { ShippedFunction, tooLong } from '../function/shipped-function';
import { acknowledgeWildcards } from '../synth/nag-acknowledgements';
import type { RecoveryStart } from './recovery-start';
import { parameterArn, type SettledRecovery } from './settled-recovery';

export interface RecoveryConductorProps {
  readonly entry: HandlerName;
  readonly description: string;
  readonly settled: SettledRecovery;
  readonly definition: object;
  /** What it may do in RDS. */
  readonly statements: iam.PolicyStatement[];
  /** What its ways of cutting over, restarting and looking at health need. */
  readonly ways: iam.PolicyStatement[];
  /** Why some permissions have wildcards, for auditors. */
  readonly patterns: string;
}

export class RecoveryConductor extends Construct {
  public readonly alias: lambda.Alias;
  public readonly role: iam.IRole;
  private readonly function: lambda.Function;
  private readonly settled: SettledRecovery;

  constructor(scope: Construct, id: string, props: RecoveryConductorProps) {
    super(scope, id);
    const { settled, statements, ways, patterns } = props;
    const { site } = settled;
    this.settled = settled;
    const shipped = new ShippedFunction(this, 'Handler', {
      entry: props.entry,
      description: props.description,
      timeout: Duration.minutes(15),
      memorySize: 512,
      encryptionKey: site.encryptionKey,
      logGroup: site.log,
      definition: props.definition,
      durableFor: settled.durableFor,
      deadLetterQueue: site.deadLetterQueue,
      patterns,
      statements,
      evidence: settled.evidence,
    });
    this.function = shipped.function;
    this.role = shipped.role;
    // Apart from the others, since an IAM policy has at most 6,144 characters.
    const policy = new iam.ManagedPolicy(this, 'Ways', {
      roles: [shipped.role],
      statements: [...settled.statements, ...ways],
    });
    policy.node.addValidation({ validate: () => tooLong(policy) });
    acknowledgeWildcards(policy, patterns);
    this.alias = new lambda.Alias(this, 'Live', { aliasName: 'live', version: this.function.currentVersion });
    this.alias.node.addDependency(shipped, policy);
    this.tellOfEnds(props.description);
  }

  /** Starts it with a request when an alarm fires. */
  public startOn(start: RecoveryStart, request: DatabaseRecoveryRequest | TableRecoveryRequest): void {
    const rule = new events.CfnRule(this, 'OnAlarm', {
      description: 'Lifeboat: starts a recovery when an alarm fires',
      eventPattern: {
        source: ['aws.cloudwatch'],
        'detail-type': ['CloudWatch Alarm State Change'],
        resources: [start.alarm.alarmArn],
        detail: { state: { value: ['ALARM'] } },
      },
      targets: [{ id: 'Recovery', arn: this.alias.functionArn, input: Stack.of(this).toJsonString(request) }],
    });
    new lambda.CfnPermission(this, 'MayStart', {
      action: 'lambda:InvokeFunction',
      functionName: this.alias.functionArn,
      principal: 'events.amazonaws.com',
      sourceArn: rule.attrArn,
    });
  }

  /** @throws Error when the grantee is in a stack of another region */
  public grantStart(grantee: iam.IGrantable): iam.Grant {
    return grantStart('recovery', this, this.alias, grantee).combine(this.grantSee(grantee));
  }

  public grantApprove(grantee: iam.IGrantable): iam.Grant {
    return iam.Grant.addToPrincipal({
      grantee,
      actions: ['lambda:SendDurableExecutionCallbackSuccess'],
      resourceArns: [`${this.function.functionArn}:*`],
    }).combine(this.grantSee(grantee));
  }

  /** To see what runs and what it wants approved, which is in the evidence. */
  public grantSee(grantee: iam.IGrantable): iam.Grant {
    const { site, lock } = this.settled;
    const { functionArn } = this.function;
    const of = (actions: string[], resourceArns: string[]) =>
      iam.Grant.addToPrincipal({ grantee, actions, resourceArns });
    return [
      of(['lambda:GetDurableExecution', 'lambda:GetDurableExecutionHistory'], [`${functionArn}:*`]),
      of(['lambda:ListDurableExecutionsByFunction'], [functionArn, `${functionArn}:*`]),
      of(['ssm:GetParameter'], [parameterArn(this, lock)]),
      of(['ssm:GetParametersByPath'], [parameterArn(this, DEPLOYED_PATH), parameterArn(this, RECOVERIES_PATH)]),
      site.evidence.grantRead(grantee, `${recoveryPrefix(this.settled)}*`),
      of(['kms:GetPublicKey'], [site.signingKey.keyArn]),
    ].reduce((all, one) => all.combine(one));
  }

  /** A run that failed, timed out or was stopped from outside has not reported itself. */
  private tellOfEnds(description: string): void {
    const { notify } = this.settled;
    if (!notify) {
      Annotations.of(this).addWarningV2(
        'lifeboat:recovery-notifies-no-one',
        "'notify' is missing, so no one is told when a recovery wants an approval, and it ends once the time for that is over; " +
          'state a topic',
      );
      return;
    }
    tellOfEvents(this, {
      ruleId: 'Ended',
      alarmId: 'EndedUntold',
      description: `${description}: a run ended without a report`,
      eventPattern: {
        source: ['aws.lambda'],
        detailType: ['Durable Execution Status Change'],
        detail: {
          status: ['FAILED', 'STOPPED', 'TIMED_OUT'],
          functionArn: [{ prefix: `${this.function.functionArn}:` }],
        },
      },
      topic: notify,
      notTold: `Runs of a recovery that ended without a report could not be told to topic ${notify.topicArn}`,
    });
  }
}
