/** What starts the handler that stores configuration. */
import * as v from 'valibot';
import { keyPrefix, name, text } from './fields';

/** What starts the handler that stores configuration. What is absent means all there is in the region. */
export const configurationRequest = v.strictObject({
  bucket: name,
  prefix: keyPrefix,
  /** Names of CloudFormation stacks. */
  stacks: v.optional(v.array(name)),
  /** What names of SSM parameters start with. */
  parameters: v.optional(v.array(text)),
  /** Families of ECS task definitions. */
  taskDefinitions: v.optional(v.array(name)),
  /** ECS services, as `cluster/service`. */
  services: v.optional(v.array(v.pipe(v.string(), v.regex(/^[^/]+\/[^/]+$/, 'must be cluster/service')))),
  /** Domain names of Route 53's hosted zones. */
  zones: v.optional(v.array(name)),
  /** ARN of the KMS key that encrypts the values of secure parameters; they are left out without it. */
  secureValuesKey: v.optional(name),
});

export type ConfigurationRequest = v.InferOutput<typeof configurationRequest>;
