/** Calls from the conductor to the examiner: they carry the password, so neither function logs them. */
import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import type {
  Checked,
  CheckTask,
  CompressedListing,
  ExaminerRequest,
  ExaminerResponse,
  ListTask,
  Server,
  ServerTask,
  Survey,
  SurveyTask,
} from '../examiner/protocol';

export interface Examiner {
  server(task: Omit<ServerTask, 'task'>): Promise<Server>;
  survey(task: Omit<SurveyTask, 'task'>): Promise<Survey>;
  list(task: Omit<ListTask, 'task'>): Promise<CompressedListing>;
  check(task: Omit<CheckTask, 'task'>): Promise<Checked>;
}

/** The examiner's tasks, done by its function, or by the examiner in this process in rehearsals and tests. */
export function examinerOf(ask: (request: ExaminerRequest) => Promise<ExaminerResponse>): Examiner {
  return {
    server: (task) => ask({ task: 'server', ...task }) as Promise<Server>,
    survey: (task) => ask({ task: 'survey', ...task }) as Promise<Survey>,
    list: (task) => ask({ task: 'list', ...task }) as Promise<CompressedListing>,
    check: (task) => ask({ task: 'check', ...task }) as Promise<Checked>,
  };
}

/** The examiner as a Lambda function. */
export const lambdaExaminer = (lambda: LambdaClient, functionName: string): Examiner =>
  examinerOf((task) => callFunction(lambda, functionName, task));

/** Calls a plain function, and waits for its answer. Neither side logs the call. */
export async function callFunction<Answer>(lambda: LambdaClient, functionName: string, task: object): Promise<Answer> {
  const call = new InvokeCommand({ FunctionName: functionName, Payload: JSON.stringify(task) });
  const { Payload, FunctionError } = await lambda.send(call).catch(wakingUp);
  const answer = JSON.parse(Payload?.transformToString() || 'null');
  if (FunctionError === undefined) return answer;
  const { errorType = 'Error', errorMessage = FunctionError } = answer ?? {};
  throw Object.assign(new Error(`the examiner failed: ${errorMessage}`), { name: errorType });
}

/**
 * After two weeks without a call Lambda deletes a function's network interfaces. The next call fails and has them made
 * again, which takes minutes; until then the function is pending.
 * https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
 */
function wakingUp(error: unknown): never {
  if (!(error instanceof Error) || !['ResourceConflictException', 'ResourceNotReadyException'].includes(error.name)) {
    throw error;
  }
  throw Object.assign(new Error(`the examiner can't be called yet: ${error.message}`), { name: 'ExaminerNotReady' });
}
