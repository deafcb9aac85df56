import { createHash } from 'node:crypto';
import { RUN_SUFFIX_LENGTH } from '../contract';

/** Short id of a run, by the ARN of its execution: it names the run, and what the run makes. */
export const runOfExecution = (arn: string): string =>
  createHash('sha256').update(arn).digest('hex').slice(0, RUN_SUFFIX_LENGTH);
