/** S3's Object Lock: what requests say of it, and how it is shown. */
import { type Call, CallError, header, shown } from '../server/call';
import type { Bucket, LockMode, Retention } from './bucket';
import { malformedXml, tag } from './request-xml';

const NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"';

/** How an upload is to be locked; undefined where it says nothing of it. */
export function retentionOf(call: Call): Retention | undefined {
  const mode = header(call, 'x-amz-object-lock-mode');
  const until = header(call, 'x-amz-object-lock-retain-until-date');
  if (mode === undefined && until === undefined) return undefined;
  const date = new Date(until ?? '');
  if ((mode === 'GOVERNANCE' || mode === 'COMPLIANCE') && date > new Date()) return { mode, until: date };
  throw new CallError('InvalidArgument', 'Object Lock needs a mode and a retain-until date in the future');
}

/** Whether an upload is to be held. */
export function legalHoldOf(call: Call): boolean {
  const hold = header(call, 'x-amz-object-lock-legal-hold') ?? 'OFF';
  if (hold === 'ON' || hold === 'OFF') return hold === 'ON';
  throw new CallError('InvalidArgument', `Legal Hold must be either of 'ON' or 'OFF', and not '${shown(hold)}'`);
}

/** Sets how uploads are locked that say nothing of it. */
export function configureLock(bucket: Bucket, call: Call): void {
  const [mode, days, years] = [tag(call, 'Mode'), tag(call, 'Days'), tag(call, 'Years')];
  // Without it, what is no configuration at all would end the lock that there is.
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

/** As S3 has it: one of the two, for 100 years at most. */
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
