/** Operations of durable executions: how an update changes one, and until when it waits. */
import { randomBytes } from 'node:crypto';
import type { Operation, OperationUpdate } from '@aws/durable-execution-sdk-js';

/** What Lambda takes as the output of a step. */
const MAX_BYTES = 262_144;

/** As Lambda does: https://docs.aws.amazon.com/lambda/latest/api/API_OperationUpdate.html */
export function refuse({ Name, Payload = '', Type }: OperationUpdate): void {
  if (Name !== undefined && !/^[\x20-\x7E]{1,256}$/.test(Name)) {
    throw new Error(`an operation's name has 1 to 256 printable ASCII characters, and not ${Name.length} as '${Name}'`);
  }
  if (Buffer.byteLength(Payload) > MAX_BYTES) {
    throw new Error(`${Type} output payload size must be less than or equal to ${MAX_BYTES} bytes: '${Name}'`);
  }
}

export function changes(update: OperationUpdate, before: Operation | undefined, now: Date): Partial<Operation> {
  const after = (seconds = 0) => new Date(now.getTime() + seconds * 1000);
  const attempt = before?.StepDetails?.Attempt ?? 0;
  const { Payload, Error: failure } = update;
  switch (`${update.Type} ${update.Action}`) {
    case 'STEP START':
      return { Status: 'STARTED', StepDetails: { ...before?.StepDetails, Attempt: attempt } };
    case 'STEP RETRY': {
      const NextAttemptTimestamp = after(update.StepOptions?.NextAttemptDelaySeconds);
      const StepDetails = { Attempt: attempt + 1, Result: Payload, Error: failure, NextAttemptTimestamp };
      return { Status: 'PENDING', StepDetails };
    }
    case 'STEP SUCCEED':
      return { Status: 'SUCCEEDED', EndTimestamp: now, StepDetails: { Attempt: attempt, Result: Payload } };
    case 'STEP FAIL':
      return { Status: 'FAILED', EndTimestamp: now, StepDetails: { Attempt: attempt, Error: failure } };
    case 'WAIT START':
      return {
        Status: 'STARTED',
        WaitDetails: { ScheduledEndTimestamp: after(update.WaitOptions?.WaitSeconds) },
      };
    case 'CALLBACK START':
      return { Status: 'STARTED', CallbackDetails: { CallbackId: newCallbackId() } };
    case 'CHAINED_INVOKE START':
      return { Status: 'STARTED', ChainedInvokeDetails: {} };
    default:
      throw new Error(`durable operation ${update.Type} ${update.Action} is not modelled in rehearsals`);
  }
}

/** Whoever has it may answer; AWS's are opaque, too. */
const newCallbackId = () => randomBytes(24).toString('base64url');

/** When an operation goes on by itself. */
export function pendingUntil({ Type, Status, StepDetails, WaitDetails }: Operation): Date | undefined {
  if (Type === 'STEP' && Status === 'PENDING') return StepDetails?.NextAttemptTimestamp;
  if (Type === 'WAIT' && Status === 'STARTED') return WaitDetails?.ScheduledEndTimestamp;
  return undefined;
}
