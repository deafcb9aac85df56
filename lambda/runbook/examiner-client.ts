/** The conductor's end of the line to the examiner: the call carries the password, so neither end logs it. */
import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import type { CheckTask, ExaminerResponse, Finding, Survey, SurveyTask } from '../examiner/protocol';

export interface Examiner {
  survey(task: Omit<SurveyTask, 'task'>): Promise<Survey>;
  check(task: Omit<CheckTask, 'task'>): Promise<readonly Finding[]>;
}

/** The examiner as a Lambda function. */
export function lambdaExaminer(lambda: LambdaClient, functionName: string): Examiner {
  const invoke = async (task: SurveyTask | CheckTask): Promise<ExaminerResponse> => {
    const call = new InvokeCommand({ FunctionName: functionName, Payload: JSON.stringify(task) });
    const { Payload, FunctionError } = await lambda.send(call).catch(wakingUp);
    const answer = JSON.parse(Payload?.transformToString() || 'null');
    if (FunctionError === undefined) return answer;
    const { errorType = 'Error', errorMessage = FunctionError } = answer ?? {};
    throw Object.assign(new Error(`the examiner could not look: ${errorMessage}`), { name: errorType });
  };
  return {
    survey: (task) => invoke({ task: 'survey', ...task }) as Promise<Survey>,
    check: (task) => invoke({ task: 'check', ...task }) as Promise<readonly Finding[]>,
  };
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
