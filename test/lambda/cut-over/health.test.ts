/** Signs of health: what can't be seen is not healthy, and says why. */
import * as sdk from '@aws-sdk/client-cloudwatch';
import { AlarmsHealthCheck } from '../../../lambda/cut-over/alarms';
import { type HttpHealth, HttpHealthCheck } from '../../../lambda/cut-over/http';
import { Recorder } from '../../simulated/recorder';
import { Authority } from './authority';
import { type Handler, HttpsServer } from './https-server';

describe('an HTTPS endpoint', () => {
  const servers: HttpsServer[] = [];
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.close()));
  });
  const serve = async (handler: Handler, ...more: [Authority?, ReturnType<Authority['issue']>?]) => {
    const server = await HttpsServer.serve(handler, ...more);
    servers.push(server);
    return server;
  };
  const check = ({ origin, authority }: HttpsServer, more: Partial<HttpHealth> = {}) =>
    new HttpHealthCheck({ url: `${origin}/health?token=hunter2`, authorities: authority.certificate, ...more });

  test('is healthy with the wanted status, whatever the body', async () => {
    const server = await serve((_, response) => response.writeHead(204).end());
    expect(await check(server, { status: 204 }).look()).toEqual({
      healthy: true,
      state: 'it answered with status 204',
    });
    expect(await check(server).look()).toEqual({ healthy: false, state: 'it answered with status 204, not 200' });
    expect(server.asked[0]).toMatchObject({ method: 'GET', path: '/health?token=hunter2' });
  });

  test('is followed on its own host, and on no other', async () => {
    const server = await serve(({ path }, response) => {
      const to = { '/start': '/next', '/next': '/end', '/away': 'https://evil.example.com/', '/loop': '/loop' }[path];
      response.writeHead(to ? 302 : 200, to ? { location: to } : {}).end();
    });
    const at = (path: string) => check(server, { url: server.origin + path }).look();
    expect(await at('/start')).toMatchObject({ healthy: true });
    expect((await at('/away')).state).toContain('to https://evil.example.com; another host is not asked');
    expect((await at('/loop')).state).toContain('more than 5 times');
  });

  test('is not believed without a certificate that can be verified', async () => {
    const server = await serve((_, response) => response.end());
    expect((await check(server, { authorities: undefined }).look()).healthy).toBe(false);
    const other = new Authority();
    expect((await check(server, { authorities: other.certificate }).look()).healthy).toBe(false);
    const named = await serve((_, response) => response.end(), other, other.issue('shop.example.com'));
    const { healthy, state } = await check(named).look();
    expect([healthy, state]).toEqual([false, expect.stringContaining('ERR_TLS_CERT_ALTNAME_INVALID')]);
    expect(server.asked).toEqual([]);
  });

  test('that never ends answering is read no further than needed', async () => {
    const chunk = Buffer.alloc(64 * 1024);
    const server = await serve((_, response) => {
      const write = () => {
        if (!response.destroyed) response.write(chunk, () => setImmediate(write));
      };
      response.writeHead(200);
      write();
    });
    expect(await check(server).look()).toMatchObject({ healthy: true });
  });

  test('that does not answer, or breaks off, is not healthy', async () => {
    const silent = await serve(() => {});
    expect(await check(silent, { milliseconds: 50 }).look()).toEqual({
      healthy: false,
      state: expect.stringContaining('did not answer within 0.05 s'),
    });
    const breaking = await serve((_, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('half', () => response.destroy());
    });
    expect((await check(breaking).look()).healthy).toBe(false);
    await breaking.close();
    servers.splice(servers.indexOf(breaking), 1);
    expect((await check(silent, { url: 'https://127.0.0.1:1/' }).look()).state).toContain('ECONNREFUSED');
  });

  test('shows no query, and is refused without TLS', async () => {
    const server = await serve((_, response) => response.end());
    expect(check(server).name).toBe(`${server.origin}/health`);
    expect(() => new HttpHealthCheck({ url: 'http://shop.example.com/' })).toThrow('is not HTTPS');
  });
});

describe('alarms', () => {
  const look = (names: readonly string[], answer: object) => {
    const recorder = new Recorder(sdk).on('DescribeAlarms', () => answer);
    const check = new AlarmsHealthCheck(recorder.client(sdk.CloudWatchClient), names);
    return check.look().then((seen) => ({ ...seen, asked: recorder.inputs('DescribeAlarms')[0] }));
  };

  test('are healthy when all are OK, composite ones too', async () => {
    const answer = {
      MetricAlarms: [{ AlarmName: 'errors', StateValue: 'OK' }],
      CompositeAlarms: [{ AlarmName: 'shop', StateValue: 'OK' }],
    };
    expect(await look(['errors', 'shop'], answer)).toMatchObject({
      healthy: true,
      asked: { AlarmNames: ['errors', 'shop'], AlarmTypes: ['MetricAlarm', 'CompositeAlarm'] },
    });
  });

  test('that are missing, without data or in alarm are not healthy, each said', async () => {
    const answer = {
      MetricAlarms: [
        { AlarmName: 'errors', StateValue: 'ALARM' },
        { AlarmName: 'latency', StateValue: 'INSUFFICIENT_DATA' },
      ],
    };
    expect(await look(['errors', 'latency', 'gone'], answer)).toMatchObject({
      healthy: false,
      state: "'errors' is ALARM, 'latency' is INSUFFICIENT_DATA, 'gone' does not exist",
    });
  });
});
