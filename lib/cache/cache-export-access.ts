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
   * Prefixes of exports of other apps into the bucket: `CacheExport.prefix` there.
   *
   * @default - none; prefixes of this app's exports are added automatically
   */
  readonly otherPrefixes?: string[];
}

/** Noted on a bucket, in any order: that its owner allows exports, and the exports into it. */
interface Noted {
  readonly prefixes: string[];
  allowed: boolean;
}

const noted = new Mark<Noted>('CacheExportAccess');

const PROPS: PropsOf<CacheExportAccessOptions> = { otherPrefixes: true };

/**
 * Allows ElastiCache to write exports into a bucket. Its owner applies it: `bucket.with(new CacheExportAccess())`.
 *
 * ElastiCache writes as a service principal of the bucket's region, and only into buckets of that region. It may read
 * and write only files of exports, each under its prefix. It may list all keys, since AWS does not document which
 * prefix it lists.
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

/** Notes an export into a bucket of this app. If its owner allows exports, the policy then allows its files. */
export function noteExport(bucket: s3.Bucket, prefix: string): void {
  const found = notedOn(bucket);
  found.prefixes.push(prefix);
  if (found.allowed) bucket.addToResourcePolicy(ofFiles(bucket, prefix));
}

/** The statements that the policy of an imported bucket needs. */
export const exportStatements = (bucket: s3.IBucket, prefix: string): iam.PolicyStatement[] => [
  ofBucket(bucket),
  ofFiles(bucket, prefix),
];

/** Whether the part of the bucket's policy in this app allows ElastiCache to write these files. */
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
    // AWS's guide on exports has no condition, so a request of ElastiCache without a source account is allowed, too.
    conditions: { StringEqualsIfExists: { 'aws:SourceAccount': account } },
  });
}
