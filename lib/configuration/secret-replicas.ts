import { Annotations, CfnDeletionPolicy, CfnResource, Lazy, Mixin, Stack, Token } from 'aws-cdk-lib';
import type { CfnSecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { IConstruct } from 'constructs';
import { warnOfFleetingKey } from '../synth/kept-keys';
import { regionNameProblem } from '../synth/names';
import { refuseAll } from '../synth/problems';
import { checkProps, type PropsOf } from '../synth/props';

/** One region that has the secret, too. */
export interface SecretReplica {
  /** The region, as in `us-west-2`. */
  readonly region: string;

  /**
   * ARN of the key there that encrypts the replica, or of its alias.
   *
   * @default - the account's own key for Secrets Manager there, which other accounts can't be let use
   */
  readonly encryptionKeyArn?: string;
}

export interface SecretReplicasProps {
  /** Where else it has to be: each region that a database may be brought back in. */
  readonly replicas: SecretReplica[];
}

const PROPS: PropsOf<SecretReplicasProps> = { replicas: true };

/**
 * A secret that is there when its region is not, for its owner to apply: `secret.with(new SecretReplicas({ ... }))`.
 *
 * Each new value reaches the replicas by itself, under the same name. The secret stays when its stack goes, unless it says
 * otherwise, and its versions with it: Secrets Manager keeps the value before the current one as `AWSPREVIOUS`, and those
 * before that as long as they carry a label of yours.
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

  /** @throws Error that names all that Secrets Manager would refuse */
  public applyTo(construct: IConstruct): void {
    if (!this.supports(construct)) return;
    const stated = statedBy(construct, construct.replicaRegions);
    refuseAll(`secret '${construct.node.path}' can't be replicated so`, [
      ...this.regionProblems(construct),
      ...(stated ? this.statedTwiceProblems(stated) : [UNKNOWN]),
    ]);
    const { replicaRegions: before } = construct;
    // The secret may still be told more of them after this.
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
        of.push(`${region} is where the secret is, and a replica there is refused; name another region`);
      }
      if (replicas.findIndex((other) => other.region === region) < index) {
        of.push(`${region} is named twice, so one of the two would be lost; name it once`);
      }
      if (encryptionKeyArn !== undefined && !Token.isUnresolved(encryptionKeyArn)) {
        of.push(...keyProblems(encryptionKeyArn, region));
      }
      return of;
    });
    return replicas.length > 0 ? problems : ['no region is named, so it would be where it is only; name one'];
  }

  private statedTwiceProblems(stated: readonly CfnSecret.ReplicaRegionProperty[]): string[] {
    return this.props.replicas.flatMap(({ region, encryptionKeyArn }) => {
      const same = stated.find((replica) => replica.region === region);
      const keys = [same?.kmsKeyId, encryptionKeyArn];
      if (!same || encryptionKeyArn === undefined || keys.some((key) => Token.isUnresolved(key))) return [];
      if (typeof same.kmsKeyId === 'object') return []; // a key of this app, whose ARN deployment will tell
      if (same.kmsKeyId === encryptionKeyArn) return [];
      return [
        `in ${region} it is encrypted with ${same.kmsKeyId ?? "the account's own key"} by the secret and with ` +
          `${encryptionKeyArn} here, so one would be lost; state it once`,
      ];
    });
  }
}

/** Undefined when only deployment will tell. */
function statedBy(
  secret: CfnSecret,
  replicas: CfnSecret['replicaRegions'],
): CfnSecret.ReplicaRegionProperty[] | undefined {
  const resolved = Stack.of(secret).resolve(replicas) ?? [];
  return Array.isArray(resolved) ? resolved : undefined;
}

const UNKNOWN =
  'its replicas are known at deployment only, so none can be added to them; state them here, and not on the secret';

/** A key encrypts in its own region only. */
function keyProblems(arn: string, region: string): string[] {
  const [, , service, of] = arn.split(':');
  if (service !== 'kms' || !of) {
    return [`its key '${arn}' is no ARN, so it can't be told whether it is in ${region}; give the ARN of a key there`];
  }
  return of === region || Token.isUnresolved(of)
    ? []
    : [`its key is in ${of} and the replica in ${region}, where that key does not exist; give the ARN of a key there`];
}
