/** What a system is made of, read from AWS as files that build it again. */
import {
  type CloudFormationClient,
  GetTemplateCommand,
  paginateDescribeStacks,
  type Stack,
} from '@aws-sdk/client-cloudformation';
import {
  DescribeTaskDefinitionCommand,
  type ECSClient,
  paginateListTaskDefinitionFamilies,
  type TaskDefinition,
} from '@aws-sdk/client-ecs';
import {
  GetParametersCommand,
  type Parameter,
  type ParameterMetadata,
  paginateDescribeParameters,
  type SSMClient,
} from '@aws-sdk/client-ssm';

export interface ConfigurationFile {
  /** Under the prefix of all configuration. */
  readonly key: string;
  readonly text: string;
  readonly type: string;
  /** What tells one version from the next. Never a secret: its hash is stored in plain sight. */
  readonly fingerprinted: string;
  /** Encrypts this file, instead of the bucket's own key. */
  readonly encryptionKey?: string;
}

/** One thing that could not be read, while others could. */
export interface Unreadable {
  readonly failure: string;
}

type Files = AsyncGenerator<ConfigurationFile | Unreadable>;

/** States of stacks that have no template yet, or none any more. */
const WITHOUT_TEMPLATE = ['REVIEW_IN_PROGRESS', 'DELETE_IN_PROGRESS', 'DELETE_COMPLETE'];

/** Each stack's template as it was written, and what else `create-stack` needs. */
export async function* stacksOf(cloudFormation: CloudFormationClient, wanted?: readonly string[]): Files {
  const found = new Set<string>();
  for await (const { Stacks = [] } of paginateDescribeStacks({ client: cloudFormation }, {})) {
    for (const stack of Stacks) {
      const name = String(stack.StackName);
      if ((wanted && !wanted.includes(name)) || WITHOUT_TEMPLATE.includes(String(stack.StackStatus))) continue;
      found.add(name);
      try {
        const { TemplateBody = '' } = await cloudFormation.send(
          new GetTemplateCommand({ StackName: stack.StackId ?? name, TemplateStage: 'Original' }),
        );
        yield file(`stacks/${name}/template.${/^\s*\{/.test(TemplateBody) ? 'json' : 'yaml'}`, TemplateBody);
        yield json(`stacks/${name}/stack.json`, settingsOf(stack));
      } catch (error) {
        // Deleted since it was listed.
        if (error instanceof Error && /does not exist/.test(error.message)) continue;
        yield { failure: `stack ${name}: ${error instanceof Error ? error.message : error}` };
      }
    }
  }
  yield* missing('stack', wanted, found);
}

/** In the form of `create-stack --cli-input-json`, but for the template. CloudFormation masks NoEcho parameters. */
function settingsOf(stack: Stack) {
  return {
    StackName: stack.StackName,
    Parameters: sorted(stack.Parameters, 'ParameterKey').map(({ ParameterKey, ParameterValue }) => ({
      ParameterKey,
      ParameterValue,
    })),
    Capabilities: stack.Capabilities,
    NotificationARNs: stack.NotificationARNs,
    RoleARN: stack.RoleARN,
    EnableTerminationProtection: stack.EnableTerminationProtection,
    Tags: sorted(stack.Tags, 'Key'),
    Outputs: sorted(stack.Outputs, 'OutputKey'),
  };
}

/** GetParameters takes ten names. */
const BATCH = 10;

