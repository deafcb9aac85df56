/** What starts exports of a database's snapshots may do, and RDS in its name. */
import { ArnFormat, Stack } from 'aws-cdk-lib';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type { IConstruct } from 'constructs';
import { automatedSnapshots } from '../../lambda/contract';
import { allow } from '../function/statements';

/**
 * API references of StartExportTask name these of the caller, besides CreateGrant and DescribeKey; the newest names
 * those two alone. https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_StartExportTask.html
 */
const EXPORT_KEY_USE = [
  'kms:Decrypt',
  'kms:Encrypt',
  'kms:GenerateDataKey',
  'kms:GenerateDataKeyWithoutPlaintext',
  'kms:ReEncryptFrom',
  'kms:ReEncryptTo',
  'kms:RetireGrant',
];

/**
 * @param instance identifier of the database
 * @param role RDS writes to the bucket as this one
 * @param key encrypts exports
 */
export function exportPermissions(
  scope: IConstruct,
  instance: string,
  role: iam.IRole,
  key: kms.IKey,
): iam.PolicyStatement[] {
  const snapshots = Stack.of(scope).formatArn({
    service: 'rds',
    resource: 'snapshot',
    // The pattern leaves out the snapshots of a database `orders-archive`.
    resourceName: automatedSnapshots(instance),
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });
  return [
    allow(['rds:DescribeDBSnapshots', 'rds:DescribeExportTasks', 'rds:ListTagsForResource'], ['*']),
    allow(['rds:StartExportTask'], [snapshots]),
    allow(['iam:PassRole'], [role.roleArn], {
      StringEquals: { 'iam:PassedToService': 'export.rds.amazonaws.com' },
    }),
    allow(['kms:DescribeKey'], [key.keyArn]),
    // RDS goes on encrypting after the call, by a grant of the caller's.
    allow(['kms:CreateGrant'], [key.keyArn], { Bool: { 'kms:GrantIsForAWSResource': 'true' } }),
    // For RDS alone to do in the caller's name.
    allow(EXPORT_KEY_USE, [key.keyArn], {
      StringEquals: { 'kms:ViaService': `rds.${Stack.of(scope).region}.amazonaws.com` },
    }),
  ];
}
