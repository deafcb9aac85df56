import { createHash, verify } from 'node:crypto';
import type { Evidence } from '../../../lambda/contract';
import { contentOf } from '../../../lambda/evidence/content';
import { bytesOf, sha256Of } from '../../../lambda/evidence/documents';
import { EvidenceChain } from '../../../lambda/evidence/evidence-chain';
import { duration, evidenceText } from '../../../lambda/evidence/evidence-text';
import { drillMetrics, embeddedMetric } from '../../../lambda/evidence/metrics';
import { readBytes } from '../../../lambda/evidence/objects';
import { fromPem } from '../../../lambda/evidence/signing';
import { localSigner } from '../../../rehearsal/runbooks/local-signer';
import { draft } from '../../simulated/evidence';
import { QUIET, SimulatedRegion } from '../../simulated/region';

function chain() {
  const region = new SimulatedRegion(Date.now, () => 0.5, QUIET);
  const s3 = region.s3(() => true);
  const signer = localSigner();
  const of = { plan: 'Protection', target: 'Orders' };
  const put = (name: string, body: string) => region.objects.set(`evidence/Protection/Orders/${name}`, body);
  return { region, put, signer, chain: new EvidenceChain(s3, 'evidence', of, signer) };
}

const documents = (region: SimulatedRegion) => [...region.objects.keys()].filter((key) => /\d\.json$/.test(key)).sort();

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
  const published: Evidence[] = [];
  for await (const { document } of evidence.backwards()) if (document) published.unshift(document);
  expect(published.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5]);
  expect(new Set(published.map(({ run }) => run)).size).toBe(5);
  published.slice(1).forEach(({ previous }, index) => {
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
  expect(documents(region)).toHaveLength(2);
});

test('publishes a run once, also when one that had ended before it began was published after it', async () => {
  const { region, chain: evidence } = chain();
  await evidence.append(draft('a'));
  await evidence.append(draft('slow', { started: '2026-11-01T09:00:00.000Z', finished: '2026-11-01T09:59:59.000Z' }));
  expect((await evidence.append(draft('a'))).document.sequence).toBe(1);
  expect(documents(region)).toHaveLength(2);
});

test('remembers the last drill that passed, past the ones that did not', async () => {
  const { chain: evidence } = chain();
  await evidence.append(draft('a', { notes: ['the first'] }));
  await evidence.append(draft('b', { outcome: 'failed', findings: ['readable: votes'] }));
  expect((await evidence.lastPassed(() => true))?.notes).toEqual(['the first']);
  expect(await evidence.lastPassed(({ drill }) => drill === 'Quarterly')).toBeUndefined();
});

describe('a signature', () => {
  test('is of the very bytes that the next document links to, and verifies with what lies beside it', async () => {
    const { region, chain: evidence } = chain();
    const { key } = await evidence.append(draft('a'));
    const bytes = Buffer.from(String(region.objects.get(key)));
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const s3 = region.s3(() => true);
    const signature = await readBytes(s3, 'evidence', key.replace('.json', `.sha256-${sha256}.sig`));
    const [pem] = [...region.objects.keys()].filter((name) => name.endsWith('.pem'));
    expect(verify('sha256', bytes, fromPem(String(region.objects.get(String(pem)))).key, signature)).toBe(true);
    const { document } = await evidence.append(draft('b'));
    expect(document.previous).toEqual({ key, sha256 });
  });

  test('is there before its document can be seen', async () => {
    const { region, signer } = chain();
    const s3 = region.s3(() => true);
    const order: string[] = [];
    const noting: typeof s3 = Object.create(s3, {
      send: {
        value: async (command: { input: { Key?: string; Body?: unknown } }) => {
          if (command.input.Body) order.push(String(command.input.Key).replace(/.*\.(\w+)$/, '$1'));
          return s3.send(command as Parameters<typeof s3.send>[0]);
        },
      },
    });
    await new EvidenceChain(noting, 'evidence', { plan: 'Protection', target: 'Orders' }, signer).append(draft('a'));
    expect(order).toEqual(['pem', 'sig', 'json', 'md']);
  });

  test('of another key, or none, makes no proof', async () => {
    const { region, chain: evidence } = chain();
    await evidence.append(draft('a'));
    const s3 = region.s3(() => true);
    const other = new EvidenceChain(s3, 'evidence', { plan: 'Protection', target: 'Orders' }, localSigner());
    await other.append(draft('b'));
    expect((await evidence.lastPassed(() => true))?.run).toBe('a');
    expect((await other.lastPassed(() => true))?.run).toBe('b');
    for (const key of [...region.objects.keys()]) if (key.endsWith('.sig')) region.objects.delete(key);
    expect(await other.lastPassed(() => true)).toBeUndefined();
  });

  test('of a document that was put under another target makes no proof of that', async () => {
    const { region, put, signer } = chain();
    const s3 = region.s3(() => true);
    await new EvidenceChain(s3, 'evidence', { plan: 'Protection', target: 'Other' }, signer).append(
      draft('a', { target: 'Other' }),
    );
    for (const [key, body] of [...region.objects]) put(String(key.split('/').at(-1)), body);
    const evidence = new EvidenceChain(s3, 'evidence', { plan: 'Protection', target: 'Orders' }, signer);
    expect(await evidence.lastPassed(() => true)).toBeUndefined();
  });
});

