/** STS, as far as runbooks use it: who signed a request. */
import * as sdk from '@aws-sdk/client-sts';
import type { Call, Reply } from './call';
import { notModelled, QueryProtocol } from './query-protocol';
import { ACCOUNT } from './world';

const PROTOCOL = new QueryProtocol(sdk, 'https://sts.amazonaws.com/doc/2011-06-15/');

export function answerSts({ id, method, url, body, caller }: Call): Reply {
  const headers = { 'content-type': 'text/xml' };
  try {
    const { operation } = PROTOCOL.parse(method === 'GET' ? url.searchParams.toString() : body.toString());
    if (operation !== 'GetCallerIdentity') throw notModelled(`the operation ${operation}`, 'known: GetCallerIdentity');
    const identity = { UserId: caller.replace(/^.*[:/]/, ''), Account: ACCOUNT, Arn: caller };
    return { status: 200, headers, body: PROTOCOL.render(operation, identity, id) };
  } catch (error) {
    const { status, body: problem } = PROTOCOL.renderError(error, id);
    return { status, headers, body: problem };
  }
}
