/**
 * Evaluates identity policies as IAM does, as far as Lifeboat's go: actions and resources with wildcards, and the
 * condition operators in OPERATORS. Anything else throws, so that a test can't pass on what was not understood.
 */
import type { Template } from 'aws-cdk-lib/assertions';
import { actionsLike, isOfType, supports } from './service-reference';
import { like } from './wildcards';

export interface Statement {
  readonly Effect: 'Allow' | 'Deny';
  readonly Action: string | string[];
  readonly Resource: unknown;
  readonly Condition?: Record<string, Record<string, unknown>>;
}

/** ARN of something of RDS in the account and region that templates are evaluated in. */
export const rdsArn = (kind: string, name: string) => `arn:aws:rds:${REGION}:${ACCOUNT}:${kind}:${name}`;

/** One call. IAM asks for leave on every resource that it names. */
export interface Call {
  readonly action: string;
  readonly resources: readonly string[];
  readonly context?: Readonly<Record<string, string | readonly string[]>>;
}

export const REGION = 'eu-west-1';
export const ACCOUNT = '111122223333';
const PSEUDO: Record<string, string> = {
  'AWS::Region': REGION,
  'AWS::AccountId': ACCOUNT,
  'AWS::Partition': 'aws',
  'AWS::StackId': `arn:aws:cloudformation:${REGION}:${ACCOUNT}:stack/stack/1`,
};

/** All that the managed policies of a role say, each of which AWS can match. */
export function statementsOf(template: Template, role: RegExp): Statement[] {
  const roles = Object.keys(template.findResources('AWS::IAM::Role')).filter((id) => role.test(id));
  if (roles.length !== 1) throw new Error(`${role} matches ${roles.length} roles: ${roles}`);
  const inline = Object.values(template.findResources('AWS::IAM::Policy'));
  if (JSON.stringify(inline.map((policy) => policy.Properties.Roles)).includes(String(roles[0]))) {
    throw new Error(`${roles[0]} has inline policies, which this doesn't read`);
  }
  const [id] = roles;
  const attached = JSON.stringify(
    template.findResources('AWS::IAM::Role')[String(id)]?.Properties.ManagedPolicyArns ?? [],
  );
  return Object.entries(template.findResources('AWS::IAM::ManagedPolicy'))
    .filter(
      ([own, { Properties }]) =>
        JSON.stringify([Properties.Roles]).includes(`"${id}"`) || attached.includes(`"${own}"`),
    )
    .flatMap(([, policy]) => policy.Properties.PolicyDocument.Statement);
}

/** @throws Error when AWS never makes this call, so that no test takes heart from a denial that nobody ever gets */
export function allows(statements: readonly Statement[], call: Call): boolean {
  const asked = call.resources.map((resource) => ({ resource, context: filledIn(call, resource) }));
  const never = Object.keys(call.context ?? {}).filter((key) => !asked.some(({ context }) => key in context));
  if (never.length > 0) throw new Error(`${call.action} has no condition key ${never.join(', ')} on ${call.resources}`);
  return asked.every(({ resource, context }) => {
    const applying = statements.filter(
      (statement) =>
        list(statement.Action).some((pattern) => like(call.action, resolved(pattern))) &&
        list(statement.Resource).some((pattern) => like(resource, resolved(pattern))) &&
        holds(statement.Condition ?? {}, context),
    );
    return applying.length > 0 && applying.every(({ Effect }) => Effect === 'Allow');
  });
}

/** The call with as much of its context as AWS fills in, for contexts that are held against many actions. */
export function possible(call: Call): Call {
  const filled = call.resources.map((resource) => filledIn(call, resource));
  return { ...call, context: Object.assign({}, ...filled) };
}

/** What of a call's context AWS fills in where it asks for leave on one resource. A token may be of any type. */
function filledIn({ action: name, context = {} }: Call, resource: string): NonNullable<Call['context']> {
  const [action] = actionsLike(name);
  if (!action) throw new Error(`${name} is not an action`);
  const possible = resource.startsWith('arn:') ? action.types.filter((type) => isOfType(resource, type)) : action.types;
  if (possible.length === 0 && resource !== '*') throw new Error(`${name} is never asked for on ${resource}`);
  const types = possible.length > 0 ? possible : [undefined];
  return Object.fromEntries(
    Object.entries(context).filter(([key]) => types.some((type) => supports(action, type, key, true))),
  );
}

type Operator = (actual: readonly string[] | undefined, expected: readonly string[]) => boolean;

const matchesAny = (actual: string, expected: readonly string[]) => expected.some((pattern) => like(actual, pattern));

const OPERATORS: Record<string, Operator> = {
  StringEquals: (actual, expected) => actual?.length === 1 && expected.includes(String(actual[0])),
  StringEqualsIfExists: (actual, expected) => actual === undefined || expected.includes(String(actual[0])),
  StringLike: (actual, expected) => actual?.length === 1 && matchesAny(String(actual[0]), expected),
  ArnEquals: (actual, expected) => actual?.length === 1 && matchesAny(String(actual[0]), expected),
  ArnNotLike: (actual, expected) => !actual?.some((value) => matchesAny(value, expected)),
  Bool: (actual, expected) => actual?.length === 1 && expected.includes(String(actual[0])),
  BoolIfExists: (actual, expected) => actual === undefined || expected.includes(String(actual[0])),
  Null: (actual, expected) => (actual === undefined) === (expected[0] === 'true'),
  'ForAnyValue:StringEquals': (actual = [], expected) => actual.some((value) => expected.includes(value)),
  'ForAllValues:StringEquals': (actual = [], expected) => actual.every((value) => expected.includes(value)),
};

function holds(condition: Record<string, Record<string, unknown>>, context: NonNullable<Call['context']>): boolean {
  return Object.entries(condition).every(([name, keys]) => {
    const operator = OPERATORS[name];
    if (!operator) throw new Error(`condition operator ${name} is not modelled`);
    return Object.entries(keys).every(([key, expected]) => {
      const actual = context[key];
      return operator(actual === undefined ? undefined : list(actual), list(expected).map(resolved));
    });
  });
}

/** Tokens as strings: references become `<id>`, ARNs `<id.Arn>`, and what another stack exports `<import name>`. */
export function resolved(value: unknown): string {
  if (typeof value === 'string') return value;
  const [[intrinsic, argument] = []] = Object.entries(value as Record<string, unknown>);
  if (intrinsic === 'Ref') return PSEUDO[String(argument)] ?? `<${argument}>`;
  if (intrinsic === 'Fn::GetAtt') return `<${(argument as string[]).join('.')}>`;
  if (intrinsic === 'Fn::ImportValue') return `<import ${resolved(argument)}>`;
  if (intrinsic === 'Fn::Join') {
    const [delimiter, parts] = argument as [string, unknown[]];
    return parts.map(resolved).join(delimiter);
  }
  if (intrinsic === 'Fn::ImportValue') return resolved(argument);
  if (intrinsic === 'Fn::Sub') return String(argument).replace(/\$\{([^}]+)\}/g, (_, id) => PSEUDO[id] ?? `<${id}>`);
  throw new Error(`${intrinsic} is not modelled`);
}

function list<T>(value: T | readonly T[]): readonly T[] {
  return Array.isArray(value) ? value : [value as T];
}
