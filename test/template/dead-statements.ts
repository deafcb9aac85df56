/**
 * Statements of a template's policies that AWS can never match: they read like permission or protection and are neither.
 *
 * A resource that only deployment knows is taken for what its CloudFormation type makes. What is not modelled throws.
 */
import { ACCOUNT, REGION, resolved } from './policies';
import { type Action, actionsLike, isOfType, type ResourceType, supports } from './service-reference';

interface Statement {
  readonly Effect: 'Allow' | 'Deny';
  readonly Action?: string | readonly string[];
  readonly Resource?: unknown;
  readonly Principal?: string | Readonly<Record<string, unknown>>;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

interface Resource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
}

/** A template as JSON. */
export interface TemplateJson {
  readonly Resources?: Readonly<Record<string, Resource>>;
}

/** A policy, and where it stands. */
interface Policy {
  readonly path: string;
  readonly kind: 'identity' | 'resource' | 'trust';
  /** Roles that have it. */
  readonly roles: readonly string[];
  readonly statements: readonly Statement[];
}

/** One sentence for each statement, and for each permission that lacks a half. */
export function deadStatements(template: TemplateJson): string[] {
  const policies = policiesOf(template);
  const arn = arnsOf(template);
  const dead = policies.flatMap((policy) =>
    policy.statements.flatMap((statement) =>
      problemsOf(policy, statement, arn).map((problem) => `${policy.path}: ${problem}`),
    ),
  );
  return [...new Set([...dead, ...halves(policies, arn)])];
}

const IDENTITY = ['AWS::IAM::ManagedPolicy', 'AWS::IAM::Policy', 'AWS::IAM::Role'];

function policiesOf({ Resources = {} }: TemplateJson): Policy[] {
  const policies: Policy[] = [];
  for (const [id, { Type, Properties = {} }] of Object.entries(Resources)) {
    const walk = (value: unknown, path: string): void => {
      if (value === null || typeof value !== 'object') return;
      if (!Array.isArray(value) && 'Statement' in value) {
        const trust = path.endsWith('.AssumeRolePolicyDocument');
        const kind = trust ? 'trust' : IDENTITY.includes(Type) ? 'identity' : 'resource';
        const roles = Type === 'AWS::IAM::Role' ? [id] : list(Properties.Roles ?? []).map(resolved);
        policies.push({ path, kind, roles, statements: list(value.Statement) as Statement[] });
        return;
      }
      for (const [key, part] of Object.entries(value)) walk(part, Array.isArray(value) ? path : `${path}.${key}`);
    };
    walk(Properties, id);
  }
  return policies;
}

/** Which type of resource another stack exports, its own template says. */
const isImported = (resource: string) => resource.startsWith('<import ');

/** An action on a type of resource, which is what IAM decides about. */
interface Pair {
  readonly action: Action;
  readonly type?: ResourceType;
}

/** What a pattern of actions means on a pattern of resources. */
function pairsOf(actions: string, resource: string): Pair[] {
  return actionsLike(actions).flatMap((action): Pair[] =>
    action.types.length === 0
      ? resource === '*'
        ? [{ action }]
        : []
      : action.types
          .filter((type) => isImported(resource) || isOfType(resource, type))
          .map((type) => ({ action, type })),
  );
}

function problemsOf(policy: Policy, statement: Statement, arn: (value: unknown) => string): string[] {
  const { Action, Condition = {}, Principal } = statement;
  if (!Action)
    throw new Error(`${policy.path}: a statement without Action is not modelled: ${JSON.stringify(statement)}`);
  const actions = list(Action);
  const resources = resourcesOf(policy, statement, arn);
  const unknown = actions.filter((action) => action !== '*' && actionsLike(action).length === 0);
  if (unknown.length > 0) return unknown.map((action) => `${action} is not an action`);
  const byService = isForServices(Principal);
  const keys = Object.values(Condition).flatMap((condition) => Object.keys(condition));
  const lacking = (pairs: readonly Pair[]) =>
    keys.filter((key) => !pairs.some(({ action, type }) => supports(action, type, key, byService)));

  const literal = Object.entries(Condition)
    .filter(([operator]) => /String(Not)?Equals/.test(operator))
    .flatMap(([operator, values]) => Object.entries(values).map(([key, value]) => [operator, key, value] as const))
    .filter(([, , value]) => list(value).some((one) => /.[*]|[*]./.test(resolved(one))))
    .map(([operator, key]) => `${operator} takes the * in the value of ${key} as it is written`);
  if (literal.length > 0) return literal;
  const known = actions.filter((action) => action !== '*');
  const ofActions = known.flatMap((action) => {
    const pairs = resources.flatMap((resource) => pairsOf(action, resource));
    if (pairs.length === 0) return [`${action} has no resource of the type of ${resources.join(', ')}`];
    return lacking(pairs).map((key) => `${action} has no condition key ${key} on ${resources.join(', ')}`);
  });
  if (known.length < actions.length) return ofActions;
  const ofResources = resources.flatMap((resource) => {
    const pairs = known.flatMap((action) => pairsOf(action, resource));
    if (pairs.length === 0) return [`${resource} is of no type that ${known.join(', ')} has`];
    return lacking(pairs).map((key) => `${known.join(', ')} has no condition key ${key} on ${resource}`);
  });
  return ofActions.length > 0 ? ofActions : ofResources;
}

