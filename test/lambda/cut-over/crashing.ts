/** A client that breaks off once, before an operation or after its effect, as a function that is killed there does. */
import type { Client, InitializeMiddleware } from '@smithy/types';

// biome-ignore lint/suspicious/noExplicitAny: clients of all services
export function crashOnce<C extends Client<any, any, any>>(client: C, operation: string, afterEffect: boolean): C {
  let left = 1;
  const middleware: InitializeMiddleware<object, object> = (next, context) => async (args) => {
    if (context.commandName !== `${operation}Command` || left === 0) return next(args);
    left -= 1;
    if (afterEffect) await next(args);
    throw new Error('crashed');
  };
  client.middlewareStack.add(middleware, { step: 'initialize' });
  return client;
}

/** Starts again after each crash, and asks again while it has to wait, as a runbook's poll does. */
export async function startUntilBegun(start: () => Promise<{ readonly id?: string }>): Promise<string> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const { id } = await start().catch((error: Error) => {
      if (error.message !== 'crashed') throw error;
      return { id: undefined };
    });
    if (id !== undefined) return id;
  }
  throw new Error('it never began');
}
