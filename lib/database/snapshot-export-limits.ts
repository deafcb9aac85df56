/** What RDS would refuse of an export of snapshots, or write elsewhere, told at synth. */
import { Stack, Token } from 'aws-cdk-lib';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as rds from 'aws-cdk-lib/aws-rds';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { known } from '../synth/tokens';
import type { SourceDatabase } from './source-database';

/** https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ExportSnapshot.html */
const ENGINES = ['mariadb', 'mysql', 'postgres'];

/**
 * What RDS refuses in a prefix, or writes as underscores.
 * https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-export-snapshot.Considerations.html
 */
export const ODD = /[:\\`"\s]/g;

interface Exported {
  readonly database: rds.IDatabaseInstance;
  readonly bucket: s3.IBucket;
  /** @default - one of the export's own */
  readonly encryptionKey?: kms.IKey;
  /** @default - made of the construct's path */
  readonly prefix?: string;
}

/** @param prefix as RDS takes it, without a slash at its end */
export function exportProblems(
  scope: Construct,
  { database, bucket, encryptionKey, prefix: stated }: Exported,
  source: SourceDatabase,
  prefix: string,
): string[] {
  const problems: string[] = [];
  const here = Stack.of(scope).region;
  for (const [what, there, remedy] of [
    ['the bucket', bucket.env.region, 'export to a bucket of the database, and replicate that one'],
    ['the key', encryptionKey?.env.region ?? here, 'give a key of the database, or leave it out'],
    ['the database', database.env.region, 'put the export into a stack of the database'],
  ] as const) {
    if ([here, there].some((region) => Token.isUnresolved(region)) || here === there) continue;
    problems.push(`${what} is in ${there} and the export in ${here}, so RDS would refuse it; ${remedy}'s region`);
  }
  const engine = known(source.engine);
  if (engine !== undefined && !ENGINES.includes(engine)) {
    problems.push(`it runs ${engine}, and RDS exports snapshots of ${ENGINES.join(', ')} only; take the export off it`);
  }
  if (source.retentionDays === 0) {
    problems.push(
      'its backup retention is 0 days, so there is never a snapshot to export; keep backups for at least 1 day',
    );
  }
  if (!Token.isUnresolved(prefix) && (prefix === '' || /^\/|\/$|\/\//.test(prefix))) {
    problems.push(
      `the prefix '${stated}' has a folder without a name, so exports would not lie where who reads them looks; write it as in ` +
        "'exports/orders/'",
    );
  }
  const odd = Token.isUnresolved(prefix) ? null : prefix.match(ODD);
  if (odd) {
    problems.push(
      `the prefix '${stated}' has ${odd.map((one) => JSON.stringify(one)).join(', ')} in it, and RDS takes no colons, and makes ` +
        'underscores of backslashes, quotes and spaces, so that its role may not write there; leave those out',
    );
  }
  return problems;
}
