import type { RecoveryDraft } from '../../../lambda/contract';
import { EvidenceChain } from '../../../lambda/evidence/evidence-chain';
import { RecoveryChain } from '../../../lambda/evidence/recovery-chain';
import { filesInBucket } from '../../../lambda/evidence/stored-files';
import { verifyEvidence } from '../../../lambda/evidence/verify-evidence';
import { localSigner } from '../../../rehearsal/runbooks/local-signer';
import { draft as drillDraft } from '../../simulated/evidence';
import { QUIET, SimulatedRegion } from '../../simulated/region';

const of = { plan: 'Protection', target: 'Orders' };

function chain() {
  const region = new SimulatedRegion(Date.now, () => 0.5, QUIET);
  const s3 = region.s3(() => true);
  const signer = localSigner();
  return { region, s3, signer, recoveries: new RecoveryChain(s3, 'evidence', of, signer) };
}

const draft = (name: string, more: Partial<RecoveryDraft> = {}): RecoveryDraft => ({
  ...of,
  run: 'r1',
  recovery: 'Production',
  kind: 'intent',
  name,
  written: '2026-11-29T03:00:00.000Z',
  title: `about to ${name}`,
  facts: [['Database', 'orders']],
  sections: [{ title: 'Before', lines: ['<b>host</b> orders.example', 'port 5432'] }],
  values: { host: 'orders.example' },
  ...more,
});

test('a document of each name is written once in a run, and comes back as it was', async () => {
  const { recoveries } = chain();
  const first = await recoveries.append(draft('rename'));
  const again = await recoveries.append(draft('rename', { title: 'changed meanwhile' }));
  expect(again).toEqual(first);
  const other = await recoveries.append(draft('cut over'));
  expect(other.document.previous).toEqual({ key: first.key, sha256: first.sha256 });
  expect(await recoveries.find('r1', 'rename')).toEqual(first.document);
  expect(await recoveries.find('r2', 'rename')).toBeUndefined();
  expect((await recoveries.ofRun('r1')).map(({ name }) => name)).toEqual(['rename', 'cut over']);
});

test('a rollback finds no intent that somebody altered, forged or put in from elsewhere', async () => {
  const { region, recoveries } = chain();
  const { key, document } = await recoveries.append(draft('rename'));
  region.objects.set(key, JSON.stringify({ ...document, values: { host: 'evil.example' } }));
  expect(await recoveries.find('r1', 'rename')).toBeUndefined();
  const forged = { ...document, sequence: 2, name: 'cut over', previous: null };
  region.objects.set('recoveries/Protection/Orders/00000002.json', JSON.stringify(forged));
  expect(await recoveries.find('r1', 'cut over')).toBeUndefined();
});

test('recoveries prove no drill, and drills no recovery: each has a chain of its own, and both are verified', async () => {
  const { s3, signer, recoveries } = chain();
  const drills = new EvidenceChain(s3, 'evidence', of, signer);
  await recoveries.append(draft('rename'));
  await drills.append(drillDraft('a'));
  expect(await drills.lastPassed(() => true)).toMatchObject({ run: 'a', sequence: 1 });
  const files = [
    ...(await filesInBucket(s3, 'evidence', 'evidence/')),
    ...(await filesInBucket(s3, 'evidence', 'rec')),
  ];
  const { proven, chains } = await verifyEvidence(files);
  expect(proven).toBe(true);
  expect(chains.map(({ folder, signed, newest }) => [folder, signed, newest?.outcome])).toEqual([
    ['evidence/Protection/Orders', 1, 'passed'],
    ['recoveries/Protection/Orders', 1, 'about to rename'],
  ]);
});

test('an altered readable form is found, and what it shows can not become HTML', async () => {
  const { region, s3, recoveries } = chain();
  const { key } = await recoveries.append(draft('rename'));
  const text = key.replace(/json$/, 'md');
  expect(String(region.objects.get(text))).toContain('&lt;b>host&lt;/b> orders.example');
  region.objects.set(text, '# all well');
  const { chains } = await verifyEvidence(await filesInBucket(s3, 'evidence', 'recoveries/'));
  expect(chains[0]?.problems.map(({ says }) => says).join()).toContain('is not the readable form');
});