const isForServices = (principal: Statement['Principal']) =>
  principal === '*' || (typeof principal === 'object' && ('Service' in principal || principal.AWS === '*'));

/** `*` in a resource's own policy is that resource. */
function resourcesOf(policy: Policy, { Resource }: Statement, arn: (value: unknown) => string): string[] {
  if (Resource === undefined && policy.kind === 'identity') {
    throw new Error(`${policy.path}: a statement without Resource is not modelled`);
  }
  return list(Resource ?? '*').map(arn);
}

/** IAM asks for leave on each type that an action requires; a role that lacks one is always denied. */
function halves(policies: readonly Policy[], arn: (value: unknown) => string): string[] {
  const roles = new Set(policies.flatMap(({ kind, roles }) => (kind === 'identity' ? roles : [])));
  return [...roles].flatMap((role) => {
    const allowed = policies
      .filter(({ kind, roles }) => kind === 'identity' && roles.includes(role))
      .flatMap((policy) => policy.statements.map((statement) => ({ policy, statement })))
      .filter(({ statement }) => statement.Effect === 'Allow')
      .flatMap(({ policy, statement: { Action = [], Resource } }) =>
        list(Action).flatMap((action) =>
          list(Resource).flatMap((r) => pairsOf(action, arn(r)).map((p) => ({ ...p, policy }))),
        ),
      );
    const names = new Map(allowed.map(({ action, policy }) => [action, policy.path]));
    return [...names].flatMap(([action, path]) =>
      action.types
        .filter(({ name, required }) => required && !allowed.some((p) => p.action === action && p.type?.name === name))
        .map(({ name }) => `${path}: ${action.name} is allowed on no ${name}, which it requires`),
    );
  });
}

/** ARNs of what a template makes: by type and attribute, or by type alone where the reference is the ARN. */
const ARNS: Readonly<Record<string, (id: string) => string>> = {
  'AWS::Backup::BackupVault BackupVaultArn': (id) => regional('backup', `backup-vault:${id}`),
  'AWS::ECR::Repository Arn': (id) => regional('ecr', `repository/${id}`),
  'AWS::ECS::Cluster Arn': (id) => regional('ecs', `cluster/${id}`),
  'AWS::ECS::TaskDefinition': (id) => regional('ecs', `task-definition/${id}:1`),
  'AWS::EFS::FileSystem Arn': (id) => regional('elasticfilesystem', `file-system/${id}`),
  'AWS::IAM::Role Arn': (id) => `arn:aws:iam::${ACCOUNT}:role/${id}`,
  'AWS::KMS::Key Arn': (id) => regional('kms', `key/${id}`),
  'AWS::KinesisFirehose::DeliveryStream Arn': (id) => regional('firehose', `deliverystream/${id}`),
  'AWS::Lambda::Alias': (id) => regional('lambda', `function:${id}:live`),
  'AWS::Lambda::Function Arn': (id) => regional('lambda', `function:${id}`),
  'AWS::Lambda::Version': (id) => regional('lambda', `function:${id}:1`),
  'AWS::Logs::LogGroup Arn': (id) => regional('logs', `log-group:${id}:*`),
  'AWS::RDS::DBInstance MasterUserSecret.SecretArn': (id) => regional('secretsmanager', `secret:rds!db-${id}`),
  'AWS::S3::Bucket Arn': (id) => `arn:aws:s3:::${id}`,
  'AWS::Scheduler::Schedule Arn': (id) => regional('scheduler', `schedule/default/${id}`),
  'AWS::SecretsManager::SecretTargetAttachment': (id) => regional('secretsmanager', `secret:${id}`),
  'AWS::SecretsManager::Secret': (id) => regional('secretsmanager', `secret:${id}`),
  'AWS::SNS::Topic': (id) => regional('sns', id),
  'AWS::SQS::Queue Arn': (id) => regional('sqs', id),
};

const regional = (service: string, resource: string) => `arn:aws:${service}:${REGION}:${ACCOUNT}:${resource}`;

function arnsOf({ Resources = {} }: TemplateJson): (value: unknown) => string {
  return (value) =>
    resolved(value).replace(/<([^<>]+)>/g, (token, reference: string) => {
      const [id = '', ...names] = reference.split('.');
      const attribute = names.join('.');
      const resource = Resources[id];
      if (!resource) return token;
      const arn = ARNS[`${resource.Type} ${attribute}`.trim()];
      return arn ? arn(id) : token;
    });
}

function list<T>(value: T | readonly T[]): readonly T[] {
  return Array.isArray(value) ? value : [value as T];
}
