/** A runbook that CloudFormation starts with a request as part of a deployment, and waits for. */
import { CustomResource, Duration, Stack } from 'aws-cdk-lib';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { acknowledge } from '../synth/nag-acknowledgements';
import { logKey } from './log-key';
import { ShippedFunction, type ShippedFunctionProps } from './shipped-function';

export interface RunbookResourceProps {
  readonly entry: ShippedFunctionProps['entry'];
  /** Resource type in CloudFormation, as in `Custom::LifeboatSnapshot`. */
  readonly resourceType: string;
  readonly description: string;
  /** The runbook runs when this changes. */
  readonly request: object;
  readonly statements: iam.PolicyStatement[];
  /**
   * Why some of its permissions have wildcards, for auditors.
   *
   * @default - none has
   */
  readonly patterns?: string;
  /**
   * Encrypts the log.
   *
   * @default - the key of the enclosing plan; without one, a key of its own, rotated yearly, retained
   */
  readonly encryptionKey?: kms.IKey;
}

export class RunbookResource extends Construct {
  public readonly resource: CustomResource;

  constructor(scope: Construct, id: string, props: RunbookResourceProps) {
    super(scope, id);
    const encryptionKey = logKey(this, props.encryptionKey);
    const handler = new ShippedFunction(this, 'Handler', {
      entry: props.entry,
      description: props.description,
      timeout: Duration.minutes(2),
      memorySize: 256,
      encryptionKey,
      // CloudFormation waits for an hour; longer here, so that the answer is never cut off.
      durableFor: Duration.hours(2),
      statements: props.statements,
      patterns: props.patterns,
    });
    acknowledge(handler, 'answers CloudFormation');
    // Durable functions are invoked by version or alias, and only an alias keeps its name when the code changes.
    const live = new lambda.Alias(this, 'Live', { aliasName: 'live', version: handler.function.currentVersion });
    this.resource = new CustomResource(this, 'Resource', {
      resourceType: props.resourceType,
      serviceToken: live.functionArn,
      serviceTimeout: Duration.hours(1),
      // All properties arrive as strings, so the request goes as one.
      properties: { Request: Stack.of(this).toJsonString(props.request) },
    });
    // Its permissions exist before it is invoked, and still when it is invoked for deletion.
    this.resource.node.addDependency(handler);
  }
}
