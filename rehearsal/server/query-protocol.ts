/**
 * The AWS Query protocol, for any service whose SDK ships its schemas: parameters in, XML out, faults with AWS's codes.
 * Nothing in here knows RDS: required members, types, list names, codes and statuses all come from the schemas.
 */
import { NormalizedSchema } from '@smithy/core/schema';
import { shown } from './call';

/** An operation's static schema: [kind, namespace, name, traits, input, output]. */
type OperationSchema = readonly [number, string, string, unknown, SchemaRef, SchemaRef];
type SchemaRef = Parameters<typeof NormalizedSchema.of>[0];

/** An error that goes to the client as AWS would send it. */
export class QueryError extends Error {
  constructor(
    public readonly code: string,
    message: string,
    public readonly status = 400,
  ) {
    super(message);
  }
}

/** The error for what a rehearsal doesn't model, which is never silently ignored. */
export function notModelled(what: string, hint = ''): QueryError {
  return new QueryError('NotImplemented', `a rehearsal does not model ${what}${hint && `; ${hint}`}`, 501);
}

export interface QueryRequest {
  readonly operation: string;
  readonly input: Record<string, unknown>;
}

/** One service, as its SDK module describes it. */
export class QueryProtocol {
  constructor(
    private readonly sdk: Readonly<Record<string, unknown>>,
    private readonly namespace: string,
  ) {}

  /**
   * Reads a request's parameters.
   *
   * @throws QueryError as AWS would: unknown operation or parameter, missing or malformed value
   */
  public parse(body: string): QueryRequest {
    refuseMalformed(body);
    const parameters = new Map(new URLSearchParams(body));
    const operation = parameters.get('Action') ?? '';
    parameters.delete('Action');
    parameters.delete('Version');
    const schema = this.operation(operation);
    const unused = new Set(parameters.keys());
    const input = readStructure(NormalizedSchema.of(schema[4]), '', parameters, unused);
    const [unknown] = unused;
    if (unknown !== undefined) {
      throw new QueryError('MalformedInput', `${operation} has no parameter ${shown(unknown)}`);
    }
    return { operation, input: input ?? {} };
  }

  /** Renders an operation's result. */
  public render(operation: string, output: object, requestId: string): string {
    const schema = NormalizedSchema.of(this.operation(operation)[5]);
    const result = schema.isStructSchema() ? element(`${operation}Result`, writeMembers(schema, output)) : '';
    const metadata = element('ResponseMetadata', element('RequestId', requestId));
    return `<${operation}Response xmlns="${this.namespace}">${result}${metadata}</${operation}Response>`;
  }

  /** Renders an error: a QueryError, or an exception class of the SDK, whose schema has the code and the status. */
  public renderError(error: unknown, requestId: string): { status: number; body: string; code: string } {
    const { code, status, message } = this.fault(error);
    const type = status < 500 ? 'Sender' : 'Receiver';
    const inside = element('Type', type) + element('Code', escapeXml(code)) + element('Message', escapeXml(message));
    const body = `<ErrorResponse xmlns="${this.namespace}">${element('Error', inside)}${element('RequestId', requestId)}</ErrorResponse>`;
    return { status, body, code };
  }

  private fault(error: unknown): { code: string; status: number; message: string } {
    if (error instanceof QueryError) return error;
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    const schema = this.sdk[`${name}$`];
    const traits = Array.isArray(schema) ? (schema[3] as { awsQueryError?: [string, number] }) : undefined;
    if (traits?.awsQueryError) return { code: traits.awsQueryError[0], status: traits.awsQueryError[1], message };
    return { code: 'InternalFailure', status: 500, message: `the rehearsal region failed: ${message}` };
  }

  private operation(name: string): OperationSchema {
    const schema = this.sdk[`${name}$`];
    if (!Array.isArray(schema) || schema[0] !== OPERATION) {
      throw new QueryError('InvalidAction', `there is no operation '${shown(name)}'`);
    }
    return schema as unknown as OperationSchema;
  }
}

/** How the SDK's static schemas mark an operation. */
const OPERATION = 9;

/** What the client sent. */
type Sent = ReadonlyMap<string, string>;

function readStructure(schema: NormalizedSchema, prefix: string, parameters: Sent, unused: Set<string>) {
  const value: Record<string, unknown> = {};
  for (const [name, member] of schema.structIterator()) {
    const read = readValue(member, prefix + name, parameters, unused);
    if (read !== undefined) value[name] = read;
  }
  const isNested = prefix !== '';
  if (isNested && Object.keys(value).length === 0) return undefined;
  for (const name of requiredMembers(schema)) {
    if (value[name] === undefined) {
      throw new QueryError('MissingParameter', `The request must contain the parameter ${prefix}${name}`);
    }
  }
  return value;
}

