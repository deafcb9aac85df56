/** The template of a construct is the same whatever feature flags the app of its user has. */
import { App, Stack } from 'aws-cdk-lib';
import { CURRENTLY_RECOMMENDED_FLAGS } from 'aws-cdk-lib/cx-api';
import { EVERY_CONSTRUCT } from '../template/every-construct';
import { Template } from '../template/stacks';

/** What CDK writes otherwise throughout an app, wherever the policies and names come from. They mean the same. */
const OF_CDK = [
  // Merges statements of policies that allow the same.
  '@aws-cdk/aws-iam:minimizePolicies',
  // Writes `aws` for the partition of a stack whose region is known.
  '@aws-cdk/core:enablePartitionLiterals',
];

const flags = Object.entries(CURRENTLY_RECOMMENDED_FLAGS).filter(([name]) => !OF_CDK.includes(name));
const ON = Object.fromEntries(flags);
/** Those that choose between things have no opposite, and are left out. */
const OFF = Object.fromEntries(flags.flatMap(([name, value]) => (typeof value === 'boolean' ? [[name, !value]] : [])));

function templateOf(make: (stack: Stack) => unknown, context: Record<string, unknown>): object {
  const app = new App({ context, builtinCloudFormationValidation: false });
  const stack = new Stack(app, 'Test', { env: { account: '111122223333', region: 'us-east-1' } });
  make(stack);
  const text = JSON.stringify(Template.fromStack(stack).toJSON());
  // CDK hashes what a version of a function is of, and two flags say from what.
  return JSON.parse(text.replace(/(CurrentVersion[0-9A-F]{8})[0-9a-f]{32}/g, '$1'));
}

test('there are flags to compare', () => {
  expect(Object.keys(OFF).length).toBeGreaterThan(50);
});

test.each(Object.entries(EVERY_CONSTRUCT))('%s is the same with all flags off, on, and unset', (_, make) => {
  const on = templateOf(make, ON);
  expect(templateOf(make, OFF)).toEqual(on);
  expect(templateOf(make, {})).toEqual(on);
});
