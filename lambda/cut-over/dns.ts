/**
 * Cut-over by a CNAME in Route 53. One batch deletes the record exactly as it was recorded and creates the other: Route
 * 53 does both or neither, and refuses a DELETE whose values are not those of the zone.
 * https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html
 */
import {
  ChangeResourceRecordSetsCommand,
  GetChangeCommand,
  ListResourceRecordSetsCommand,
  type ResourceRecordSet,
  type Route53Client,
} from '@aws-sdk/client-route-53';
import { checkEndpoint, isSameHost } from './hosts';
import { type Before, ChangedMeanwhile, type CutOverWay, type Endpoint, type Move, type Sent } from './way';

/** Within this time Route 53's servers usually have a change. */
const PROPAGATION_SECONDS = 60;

interface Cname {
  /** As Route 53 lists it. */
  readonly name: string;
  readonly ttl: number;
  readonly value: string;
}

export class DnsCutOver implements CutOverWay {
  public readonly name: string;

  /** @param zone ID of the hosted zone */
  constructor(
    private readonly route53: Route53Client,
    private readonly zone: string,
    private readonly record: string,
  ) {
    this.name = `CNAME ${record} in zone ${zone}`;
  }

  async read(): Promise<Before> {
    return { ...(await this.now()) };
  }

  async warnings({ from, to }: Move): Promise<string[]> {
    const { value, ttl } = await this.now();
    const found = [
      `${this.name} has a TTL of ${ttl} s: for as long, and up to ${PROPAGATION_SECONDS} s before, clients may still ` +
        'connect to the damaged database; open connections stay with it until they are closed, and some clients, such ' +
        'as older Java machines, keep an address until they are restarted',
    ];
    if (from && !isSameHost(value, from.host)) {
      found.push(
        `${this.name} points to ${value}, not to ${from.host}, the address of '${from.instance}'; it is pointed to ` +
          'the recovered database all the same',
      );
    }
    if (from && to && from.port !== to.port) {
      found.push(
        `${this.name} holds no port, and the port changes from ${from.port} to ${to.port}: clients must be told the ` +
          'port in another way',
      );
    }
    return found;
  }

  async send(before: Before, to: Endpoint): Promise<Sent> {
    checkEndpoint(to);
    return this.change(recorded(before), to.host, before);
  }

  async takeBack(before: Before, to: Endpoint): Promise<Sent> {
    checkEndpoint(to);
    const { value, ...rest } = recorded(before);
    return this.change({ ...rest, value: to.host }, value, before);
  }

  async look({ change }: Sent) {
    // The change was found done after a crash, and its id was lost; `settles` covers the propagation.
    if (typeof change !== 'string') return { done: true, state: 'the record was there already' };
    const { ChangeInfo } = await this.route53.send(new GetChangeCommand({ Id: change }));
    return { done: ChangeInfo?.Status === 'INSYNC', state: `change ${change} is ${ChangeInfo?.Status}` };
  }

  settles(before: Before): number {
    return recorded(before).ttl + PROPAGATION_SECONDS;
  }

  /** Changes it from one value to the other, only while it has the one; nothing when it has the other. */
  private async change(from: Cname, value: string, before: Before): Promise<Sent> {
    const now = await this.now();
    if (isSameHost(now.value, value)) return { change: null };
    if (!isSameHost(now.value, from.value) || now.ttl !== from.ttl) throw this.changed(now, before);
    const Changes = [
      { Action: 'DELETE' as const, ResourceRecordSet: recordSet(now) },
      { Action: 'CREATE' as const, ResourceRecordSet: recordSet({ ...now, value }) },
    ];
    try {
      const { ChangeInfo } = await this.route53.send(
        new ChangeResourceRecordSetsCommand({ HostedZoneId: this.zone, ChangeBatch: { Changes } }),
      );
      return { change: ChangeInfo?.Id ?? null };
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'InvalidChangeBatch') throw error;
      const then = await this.now();
      // An earlier try had taken effect, and only its answer was lost.
      if (isSameHost(then.value, value)) return { change: null };
      if (isSameHost(then.value, now.value) && then.ttl === now.ttl) throw error;
      throw this.changed(then, before);
    }
  }

  private changed({ value, ttl }: Cname, before: Before): ChangedMeanwhile {
    return new ChangedMeanwhile(
      `${this.name} points to ${value} with a TTL of ${ttl} s; the recorded value was ${before.value} with ` +
        `${before.ttl} s: somebody else changed it meanwhile, so it was left as it is; set it yourself`,
    );
  }

  private async now(): Promise<Cname> {
    const { ResourceRecordSets = [] } = await this.route53.send(
      new ListResourceRecordSetsCommand({ HostedZoneId: this.zone, StartRecordName: this.record }),
    );
    // Those of a name come one after the other, whatever their types.
    const found = ResourceRecordSets.filter(({ Name }) => isSameHost(unescaped(Name ?? ''), this.record));
    const [only, another] = found;
    if (!only) throw new Error(`${this.name} does not exist; create it, and let applications use it, first`);
    const [value, second] = only.ResourceRecords ?? [];
    const isPlain = only.Type === 'CNAME' && only.SetIdentifier === undefined && only.AliasTarget === undefined;
    if (!another && isPlain && value?.Value !== undefined && !second && only.Name !== undefined) {
      return { name: only.Name, ttl: only.TTL ?? 0, value: value.Value };
    }
    const kinds = found.map(({ Type, SetIdentifier, AliasTarget }) =>
      [Type, AliasTarget && 'alias', SetIdentifier && `set '${SetIdentifier}'`].filter(Boolean).join(' '),
    );
    throw new Error(
      `${this.name} can't be changed as a whole: the name has ${kinds.join(', ')}, and only one CNAME with simple ` +
        'routing is; give applications such a name',
    );
  }
}

function recorded({ name, ttl, value }: Before): Cname {
  if (typeof name === 'string' && typeof ttl === 'number' && typeof value === 'string') return { name, ttl, value };
  throw new Error('the recorded values of a DNS record have no name, TTL and value, so it is not changed');
}

const recordSet = ({ name, ttl, value }: Cname): ResourceRecordSet => ({
  Name: name,
  Type: 'CNAME',
  TTL: ttl,
  ResourceRecords: [{ Value: value }],
});

/** Route 53 lists other characters than letters, digits, hyphens and dots as `\052`. */
const unescaped = (name: string) =>
  name.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