describe('whatever lies in the chain', () => {
  const newer = { ...draft('x'), schema: 'lifeboat/evidence/3', sequence: 1, previous: null };
  test.each([
    ['garbage', 'not even JSON'],
    ['JSON of something else', '[1, null]'],
    ['null', 'null'],
    ['a document of 5 MB', `"${'x'.repeat(5 * 1024 ** 2)}"`],
    ['a document of an older version', JSON.stringify({ ...newer, schema: 'lifeboat/evidence/1' })],
    ['a document of a newer version', JSON.stringify({ ...newer, proven: { by: 'other means' }, checks: 12 })],
    [
      'a document with a field that nobody knows',
      JSON.stringify({ ...newer, phases: [{ phase: 'a', seconds: 1, x: 1 }] }),
    ],
    ['a document that says another number', JSON.stringify({ ...newer, sequence: 99_999_999 })],
  ])('%s stops no append, and no proof', async (_, body) => {
    const { put, chain: evidence, region } = chain();
    put('00000001.json', body);
    const { key, document } = await evidence.append(draft('a', { notes: ['the first'] }));
    expect(key).toBe('evidence/Protection/Orders/00000002.json');
    expect(document.previous?.sha256).toBe(createHash('sha256').update(body).digest('hex'));
    put('00000003.json', body);
    expect((await evidence.append(draft('b'))).document.sequence).toBe(4);
    expect((await evidence.lastPassed(({ run }) => run === 'a'))?.notes).toEqual(['the first']);
    expect(documents(region)).toHaveLength(4);
  });

  test("a key's number counts, and not what the document under it says", async () => {
    const { put, chain: evidence } = chain();
    put('00000007.json', JSON.stringify({ ...draft('x'), sequence: 3, previous: null }));
    expect((await evidence.append(draft('a'))).document.sequence).toBe(8);
    put('99999999.json', 'x');
    expect((await evidence.append(draft('b'))).key).toMatch(/\/100000000\.json$/);
    expect((await evidence.append(draft('c'))).document.sequence).toBe(100_000_001);
  });

  test('when the last number there is has been taken, the first free one is', async () => {
    const { put, chain: evidence } = chain();
    put('00000001.json', 'x');
    put('999999999999999.json', 'x');
    expect((await evidence.append(draft('a'))).document.sequence).toBe(2);
    expect((await evidence.append(draft('b'))).document.previous?.key).toMatch(/00000002\.json$/);
    expect((await evidence.lastPassed(() => true))?.run).toBe('b');
  });

  test('a run that finds no free place says so, and does not try for ever', async () => {
    const { region, signer } = chain();
    const s3 = region.s3(() => true);
    let tries = 0;
    const taken: typeof s3 = Object.create(s3, {
      send: {
        value: async (command: { input: { Key?: string; Body?: unknown } }) => {
          if (command.input.Body && command.input.Key?.endsWith('.json')) {
            tries++;
            throw Object.assign(new Error('taken'), { name: 'PreconditionFailed' });
          }
          return s3.send(command as Parameters<typeof s3.send>[0]);
        },
      },
    });
    const evidence = new EvidenceChain(taken, 'evidence', { plan: 'Protection', target: 'Orders' }, signer);
    await expect(evidence.append(draft('a'))).rejects.toThrow(/run a found no free place .* in 20 tries/);
    expect(tries).toBe(20);
  });

  test('a document that claims to be of a run, and is not signed, does not keep the run from publishing', async () => {
    const { put, chain: evidence } = chain();
    put('00000001.json', JSON.stringify({ ...draft('a'), sequence: 1, previous: null }));
    expect((await evidence.append(draft('a'))).document.sequence).toBe(2);
    expect((await evidence.append(draft('a'))).document.sequence).toBe(2);
  });

  test('one that says that it is old, and is not signed, does not hide that a run has published', async () => {
    const { put, chain: evidence } = chain();
    await evidence.append(draft('a'));
    const old = { ...draft('x', { finished: '1999-01-01T00:00:00.000Z' }), sequence: 2, previous: null };
    put('00000002.json', JSON.stringify(old));
    expect((await evidence.append(draft('a'))).document.sequence).toBe(1);
  });

  test('a document whose predecessor was altered is no proof any more', async () => {
    const { put, chain: evidence } = chain();
    await evidence.append(draft('a'));
    await evidence.append(draft('b'));
    expect((await evidence.lastPassed(() => true))?.run).toBe('b');
    put('00000001.json', 'altered');
    expect(await evidence.lastPassed(() => true)).toBeUndefined();
  });
});

