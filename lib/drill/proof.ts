/** What a restored instance must pass, in a drill and in a restore test of AWS Backup. */
import type { RecoveryObjectives } from '../alarm/objectives';
import { listProblems, type PropsOf } from '../synth/props';
import type { RecoveryCheck } from './recovery-check';
import type { IDrillSite } from './shared-site';

export interface ProofOptions {
  /**
   * What the restored instance must pass.
   *
   * @default - readable, indexes, constraints, foreignKeys and notShrunk, which apply to any database
   */
  readonly checks?: RecoveryCheck[];

  /**
   * The database for checks with a table or a query.
   *
   * @default - the instance's initial database; without one, `postgres`. Required for copies of a database elsewhere
   */
  readonly databaseName?: string;

  /**
   * Names of the databases to examine. Evidence warns of those left out.
   *
   * @default - all of the instance, except `rdsadmin`, templates, those that allow no connections, and an empty
   * `postgres`
   */
  readonly databases?: string[];

  /**
   * Whether it may pass if no examined database holds a row.
   *
   * @default false
   */
  readonly allowEmpty?: boolean;
}

export const PROOF_OPTIONS: PropsOf<ProofOptions> = {
  checks: true,
  databaseName: true,
  databases: true,
  allowEmpty: true,
};

/** Only these options, of props that have more. */
export const proofOptionsOf = ({ checks, databaseName, databases, allowEmpty }: ProofOptions): ProofOptions => ({
  checks,
  databaseName,
  databases,
  allowEmpty,
});

/** As the runbook is told, with the site's part of it. */
export function proofOf(site: IDrillSite, objectives: RecoveryObjectives, options: ProofOptions) {
  const { checks = [], databaseName, databases, allowEmpty } = options;
  const [problem] = listProblems(
    'checks',
    checks,
    'contract',
    'it would check nothing; state it as in checks: [RecoveryCheck.readable()]',
  );
  if (problem) throw new Error(problem);
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
