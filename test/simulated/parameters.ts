/** SSM's Parameter Store, as far as holds use it. */
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { type Hold, type HoldTarget, holdParameter, type OpenRecovery, recoveryParameter } from '../../lambda/contract';

export class SimulatedParameters {
  /** Values by region and name. */
  readonly values = new Map<string, string>();
  /** The fault that regions answer reads with. */
  readonly refuses = new Map<string, string>();
  /** Called at each read, before it is answered. */
  onRead = (_region: string) => {};

  hold(region: string, target: HoldTarget, hold: Hold): void {
    this.values.set(`${region} ${holdParameter(target)}`, JSON.stringify(hold));
  }

  recover(region: string, of: HoldTarget): void {
    this.values.set(`${region} ${recoveryParameter(of)}`, JSON.stringify(recoveryOf(of)));
  }

  client(region: string, alive: () => boolean = () => true): SSMClient {
    const send = async (command: object) => {
      if (!alive()) return new Promise(() => {});
      if (!(command instanceof GetParameterCommand)) throw new Error(`${command.constructor.name} is not modelled`);
      this.onRead(region);
      const refused = this.refuses.get(region);
      if (refused) throw fault(refused);
      const Value = this.values.get(`${region} ${command.input.Name}`);
      if (Value === undefined) throw fault('ParameterNotFound');
      return { Parameter: { Name: command.input.Name, Value } };
    };
    return Object.create(SSMClient.prototype, { send: { value: send } });
  }
}

/** A recovery that waits for its approval. */
export const recoveryOf = (of: HoldTarget, more: Partial<OpenRecovery> = {}): OpenRecovery => ({
  formatVersion: 1,
  plan: 'Protection',
  target: 'Orders',
  of,
  runbook: 'recover-database',
  execution: 'arn:aws:lambda:us-west-2:123456789012:function:recover:1/durable-execution/one',
  startedBy: 'arn:aws:sts::123456789012:assumed-role/Operators/ada',
  started: '2026-11-20T03:00:00Z',
  phase: 'approval',
  since: '2026-11-20T03:40:00Z',
  waitingFor: 'an approval',
  next: 'fence writes',
  approval: {
    sha256: 'a'.repeat(64),
    bucket: 'evidence',
    key: 'shown.md',
    resources: ['db-ABC'],
    expires: '2026-11-21T03:00:00Z',
  },
  ...more,
});

function fault(name: string): Error {
  return Object.assign(new Error(`simulated ${name}`), { name, $metadata: { httpStatusCode: 400 } });
}
