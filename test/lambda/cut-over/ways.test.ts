/** Every kind that a definition may name has a way, and no two of a definition look the same to people. */
import type { CutOver, Health, Restart } from '../../../lambda/contract';
import { awsWayClients, cutOverWay, healthCheck, restartWay } from '../../../lambda/cut-over/ways';

const clients = awsWayClients();

const CUT_OVERS: Exclude<CutOver, { kind: 'rename' }>[] = [
  { kind: 'secret', secret: 'app' },
  { kind: 'dns', zone: 'Z1', record: 'db.example.com' },
  { kind: 'parameter', parameter: '/shop/host', withPort: true },
];
const RESTARTS: Restart[] = [
  { kind: 'ecs', cluster: 'arn:aws:ecs:eu-central-1:123456789012:cluster/shop', service: 'orders' },
  { kind: 'instance-refresh', group: 'web' },
  { kind: 'lambda', function: 'take-orders', alias: 'live' },
  { kind: 'command', document: 'AWS-RunShellScript', tagKey: 'role', tagValue: 'web', commands: ['reboot'] },
  { kind: 'kubernetes', cluster: 'shop', namespace: 'web', deployments: ['api'] },
];
const HEALTH: Exclude<Health, { kind: 'query' }>[] = [
  { kind: 'http', url: 'https://shop.example.com/health' },
  { kind: 'alarms', names: ['errors'] },
];

test('ways are named for people', () => {
  expect([
    ...CUT_OVERS.map((of) => cutOverWay(of, clients).name),
    ...RESTARTS.map((of) => restartWay(of, clients).name),
    ...HEALTH.map((of) => healthCheck(of, clients).name),
  ]).toEqual([
    'secret app',
    'CNAME db.example.com in zone Z1',
    'parameter /shop/host',
    'ECS service shop/orders',
    'Auto Scaling group web',
    'function take-orders, alias live',
    expect.stringMatching(/^AWS-RunShellScript \(commands [0-9a-f]{12}\) on hosts with the tag role=web$/),
    'deployments api in namespace web of cluster shop',
    'https://shop.example.com/health',
    'alarm errors',
  ]);
});
