/**
 * Cut-over by a parameter of SSM. SSM has no conditional put: the value is compared just before, and the version that
 * the put returns shows whether somebody else wrote in between. Then that is an error, though the value is overwritten.
 */
import { GetParameterCommand, PutParameterCommand, type SSMClient } from '@aws-sdk/client-ssm';
import { checkEndpoint, isHost, isSameHost } from './hosts';
import { type Before, ChangedMeanwhile, type CutOverWay, type Endpoint, type Move, type Sent } from './way';

interface Value {
  readonly value: string;
  readonly version: number;
}

export class ParameterCutOver implements CutOverWay {
  public readonly name: string;

  constructor(
    private readonly ssm: SSMClient,
    private readonly parameter: string,
    /** Whether it holds `host:port`. */
    private readonly withPort = false,
  ) {
    this.name = `parameter ${parameter}`;
  }

  async read(): Promise<Before> {
    return { ...(await this.now()) };
  }

  async warnings({ from, to }: Move): Promise<string[]> {
    const { value } = await this.now();
    const [host = ''] = value.split(':');
    const found: string[] = [];
    if (from && !isSameHost(host, from.host)) {
      found.push(
        `${this.name} holds ${value}, not ${from.host}, the address of '${from.instance}'; it is set to the recovered ` +
          'database all the same',
      );
    }
    if (from && to && from.port !== to.port && !this.withPort) {
      found.push(
        `${this.name} holds no port, and the port changes from ${from.port} to ${to.port}: clients must be told the ` +
          'port in another way',
      );
    }
    found.push(`${this.name}: clients that read it at their start see the new value only after a restart`);
    return found;
  }

  async send(before: Before, to: Endpoint): Promise<Sent> {
    return this.change(String(before.value), this.written(to));
  }

  async takeBack(before: Before, to: Endpoint): Promise<Sent> {
    return this.change(this.written(to), String(before.value));
  }

  async look({ version, value }: Sent) {
    const now = await this.now();
    if (now.value === value) return { done: true, state: `version ${now.version} holds ${now.value}` };
    const state = `version ${now.version} holds ${now.value}`;
    return { done: false, state, failed: `${this.name}: ${state}, not ${value} as version ${version} did` };
  }

  settles(): number {
    return 0;
  }

  private written(to: Endpoint): string {
    checkEndpoint(to);
    return this.withPort ? `${to.host}:${to.port}` : to.host;
  }

  private async change(from: string, value: string): Promise<Sent> {
    const before = await this.now();
    if (before.value === value) return { ...before };
    if (before.value !== from) {
      throw new ChangedMeanwhile(
        `${this.name} holds ${before.value} (version ${before.version}), not ${from}: somebody else changed it ` +
          'meanwhile, so it was left as it is; set it yourself',
      );
    }
    const { Version: version } = await this.ssm.send(
      new PutParameterCommand({ Name: this.parameter, Value: value, Type: 'String', Overwrite: true }),
    );
    const now = await this.now();
    if (version === before.version + 1 && now.version === version) return { ...now };
    // The SDK repeats a put whose answer was lost: then both versions hold the same.
    const isOurs = now.value === value && (await this.isRepeated(before.version + 1, now.version, value));
    if (isOurs) return { ...now };
    throw new ChangedMeanwhile(
      `${this.name}: somebody else wrote it at the same moment; version ${before.version} held ${from}, ` +
        `version ${version} is this run's, and version ${now.version} holds ${now.value}; look at its history, and set ` +
        'it yourself',
    );
  }

  private async isRepeated(first: number, last: number, value: string): Promise<boolean> {
    for (let version = first; version <= last; version++) {
      if ((await this.now(`${this.parameter}:${version}`)).value !== value) return false;
    }
    return true;
  }

  private async now(Name = this.parameter): Promise<Value> {
    const { Parameter } = await this.ssm.send(new GetParameterCommand({ Name }));
    const { Value: value = '', Version: version = 0, Type } = Parameter ?? {};
    if (Type !== 'String') {
      throw new Error(
        `${this.name} is of type ${Type}; an address is told in evidence, so it must be a String, and user and ` +
          'password belong into a secret',
      );
    }
    const [, host, port] = /^([^:]*)(?::(\d{1,5}))?$/.exec(value) ?? [];
    if (isHost(host) && (port !== undefined) === this.withPort) return { value, version };
    // Not repeated: it may be a whole URL with a password.
    throw new Error(
      `${this.name} does not hold ${this.withPort ? "'host:port'" : 'a host name'} alone, so it is not replaced; ` +
        'set withPort to what it holds, or name another parameter',
    );
  }
}
