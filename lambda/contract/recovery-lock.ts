/**
 * An open recovery: at most one of each target. It is a parameter of SSM's Parameter Store in the region that the
 * recovery runs in, so that it is there while another region is lost, and can be deleted, unlike objects under a lock.
 */
import * as v from 'valibot';
import { label, moment, text } from './fields';
import { type HoldTarget, holdTarget } from './hold';

/** All of them: `aws ssm get-parameters-by-path --recursive --path /lifeboat/recoveries`. */
export const RECOVERIES_PATH = '/lifeboat/recoveries';

/** Its parameter. What prunes the target's backups reads it as well. */
export const recoveryParameter = ({ kind, id }: HoldTarget) => `${RECOVERIES_PATH}/${kind}/${id}`;

const line = v.pipe(v.string(), v.regex(/^[^\p{C}]{1,200}$/u, 'must be one line of 1 to 200 characters'));

const FORMAT_VERSION = 1;

/** An approval that a recovery waits for. */
const wantedApproval = v.object({
  /** Of the document that the approver is shown, which lies in the evidence bucket under the key. */
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in hexadecimal')),
  bucket: text,
  key: text,
  /** Ids of the resources that it is about. */
  resources: v.array(text),
  /** From then on an answer comes too late. */
  expires: moment,
});

export const openRecovery = v.object({
  formatVersion: v.literal(FORMAT_VERSION, `must be ${FORMAT_VERSION}; another one needs another version of Lifeboat`),
  plan: label,
  target: label,
  /** What is recovered, under the name that it had when the recovery was started. */
  of: holdTarget,
  /** As in `recover-database`. */
  runbook: label,
  /** ARN of the durable execution that holds it. */
  execution: text,
  startedBy: line,
  started: moment,
  phase: line,
  /** When this phase began. */
  since: moment,
  waitingFor: v.nullable(line),
  next: v.nullable(line),
  approval: v.nullable(wantedApproval),
});

export type OpenRecovery = v.InferOutput<typeof openRecovery>;
export type WantedApproval = v.InferOutput<typeof wantedApproval>;
