import { Mixin, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import type { IConstruct } from 'constructs';
import { isBucketOfApp } from '../synth/bucket-resource';
import { Mark } from '../synth/marks';
import { checkProps, type PropsOf } from '../synth/props';

/** https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/backups-exporting.html */
const OF_FILES = ['s3:PutObject', 's3:GetObject', 's3:ListMultipartUploadParts'];
const OF_BUCKET = ['s3:ListBucket', 's3:GetBucketAcl', 's3:ListBucketMultipartUploads'];

export interface CacheExportAccessOptions {
  /**
   * What names of exports that another app makes into the bucket start with, as `CacheExport.prefix` there.
   *
   * @default - none: those of this app's exports are known
   */
  readonly otherPrefixes?: string[];
}

/** What is noted on a bucket, whichever comes first: its owner's leave, or an export into it. */
interface Noted {
  readonly prefixes: string[];
  allowed: boolean;
}

const noted = new Mark<Noted>('CacheExportAccess');

const PROPS: PropsOf<CacheExportAccessOptions> = { otherPrefixes: true };

/**
 * Lets ElastiCache put exports into a bucket, for its owner to apply: `bucket.with(new CacheExportAccess())`.
 *
 * ElastiCache writes as a service principal of the bucket's region, and into buckets of that region only. It reads and
 * writes files of exports, each under its prefix, and no other; names of all keys it may list, since AWS does not say by
 * which prefix it asks for them.
 */
export class CacheExportAccess extends Mixin {
  constructor(private readonly options: CacheExportAccessOptions = {}) {
    super();
    checkProps(this, options, PROPS);
  }

  public supports(construct: IConstruct): construct is s3.Bucket {
    return isBucketOfApp(construct);
  }

  public applyTo(construct: IConstruct): void {
    if (!this.supports(construct)) return;
    const found = notedOn(construct);
    const { otherPrefixes = [] } = this.options;
    if (!found.allowed) construct.addToResourcePolicy(ofBucket(construct));
    const prefixes = found.allowed ? otherPrefixes : [...found.prefixes, ...otherPrefixes];
    for (const prefix of prefixes) construct.addToResourcePolicy(ofFiles(construct, prefix));
    found.allowed = true;
  }
}

/** Notes an export into a bucket of this app: where its owner lets ElastiCache in, this adds its files. */
export function noteExport(bucket: s3.Bucket, prefix: string): void {
  const found = notedOn(bucket);
  found.prefixes.push(prefix);
  if (found.allowed) bucket.addToResourcePolicy(ofFiles(bucket, prefix));
}

/** What the policy of a bucket that is made elsewhere needs. */
export const exportStatements = (bucket: s3.IBucket, prefix: string): iam.PolicyStatement[] => [
  ofBucket(bucket),
  ofFiles(bucket, prefix),
];

/** Whether the bucket's policy, as far as this app writes it, lets ElastiCache write these files. */
export function letsExport(bucket: s3.Bucket, prefix: string): boolean {
  const stack = Stack.of(bucket);
  const { Statement: statements = [] } = stack.resolve(bucket.policy?.document) ?? {};
  return (statements as { Effect: string; Principal?: unknown; Resource?: unknown }[]).some(
    ({ Effect, Principal, Resource }) =>
      Effect === 'Allow' &&
      JSON.stringify(Principal ?? '').includes('elasticache-snapshot.amazonaws.com') &&
      [Resource].flat().some((resource) => covers(JSON.stringify(resource), prefix)),
  );
}

/** `{"Fn::Join":["",[{"Fn::GetAtt":["Archive","Arn"]},"/weekly-*"]]}` covers `weekly-sessions-`. */
function covers(resource: string, prefix: string): boolean {
  const [, start] = /\/([^"/]*)\*"/.exec(resource) ?? [];
  return start !== undefined && prefix.startsWith(start);
}

function notedOn(bucket: s3.Bucket): Noted {
  const found = noted.on(bucket) ?? { prefixes: [], allowed: false };
  noted.put(bucket, found);
  return found;
}

const ofFiles = (bucket: s3.IBucket, prefix: string) => statement(bucket, OF_FILES, bucket.arnForObjects(`${prefix}*`));
const ofBucket = (bucket: s3.IBucket) => statement(bucket, OF_BUCKET, bucket.bucketArn);

function statement(bucket: s3.IBucket, actions: string[], resource: string): iam.PolicyStatement {
  const { region, account } = Stack.of(bucket);
  return new iam.PolicyStatement({
    principals: [new iam.ServicePrincipal(`${region}.elasticache-snapshot.amazonaws.com`)],
    actions,
    resources: [resource],
    // AWS's guide of exports names no condition, so it is not asked for where ElastiCache doesn't say for whom it calls.
    conditions: { StringEqualsIfExists: { 'aws:SourceAccount': account } },
  });
}