test('characters that would move the cursor of a terminal are escaped in the bytes, and stay in the document', () => {
  const finding = 'table \u009b2J\u202e\u007f\u001b[2J\u{e0041}';
  const document: Evidence = { ...draft('a', { findings: [finding] }), sequence: 1, previous: null };
  const bytes = bytesOf(document).toString();
  expect(bytes).not.toMatch(/[^\n\x20-\x7e]/);
  expect(JSON.parse(bytes)).toEqual(document);
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

describe('names of a database in the readable form', () => {
  /** Whatever a name may be made of, X5 of the cases among them. */
  const NAMES = [
    'x\n# T: drill passed\n',
    'x\r\n\r\n# T: drill passed',
    '# T: drill passed',
    '<img src=x onerror=alert(1)>',
    '&lt;b&gt;',
    '![x](https://example.com/pixel)',
    '[x](https://example.com)',
    '| passed | passed |',
    'a\\|b',
    '`code`',
    '**bold** _em_ ~~gone~~',
    '> quoted',
    '- passed',
    '1. passed',
    '---',
    '\u001b[2J\u001b]0;x\u0007',
    '\u009b2J',
    'a\u202eb',
    'a\u2028# T: drill passed',
    'a\u0000b',
  ];
  const textOf = (name: string) =>
    evidenceText({
      ...draft('a', {
        outcome: 'failed',
        findings: [name, `readable: ${name}`],
        notes: [name],
        checks: [
          { check: `row count of ${name}`, outcome: 'passed', observed: name },
          { check: name, outcome: 'failed', observed: name, expected: name },
          { check: 'x', outcome: 'not-run', reason: name },
        ],
        request: { restore: null, reason: name },
      }),
      sequence: 1,
      previous: null,
    });
  /** Lines, and cells of each. */
  const shape = (text: string) => text.split('\n').map((line) => line.split(/(?<!\\)(?:\\\\)*\|/).length);

  test.each(NAMES)('stay text: %j', (name) => {
    const text = textOf(name);
    expect(shape(text)).toEqual(shape(textOf('name')));
    expect(text.split('\n').filter((line) => /^\s*#/.test(line))).toEqual([
      '# Orders: drill failed',
      '## Findings',
      '## Checks',
      '## Phases',
      '## Notes',
    ]);
    expect(text).not.toMatch(/[^\n\P{Cc}]|[\p{Cf}\p{Zl}\p{Zp}]/u);
    // Nothing opens HTML, a link, an image, code or emphasis.
    expect(text).not.toMatch(/<|(?<!\\)[[`~]|(?<!\\)\*|(?<![\p{L}\p{N}\\])_/u);
    for (const line of text.split('\n')) expect(line).not.toMatch(/^- ([#>+=-]|\d+[.)])/);
  });

  test('are shown as they are where they are harmless', () => {
    expect(textOf('votes.poll_id -> polls.id, 1.5 of 3')).toContain('- votes.poll_id -> polls.id, 1.5 of 3');
  });
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

test('what is larger than anything of ours is hashed, and not held', async () => {
  const parts = Array.from({ length: 5 }, (_, part) => Buffer.alloc(1024, part));
  const whole = Buffer.concat(parts);
  expect(await contentOf(parts, whole.length)).toEqual({ sha256: sha256Of(whole), bytes: whole });
  expect(await contentOf(parts, whole.length - 1)).toEqual({ sha256: sha256Of(whole), bytes: undefined });
});
