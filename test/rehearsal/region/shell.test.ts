import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { writeExports } from '../../../rehearsal/shell-exports';
import { MASTER, useRegion } from '../../real/region';

/** Version 1 of the AWS CLI ignores AWS_ENDPOINT_URL for RDS in this region. */
const REGION = 'us-east-1';
const local = useRegion({ holdDescribes: true });

let text: string;
beforeAll(async () => {
  text = await writeExports(local().region, REGION);
});

/** Runs a script as a user would who did what `lifeboat region` prints, from an environment that holds real keys. */
async function shell(script: string, path = process.env.PATH): Promise<string> {
  const file = /^# In another shell: {2}(.*)$/m.exec(text)![1]!;
  const environment = {
    PATH: path,
    HOME: process.env.HOME,
    PGPASSWORD: MASTER.password,
    AWS_PROFILE: 'production',
    AWS_ACCESS_KEY_ID: 'AKIAPRODUCTION000000',
    AWS_SESSION_TOKEN: 'real',
    AWS_ENDPOINT_URL_RDS: 'https://rds.us-east-1.amazonaws.com',
    AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true',
  };
  const { stdout } = await promisify(execFile)('sh', ['-ec', `${file}\n${script}`], { env: environment });
  return stdout.trim();
}

function installed(program: string): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    console.warn(`SKIPPED: ${program} is not installed on this machine, so the tests that use it prove nothing here`);
    return false;
  }
}
const withCli = installed('aws') ? test : test.skip;
const withCliAndPsql = installed('psql') && installed('aws') ? test : test.skip;

test('what is printed is itself what a shell takes', async () => {
  expect(text).toContain(local().region.endpoint);
  const script = `${text}\nprintf '%s|%s|%s' "$AWS_ACCESS_KEY_ID" "$AWS_ENDPOINT_URL_RDS" "\${AWS_PROFILE-none}"`;
  expect(
    execFileSync('sh', ['-ec', script], { encoding: 'utf8', env: { ...process.env, AWS_PROFILE: 'production' } }),
  ).toBe(`${local().region.keys.accessKeyId}|${local().region.endpoint}|none`);
});

test('the aws ahead on the PATH hands the endpoint and the keys of the run to the next one', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lifeboat-test-'));
  const bin = join(folder, 'other programs');
  mkdirSync(bin);
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the shell's
  writeFileSync(join(bin, 'aws'), '#!/bin/sh\necho "$AWS_ACCESS_KEY_ID" "${AWS_SESSION_TOKEN-none}" "$@"\n', {
    mode: 0o755,
  });
  try {
    const output = await shell("aws rds describe-db-instances --query 'a b'", `${bin}:/usr/bin:/bin`);
    expect(output).toBe(
      `${local().region.keys.accessKeyId} none --endpoint-url ${local().region.endpoint} rds describe-db-instances --query a b`,
    );
    // Another endpoint would win over ours, and could be the real one.
    await expect(shell('aws --endpoint-url=https://rds.amazonaws.com rds x', `${bin}:/usr/bin:/bin`)).rejects.toThrow(
      'use another shell',
    );
    await expect(shell('aws --profile production rds x', `${bin}:/usr/bin:/bin`)).rejects.toThrow('use another shell');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

withCli('the AWS CLI stays in the rehearsal, in the region where it would not by itself', async () => {
  expect(await shell('aws rds describe-db-instances --query DBInstances --output json')).toBe('[]');
  expect(
    await shell('aws rds describe-db-subnet-groups --query "DBSubnetGroups[0].DBSubnetGroupName" --output text'),
  ).toBe('default');
});

withCliAndPsql("a guide's recovery works as it is written", async () => {
  const output = await shell(`
    aws rds create-db-instance --db-instance-identifier zephyr-production-db --engine postgres \
      --db-instance-class db.t3.large --master-username owner --master-user-password ${MASTER.password} \
      --db-name zephyr --backup-retention-period 30 > /dev/null
    aws rds wait db-instance-available --db-instance-identifier zephyr-production-db
    HOST=$(aws rds describe-db-instances --db-instance-identifier zephyr-production-db \
      --query 'DBInstances[0].Endpoint.[Address,Port]' --output text | sed 's/\t/ -p /')
    psql -qX -h $HOST -U owner -d zephyr -c 'CREATE TABLE polls AS SELECT generate_series(1, 42) AS id'
    aws rds create-db-snapshot --db-instance-identifier zephyr-production-db \
      --db-snapshot-identifier manual-1 --tags Key=Reason,Value="Pre-deployment backup" > /dev/null
    aws rds wait db-snapshot-available --db-snapshot-identifier manual-1
    psql -qX -h $HOST -U owner -d zephyr -c 'DROP TABLE polls'
    aws rds restore-db-instance-from-db-snapshot --db-instance-identifier zephyr-recovery \
      --db-snapshot-identifier manual-1 --db-instance-class db.t3.micro --no-publicly-accessible > /dev/null
    aws rds wait db-instance-available --db-instance-identifier zephyr-recovery
    aws rds modify-db-instance --db-instance-identifier zephyr-production-db \
      --new-db-instance-identifier zephyr-production-db-old --apply-immediately > /dev/null
    aws rds wait db-instance-available --db-instance-identifier zephyr-production-db-old
    aws rds modify-db-instance --db-instance-identifier zephyr-recovery \
      --new-db-instance-identifier zephyr-production-db --apply-immediately > /dev/null
    aws rds wait db-instance-available --db-instance-identifier zephyr-production-db
    psql -qtAX -h $HOST -U owner -d zephyr -c 'SELECT count(*) FROM polls'
    aws rds delete-db-instance --db-instance-identifier zephyr-production-db-old --skip-final-snapshot > /dev/null
    aws rds wait db-instance-deleted --db-instance-identifier zephyr-production-db-old
    aws rds describe-db-instances --query 'DBInstances[].DBInstanceIdentifier' --output text`);
  expect(output.split('\n')).toEqual(['42', 'zephyr-production-db']);
});
