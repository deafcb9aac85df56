/** A property that a construct doesn't take, which callers without a compiler may hand over. */
import { Duration } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import * as lifeboat from '../../../lib';
import {
  BucketBackups,
  CacheBackups,
  CacheExportAccess,
  DatabaseBackups,
  DatabaseLogs,
  ImageBackups,
  ReplicatedBackups,
  SecretReplicas,
} from '../../../lib';
import { checkProps } from '../../../lib/synth/props';
import { EVERY_CONSTRUCT } from '../../template/every-construct';
import { importedDatabase, newPlan, newStack, primaryStack } from '../../template/stacks';

const DAYS = Duration.days(2);

/** Made by other constructs of Lifeboat, at whose door their props are. */
const MADE_BY_OTHERS = [
  ...['DrillNetwork', 'RestoreTest'],
  ...['ProtectedBucket', 'ProtectedCache', 'ProtectedCluster', 'ProtectedDatabase'],
];

test('the table that these tests go through has every public construct', () => {
  const isConstruct = (value: unknown) => typeof value === 'function' && value.prototype instanceof Construct;
  const names = Object.entries(lifeboat).flatMap(([name, value]) => (isConstruct(value) ? [name] : []));
  expect([...Object.keys(EVERY_CONSTRUCT), ...MADE_BY_OTHERS].sort()).toEqual(names.sort());
});

test.each(Object.entries(EVERY_CONSTRUCT))('is refused by a %s, with its name and value', (name, make) => {
  expect(() => make(primaryStack().stack, { nonsense: DAYS })).toThrow(
    new RegExp(
      `^${name} 'Primary/.*':\\n {2}'nonsense' is 2 days, and ${name} has no such property, so it would have no effect; `,
    ),
  );
  expect(() => make(primaryStack().stack, { nonsense: undefined })).not.toThrow();
});

test.each([
  [BucketBackups, 'tires', 'tiers'],
  [CacheBackups, 'retenton', 'retention'],
  [CacheExportAccess, 'otherPrefixs', 'otherPrefixes'],
  [DatabaseBackups, 'windows', 'window'],
  [DatabaseLogs, 'exprots', 'exports'],
  [ImageBackups, 'untagedAfter', 'untaggedAfter'],
  [ReplicatedBackups, 'regoin', 'region'],
  [SecretReplicas, 'replica', 'replicas'],
])('is refused by the Mixin %p', (Mixin, wrong, right) => {
  const apply = () => new (Mixin as new (props: object) => object)({ [wrong]: 'x' });
  expect(apply).toThrow(
    `'${wrong}' is 'x', and ${Mixin.name} has no such property, so it would have no effect; did you mean '${right}'?`,
  );
});

test('is refused by what a plan adds, too', () => {
  const stack = newStack();
  const plan = newPlan(stack);
  const database = importedDatabase(stack);
  expect(() => plan.addDatabase('Orders', { database, retenton: DAYS } as never)).toThrow("did you mean 'retention'?");
  const orders = plan.addDatabase('Carts', { database });
  expect(() => orders.addDrill('Daily', { scedule: 'daily' } as never)).toThrow("did you mean 'schedule'?");
});

class Vault {}
const NAMES = { retention: true, encryptionKey: true } as const;
const refused = (props: object) => () => checkProps<object>(new Vault(), props, NAMES);

test.each([
  ['retenton', "did you mean 'retention'?"],
  ['Retention', "did you mean 'retention'?"],
  ['encryptKey', "did you mean 'encryptionKey'?"],
  ['encryption', "did you mean 'encryptionKey'?"],
  ['colour', 'leave it out; there are: retention, encryptionKey'],
])('called %s has this remedy: %s', (name, remedy) => {
  expect(refused({ [name]: 1 })).toThrow(
    `Vault:\n  '${name}' is 1, and Vault has no such property, so it would have no effect; ${remedy}`,
  );
});

test('is named with all others, and shows no more of an object than its kind', () => {
  expect(refused({ key: { secret: 'hunter2' }, list: ['hunter2'], make: () => 'hunter2' })).toThrow(
    /'key' is an object,.*\n {2}'list' is a list,.*\n {2}'make' is a function,/,
  );
  expect(refused({ retention: DAYS })).not.toThrow();
  expect(() => checkProps(new Vault(), undefined, {})).not.toThrow();
});
