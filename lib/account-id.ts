import { Token } from 'aws-cdk-lib';

/**
 * What is wrong with an account's id, as a sentence; undefined where nothing is. One unknown at synth is not looked at.
 *
 * @param consequence what would come of it, as in `nothing would ever get there`
 */
export function accountRefusal(account: string | undefined, consequence: string): string | undefined {
  if (account === undefined || Token.isUnresolved(account) || /^\d{12}$/.test(account)) return undefined;
  return `'${account}' is no account, so ${consequence}; write its 12 digits`;
}
