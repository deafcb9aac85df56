/**
 * Exports for a shell, so that its AWS tools talk to a rehearsal, and to nothing else.
 *
 * Version 1 of the AWS CLI ignores AWS_ENDPOINT_URL for RDS in us-east-1 and calls the real service. So the exports set
 * the run's own credentials, which AWS refuses, and put an `aws` first on the PATH that always passes the endpoint.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Region } from './region';
import { loopback } from './server/clients';
import type { RehearsalKeys } from './server/signature';

/** Services that a region answers for, as the SDKs name them in AWS_ENDPOINT_URL_<service>. */
const SERVICES = ['RDS', 'S3', 'SECRETS_MANAGER', 'SSM'];

/** Variables that could override the exports: other identities, and the switch that turns endpoints off. */
const UNSET = [
  'AWS_PROFILE',
  'AWS_DEFAULT_PROFILE',
  'AWS_SESSION_TOKEN',
  'AWS_SECURITY_TOKEN',
  'AWS_ROLE_ARN',
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
  'AWS_CONTAINER_CREDENTIALS_FULL_URI',
  'AWS_IGNORE_CONFIGURED_ENDPOINT_URLS',
  'AWS_USE_FIPS_ENDPOINT',
  'AWS_USE_DUALSTACK_ENDPOINT',
];

/**
 * Writes what a shell needs into the region's folder.
 *
 * @param name of the AWS region that the shell shall be in
 * @returns the text to print: comments, and the lines to copy; a shell can also read it as it is
 */
export async function writeExports(region: Region, name: string): Promise<string> {
  const bin = join(region.folder, 'bin');
  // They have the keys, and anyone with the keys may do anything here.
  await mkdir(bin, { recursive: true, mode: 0o700 });
  await writeFile(join(bin, 'aws'), wrapper(region), { mode: 0o700 });
  const lines = exportLines(region, name, bin);
  const file = join(region.folder, 'exports.sh');
  await writeFile(file, `${lines}\n`, { mode: 0o600 });
  return `# A rehearsal of AWS at ${region.endpoint}, on real PostgreSQL, until Ctrl-C.
# In another shell:  . ${quoted(file)}
# or copy these lines:

${lines}

# Then, for instance:
#   aws rds create-db-instance --db-instance-identifier orders --engine postgres --db-instance-class db.t3.micro \\
#     --master-username owner --master-user-password rehearsal-only --backup-retention-period 7
#   aws rds describe-db-instances --query 'DBInstances[].[DBInstanceIdentifier,DBInstanceStatus,Endpoint]'
#
# Beware: version 1 of the AWS CLI ignores AWS_ENDPOINT_URL for RDS in us-east-1 and would call the real AWS. So keep both
# the keys, which AWS refuses, and the 'aws' first on the PATH, which always passes the endpoint. Only these keys are
# accepted here, and anyone who has them may do anything here.
# Master users have rds_superuser, as on RDS, and are not superusers. Event triggers need one here, unlike on RDS.
# An operation that isn't modelled gets status 501 with its name.
`;
}

function exportLines({ endpoint, keys }: Served, region: string, bin: string): string {
  const variables = {
    AWS_ENDPOINT_URL: loopback(endpoint),
    ...Object.fromEntries(SERVICES.map((service) => [`AWS_ENDPOINT_URL_${service}`, endpoint])),
    AWS_ACCESS_KEY_ID: keys.accessKeyId,
    AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_EC2_METADATA_DISABLED: 'true',
  };
  return [
    `unset ${UNSET.join(' ')}`,
    ...Object.entries(variables).map(([name, value]) => `export ${name}=${quoted(value)}`),
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the shell's
    'export NO_PROXY="127.0.0.1${NO_PROXY:+,$NO_PROXY}" no_proxy="127.0.0.1${no_proxy:+,$no_proxy}"',
    `export PATH=${quoted(bin)}:"$PATH"`,
  ].join('\n');
}

interface Served {
  readonly endpoint: string;
  readonly keys: RehearsalKeys;
}

/** An `aws` that finds the next one on the PATH and hands it the endpoint. */
function wrapper({ endpoint, keys }: Served): string {
  return `#!/bin/sh
# The AWS CLI, bound to a rehearsal at ${endpoint}.
for argument in "$@"; do
  case "$argument" in
    --endpoint-url|--endpoint-url=*|--profile|--profile=*)
      echo "this shell rehearses at ${endpoint}; use another shell for $argument" >&2
      exit 2 ;;
  esac
done
unset ${UNSET.join(' ')}
export AWS_ACCESS_KEY_ID=${quoted(keys.accessKeyId)}
export AWS_SECRET_ACCESS_KEY=${quoted(keys.secretAccessKey)}
rest=$PATH:
while [ -n "$rest" ]; do
  folder=\${rest%%:*}
  rest=\${rest#*:}
  if [ -x "$folder/aws" ] && ! [ "$folder/aws" -ef "$0" ]; then
    exec "$folder/aws" --endpoint-url ${quoted(endpoint)} "$@"
  fi
done
echo "there is no AWS CLI on the PATH besides the one of this rehearsal; install it" >&2
exit 127
`;
}

function quoted(text: string): string {
  return /^[\w./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
