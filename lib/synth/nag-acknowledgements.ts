/**
 * Why some rules of cdk-nag's packs don't fit what Lifeboat makes, so that its users need not find out themselves.
 *
 * Acknowledgements are metadata of constructs: without cdk-nag they do nothing.
 */
import { Stack, Validations } from 'aws-cdk-lib';
import type * as iam from 'aws-cdk-lib/aws-iam';
import { version } from 'aws-cdk-lib/package.json';
import type { IConstruct } from 'constructs';

/** Older versions of CDK know no acknowledgements, or refuse those of a single finding. */
const CAN_ACKNOWLEDGE = Number(version.split('.')[1]) >= 270;

interface Acknowledgement {
  readonly rules: readonly string[];
  readonly reason: string;
}

const ACKNOWLEDGEMENTS = {
  'outside any network': {
    rules: ['NIST.800.53.R5-LambdaInsideVPC'],
    reason:
      'It calls AWS and reaches no database. In a network it would need endpoints or NAT; what reaches data, the ' +
      'examiner, is in an isolated one instead.',
  },
  'answers its caller': {
    rules: ['NIST.800.53.R5-LambdaDLQ'],
    reason: 'It is only called synchronously, by a conductor that retries and reports failures in evidence.',
  },
  'answers CloudFormation': {
    rules: ['NIST.800.53.R5-LambdaDLQ'],
    reason: 'CloudFormation waits for its answer, and fails the deployment where none comes: nothing is lost unseen.',
  },
  concurrency: {
    rules: ['NIST.800.53.R5-LambdaConcurrency'],
    reason:
      'It runs a few times a day at most. Reserving concurrency takes it from the account, and fails where the account ' +
      'has the quota it began with.',
  },
  rotation: {
    rules: ['AwsSolutions-SMG4', 'NIST.800.53.R5-SecretsManagerRotationEnabled'],
    reason:
      'No password of anything lasting: passwords of copies are derived from it, each lives for one drill, and a change ' +
      'in the middle of a drill would fail it. Put a new value at any other time.',
  },
  'access logs': {
    rules: ['NIST.800.53.R5-S3DefaultEncryptionKMS', 'NIST.800.53.R5-S3BucketReplicationEnabled'],
    reason:
      'S3 delivers access logs to buckets encrypted with its own keys only. The logs are a trail, not the evidence, and ' +
      'need no second place.',
  },
  replication: {
    rules: ['NIST.800.53.R5-S3BucketReplicationEnabled'],
    reason:
      'Versions and locks keep evidence from being changed or lost. Where it must outlive the region, give the site a ' +
      'bucket that is replicated.',
  },
  "S3's own keys": {
    rules: ['NIST.800.53.R5-S3DefaultEncryptionKMS'],
    reason:
      "Its objects are encrypted with S3's own keys, which ElastiCache needs in order to be seeded from an export. Where " +
      'who may decrypt has to be decided apart from who may read, give the archive a key.',
  },
  'archive in one region': {
    rules: ['NIST.800.53.R5-S3BucketReplicationEnabled'],
    reason:
      'It holds replicas itself, or what can be made again. Where it is the only place of a backup, give the archive a ' +
      'replication target in another region.',
  },
  'default security group': {
    rules: ['NIST.800.53.R5-VPCDefaultSecurityGroupClosed'],
    reason:
      'CloudFormation can not close it. Nothing is put in it: copies and examiner name their own groups, and the ' +
      'network has no way in or out.',
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
      'A read replica has its encryption, port and logs from its source, which is not in this stack. It is a second place ' +
      'already, with automated backups of its own; make it Multi-AZ and watch it closer once it is promoted.',
  },
  'plain settings': {
    rules: ['AwsSolutions-ECS2'],
    reason:
      'These are names of places: host, database, bucket, prefixes. User and password come from Secrets Manager when the ' +
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
 * Acknowledges each wildcard among a policy's actions and resources. cdk-nag names them with their logical IDs, and matches whole
 * names only; those of other stacks are settled at synth, so this waits until then.
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

/** A resolved reference as cdk-nag writes it. */
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
