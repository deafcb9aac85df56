/** What configuration backups read and write, in memory, with faults: at the SDK clients' `send`. */
import { Readable } from 'node:stream';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { ECSClient, type Service } from '@aws-sdk/client-ecs';
import { type HealthCheck, type ResourceRecordSet, Route53Client } from '@aws-sdk/client-route-53';
import { S3Client } from '@aws-sdk/client-s3';
import { SSMClient } from '@aws-sdk/client-ssm';
import type { Clients } from '../../lambda/configuration/store-configuration';

export interface Version {
  readonly body: string;
  readonly metadata: Record<string, string>;
  readonly key?: string;
}

interface SimulatedZone {
  readonly id: string;
  readonly records: ResourceRecordSet[];
  /** Made by another service of AWS. */
  readonly linked?: boolean;
}

interface SimulatedParameter {
  readonly type: 'String' | 'SecureString';
  value: string;
  version: number;
}

/** What inputs of all operations have in one; each has its own part of it. */
interface Input {
  readonly StackName: string;
  readonly NextToken?: string;
  readonly Names: string[];
  readonly WithDecryption?: boolean;
  readonly taskDefinition: string;
  readonly cluster: string;
  readonly services: string[];
  readonly nextToken?: string;
  readonly HostedZoneId: string;
  readonly StartRecordName?: string;
  readonly Prefix: string;
  readonly Key: string;
  readonly Body: string;
  readonly Metadata?: Record<string, string>;
  readonly SSEKMSKeyId?: string;
  readonly IfNoneMatch?: string;
}

/** A fault to answer a call with, before or after it took effect; undefined lets it pass. */
export type Fault = (
  operation: string,
  input: object,
) => { readonly error: Error; readonly after?: boolean } | undefined;

interface SimulatedStack {
  readonly template: string;
  readonly status: string;
  readonly parameters: Record<string, string>;
  readonly outputs?: Record<string, string>;
}

export class SimulatedAccount {
  readonly stacks = new Map<string, SimulatedStack>();
  readonly parameters = new Map<string, SimulatedParameter>();
  readonly taskDefinitions = new Map<string, { revision: number; image: string }>();
  /** By `cluster/service`. */
  readonly services = new Map<string, Service>();
  /** By domain name, without a dot at its end. */
  readonly zones = new Map<string, SimulatedZone>();
  readonly healthChecks: HealthCheck[] = [];
  /** Versions of each object, the newest last. */
  readonly objects = new Map<string, Version[]>();
  /** Every call, as `operation name`. */
  readonly calls: string[] = [];
  fault: Fault = () => undefined;

  get clients(): Clients {
    const as = <T>(client: { prototype: T }): T =>
      Object.create(client.prototype as object, { send: { value: this.send } });
    return {
      cloudFormation: as(CloudFormationClient),
      ssm: as(SSMClient),
      ecs: as(ECSClient),
      route53: as(Route53Client),
      s3: as(S3Client),
    };
  }

  newest(key: string): string | undefined {
    return this.objects.get(key)?.at(-1)?.body;
  }

  private readonly send = async (command: { readonly input: object }): Promise<unknown> => {
    const operation = command.constructor.name.replace(/Command$/, '');
    this.calls.push(operation);
    const fault = this.fault(operation, command.input);
    if (fault && !fault.after) throw fault.error;
    const answer = this.operation(operation, command.input as Input);
    if (fault) throw fault.error;
    return answer;
  };

