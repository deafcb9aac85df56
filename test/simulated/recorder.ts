/**
 * For services that no rehearsal can model honestly (ECS, Route 53, Auto Scaling, Lambda, CloudWatch, EKS): a client of
 * the real SDK that never leaves this process. Each request is serialised by the SDK and validated against its schemas,
 * required members and types; answers come from the test's own script and are validated in the same way. So it shows
 * that calls are well-formed and in which order they come, and nothing about what AWS does with them. Values of enums
 * are not in the schemas: TypeScript checks those. A call without a script is an error.
 */
import { NormalizedSchema } from '@smithy/core/schema';
import type { BuildMiddleware, Client } from '@smithy/types';

export interface Recorded {
  readonly operation: string;
  readonly input: Readonly<Record<string, unknown>>;
}

/** Gives the answer to one call, or throws what AWS would answer with. */
// biome-ignore lint/suspicious/noExplicitAny: each operation has an input of its own, validated before the script sees it
export type Script = (input: any) => object;

type Sdk = Readonly<Record<string, unknown>>;
type SchemaRef = Parameters<typeof NormalizedSchema.of>[0];

/** How the SDK's static schemas mark an operation, and an error. */
const OPERATION = 9;
const ERROR = -3;

/** Codes that every service may answer with, though its schemas do not list them. */
const OF_ALL_SERVICES = ['AccessDeniedException', 'AccessDenied', 'ThrottlingException', 'Throttling'];

interface ClientOptions {
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

export class Recorder {
  public readonly calls: Recorded[] = [];
  private readonly scripts = new Map<string, Script>();

  /** @param sdk the module of the service's client, for its schemas */
  constructor(private readonly sdk: Sdk) {}

  /** Answers all calls of an operation from now on. */
  public on(operation: string, script: Script): this {
    this.schema(operation);
    this.scripts.set(operation, script);
    return this;
  }

  /** Operations in the order of their calls. */
  public get operations(): string[] {
    return this.calls.map(({ operation }) => operation);
  }

  public inputs(operation: string): Readonly<Record<string, unknown>>[] {
    return this.calls.filter((call) => call.operation === operation).map(({ input }) => input);
  }

  /** The error that AWS answers with; only such as the service's schemas know. */
  public error(code: string, message: string): Error {
    const schema = this.sdk[`${code}$`];
    if (!(Array.isArray(schema) && schema[0] === ERROR) && !OF_ALL_SERVICES.includes(code)) {
      throw new Error(`the service has no error '${code}'`);
    }
    return Object.assign(new Error(message), { name: code, $fault: 'client', $metadata: { httpStatusCode: 400 } });
  }

  /** A client of the service; nothing that it sends leaves this process. */
  // biome-ignore lint/suspicious/noExplicitAny: clients of all services
  public client<C extends Client<any, any, any>>(of: new (options: ClientOptions) => C): C {
    const client = new of({ region: 'eu-central-1', credentials: { accessKeyId: 'none', secretAccessKey: 'none' } });
    // After serialisation, and before anything is signed or sent.
    const middleware: BuildMiddleware<object, object> = (_next, context) => async (args) => {
      const operation = String(context.commandName).replace(/Command$/, '');
      const input = args.input as Record<string, unknown>;
      const schema = this.schema(operation);
      validate(NormalizedSchema.of(schema[4] as SchemaRef), input, operation);
      this.calls.push({ operation, input });
      const script = this.scripts.get(operation);
      if (!script) throw new Error(`the test has no answer to ${operation}: ${JSON.stringify(input)}`);
      const output = script(input);
      validate(NormalizedSchema.of(schema[5] as SchemaRef), output, `answer to ${operation}`);
      return { output: { $metadata: {}, ...output }, response: {} };
    };
    client.middlewareStack.add(middleware, { step: 'build', priority: 'high', name: 'recorder' });
    return client;
  }

  private schema(operation: string): readonly unknown[] {
    const schema = this.sdk[`${operation}$`];
    if (Array.isArray(schema) && schema[0] === OPERATION) return schema;
    throw new Error(`the service has no operation '${operation}'`);
  }
}

/** @throws Error that names the member whose value does not fit the schema */
function validate(schema: NormalizedSchema, value: unknown, at: string): void {
  if (schema.isUnitSchema() || schema.isDocumentSchema()) return;
  if (schema.isStructSchema()) {
    validateStructure(schema, value, at);
  } else if (schema.isListSchema()) {
    if (!Array.isArray(value)) throw wrong(at, value, 'a list');
    for (const [index, item] of value.entries()) validate(schema.getValueSchema(), item, `${at}[${index}]`);
  } else if (schema.isMapSchema()) {
    if (!isObject(value)) throw wrong(at, value, 'a map');
    for (const [key, item] of Object.entries(value)) validate(schema.getValueSchema(), item, `${at}.${key}`);
  } else {
    const [fits, wanted] = simple(schema, value);
    if (!fits) throw wrong(at, value, wanted);
  }
}

function simple(schema: NormalizedSchema, value: unknown): [fits: boolean, wanted: string] {
  if (schema.isTimestampSchema()) return [value instanceof Date, 'a Date'];
  if (schema.isBooleanSchema()) return [typeof value === 'boolean', 'true or false'];
  if (schema.isNumericSchema()) return [Number.isFinite(value), 'a number'];
  if (schema.isStringSchema()) return [typeof value === 'string', 'a string'];
  if (schema.isBlobSchema()) return [value instanceof Uint8Array, 'bytes'];
  throw new Error(`the recorder does not know the type ${schema.getName(true)}`);
}

function validateStructure(schema: NormalizedSchema, value: unknown, at: string): void {
  if (!isObject(value)) throw wrong(at, value, 'an object');
  const members = new Map(schema.structIterator());
  for (const [name, item] of Object.entries(value)) {
    const member = members.get(name);
    if (!member) throw new Error(`${at} has no member '${name}'`);
    if (item !== undefined) validate(member, item, `${at}.${name}`);
  }
  const raw = schema.getSchema() as readonly unknown[];
  // The SDK puts required members first, and says how many there are.
  const required = (raw[4] as string[]).slice(0, typeof raw[6] === 'number' ? raw[6] : 0);
  const missing = required.find((name) => value[name] === undefined);
  if (missing !== undefined) throw new Error(`${at} lacks the required member '${missing}'`);
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);

const wrong = (at: string, value: unknown, wanted: string) =>
  new Error(`${at} is ${JSON.stringify(value)}, but has to be ${wanted}`);
