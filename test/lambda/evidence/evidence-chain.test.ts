import { createHash } from 'node:crypto';
import type { Evidence } from '../../../lambda/contract';
import { EvidenceChain } from '../../../lambda/evidence/evidence-chain';
import { duration, evidenceText } from '../../../lambda/evidence/evidence-text';
import { drillMetrics, embeddedMetric } from '../../../lambda/evidence/metrics';
import { QUIET, SimulatedRegion } from '../../simulated/region';

const draft = (run: string, over: Partial<Evidence> = {}): Omit<Evidence, 'sequence' | 'previous'> => ({
  schema: 'lifeboat/evidence/1',
  plan: 'Protection',
  target: 'Orders',
  drill: 'Monthly',
  run,
  outcome: 'passed',
  findings: [],
  started: '2026-11-01T10:00:00.000Z',
  finished: '2026-11-01T10:20:00.000Z',
  source: null,
  copy: null,
  restorePoint: null,
  recoveryTime: { seconds: 1100, objectiveSeconds: 3600, met: true },
  recoveryPoint: { seconds: 240, objectiveSeconds: 300, met: true },
  freshnessSeconds: null,
  phases: [{ phase: 'wait until available', seconds: 720 }],
  checks: [{ check: 'readable', outcome: 'passed', observed: '4 tables' }],
  warnings: [],
  notes: [],
  ...over,
});

function chain() {
  const region = new SimulatedRegion(Date.now, () => 0.5, QUIET);
  const s3 = region.s3(() => true);
  return { region, chain: new EvidenceChain(s3, 'evidence', { plan: 'Protection', target: 'Orders' }) };
}

test('links each document to the bytes of the one before', async () => {
  const { region, chain: evidence } = chain();
  await evidence.append(draft('a'));
  const { key, document } = await evidence.append(draft('b'));
  const first = String(region.objects.get('evidence/Protection/Orders/00000001.json'));
  expect(key).toBe('evidence/Protection/Orders/00000002.json');
  expect(document.previous).toEqual({
    key: 'evidence/Protection/Orders/00000001.json',
    sha256: createHash('sha256').update(first).digest('hex'),
  });
});

test('does not fork when many runs publish at once', async () => {
  const { region, chain: evidence } = chain();
  await Promise.all(['a', 'b', 'c', 'd', 'e'].map((run) => evidence.append(draft(run))));
  const documents: Evidence[] = [];
  for await (const { document } of evidence.backwards()) documents.unshift(document);
  expect(documents.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5]);
  expect(new Set(documents.map(({ run }) => run)).size).toBe(5);
  documents.slice(1).forEach(({ previous }, index) => {
    const bytes = String(region.objects.get(`evidence/Protection/Orders/0000000${index + 1}.json`));
    expect(previous?.sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
  });
});

test('publishes a run once, also when others published since', async () => {
  const { region, chain: evidence } = chain();
  await evidence.append(draft('a'));
  await evidence.append(draft('b'));
  const again = await evidence.append(draft('a'));
  expect(again.document.sequence).toBe(1);
  expect([...region.objects.keys()].filter((key) => key.endsWith('.json'))).toHaveLength(2);
});

test('publishes a run once, also when one that had ended before it began was published after it', async () => {
  const { region, chain: evidence } = chain();
  await evidence.append(draft('a'));
  await evidence.append(draft('slow', { started: '2026-11-01T09:00:00.000Z', finished: '2026-11-01T09:59:59.000Z' }));
  expect((await evidence.append(draft('a'))).document.sequence).toBe(1);
  expect([...region.objects.keys()].filter((key) => key.endsWith('.json'))).toHaveLength(2);
});

test('remembers the last drill that passed, past the ones that did not', async () => {
  const { chain: evidence } = chain();
  await evidence.append(draft('a', { notes: ['the first'] }));
  await evidence.append(draft('b', { outcome: 'failed', findings: ['readable: votes'] }));
  expect((await evidence.lastPassed(() => true))?.notes).toEqual(['the first']);
  expect(await evidence.lastPassed(({ drill }) => drill === 'Quarterly')).toBeUndefined();
});

test('tells a reader outcome, objectives, checks and findings on one screen', () => {
  const text = evidenceText({
    ...draft('a', {
      outcome: 'failed',
      findings: ['no orphans votes.poll_id -> polls.id: 3 orphans'],
      checks: [{ check: 'a | b', outcome: 'not-run', reason: 'timed out\nafter 5 min' }],
      recoveryPoint: { seconds: 400, objectiveSeconds: 300, met: false },
    }),
    sequence: 1,
    previous: null,
  });
  expect(text).toContain('# Orders: drill failed');
  expect(text).toContain('6 min 40 s, objective 5 min: NOT MET');
  expect(text).toContain('| a \\| b | NOT RUN | timed out after 5 min |');
  expect(text.split('\n').length).toBeLessThan(45);
});

test.each([
  [0.044, '44 ms'],
  [0.9996, '1 s'],
  [1.44, '1.4 s'],
  [59.4, '59 s'],
  [60, '1 min'],
  [185, '3 min 5 s'],
  [7800, '2 h 10 min'],
])('says %d seconds as %s', (seconds, text) => expect(duration(seconds)).toBe(text));

test('prints metrics in the embedded format, by plan and target', () => {
  const [passed] = drillMetrics({ ...draft('a'), sequence: 1, previous: null });
  expect(JSON.parse(embeddedMetric(passed as NonNullable<typeof passed>, 1))).toEqual({
    _aws: {
      Timestamp: 1,
      CloudWatchMetrics: [
        { Namespace: 'Lifeboat', Dimensions: [['Plan', 'Target']], Metrics: [{ Name: 'DrillPassed', Unit: 'None' }] },
      ],
    },
    Plan: 'Protection',
    Target: 'Orders',
    DrillPassed: 1,
  });
});
