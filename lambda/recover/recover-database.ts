/** The shipped function of recoveries of a database. */
import { RDSClient } from '@aws-sdk/client-rds';
import { databaseRecoveryDefinition, databaseRecoveryRequest, parse } from '../contract';
import { describeSource } from '../rds/source';
import { deployedDefinition } from '../runbook/definition';
import { shipped } from '../runbook/runbook';

export const handler = shipped(
  (ports: { readonly definition: unknown; readonly rds: RDSClient }) => async (input: unknown, runbook) => {
    const { source } = parse(databaseRecoveryDefinition, ports.definition, 'recovery definition');
    parse(databaseRecoveryRequest, input ?? {}, 'recovery request');
    return runbook.step('describe the source', () => describeSource(ports.rds, source.instance));
  },
  () => ({ definition: deployedDefinition(), rds: new RDSClient() }),
);
