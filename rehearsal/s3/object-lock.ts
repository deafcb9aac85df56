/** S3's Object Lock: its settings in requests, and how they are shown. */
import { type Call, CallError, header, shown } from '../server/call';
import type { Bucket, LockMode, Retention } from './bucket';
import { malformedXml, tag } from './request-xml';

const NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"';

/** The lock that an upload requests; undefined if it requests none. */
export function retentionOf(call: Call): Retention | undefined {
  const mode = header(call, 'x-amz-object-lock-mode');
  const until = header(call, 'x-amz-object-lock-retain-until-date');
  if (mode === undefined && until === undefined) return undefined;
  const date = new Date(until ?? '');
  if ((mode === 'GOVERNANCE' || mode === 'COMPLIANCE') && date > new Date()) return { mode, until: date };
  throw new CallError('InvalidArgument', 'Object Lock needs a mode and a retain-until date in the future');
}

/** Whether an upload requests a legal hold. */
export function legalHoldOf(call: Call): boolean {
  const hold = header(call, 'x-amz-object-lock-legal-hold') ?? 'OFF';
  if (hold === 'ON' || hold === 'OFF') return hold === 'ON';
  throw new CallError('InvalidArgument', `Legal Hold must be either of 'ON' or 'OFF', and not '${shown(hold)}'`);
}

/** Sets the default lock, for uploads that request none. */
export function configureLock(bucket: Bucket, call: Call): void {
  const [mode, days, years] = [tag(call, 'Mode'), tag(call, 'Days'), tag(call, 'Years')];
  // Otherwise a body that is not a configuration would end the current lock.
  if (tag(call, 'ObjectLockEnabled') !== 'Enabled') throw malformedXml('ObjectLockEnabled has to be Enabled');
  if (!bucket.isVersioned) {
    const message = "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration";
    throw new CallError('InvalidBucketState', message, 409);
  }
  bucket.defaultRetention = mode === undefined ? undefined : { mode: lockMode(mode), days: lockDays(days, years) };
  bucket.isLockable = true;
}

function lockMode(mode: string): LockMode {
  if (mode === 'GOVERNANCE' || mode === 'COMPLIANCE') return mode;
  throw malformedXml(`Mode is '${shown(mode)}', but has to be GOVERNANCE or COMPLIANCE`);
}

/** S3's rule: days or years, at most 100 years. */
function lockDays(days: string | undefined, years: string | undefined): number {
  const [given = '', name, most] = days === undefined ? [years, 'Years', 100] : [days, 'Days', 36_500];
  const isWhole = /^\d{1,5}$/.test(given) && Number(given) > 0 && Number(given) <= most;
  if (!isWhole || (days !== undefined && years !== undefined)) {
    throw malformedXml(
      `${name} is '${shown(given)}', but has to be a whole number from 1 to ${most}, and Days or Years`,
    );
  }
  return Number(given) * (days === undefined ? 365 : 1);
}

export function lockConfiguration(bucket: Bucket): string {
  if (!bucket.isLockable) {
    const message = 'Object Lock configuration does not exist for this bucket';
    throw new CallError('ObjectLockConfigurationNotFoundError', message, 404);
  }
  const { mode, days } = bucket.defaultRetention ?? {};
  const rule = mode ? `<Rule><DefaultRetention><Mode>${mode}</Mode><Days>${days}</Days></DefaultRetention></Rule>` : '';
  return `<ObjectLockConfiguration ${NAMESPACE}><ObjectLockEnabled>Enabled</ObjectLockEnabled>${rule}</ObjectLockConfiguration>`;
}
