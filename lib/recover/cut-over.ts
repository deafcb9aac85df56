import { Stack, Token } from 'aws-cdk-lib';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as route53 from 'aws-cdk-lib/aws-route53';
import type * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import type * as ssm from 'aws-cdk-lib/aws-ssm';
import type { CutOver as CutOverContract } from '../../lambda/contract';
import { allow } from '../function/statements';
import { readSecret, secretArn, useOfSecretKey } from './secrets';

export interface SecretCutOverOptions {
  /**
   * Field of the secret's JSON that holds the host.
   *
   * @default 'host'
   */
  readonly hostField?: string;

  /**
   * Field of the secret's JSON that holds the port.
   *
   * @default 'port'
   */
  readonly portField?: string;
}

/** Why a way of cutting over can't work, given what synth knows: one sentence each. */
type Problems = () => string[];

/** One way in which applications are sent to the recovered database. Several may be combined. */
export class CutOver {
  /**
   * A new version of a secret, with the recovered database's host and port. All other fields, and the version before,
   * stay. Applications have to read the secret again: see `Restart`.
   *
   * @param secret one that applications read, and that RDS does not manage itself
   */
  public static secret(secret: secretsmanager.ISecret, options: SecretCutOverOptions = {}): CutOver {
    const { hostField, portField } = options;
    return new CutOver(
      { kind: 'secret', secret: secret.secretArn, hostField, portField },
      (stack) => [
        ...readSecret(stack, secret),
        allow(
          ['secretsmanager:DescribeSecret', 'secretsmanager:PutSecretValue', 'secretsmanager:UpdateSecretVersionStage'],
          [secretArn(secret)],
        ),
        ...useOfSecretKey(stack, secret, ['kms:GenerateDataKey']),
      ],
      () => secretProblems(secret),
    );
  }

  /**
   * The damaged database gets another identifier, and the recovered one then gets its: applications keep host name and
   * secret. It takes up to 10 minutes until the name leads to the recovered database, and none answers until then.
   * CloudFormation takes the recovered instance for its own.
   */
  public static rename(): CutOver {
    return new CutOver({ kind: 'rename' }, () => []);
  }

  /**
   * A CNAME in Route 53, changed only while it has the value that it had before. The connections' certificates carry
   * the instance's own name, so clients that verify the host name must be told another one (`sslmode=verify-ca`).
   *
   * @param recordName the full name, as in `orders.example.com`
   */
  public static dns(zone: route53.IHostedZone, recordName: string): CutOver {
    const record = recordName.replace(/\.$/, '').toLowerCase();
    return new CutOver(
      { kind: 'dns', zone: zone.hostedZoneId, record },
      (stack) => {
        const zoneArn = stack.formatArn({
          service: 'route53',
          region: '',
          account: '',
          resource: 'hostedzone',
          resourceName: zone.hostedZoneId,
        });
        const change = stack.formatArn({
          service: 'route53',
          region: '',
          account: '',
          resource: 'change',
          resourceName: '*',
        });
        return [
          allow(['route53:ChangeResourceRecordSets'], [zoneArn], {
            'ForAllValues:StringEquals': {
              'route53:ChangeResourceRecordSetsNormalizedRecordNames': [record],
              'route53:ChangeResourceRecordSetsRecordTypes': ['CNAME'],
              // Both in one batch, so that Route 53 refuses it unless the record is as it was read.
              'route53:ChangeResourceRecordSetsActions': ['CREATE', 'DELETE'],
            },
            Null: { 'route53:ChangeResourceRecordSetsNormalizedRecordNames': 'false' },
          }),
          allow(['route53:ListResourceRecordSets'], [zoneArn]),
          allow(['route53:GetChange'], [change]),
        ];
      },
      () => recordProblems(record),
    );
  }

  /** A parameter of Parameter Store that holds the host alone. */
  public static parameter(parameter: ssm.IParameter): CutOver {
    return CutOver.ofParameter(parameter, undefined);
  }

  /** A parameter of Parameter Store that holds host and port, as in `orders.example.com:5432`. */
  public static parameterWithPort(parameter: ssm.IParameter): CutOver {
    return CutOver.ofParameter(parameter, true);
  }

  private static ofParameter(parameter: ssm.IParameter, withPort: true | undefined): CutOver {
    return new CutOver(
      { kind: 'parameter', parameter: parameter.parameterName, withPort },
      () => [allow(['ssm:GetParameter', 'ssm:PutParameter'], [parameter.parameterArn])],
      () => parameterProblems(parameter),
    );
  }

  private constructor(
    /** The way in the contract. */
    public readonly request: CutOverContract,
    private readonly allowed: (stack: Stack) => iam.PolicyStatement[],
    private readonly refused: Problems = () => [],
  ) {}

  /** What the recovery may do for it. */
  public statements(stack: Stack): iam.PolicyStatement[] {
    return this.allowed(stack);
  }

  /** Why it can't work, one sentence each. */
  public get problems(): string[] {
    return this.refused();
  }
}

/** RDS names its own secrets `rds!db-...`, and only RDS may write them. */
function secretProblems(secret: secretsmanager.ISecret): string[] {
  if (!isManagedByRds(secret)) return [];
  return [
    `'cutOver' writes secret '${secret.node.path}', which RDS manages for one instance: nobody else may write it, and the ` +
      'recovered database would have another; let applications read a secret of your own, or use CutOver.rename() or CutOver.dns()',
  ];
}

/** Whether RDS made the secret, as its name or its reference shows. */
export function isManagedByRds(secret: secretsmanager.ISecret): boolean {
  const { secretArn: arn } = secret;
  if (!Token.isUnresolved(arn)) return arn.includes('rds!');
  return JSON.stringify(Stack.of(secret).resolve(arn)).includes('MasterUserSecret.SecretArn');
}

function recordProblems(record: string): string[] {
  if (Token.isUnresolved(record) || /^[a-z0-9_](?:[a-z0-9_-]*)(?:\.[a-z0-9_][a-z0-9_-]*)+$/.test(record)) return [];
  return [
    `'cutOver' changes the record '${record}', which is not a full name, so Route 53 would have none of that name; write it as in ` +
      "CutOver.dns(zone, 'orders.example.com')",
  ];
}

function parameterProblems(parameter: ssm.IParameter): string[] {
  if (parameter.parameterType !== 'SecureString') return [];
  return [
    `'cutOver' writes parameter '${parameter.node.path}', which is a SecureString, and a host name is not a secret: the recovery ` +
      'would need its key; use a parameter of the type String',
  ];
}
