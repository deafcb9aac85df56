import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { METRICS } from '../../lambda/contract';
import { deafAlarms, WRITTEN } from './alarm-metrics';

const alarm = (Properties: object) => ({ Resources: { It: { Type: 'AWS::CloudWatch::Alarm', Properties } } });
const dimension = (Name: string, Value: string) => ({ Name, Value });

test.each([
  ['a metric that AWS does not have', { Namespace: 'AWS/RDS', MetricName: 'FreeStorage' }],
  ['a metric without its dimension', { Namespace: 'AWS/RDS', MetricName: 'FreeStorageSpace' }],
  [
    'a dimension that the metric does not have',
    { Namespace: 'AWS/Backup', MetricName: 'NumberOfBackupJobsFailed', Dimensions: [dimension('VaultName', 'a')] },
  ],
  [
    'an identifier with capitals',
    { Namespace: 'AWS/RDS', MetricName: 'FreeStorageSpace', Dimensions: [dimension('DBInstanceIdentifier', 'Orders')] },
  ],
  [
    'such a metric in an expression',
    { Metrics: [{ MetricStat: { Metric: { Namespace: 'AWS/Logs', MetricName: 'Written' } } }] },
  ],
])('%s makes an alarm deaf', (_, properties) => {
  expect(deafAlarms(alarm(properties))).toHaveLength(1);
});

test('an alarm on what AWS documents is not', () => {
  const Dimensions = [dimension('DBInstanceIdentifier', 'orders')];
  expect(deafAlarms(alarm({ Namespace: 'AWS/RDS', MetricName: 'FreeStorageSpace', Dimensions }))).toEqual([]);
});

describe('what is said to be written here', () => {
  const written = WRITTEN.filter(({ namespace }) => namespace === METRICS.namespace);
  const keyOf = (names: Readonly<Record<string, unknown>>, name: string) =>
    Object.entries(names).find(([, value]) => value === name)?.[0] ?? `no key of ${name}`;

  test.each(written)(
    '$metrics is written by $writtenBy, with these dimensions',
    ({ metrics, dimensions, writtenBy }) => {
      const source = readFileSync(join(__dirname, '..', '..', writtenBy), 'utf8');
      for (const key of metrics.map((metric) => keyOf(METRICS, metric))) {
        expect(source).toMatch(new RegExp(`METRICS\\.${key}\\b|\\b${key}Metric\\(`));
      }
      for (const name of dimensions) {
        expect(source).toMatch(
          new RegExp(`\\[(METRICS\\.dimensions|name|dimension)\\.${keyOf(METRICS.dimensions, name)}\\]`),
        );
      }
      expect(source).toMatch(/print\(|embeddedMetric\(/);
    },
  );
});
