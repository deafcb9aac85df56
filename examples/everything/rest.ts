/** The rest of the system: secrets, configuration, images, logs and files of users. */
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import * as ecr from 'aws-cdk-lib/aws-ecr';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import {
  ArchiveTier,
  BucketBackups,
  ConfigurationBackups,
  ImageArchive,
  ImageBackups,
  ImageReplication,
  LogArchive,
  SecretReplicas,
} from '../../lib';
import { acknowledge, ROTATION } from './cdk-nag';
import { RESUMES_WEST, WEST } from './west';

export interface RestProps {
  readonly key: kms.IKey;
  readonly notify: sns.ITopic;
}

export function addRest(scope: Construct, { key, notify }: RestProps): void {
  const paymentKey = new secretsmanager.Secret(scope, 'PaymentKey', {
    encryptionKey: key,
    removalPolicy: RemovalPolicy.RETAIN,
  });
  paymentKey.with(new SecretReplicas({ replicas: [{ region: WEST }] }));
  acknowledge(paymentKey, 'The payment provider decides when its key changes.', ...ROTATION);
  new ConfigurationBackups(scope, 'Configuration', { encryptionKey: key, notify });
  const web = new ecr.Repository(scope, 'Web', { encryption: ecr.RepositoryEncryption.KMS, imageScanOnPush: true });
  web.with(new ImageBackups());
  new ImageReplication(scope, 'ImagesWest', { destinations: [{ region: WEST }] });
  new ImageArchive(scope, 'Images', { repositories: [web], encryptionKey: key, notify });
  const logArchive = new LogArchive(scope, 'Logs', { encryptionKey: key, notify });
  logArchive.addLogGroup('Application', { retention: logs.RetentionDays.ONE_MONTH });
  const resumes = new s3.Bucket(scope, 'Resumes', {
    encryption: s3.BucketEncryption.S3_MANAGED,
    enforceSSL: true,
    blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
    removalPolicy: RemovalPolicy.RETAIN,
  });
  resumes.with(
    new BucketBackups({
      tiers: [ArchiveTier.everything({ noncurrentVersions: { expireAfter: Duration.days(90), keepNewest: 3 } })],
      replication: { bucketName: RESUMES_WEST, region: WEST },
    }),
  );
  acknowledge(
    resumes,
    "Reads of people's files are recorded in CloudTrail, by object and reader.",
    'AwsSolutions-S1',
    'NIST.800.53.R5-S3BucketLoggingEnabled',
    'HIPAA.Security-S3BucketLoggingEnabled',
  );
  acknowledge(
    resumes,
    "S3's own keys, so that replicas don't need a key in the other region.",
    'NIST.800.53.R5-S3DefaultEncryptionKMS',
    'HIPAA.Security-S3DefaultEncryptionKMS',
  );
}
