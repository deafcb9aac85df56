import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DEFINITION_FILE, fillIn } from '../contract';

/**
 * What was deployed with this function.
 *
 * @throws when nothing was
 */
export function deployedDefinition(environment: NodeJS.ProcessEnv = process.env): unknown {
  const file = join(environment.LAMBDA_TASK_ROOT ?? '.', DEFINITION_FILE);
  return fillIn(JSON.parse(readFileSync(file, 'utf8')), environment);
}
