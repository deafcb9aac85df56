/** Records of Route 53: which batches are sent, and when none is. */
import * as sdk from '@aws-sdk/client-route-53';
import { DnsCutOver } from '../../../lambda/cut-over/dns';
import { Recorder } from '../../simulated/recorder';
import { FROM, TO } from './endpoints';

const cname = (value: string, more: Partial<sdk.ResourceRecordSet> = {}): sdk.ResourceRecordSet => ({
  Name: 'db.shop.example.com.',
  Type: 'CNAME',
  TTL: 30,
  ResourceRecords: [{ Value: value }],
  ...more,
});
const page = (...ResourceRecordSets: sdk.ResourceRecordSet[]) => ({
  ResourceRecordSets: [...ResourceRecordSets, cname('x.example.com', { Name: 'dc.shop.example.com.' })],
  IsTruncated: false,
  MaxItems: 300,
});
const changed = () => ({ ChangeInfo: { Id: '/change/C1', Status: 'PENDING' as const, SubmittedAt: new Date() } });

/** A zone with one record, that takes only a batch which deletes the record as it is. */
function zone(start: sdk.ResourceRecordSet, meddle: () => void = () => {}) {
  const state = { record: start };
  const recorder = new Recorder(sdk)
    .on('ListResourceRecordSets', () => page(state.record))
    .on('GetChange', () => ({ ChangeInfo: { Id: 'C1', Status: 'INSYNC', SubmittedAt: new Date() } }));
  recorder.on('ChangeResourceRecordSets', ({ ChangeBatch }: sdk.ChangeResourceRecordSetsRequest) => {
    meddle();
    const [gone, made] = ChangeBatch?.Changes ?? [];
    if (JSON.stringify(gone?.ResourceRecordSet) !== JSON.stringify(state.record)) {
      throw recorder.error('InvalidChangeBatch', 'the values provided do not match the current values');
    }
    state.record = made?.ResourceRecordSet ?? state.record;
    return changed();
  });
  return { state, recorder, way: new DnsCutOver(recorder.client(sdk.Route53Client), 'Z1', 'DB.shop.example.com') };
}

test('one batch deletes the recorded value and creates the other, and taking it back does the reverse', async () => {
  const { recorder, way } = zone(cname(FROM.host));
  const before = await way.read();
  expect(before).toEqual({ name: 'db.shop.example.com.', ttl: 30, value: FROM.host });
  const sent = await way.send(before, TO);
  expect(await way.look(sent)).toEqual({ done: true, state: 'change /change/C1 is INSYNC' });
  await way.takeBack(before, TO);
  const batch = (from: string, to: string) => ({
    HostedZoneId: 'Z1',
    ChangeBatch: {
      Changes: [
        { Action: 'DELETE', ResourceRecordSet: cname(from) },
        { Action: 'CREATE', ResourceRecordSet: cname(to) },
      ],
    },
  });
  expect(recorder.inputs('ChangeResourceRecordSets')).toEqual([batch(FROM.host, TO.host), batch(TO.host, FROM.host)]);
});

test('after a crash the change is found done, and not repeated', async () => {
  const { recorder, way } = zone(cname(FROM.host));
  const before = await way.read();
  await way.send(before, TO);
  const again = await way.send(before, TO);
  expect(recorder.inputs('ChangeResourceRecordSets')).toHaveLength(1);
  expect(await way.look(again)).toMatchObject({ done: true });
  expect(way.settles(before)).toBe(90);
});

test.each([
  ['another value', cname('mine.example.com')],
  ['another TTL', cname(FROM.host, { TTL: 300 })],
])('a record that got %s meanwhile is left alone', async (_, record) => {
  const { recorder, state, way } = zone(cname(FROM.host));
  const before = await way.read();
  state.record = record;
  await expect(way.send(before, TO)).rejects.toMatchObject({ name: 'ChangedMeanwhile' });
  expect(recorder.inputs('ChangeResourceRecordSets')).toEqual([]);
});

test('a change between the look and the batch is noticed by Route 53 itself', async () => {
  const { state, way } = zone(cname(FROM.host), () => {
    state.record = cname('mine.example.com');
  });
  const before = await way.read();
  await expect(way.send(before, TO)).rejects.toMatchObject({ name: 'ChangedMeanwhile' });
  expect(state.record).toEqual(cname('mine.example.com'));
});

test('a batch whose answer was lost, and which the SDK repeated, counts as done', async () => {
  const { state, way } = zone(cname(FROM.host), () => {
    state.record = cname(TO.host);
  });
  expect(await way.send(await way.read(), TO)).toEqual({ change: null });
});

test.each([
  [[], 'does not exist'],
  [[cname('x', { Type: 'A', ResourceRecords: [{ Value: '192.0.2.1' }] })], 'the name has A, and only one CNAME'],
  [[cname('x', { SetIdentifier: 'blue', Weight: 1 }), cname('y', { SetIdentifier: 'green', Weight: 1 })], "set 'blue'"],
])('%# is refused, with what the name has', async (records, message) => {
  const recorder = new Recorder(sdk).on('ListResourceRecordSets', () => page(...records));
  const way = new DnsCutOver(recorder.client(sdk.Route53Client), 'Z1', 'db.shop.example.com');
  await expect(way.read()).rejects.toThrow(message);
});

test('what breaks silently is told', async () => {
  const { way } = zone(cname('customers.example.com'));
  expect(await way.warnings({ from: FROM, to: TO })).toEqual([
    expect.stringContaining('has a TTL of 30 s'),
    expect.stringContaining(`points to customers.example.com, not to ${FROM.host}`),
    expect.stringContaining('holds no port, and the port changes from 5432 to 5433'),
  ]);
});
