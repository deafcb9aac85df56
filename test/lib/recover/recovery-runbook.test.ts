import { databaseRecoveryDefinition, parse } from '../../../lambda/contract';
import { deployedWith } from '../../template/definition';
import { newStack } from '../../template/stacks';
import { newRecovery } from './new-recovery';

test('is deployed with a definition that its runbook takes', () => {
  const stack = newStack();
  newRecovery(stack);
  const definition = parse(
    databaseRecoveryDefinition,
    deployedWith(stack, /^ProductionConductorHandlerFunction/),
    'it',
  );
  expect(definition).toMatchObject({
    plan: 'Test',
    target: 'Orders',
    recovery: 'Production',
    source: { instance: 'orders' },
    fence: 'connect',
    cutOver: [{ kind: 'secret' }],
    approval: { timeoutSeconds: 14_400 },
    watchSeconds: 900,
    holdSeconds: 604_800,
  });
});
