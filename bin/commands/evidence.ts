/** `lifeboat evidence verify`: verifies what drills and recoveries left, in a folder or in a bucket, and names all that is wrong. */
import { readFileSync } from 'node:fs';
import { S3Client } from '@aws-sdk/client-s3';
import type { Command } from 'commander';
import { fromPem } from '../../lambda/evidence/signing';
import { filesInBucket, filesInFolder } from '../../lambda/evidence/stored-files';
import { verificationText } from '../../lambda/evidence/verification-text';
import { verifyEvidence } from '../../lambda/evidence/verify-evidence';
import { visibleLines } from '../../lambda/evidence/visible';
import { rehearsed, s3Client } from '../../rehearsal/server/clients';
import { fromArguments, misused, NOT_PROVEN, PROVEN } from '../ending';

/** Of what drills proved, and of what recoveries did. */
const PREFIXES = ['evidence/', 'recoveries/'];

export function addEvidence(program: Command): void {
  program
    .command('evidence')
    .description('Evidence, which drills and recoveries leave.')
    .command('verify')
    .description(
      'Verify signatures, places and links of all documents, and name what is altered, missing, hidden, forked or not signed.',
    )
    .argument('[folder]', 'a copy of the evidence, as `aws s3 sync` or a rehearsal makes one')
    .option('--bucket <name>', 'read the bucket itself instead, with versions and delete markers')
    .option('--prefix <prefix>', 'start of the keys in the bucket (default: evidence/ and recoveries/)')
    .option('--key <file...>', 'PEM files of the keys that you trust, instead of those that lie beside the evidence')
    .option('--region <name>', 'AWS region of the bucket, instead of the one that your environment or profile names')
    .option('--endpoint <url>', 'endpoint that `lifeboat region` printed, in a shell that has its exports')
    .option('--json', 'print one JSON document', false)
    .action(async (folder: string | undefined, { bucket, prefix, key, region, endpoint, json }) => {
      if ((folder === undefined) === (bucket === undefined)) {
        misused(program, 'give either a folder or --bucket, not both');
      }
      const trusted = key && fromArguments(program, () => (key as string[]).map(readKey));
      const files =
        folder === undefined
          ? await filesUnder(
              fromArguments(program, () => clientOf(endpoint, region)),
              bucket,
              prefix === undefined ? PREFIXES : [prefix],
            )
          : await filesInFolder(folder).catch(({ message }: Error) =>
              misused(program, `'${folder}' can't be read as a folder of evidence: ${message}`),
            );
      const verification = await verifyEvidence(files, { trusted });
      const lines = json ? [visibleLines(JSON.stringify(verification, null, 2))] : verificationText(verification);
      process.stdout.write(`${lines.join('\n')}\n`);
      process.exitCode = verification.proven ? PROVEN : NOT_PROVEN;
    });
}

function readKey(file: string) {
  try {
    return fromPem(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new Error(`'--key' ${file} can't be used: ${error instanceof Error ? error.message : error}`);
  }
}

async function filesUnder(s3: S3Client, bucket: string, prefixes: readonly string[]) {
  const lists = await Promise.all(prefixes.map((prefix) => filesInBucket(s3, bucket, prefix)));
  return lists.flat();
}

/** With an endpoint, credentials of AWS stay here; without one, the SDK finds them as it always does. */
function clientOf(endpoint: string | undefined, region: string | undefined): S3Client {
  const local = rehearsed(endpoint, region);
  return local ? s3Client(local) : new S3Client({ region });
}
