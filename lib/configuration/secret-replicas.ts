import { Annotations, CfnDeletionPolicy, CfnResource, Lazy, Mixin, Stack, Token } from 'aws-cdk-lib';
import type { CfnSecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { IConstruct } from 'constructs';
import { warnOfFleetingKey } from '../synth/kept-keys';
import { regionNameProblem } from '../synth/names';
import { refuseAll } from '../synth/problems';
import { checkProps, type PropsOf } from '../synth/props';

/** A replica of the secret in another region. */
export interface SecretReplica {
  /** The region, as in `us-west-2`. */
  readonly region: string;

  /**
   * ARN of the key there that encrypts the replica, or of its alias.
   *
   * @default - the AWS managed key for Secrets Manager there, which can't be shared with other accounts
   */
  readonly encryptionKeyArn?: string;
}

export interface SecretReplicasProps {
  /** One replica for each region that a database may be restored in. */
  readonly replicas: SecretReplica[];
}

const PROPS: PropsOf<SecretReplicasProps> = { replicas: true };

/**
 * A secret that stays available when its region is not. Its owner applies it:
 * `secret.with(new SecretReplicas({ ... }))`.
 *
 * Secrets Manager replicates each new value under the same name. The secret and its versions are retained when its
 * stack is deleted, unless the secret states otherwise. Secrets Manager keeps the previous value as `AWSPREVIOUS`, and
 * earlier ones as long as they have a label of yours.
 * https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html
 */
export class SecretReplicas extends Mixin {
  constructor(private readonly props: SecretReplicasProps) {
    super();
    checkProps(this, props, PROPS);
  }

  public supports(construct: IConstruct): construct is CfnSecret {
    return CfnResource.isCfnResource(construct) && construct.cfnResourceType === 'AWS::SecretsManager::Secret';
  }

  /** @throws Error that lists all that Secrets Manager would refuse */
  public applyTo(construct: IConstruct): void {
    if (!this.supports(construct)) return;
    const stated = statedBy(construct, construct.replicaRegions);
    refuseAll(`secret '${construct.node.path}'`, [
      ...this.regionProblems(construct),
      ...(stated ? this.statedTwiceProblems(stated) : [UNKNOWN]),
    ]);
    const { replicaRegions: before } = construct;
    // More replicas may be added to the secret after this.
    construct.replicaRegions = Lazy.any({ produce: () => this.joined(statedBy(construct, before) ?? []) });
    warnOfFleetingKey(construct, construct.kmsKeyId);
    construct.cfnOptions.deletionPolicy ??= CfnDeletionPolicy.RETAIN;
    construct.cfnOptions.updateReplacePolicy ??= CfnDeletionPolicy.RETAIN;
    if (construct.cfnOptions.deletionPolicy !== CfnDeletionPolicy.DELETE) return;
    Annotations.of(construct).addWarningV2(
      'lifeboat:secret-goes-with-its-stack',
      `CloudFormation deletes secret '${construct.node.path}' with its stack, replicas and versions included; set ` +
        'removalPolicy: RETAIN',
    );
  }

  private joined(stated: readonly CfnSecret.ReplicaRegionProperty[]): CfnSecret.ReplicaRegionProperty[] {
    const there = new Set(stated.map(({ region }) => region));
    const missing = this.props.replicas.filter(({ region }) => !there.has(region));
    return [...stated, ...missing.map(({ region, encryptionKeyArn }) => ({ region, kmsKeyId: encryptionKeyArn }))];
  }

  private regionProblems(secret: CfnSecret): string[] {
    const { replicas } = this.props;
    const { region: own } = Stack.of(secret);
    const problems = replicas.flatMap(({ region, encryptionKeyArn }, index) => {
      if (Token.isUnresolved(region)) return [];
      const of = [];
      const unknown = regionNameProblem(region);
      if (unknown) of.push(unknown);
      if (region === own) {
        of.push(
          `'replicas' has ${region}, the secret's own region, so Secrets Manager would refuse it; use another region`,
        );
      }
      if (replicas.findIndex((other) => other.region === region) < index) {
        of.push(`'replicas' has ${region} twice, so one of the two would be lost; state it once`);
      }
      if (encryptionKeyArn !== undefined && !Token.isUnresolved(encryptionKeyArn)) {
        of.push(...keyProblems(encryptionKeyArn, region));
      }
      return of;
    });
    return replicas.length > 0
      ? problems
      : ["'replicas' is empty, so the secret would exist only in its own region; state a region"];
  }

  private statedTwiceProblems(stated: readonly CfnSecret.ReplicaRegionProperty[]): string[] {
    return this.props.replicas.flatMap(({ region, encryptionKeyArn }) => {
      const same = stated.find((replica) => replica.region === region);
      const keys = [same?.kmsKeyId, encryptionKeyArn];
      if (!same || encryptionKeyArn === undefined || keys.some((key) => Token.isUnresolved(key))) return [];
      if (typeof same.kmsKeyId === 'object') return []; // a key of this app, whose ARN deployment will tell
      if (same.kmsKeyId === encryptionKeyArn) return [];
      return [
        `'encryptionKeyArn' for ${region} is ${encryptionKeyArn}, and the secret itself states ` +
          `${same.kmsKeyId ?? 'the AWS managed key'}, so one would be lost; state it once`,
      ];
    });
  }
}

/** Undefined if unknown at synth. */
function statedBy(
  secret: CfnSecret,
  replicas: CfnSecret['replicaRegions'],
): CfnSecret.ReplicaRegionProperty[] | undefined {
  const resolved = Stack.of(secret).resolve(replicas) ?? [];
  return Array.isArray(resolved) ? resolved : undefined;
}

const UNKNOWN =
  'its own replicas are unknown until deployment, so none can be added; state them in SecretReplicas, and not on the secret';

/** A key encrypts only in its own region. */
function keyProblems(arn: string, region: string): string[] {
  const [, , service, of] = arn.split(':');
  if (service !== 'kms' || !of) {
    return [
      `'encryptionKeyArn' is '${arn}', not an ARN, so its region is unknown; state the ARN of a key in ${region}`,
    ];
  }
  return of === region || Token.isUnresolved(of)
    ? []
    : [
        `'encryptionKeyArn' is in ${of} and the replica in ${region}, so it can't encrypt there; state the ARN of a key in ${region}`,
      ];
}
