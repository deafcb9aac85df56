/** The conductor's end of the line to the examiner: the call carries the password, so neither end logs it. */
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

/** What the conductor may ask, of whatever answers: the function, or the examiner itself in rehearsals and tests. */
export function examinerOf(ask: (request: ExaminerRequest) => Promise<ExaminerResponse>): Examiner {
  return {
    server: (task) => ask({ task: 'server', ...task }) as Promise<Server>,
    survey: (task) => ask({ task: 'survey', ...task }) as Promise<Survey>,
    list: (task) => ask({ task: 'list', ...task }) as Promise<CompressedListing>,
    check: (task) => ask({ task: 'check', ...task }) as Promise<Checked>,
  };
}

/** The examiner as a Lambda function. */
export function lambdaExaminer(lambda: LambdaClient, functionName: string): Examiner {
  return examinerOf(async (task) => {
    const call = new InvokeCommand({ FunctionName: functionName, Payload: JSON.stringify(task) });
    const { Payload, FunctionError } = await lambda.send(call).catch(wakingUp);
    const answer = JSON.parse(Payload?.transformToString() || 'null');
    if (FunctionError === undefined) return answer;
    const { errorType = 'Error', errorMessage = FunctionError } = answer ?? {};
    throw Object.assign(new Error(`the examiner could not look: ${errorMessage}`), { name: errorType });
  });
}

/**
 * After two weeks without a call Lambda takes a function's network interfaces away. The next call fails, gives them
 * back within minutes, and until then the function is pending.
 * https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
 */
function wakingUp(error: unknown): never {
  if (!(error instanceof Error) || !['ResourceConflictException', 'ResourceNotReadyException'].includes(error.name)) {
    throw error;
  }
  throw Object.assign(new Error(`the examiner can't be called yet: ${error.message}`), { name: 'ExaminerNotReady' });
}
