/**
 * Evaluates identity policies as IAM does, as far as Lifeboat's go: actions and resources with wildcards, and the
 * condition operators in OPERATORS. Anything else throws, so that a test can't pass on what was not understood.
 */
import type { Template } from 'aws-cdk-lib/assertions';

export interface Statement {
  readonly Effect: 'Allow' | 'Deny';
  readonly Action: string | string[];
  readonly Resource: unknown;
  readonly Condition?: Record<string, Record<string, unknown>>;
}

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
};

/** All that the managed policies of a role say. */
export function statementsOf(template: Template, role: RegExp): Statement[] {
  const roles = Object.keys(template.findResources('AWS::IAM::Role')).filter((id) => role.test(id));
  if (roles.length !== 1) throw new Error(`${role} matches ${roles.length} roles: ${roles}`);
  const inline = Object.values(template.findResources('AWS::IAM::Policy'));
  if (JSON.stringify(inline.map((policy) => policy.Properties.Roles)).includes(String(roles[0]))) {
    throw new Error(`${roles[0]} has inline policies, which this doesn't read`);
  }
  return Object.values(template.findResources('AWS::IAM::ManagedPolicy'))
    .filter((policy) => JSON.stringify(policy.Properties.Roles).includes(`"${roles[0]}"`))
    .flatMap((policy) => policy.Properties.PolicyDocument.Statement);
}

export function allows(statements: readonly Statement[], { action, resources, context = {} }: Call): boolean {
  return resources.every((resource) => {
    const applying = statements.filter(
      (statement) =>
        list(statement.Action).some((pattern) => like(action, resolved(pattern))) &&
        list(statement.Resource).some((pattern) => like(resource, resolved(pattern))) &&
        holds(statement.Condition ?? {}, context),
    );
    return applying.length > 0 && applying.every(({ Effect }) => Effect === 'Allow');
  });
}

type Operator = (actual: readonly string[] | undefined, expected: readonly string[]) => boolean;

const matchesAny = (actual: string, expected: readonly string[]) => expected.some((pattern) => like(actual, pattern));

const OPERATORS: Record<string, Operator> = {
  StringEquals: (actual, expected) => actual?.length === 1 && expected.includes(String(actual[0])),
  StringEqualsIfExists: (actual, expected) => actual === undefined || expected.includes(String(actual[0])),
  StringLike: (actual, expected) => actual?.length === 1 && matchesAny(String(actual[0]), expected),
  ArnEquals: (actual, expected) => actual?.length === 1 && matchesAny(String(actual[0]), expected),
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

/** Tokens as strings: references become the logical ID, ARNs `<id>.Arn`. */
export function resolved(value: unknown): string {
  if (typeof value === 'string') return value;
  const [[intrinsic, argument] = []] = Object.entries(value as Record<string, unknown>);
  if (intrinsic === 'Ref') return PSEUDO[String(argument)] ?? `<${argument}>`;
  if (intrinsic === 'Fn::GetAtt') return `<${(argument as string[]).join('.')}>`;
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

function like(text: string, pattern: string): boolean {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`, 's').test(text);
}
