/** Finds at synth what RDS would refuse in an export of snapshots, or write to other keys. */
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
  /** @default - derived from the construct's path */
  readonly prefix?: string;
}

/** @param prefix without a slash at its end, as RDS expects it */
export function exportProblems(
  scope: Construct,
  { database, bucket, encryptionKey, prefix: stated }: Exported,
  source: SourceDatabase,
  prefix: string,
): string[] {
  const problems: string[] = [];
  const here = Stack.of(scope).region;
  for (const [what, there, remedy] of [
    ["'bucket'", bucket.env.region, `use a bucket in ${here}, and replicate that`],
    ["'encryptionKey'", encryptionKey?.env.region ?? here, `use a key in ${here}, or leave it out`],
    ["'database'", database.env.region, `put the export into a stack of ${database.env.region}`],
  ] as const) {
    if ([here, there].some((region) => Token.isUnresolved(region)) || here === there) continue;
    problems.push(`${what} is in ${there} and the export in ${here}, so RDS would refuse it; ${remedy}`);
  }
  const engine = known(source.engine);
  if (engine !== undefined && !ENGINES.includes(engine)) {
    problems.push(
      `'database' runs ${engine}, and RDS exports only snapshots of ${ENGINES.join(', ')}; remove the export`,
    );
  }
  if (source.retentionDays === 0) {
    problems.push(
      'the backup retention of the database is 0 days, so there would be no snapshot to export; set at least 1 day',
    );
  }
  if (!Token.isUnresolved(prefix) && (prefix === '' || /^\/|\/$|\/\//.test(prefix))) {
    problems.push(
      `'prefix' is '${stated}', which has a folder without a name, so exports would not be where readers expect them; write it as in ` +
        "'exports/orders/'",
    );
  }
  const odd = Token.isUnresolved(prefix) ? null : prefix.match(ODD);
  if (odd) {
    problems.push(
      `'prefix' is '${stated}', which contains ${odd.map((one) => JSON.stringify(one)).join(', ')}; RDS refuses colons and changes ` +
        'backslashes, quotes and spaces to underscores, where its role may not write; leave those out',
    );
  }
  return problems;
}
