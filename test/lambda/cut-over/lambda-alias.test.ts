/** Restarts of functions behind an alias, against Lambda's documented rules for versions and revisions. */
import * as sdk from '@aws-sdk/client-lambda';
import { LambdaAliasRestart } from '../../../lambda/cut-over/lambda-alias';
import { Recorder } from '../../simulated/recorder';
import { crashOnce, startUntilBegun } from './crashing';
import { RESTARTING } from './endpoints';

/** A function whose updates take until the next look, and that publishes nothing new where nothing has changed. */
function lambda() {
  const recorder = new Recorder(sdk);
  let revision = 1;
  const state = {
    latest: { CodeSha256: 'code', Description: 'Takes orders', RevisionId: 'r1' } as sdk.FunctionConfiguration,
    versions: [{ CodeSha256: 'code', Description: 'Takes orders', Version: '1' }] as sdk.FunctionConfiguration[],
    alias: { FunctionVersion: '1', RevisionId: 'a1' } as sdk.AliasConfiguration,
  };
  const refuseOld = (sent: string | undefined, now: string | undefined) => {
    if (sent !== now) throw recorder.error('PreconditionFailedException', 'The Revision Id provided does not match');
  };
  recorder.on('GetAlias', () => state.alias);
  recorder.on('GetFunctionConfiguration', ({ Qualifier }: sdk.GetFunctionConfigurationRequest) => {
    if (Qualifier !== undefined) return state.versions.find(({ Version }) => Version === Qualifier) ?? {};
    const seen = { ...state.latest };
    state.latest = { ...state.latest, LastUpdateStatus: 'Successful' };
    return seen;
  });
  recorder.on('UpdateFunctionConfiguration', ({ Description, RevisionId }: sdk.UpdateFunctionConfigurationRequest) => {
    refuseOld(RevisionId, state.latest.RevisionId);
    revision += 1;
    state.latest = { ...state.latest, Description, RevisionId: `r${revision}`, LastUpdateStatus: 'InProgress' };
    return state.latest;
  });
  recorder.on('PublishVersion', ({ RevisionId }: sdk.PublishVersionRequest) => {
    refuseOld(RevisionId, state.latest.RevisionId);
    const newest = state.versions.at(-1);
    if (newest?.Description === state.latest.Description) return { ...newest };
    const { CodeSha256, Description } = state.latest;
    const version = { CodeSha256, Description, Version: String(state.versions.length + 1) };
    state.versions.push(version);
    return version;
  });
  recorder.on('UpdateAlias', ({ FunctionVersion, RevisionId }: sdk.UpdateAliasRequest) => {
    refuseOld(RevisionId, state.alias.RevisionId);
    state.alias = { FunctionVersion, RevisionId: `a${FunctionVersion}` };
    return state.alias;
  });
  const client = recorder.client(sdk.LambdaClient);
  return { recorder, state, client, way: new LambdaAliasRestart(client, 'take-orders', 'live') };
}

test('a new version is published and the alias moved, each on the revision that was read', async () => {
  const { recorder, state, way } = lambda();
  const id = await startUntilBegun(() => way.start(RESTARTING));
  expect(id).toBe('2');
  expect(state.versions.at(-1)?.Description).toMatch(/^Takes orders \[lifeboat 0123456789ab-\w+\]$/);
  expect(recorder.inputs('PublishVersion')).toEqual([
    { FunctionName: 'take-orders', CodeSha256: 'code', RevisionId: 'r2' },
  ]);
  expect(recorder.inputs('UpdateAlias')).toEqual([
    { FunctionName: 'take-orders', Name: 'live', FunctionVersion: '2', RevisionId: 'a1' },
  ]);
  expect(await way.look(id)).toEqual({ done: true, state: 'the alias names version 2' });
});

describe.each(['UpdateFunctionConfiguration', 'PublishVersion', 'UpdateAlias'])('a crash around %s', (operation) => {
  test.each([true, false])('leads to one version (after its effect: %s)', async (after) => {
    const { state, client } = lambda();
    const way = new LambdaAliasRestart(crashOnce(client, operation, after), 'take-orders', 'live');
    expect(await startUntilBegun(() => way.start(RESTARTING))).toBe('2');
    expect(state.versions).toHaveLength(2);
    expect(state.alias.FunctionVersion).toBe('2');
  });
});

test('a later restart, as after a rollback, publishes another version with one mark', async () => {
  const { state, way } = lambda();
  await startUntilBegun(() => way.start(RESTARTING));
  const again = { ...RESTARTING, since: '2026-11-29T05:00:00Z' };
  expect(await startUntilBegun(() => way.start(again))).toBe('3');
  expect(state.latest.Description?.match(/lifeboat/g)).toHaveLength(1);
});

test('the alias is moved only once the version can run', async () => {
  const { state, way, recorder } = lambda();
  await way.start(RESTARTING);
  await way.start(RESTARTING);
  state.versions.push({ ...state.latest, Version: '2', State: 'Pending' });
  expect(await way.start(RESTARTING)).toEqual({ waits: 'version 2 is being prepared' });
  expect(recorder.operations).not.toContain('UpdateAlias');
  state.versions[1] = { ...state.versions[1], State: 'Active' };
  expect(await way.start(RESTARTING)).toEqual({ id: '2' });
});

test('a deployment at the same moment is waited for', async () => {
  const { recorder, state, way } = lambda();
  recorder.on('UpdateFunctionConfiguration', () => {
    throw recorder.error('ResourceConflictException', 'An update is in progress');
  });
  expect(await way.start(RESTARTING)).toEqual({ waits: 'ResourceConflictException: An update is in progress' });
  expect(state.latest.Description).toBe('Takes orders');
});

test('code that was not released is not released by a recovery', async () => {
  const { recorder, state, way } = lambda();
  state.latest = { ...state.latest, CodeSha256: 'newer' };
  await expect(way.start(RESTARTING)).rejects.toThrow('$LATEST holds other code than version 1');
  await expect(way.warnings()).rejects.toThrow('$LATEST holds other code than version 1');
  expect(recorder.operations).not.toContain('PublishVersion');
});

test.each([
  [{ FunctionVersion: '$LATEST' }, 'names $LATEST'],
  [{ FunctionVersion: '1', RoutingConfig: { AdditionalVersionWeights: { 2: 0.1 } } }, 'sends some calls to version 2'],
])('the alias %j is refused', async (alias, message) => {
  const { state, way } = lambda();
  state.alias = alias;
  await expect(way.start(RESTARTING)).rejects.toThrow(message);
});

test('that the configuration is frozen is told, and what else would be published, without values', async () => {
  const { state, way } = lambda();
  state.latest = { ...state.latest, Environment: { Variables: { PASSWORD: 'hunter2' } } };
  const warnings = await way.warnings();
  expect(warnings).toEqual([
    expect.stringContaining('configuration of a published version is frozen'),
    expect.stringContaining('changes the description of the function'),
    expect.stringContaining('in Environment; the restart publishes that as well'),
  ]);
  expect(warnings.join()).not.toContain('hunter2');
});
