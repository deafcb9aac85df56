import { Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import type { Construct, IConstruct } from 'constructs';
import { enclosingPlan, removalPolicyOf } from '../synth/enclosing-plan';
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

/** The key that a construct encrypts its logs with, and nothing else: as given, else the plan's, else one of its own. */
export function logKey(scope: Construct, given?: kms.IKey): kms.IKey {
  return keyForLogs(scope, given ?? enclosingPlan(scope)?.logEncryptionKey ?? enclosingPlan(scope)?.encryptionKey);
}

/** The key that a construct encrypts data and its logs with: as given, else the plan's, else one of its own. */
export function dataKey(scope: Construct, given?: kms.IKey): kms.IKey {
  return keyForLogs(scope, given ?? enclosingPlan(scope)?.encryptionKey);
}

function keyForLogs(scope: Construct, shared: kms.IKey | undefined): kms.IKey {
  const key = shared ?? ownKey(scope);
  if (shared) warnOfFleetingKey(scope, shared.keyArn);
  letLogsUse(key, scope);
  return key;
}

/** A key that a construct makes for itself, rotated yearly. */
export const ownKey = (scope: Construct, id = 'Key'): kms.Key =>
  new kms.Key(scope, id, { enableKeyRotation: true, removalPolicy: removalPolicyOf(scope) });
