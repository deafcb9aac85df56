/** The systems that the app can deploy, by name. */
import type { App, Stack } from 'aws-cdk-lib';
import { addEverything } from './everything';
import { ENVIRONMENTS, ZephyrStack } from './zephyr/stack';

type AddStack = (app: App, environment: string) => Stack;

const SYSTEMS: Record<string, { environments: readonly string[]; add: AddStack }> = {
  zephyr: {
    environments: Object.keys(ENVIRONMENTS),
    add: (app, environment) =>
      new ZephyrStack(app, `Zephyr-${environment}`, { environment: environment as keyof typeof ENVIRONMENTS }),
  },
  everything: { environments: ['production'], add: addEverything },
};

/** @throws Error that names the systems and environments there are */
export function addSystem(app: App, name = 'zephyr', environment = 'production'): Stack {
  const system = SYSTEMS[name];
  if (!system) {
    throw new Error(
      `there is no system '${name}', so nothing was synthesised; name one of: ${Object.keys(SYSTEMS).join(', ')}`,
    );
  }
  if (!system.environments.includes(environment)) {
    throw new Error(
      `system '${name}' has no environment '${environment}', so nothing was synthesised; name one of: ` +
        system.environments.join(', '),
    );
  }
  return system.add(app, environment);
}
