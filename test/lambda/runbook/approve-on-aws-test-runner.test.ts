/** Approvals and child executions on AWS's own testing runner: the simulator must not have taught them own habits. */
import { LocalDurableTestRunner, WaitingOperationStatus } from '@aws/durable-execution-sdk-js-testing';
import { durable, type Runbook } from '../../../lambda/runbook/runbook';

const ADA = 'arn:aws:iam::123456789012:user/ada';
const SHOWN = { sha256: 'a'.repeat(64), resources: ['db-ABC'], expires: '2026-11-22T03:00:00Z' };

/** That runner's executions have ids instead of ARNs, so they are of no account. */
const approvers = ({ execution }: Runbook) => {
  const account = `${execution}`.split(':')[4] as string;
  return { identify: async () => ({ identity: { arn: ADA, account, role: null, name: 'ada' } }) };
};

test('runs a child, a step once, waits again after an answer that does not count, and takes the next', async () => {
  await LocalDurableTestRunner.setupTestEnvironment({ skipTime: true });
  try {
    let now = Date.parse('2026-11-20T03:00:00Z');
    const clock = () => {
      now += 1000;
      return now;
    };
    const cutOver = async (_: unknown, runbook: Runbook) => ({
      copied: await runbook.child('copy', 'copy:1', { table: 'votes' }),
      sent: await runbook.once('announce', async () => 'sent'),
      approval: await runbook.approve('cut over', SHOWN, { hours: 24 }, approvers(runbook)),
    });
    const runner = new LocalDurableTestRunner({ handlerFunction: durable(cutOver, { clock }) });
    runner.registerDurableFunction(
      'copy:1',
      durable(async (request: unknown) => request, { clock }),
    );
    const ended = runner.run({ payload: {} });
    for (const [number, sha256] of ['b'.repeat(64), SHOWN.sha256].entries()) {
      const callback = runner.getOperation(`answer ${number + 1} to 'cut over'`);
      await callback.waitForData(WaitingOperationStatus.STARTED);
      await callback.sendCallbackSuccess(JSON.stringify({ decision: 'approve', sha256, proof: 'x' }));
    }
    const { copied, sent, approval } = (await ended).getResult() as Awaited<ReturnType<typeof cutOver>>;
    expect([copied, sent]).toEqual([{ table: 'votes' }, 'sent']);
    expect(approval).toMatchObject({ outcome: 'approved', by: ADA });
    expect(approval.ignored).toEqual([expect.stringMatching(/about another document/)]);
  } finally {
    await LocalDurableTestRunner.teardownTestEnvironment();
  }
}, 60_000);