function readValue(schema: NormalizedSchema, name: string, parameters: Sent, unused: Set<string>): unknown {
  if (schema.isStructSchema()) return readStructure(schema, `${name}.`, parameters, unused);
  if (schema.isListSchema()) return readList(schema, name, parameters, unused);
  const text = parameters.get(name);
  if (text === undefined) return undefined;
  unused.delete(name);
  if (schema.isBooleanSchema()) {
    if (/^(true|false)$/i.test(text)) return text.toLowerCase() === 'true';
    throw malformed(name, text, 'true or false');
  }
  if (schema.isNumericSchema()) {
    if (/^-?\d{1,10}(\.\d{1,10})?$/.test(text)) return Number(text);
    throw malformed(name, text, 'a number');
  }
  if (schema.isTimestampSchema()) {
    const time = new Date(ISO_8601.test(text) ? text : Number.NaN);
    if (!Number.isNaN(time.getTime())) return time;
    throw malformed(name, text, 'an ISO 8601 time');
  }
  if (text.length > MOST_CHARACTERS) throw malformed(name, text, `${MOST_CHARACTERS} characters at most`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/.test(text)) {
    throw malformed(name, text, 'text without control characters');
  }
  return text;
}

/** `2026-01-31T23:59:59Z`, with fractions of a second or an offset where a client likes. */
const ISO_8601 = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?)?$/;
/** The longest meaningful value is a presigned URL. */
const MOST_CHARACTERS = 8192;

/** Node itself would read a broken escape as plain characters. */
function refuseMalformed(body: string): void {
  const [broken] = /%(?![0-9a-f]{2}).{0,2}/i.exec(body) ?? [];
  if (broken !== undefined) throw new QueryError('MalformedQueryString', `the body has the broken escape '${broken}'`);
}

function readList(schema: NormalizedSchema, name: string, parameters: Sent, unused: Set<string>) {
  // Clients name the elements as the schema does; `member` is the protocol's fallback.
  const elementName = xmlName(schema.getValueSchema()) ?? 'member';
  // An empty list is sent as the bare name.
  if (parameters.get(name) === '') {
    unused.delete(name);
    return [];
  }
  for (const prefix of new Set([`${name}.${elementName}`, `${name}.member`])) {
    const values: unknown[] = [];
    for (let index = 1; ; index++) {
      const value = readValue(schema.getValueSchema(), `${prefix}.${index}`, parameters, unused);
      if (value === undefined) break;
      values.push(value);
    }
    if (values.length > 0) return values;
  }
  return undefined;
}

function malformed(name: string, text: string, wanted: string): QueryError {
  return new QueryError('MalformedInput', `${name} is '${shown(text)}', but has to be ${wanted}`);
}

/** The SDK puts required members first, and says how many there are. */
function requiredMembers(schema: NormalizedSchema): string[] {
  const raw = schema.getSchema() as readonly unknown[];
  const count = typeof raw[6] === 'number' ? raw[6] : 0;
  return (raw[4] as string[]).slice(0, count);
}

function xmlName(schema: NormalizedSchema): string | undefined {
  return schema.getMergedTraits().xmlName as string | undefined;
}

function writeMembers(schema: NormalizedSchema, value: object): string {
  let xml = '';
  for (const [name, member] of schema.structIterator()) {
    const inside = (value as Record<string, unknown>)[name];
    if (inside !== undefined && inside !== null) xml += element(xmlName(member) ?? name, writeValue(member, inside));
  }
  return xml;
}

function writeValue(schema: NormalizedSchema, value: unknown): string {
  if (schema.isStructSchema()) return writeMembers(schema, value as object);
  if (schema.isListSchema()) {
    const name = schema.getValueSchema().getMergedTraits().xmlName ?? 'member';
    return (value as unknown[])
      .map((item) => element(String(name), writeValue(schema.getValueSchema(), item)))
      .join('');
  }
  if (value instanceof Date) return value.toISOString();
  return escapeXml(String(value));
}

function element(name: string, inside: string): string {
  return `<${name}>${inside}</${name}>`;
}

/** Text escaped for XML, which can't represent control characters at all. */
export function escapeXml(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced
  const printable = text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, '\ufffd');
  return printable.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
