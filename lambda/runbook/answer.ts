/** The approver's side of an approval: finding what a run waits for, answering it, and seeing whether that counted. */
import {
  type Event,
  GetDurableExecutionHistoryCommand,
  type LambdaClient,
  SendDurableExecutionCallbackSuccessCommand,
} from '@aws-sdk/client-lambda';
import { type Answer, type Judged, nameOfCheck } from './approval';
import { type StepResult, unpack } from './step-result';

/** A callback that an execution waits for. Whoever has its id may answer, so it is shown to nobody. */
export interface PendingQuestion {
  readonly question: string;
  readonly callbackId: string;
}

/** The newest that has no answer; null when the execution waits for none. */
export async function pendingQuestion(lambda: LambdaClient, execution: string): Promise<PendingQuestion | null> {
  const closed = new Set<string | undefined>();
  for await (const { EventType, Id, Name, CallbackStartedDetails } of history(lambda, execution, false)) {
    const callbackId = CallbackStartedDetails?.CallbackId;
    if (EventType === 'CallbackStarted' && callbackId !== undefined && !closed.has(Id)) {
      return { question: Name ?? '', callbackId };
    }
    if (ENDED.includes(EventType ?? '')) closed.add(Id);
  }
  return null;
}

const ENDED = ['CallbackSucceeded', 'CallbackFailed', 'CallbackTimedOut'];

/** @throws CallbackTimeoutException when somebody else's answer came first, or the time is over */
export async function sendAnswer(lambda: LambdaClient, callbackId: string, answer: Answer): Promise<void> {
  const Result = Buffer.from(JSON.stringify(answer));
  await lambda.send(new SendDurableExecutionCallbackSuccessCommand({ CallbackId: callbackId, Result }));
}

/** What the run made of an answer; null as long as it has not looked at it. */
export async function judgedAnswer(lambda: LambdaClient, execution: string, question: string): Promise<Judged | null> {
  for await (const { EventType, Name, StepSucceededDetails } of history(lambda, execution, true)) {
    if (Name === question && EventType === 'CallbackStarted') return null;
    if (EventType !== 'StepSucceeded' || Name !== nameOfCheck(question)) continue;
    const { result }: { result: StepResult<{ judged: Judged | null }> } = JSON.parse(
      StepSucceededDetails?.Result?.Payload ?? 'null',
    );
    return unpack(result).judged;
  }
  return null;
}

/** Newest first. */
async function* history(lambda: LambdaClient, execution: string, withData: boolean): AsyncGenerator<Event> {
  let Marker: string | undefined;
  do {
    const page = await lambda.send(
      new GetDurableExecutionHistoryCommand({
        DurableExecutionArn: execution,
        IncludeExecutionData: withData,
        ReverseOrder: true,
        Marker,
      }),
    );
    yield* page.Events ?? [];
    Marker = page.NextMarker;
  } while (Marker !== undefined && Marker !== '');
}