/** All parameters in one file; secure ones in another, under a key of its own, or not at all. */
export async function* parametersOf(ssm: SSMClient, beginnings?: readonly string[], secureValuesKey?: string): Files {
  const found: ParameterMetadata[] = [];
  for await (const { Parameters = [] } of paginateDescribeParameters({ client: ssm }, {})) {
    found.push(
      ...Parameters.filter(({ Name = '' }) => !beginnings || beginnings.some((start) => Name.startsWith(start))),
    );
  }
  // What is secure is told by its description, so that its value is never asked for.
  const plain = found.filter(({ Type }) => Type !== 'SecureString');
  const described = (parameter: Parameter, of: readonly ParameterMetadata[]) => {
    const { Description, Tier, AllowedPattern, DataType, KeyId } = of.find(({ Name }) => Name === parameter.Name) ?? {};
    const { Name, Type, Value } = parameter;
    return { Name, Type, Value, Description, KeyId, Tier, AllowedPattern, DataType };
  };
  const values = await valuesOf(ssm, plain, false);
  yield json(
    'parameters.json',
    values.map((parameter) => described(parameter, plain)),
  );
  if (!secureValuesKey) return;
  const secure = found.filter(({ Type }) => Type === 'SecureString');
  const secrets = await valuesOf(ssm, secure, true);
  yield {
    ...json(
      'secure-parameters.json',
      secrets.map((parameter) => described(parameter, secure)),
    ),
    // A hash of the values would let who can't read them guess them.
    fingerprinted: JSON.stringify(
      secrets.map(({ Name, Version, LastModifiedDate }) => [Name, Version, LastModifiedDate]),
    ),
    encryptionKey: secureValuesKey,
  };
}

async function valuesOf(ssm: SSMClient, of: readonly ParameterMetadata[], decrypted: boolean): Promise<Parameter[]> {
  const names = of.map(({ Name }) => String(Name));
  const values: Parameter[] = [];
  for (let start = 0; start < names.length; start += BATCH) {
    const { Parameters = [] } = await ssm.send(
      new GetParametersCommand({ Names: names.slice(start, start + BATCH), WithDecryption: decrypted }),
    );
    // What comes back as invalid was deleted since it was listed. What turned secure since is not asked for here.
    values.push(...Parameters.filter(({ Type }) => (Type === 'SecureString') === decrypted));
  }
  return sorted(values, 'Name');
}

/** The newest active revision of each family, in the form of `register-task-definition --cli-input-json`. */
export async function* taskDefinitionsOf(ecs: ECSClient, wanted?: readonly string[]): Files {
  const found = new Set<string>();
  for await (const { families = [] } of paginateListTaskDefinitionFamilies({ client: ecs }, { status: 'ACTIVE' })) {
    for (const family of families) {
      if (wanted && !wanted.includes(family)) continue;
      found.add(family);
      try {
        const { taskDefinition = {}, tags } = await ecs.send(
          new DescribeTaskDefinitionCommand({ taskDefinition: family, include: ['TAGS'] }),
        );
        yield json(`task-definitions/${family}.json`, { ...registrable(taskDefinition), tags: sorted(tags, 'key') });
      } catch (error) {
        // Deregistered since it was listed.
        if (error instanceof Error && /Unable to describe task definition/.test(error.message)) continue;
        yield { failure: `task definition ${family}: ${error instanceof Error ? error.message : error}` };
      }
    }
  }
  yield* missing('task definition', wanted, found);
}

/** Without what ECS adds by itself, and would refuse to be told. */
function registrable(definition: TaskDefinition): Partial<TaskDefinition> {
  const {
    taskDefinitionArn,
    revision,
    status,
    requiresAttributes,
    compatibilities,
    registeredAt,
    registeredBy,
    deregisteredAt,
    ...rest
  } = definition;
  return rest;
}

/** What was asked for by name and is not there is a typing error, or a loss; either way nobody may think it stored. */
function* missing(
  what: string,
  wanted: readonly string[] | undefined,
  found: ReadonlySet<string>,
): Generator<Unreadable> {
  for (const name of wanted ?? []) if (!found.has(name)) yield { failure: `${what} ${name}: there is none` };
}

function file(key: string, text: string, type = 'text/plain; charset=utf-8'): ConfigurationFile {
  return { key, text, type, fingerprinted: text };
}

const json = (key: string, content: unknown) => file(key, `${JSON.stringify(content, null, 2)}\n`, 'application/json');

/** AWS gives lists in no order of their own; a change of order is no change. */
function sorted<T>(list: readonly T[] | undefined, by: keyof T): T[] {
  return [...(list ?? [])].sort((one, other) => (String(one[by]) < String(other[by]) ? -1 : 1));
}
