/** SSM's Parameter Store, as far as holds use it. */
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { type Hold, type HoldTarget, holdParameter } from '../../lambda/contract';

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

function fault(name: string): Error {
  return Object.assign(new Error(`simulated ${name}`), { name, $metadata: { httpStatusCode: 400 } });
}
