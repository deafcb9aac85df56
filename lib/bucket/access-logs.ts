import { Duration, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as s3 from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { markCovered } from '../synth/coverage';
import { removalPolicyOf } from '../synth/enclosing-plan';
import { acknowledge } from '../synth/nag-acknowledgements';

/**
 * A bucket for S3 access logs of a construct's bucket, kept for 400 days: a full year and the weeks that an audit
 * takes.
 *
 * @param of the construct's class
 */
export function accessLogs(scope: Construct, of: string): s3.IBucket {
  const bucket = new s3.Bucket(scope, 'AccessLogs', {
    // S3 delivers access logs to buckets with its own keys only.
    // https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
    encryption: s3.BucketEncryption.S3_MANAGED,
    blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
    enforceSSL: true,
    versioned: true,
    lifecycleRules: [{ expiration: Duration.days(400), noncurrentVersionExpiration: Duration.days(30) }],
    removalPolicy: removalPolicyOf(scope),
  });
  acknowledge(bucket, 'access logs');
  markCovered(bucket, of);
  return bucket;
}

/**
 * Has S3 deliver a bucket's access logs to another one, by the other one's policy. CDK's own property does it by an ACL
 * unless a feature flag says otherwise, so the template would depend on the flags of the app.
 */
export function logAccess(bucket: s3.Bucket, logs: s3.IBucket, prefix: string): void {
  const resource = bucket.node.defaultChild as s3.CfnBucket;
  resource.loggingConfiguration = { destinationBucketName: logs.bucketName, logFilePrefix: prefix };
  logs.addToResourcePolicy(
    new iam.PolicyStatement({
      principals: [new iam.ServicePrincipal('logging.s3.amazonaws.com')],
      actions: ['s3:PutObject'],
      resources: [logs.arnForObjects(`${prefix}*`)],
      conditions: {
        ArnLike: { 'aws:SourceArn': bucket.bucketArn },
        StringEquals: { 'aws:SourceAccount': Stack.of(bucket).account },
      },
    }),
  );
}
