/** What a restored instance must pass: the same for a drill of our own and for a restore test of AWS Backup. */
import type { RecoveryObjectives } from '../alarm/objectives';
import type { RecoveryCheck } from './recovery-check';
import type { IDrillSite } from './shared-site';

export interface ProofOptions {
  /**
   * What the restored instance must pass.
   *
   * @default - readable, indexes, constraints, foreignKeys and notShrunk: what is wrong with any database, whatever it holds
   */
  readonly checks?: RecoveryCheck[];

  /**
   * The database that checks with a table or a query of their own are about.
   *
   * @default - the instance's initial database, else `postgres`; copies of one that is elsewhere need the name
   */
  readonly databaseName?: string;

  /**
   * Names of the databases to examine. What is left out is a warning.
   *
   * @default - all of the instance, apart from `rdsadmin`, templates, those closed to connections, and an empty `postgres`
   */
  readonly databases?: string[];

  /**
   * Whether it may pass though no examined database holds a row.
   *
   * @default false
   */
  readonly allowEmpty?: boolean;
}

/** These alone, of props that have more. */
export const proofOptionsOf = ({ checks, databaseName, databases, allowEmpty }: ProofOptions): ProofOptions => ({
  checks,
  databaseName,
  databases,
  allowEmpty,
});

/** As the runbook is told, with the site's part of it. */
export function proofOf(site: IDrillSite, objectives: RecoveryObjectives, options: ProofOptions) {
  const { checks = [], databaseName, databases, allowEmpty } = options;
  return {
    database: databaseName,
    databases,
    allowEmpty,
    checks: checks.map((check) => check.contract),
    objectives: { rpoSeconds: objectives.rpo.toSeconds(), rtoSeconds: objectives.rto.toSeconds() },
    examiner: site.examiner.functionArn,
    passwordKey: site.passwordKey.secretArn,
    evidenceBucket: site.evidence.bucketName,
    signingKey: site.signingKey.keyArn,
  };
}
