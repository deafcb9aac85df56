/** The least that a durable function in front of RDS can be: what the shipped one's import is held against. */
import { withDurableExecution } from '@aws/durable-execution-sdk-js';
import { RDSClient } from '@aws-sdk/client-rds';

export const handler = withDurableExecution(async () => new RDSClient().config.region());