  private operation(operation: string, input: Input): unknown {
    switch (operation) {
      case 'DescribeStacks':
        return {
          Stacks: [...this.stacks].map(([StackName, { status, parameters, outputs = {} }]) => ({
            StackName,
            StackId: `arn:aws:cloudformation:::stack/${StackName}/1`,
            StackStatus: status,
            Parameters: Object.entries(parameters).map(([ParameterKey, ParameterValue]) => ({
              ParameterKey,
              ParameterValue,
            })),
            Outputs: Object.entries(outputs).map(([OutputKey, OutputValue]) => ({ OutputKey, OutputValue })),
          })),
        };
      case 'GetTemplate': {
        const name = /stack\/([^/]+)/.exec(input.StackName)?.[1] ?? '';
        const stack = this.stacks.get(name);
        if (!stack) throw errorNamed('ValidationError', `Stack with id ${name} does not exist`);
        return { TemplateBody: stack.template };
      }
      case 'DescribeParameters':
        return this.parametersAfter(input.NextToken);
      case 'GetParameters':
        return {
          Parameters: input.Names.flatMap((Name) => {
            const parameter = this.parameters.get(Name);
            if (!parameter) return [];
            const { type: Type, version: Version, value } = parameter;
            const Value = Type === 'SecureString' && !input.WithDecryption ? 'ciphertext' : value;
            return [{ Name, Type, Version, Value, LastModifiedDate: new Date(0) }];
          }),
        };
      case 'ListTaskDefinitionFamilies':
        return { families: [...this.taskDefinitions.keys()] };
      case 'DescribeTaskDefinition': {
        const { revision, image } = this.taskDefinitions.get(input.taskDefinition)!;
        return {
          taskDefinition: {
            family: input.taskDefinition,
            revision,
            taskDefinitionArn: `arn:aws:ecs:::task-definition/${input.taskDefinition}:${revision}`,
            status: 'ACTIVE',
            registeredAt: new Date(0),
            containerDefinitions: [{ name: 'app', image }],
          },
        };
      }
      case 'ListClusters':
        return { clusterArns: [...new Set([...this.services.keys()].map((name) => arnOf('cluster', folder(name))))] };
      case 'ListServices':
        return this.servicesAfter(input.cluster, Number(input.nextToken ?? 0));
      case 'DescribeServices': {
        const described = input.services.map((arn) => ({ arn, service: this.services.get(nameOf(arn)) }));
        return {
          services: described.flatMap(({ arn, service }) => (service ? [{ serviceArn: arn, ...service }] : [])),
          failures: described.flatMap(({ arn, service }) => (service ? [] : [{ arn, reason: 'MISSING' }])),
        };
      }
      case 'ListHostedZones':
        return {
          HostedZones: [...this.zones].map(([name, { id, linked }]) => ({
            Id: `/hostedzone/${id}`,
            Name: `${name}.`,
            ...(linked && { LinkedService: { ServicePrincipal: 'servicediscovery.amazonaws.com' } }),
          })),
        };
      case 'ListResourceRecordSets': {
        const zone = [...this.zones.values()].find(({ id }) => input.HostedZoneId === `/hostedzone/${id}`);
        if (!zone) throw errorNamed('NoSuchHostedZone', 'no zone of that id');
        // One a page, so that paging is never by luck.
        const at = Math.max(
          0,
          zone.records.findIndex(({ Name }) => Name === input.StartRecordName),
        );
        const next = zone.records[at + 1];
        return { ResourceRecordSets: zone.records.slice(at, at + 1), IsTruncated: !!next, NextRecordName: next?.Name };
      }
      case 'ListHealthChecks':
        return { HealthChecks: this.healthChecks };
      case 'ListObjectsV2': {
        const keys = [...this.objects.keys()].filter((key) => key.startsWith(input.Prefix));
        return { Contents: keys.map((Key) => ({ Key })) };
      }
      case 'HeadObject':
      case 'GetObject': {
        const version = this.objects.get(input.Key)?.at(-1);
        // What S3 says where listing is allowed by prefix only.
        if (!version) throw errorNamed('AccessDenied', 'Access Denied');
        return {
          Metadata: version.metadata,
          Body: Readable.from([Buffer.from(version.body)]),
        };
      }
      case 'PutObject': {
        if (input.IfNoneMatch && this.objects.has(input.Key)) throw errorNamed('PreconditionFailed', 'it is there');
        const version: Version = { body: input.Body, metadata: input.Metadata ?? {}, key: input.SSEKMSKeyId };
        this.objects.set(input.Key, [...(this.objects.get(input.Key) ?? []), version]);
        return {};
      }
      default:
        throw new Error(`${operation} is not modelled`);
    }
  }

  private servicesAfter(cluster: string, start: number) {
    const all = [...this.services.keys()].filter((name) => folder(name) === nameOf(cluster));
    const serviceArns = all.slice(start, start + 2).map((name) => arnOf('service', name));
    return { serviceArns, nextToken: start + 2 < all.length ? String(start + 2) : undefined };
  }

  /** Two a page, so that paging is never by luck. */
  private parametersAfter(token = '0') {
    const all = [...this.parameters].map(([Name, { type: Type }]) => ({ Name, Type }));
    const next = Number(token) + 2;
    return { Parameters: all.slice(Number(token), next), NextToken: next < all.length ? String(next) : undefined };
  }
}

export const errorNamed = (name: string, message: string) => Object.assign(new Error(message), { name });

const arnOf = (kind: string, name: string) => `arn:aws:ecs:eu-west-1:111122223333:${kind}/${name}`;
const nameOf = (arn: string) => arn.slice(arn.indexOf('/') + 1);
const folder = (name: string) => name.slice(0, name.indexOf('/'));
