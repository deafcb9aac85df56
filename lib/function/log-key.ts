import { Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import type { Construct, IConstruct } from 'constructs';
import { warnOfFleetingKey } from '../synth/kept-keys';

/**
 * Allows CloudWatch Logs to encrypt log groups of the construct's region with a key. The policy of a key of another app
 * has to allow it there. https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
 */
export function letLogsUse(key: kms.IKey, scope: IConstruct): void {
  const { region, partition, account, urlSuffix } = Stack.of(scope);
  key.addToResourcePolicy(
    new iam.PolicyStatement({
      // Unlike most service principals, it has the partition's suffix: in China, `logs.cn-north-1.amazonaws.com.cn`.
      principals: [new iam.ServicePrincipal(`logs.${region}.${urlSuffix}`)],
      // Without DescribeKey of AWS's example: that has no encryption context, so the condition would never match.
      actions: ['kms:Decrypt', 'kms:Encrypt', 'kms:GenerateDataKey*', 'kms:ReEncrypt*'],
      resources: ['*'],
      conditions: {
        ArnLike: { 'kms:EncryptionContext:aws:logs:arn': `arn:${partition}:logs:${region}:${account}:*` },
      },
    }),
  );
}

/** The key that encrypts a construct's logs: the stated one, or one of its own, rotated yearly. */
export function logKey(scope: Construct, given?: kms.IKey): kms.IKey {
  const key = given ?? new kms.Key(scope, 'Key', { enableKeyRotation: true });
  if (given) warnOfFleetingKey(scope, given.keyArn);
  letLogsUse(key, scope);
  return key;
}
