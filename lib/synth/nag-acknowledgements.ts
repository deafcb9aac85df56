/**
 * Why some rules of cdk-nag's packs don't apply to resources of Lifeboat, so that users need not find out themselves.
 *
 * Acknowledgements are metadata of constructs: without cdk-nag they do nothing.
 */
import { Stack, Validations } from 'aws-cdk-lib';
import type * as iam from 'aws-cdk-lib/aws-iam';
import { version } from 'aws-cdk-lib/package.json';
import type { IConstruct } from 'constructs';

/** Older versions of CDK have no acknowledgements, or refuse those of a single finding. */
const CAN_ACKNOWLEDGE = Number(version.split('.')[1]) >= 270;

interface Acknowledgement {
  readonly rules: readonly string[];
  readonly reason: string;
}

const ACKNOWLEDGEMENTS = {
  'outside any network': {
    rules: ['NIST.800.53.R5-LambdaInsideVPC'],
    reason:
      'It calls AWS and connects to no database. In a VPC it would need endpoints or NAT. The examiner, which reads data, ' +
      'is in an isolated VPC.',
  },
  'answers its caller': {
    rules: ['NIST.800.53.R5-LambdaDLQ'],
    reason: 'It is only called synchronously, by a conductor that retries and reports failures in evidence.',
  },
  'answers CloudFormation': {
    rules: ['NIST.800.53.R5-LambdaDLQ'],
    reason: 'CloudFormation waits for its answer, and fails the deployment without one, so no failure goes unnoticed.',
  },
  concurrency: {
    rules: ['NIST.800.53.R5-LambdaConcurrency'],
    reason:
      'It runs at most a few times a day. Reserved concurrency is taken from the account, and fails in an account with ' +
      'the initial quota.',
  },
  rotation: {
    rules: ['AwsSolutions-SMG4', 'NIST.800.53.R5-SecretsManagerRotationEnabled'],
    reason:
      'Passwords of restored instances are derived from it, and each is used for one drill. A change during a drill would ' +
      'fail the drill. Put a new value at any other time.',
  },
  'access logs': {
    rules: ['NIST.800.53.R5-S3DefaultEncryptionKMS', 'NIST.800.53.R5-S3BucketReplicationEnabled'],
    reason:
      'S3 delivers access logs only to buckets encrypted with its own keys. The logs are not evidence, and need no replica.',
  },
  replication: {
    rules: ['NIST.800.53.R5-S3BucketReplicationEnabled'],
    reason:
      'Versioning and Object Lock protect evidence from changes and loss. If it must outlive the region, give the site a ' +
      'replicated bucket.',
  },
  "S3's own keys": {
    rules: ['NIST.800.53.R5-S3DefaultEncryptionKMS'],
    reason:
      "Its objects are encrypted with S3's own keys, since ElastiCache seeds a cache only from such exports. If permission " +
      'to decrypt has to be separate from permission to read, give the archive a key.',
  },
  'archive in one region': {
    rules: ['NIST.800.53.R5-S3BucketReplicationEnabled'],
    reason:
      'It contains replicas, or data that can be created again. If it has the only copy of a backup, give the archive a ' +
      'replication target in another region.',
  },
  'default security group': {
    rules: ['NIST.800.53.R5-VPCDefaultSecurityGroupClosed'],
    reason:
      'CloudFormation can not close it. Nothing uses it: restored instances and the examiner have their own groups, and ' +
      'the VPC has no gateway.',
  },
  replica: {
    rules: [
      'AwsSolutions-RDS2',
      'AwsSolutions-RDS3',
      'AwsSolutions-RDS11',
      'NIST.800.53.R5-RDSEnhancedMonitoringEnabled',
      'NIST.800.53.R5-RDSInBackupPlan',
      'NIST.800.53.R5-RDSLoggingEnabled',
      'NIST.800.53.R5-RDSMultiAZSupport',
      'NIST.800.53.R5-RDSStorageEncrypted',
    ],
    reason:
      'A read replica has its encryption, port and logs from its source, which is not in this stack. It is a second copy ' +
      'already, with automated backups of its own; make it Multi-AZ and monitor it more closely once it is promoted.',
  },
  'plain settings': {
    rules: ['AwsSolutions-ECS2'],
    reason:
      'These are not secret: host, database, bucket, prefixes. User and password come from Secrets Manager when the ' +
      'task starts.',
  },
} satisfies Record<string, Acknowledgement>;

export function acknowledge(construct: IConstruct, ...subjects: (keyof typeof ACKNOWLEDGEMENTS)[]): void {
  for (const subject of subjects) {
    const { rules, reason } = ACKNOWLEDGEMENTS[subject];
    // HIPAA's pack has the same rules, under its own name.
    const all = new Set(rules.flatMap((id) => [id, id.replace(/^NIST\.800\.53\.R5-/, 'HIPAA.Security-')]));
    acknowledgeRules(construct, [...all], reason);
  }
}

/** Rules that one construct breaks for a reason of its own. */
export function acknowledgeRules(construct: IConstruct, rules: readonly string[], reason: string): void {
  if (CAN_ACKNOWLEDGE) Validations.of(construct).acknowledge(...rules.map((id) => ({ id, reason })));
}

/**
 * Acknowledges each wildcard among a policy's actions and resources. cdk-nag names them with logical IDs, and matches
 * only whole names; logical IDs of other stacks are final only at synth, so this waits until then.
 */
export function acknowledgeWildcards(policy: iam.ManagedPolicy, reason: string): void {
  policy.node.addValidation({
    validate: () => {
      const { Statement: statements } = Stack.of(policy).resolve(policy.document);
      for (const kind of ['Action', 'Resource'] as const) {
        for (const value of statements.flatMap((statement: Record<typeof kind, unknown>) => statement[kind])) {
          const name = flat(value);
          if (!name.includes('*')) continue;
          acknowledgeRules(policy, [`AwsSolutions-IAM5[${kind}::${name}]`], reason);
        }
      }
      return [];
    },
  });
}

/** A resolved reference in the notation of cdk-nag. */
function flat(value: unknown): string {
  if (typeof value === 'string') return value;
  const [[intrinsic, argument] = []] = Object.entries(value as Record<string, unknown>);
  if (intrinsic === 'Ref') return `<${argument}>`;
  if (intrinsic === 'Fn::GetAtt') return `<${(argument as string[]).join('.')}>`;
  if (intrinsic === 'Fn::Join') {
    const [delimiter, parts] = argument as [string, unknown[]];
    return parts.map(flat).join(delimiter);
  }
  return intrinsic === 'Fn::ImportValue' ? flat(argument) : JSON.stringify(value);
}
