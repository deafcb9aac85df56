import { Token } from 'aws-cdk-lib';

/**
 * What is wrong with a region's name, as a sentence; undefined where nothing is. One unknown at synth is not looked at.
 *
 * Whether AWS has such a region is not asked: it gets new ones.
 */
export function regionRefusal(name: string): string | undefined {
  if (Token.isUnresolved(name) || /^[a-z]{2,}(-[a-z]+)+-\d+$/.test(name)) return undefined;
  return `'${name}' is no region, so nothing would ever get there; write it as in 'us-west-2'`;
}
