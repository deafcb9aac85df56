/** The shipped function of recoveries of tables. */
import { RDSClient } from '@aws-sdk/client-rds';
import { parse, tableRecoveryDefinition, tableRecoveryRequest } from '../contract';
import { describeSource } from '../rds/source';
import { deployedDefinition } from '../runbook/definition';
import { shipped } from '../runbook/runbook';

export const handler = shipped(
  (ports: { readonly definition: unknown; readonly rds: RDSClient }) => async (input: unknown, runbook) => {
    const { source } = parse(tableRecoveryDefinition, ports.definition, 'recovery definition');
    parse(tableRecoveryRequest, input ?? {}, 'recovery request');
    return runbook.step('describe the source', () => describeSource(ports.rds, source.instance));
  },
  () => ({ definition: deployedDefinition(), rds: new RDSClient() }),
);
