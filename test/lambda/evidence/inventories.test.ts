import type { Inventory } from '../../../lambda/contract';
import { EvidenceChain } from '../../../lambda/evidence/evidence-chain';
import { Inventories } from '../../../lambda/evidence/inventories';
import { localSigner } from '../../../rehearsal/runbooks/local-signer';
import { draft } from '../../simulated/evidence';
import { QUIET, SimulatedRegion } from '../../simulated/region';

const RUN = '0123456789ab';
const FOLDER = 'evidence/Protection/Orders/inventories/';
const MOMENT = '2026-11-01T10:00:00.000Z';
const CHECK = 'nothing was lost since the last proof';

const inventory = (rows: number): Inventory => ({
  schema: 'lifeboat/inventory/1',
  roles: [],
  databases: [{ name: 'orders', tables: [{ name: 'public.orders', rows }], objects: {}, largeObjects: 0 }],
});

function bucket() {
  const region = new SimulatedRegion(Date.now, () => 0.5, QUIET);
  const s3 = region.s3(() => true);
  const of = { plan: 'Protection', target: 'Orders' };
  const chain = new EvidenceChain(s3, 'evidence', of, localSigner());
  return { region, chain, inventories: new Inventories(s3, 'evidence', of, chain) };
}

test("what somebody else put under a run's name beforehand is neither its listing nor its inventory", async () => {
  const { region, chain, inventories } = bucket();
  region.objects.set(`${FOLDER}${RUN}.json`, JSON.stringify(inventory(0)));
  region.objects.set(`${FOLDER}${RUN}.listing-0`, 'forged');
  expect(await inventories.listing(RUN, await inventories.keepListing(RUN, 'listed'))).toBe('listed');
  const kept = await inventories.keep(RUN, inventory(40));
  const restorePoint = { requested: 'latest', time: MOMENT, snapshot: null, latestRestorable: MOMENT };
  const checks = [{ check: CHECK, outcome: 'passed' as const, observed: '1 table' }];
  await chain.append(draft(RUN, { inventory: kept, restorePoint, checks }));
  expect(await inventories.baseline('orders', CHECK, MOMENT)).toEqual(inventory(40));
});

test('kept twice is kept once', async () => {
  const { region, inventories } = bucket();
  const [one, other] = [await inventories.keep(RUN, inventory(40)), await inventories.keep(RUN, inventory(40))];
  expect(other).toEqual(one);
  expect([...region.objects.keys()]).toEqual([one.key]);
});

test('one that was written over is believed by nobody', async () => {
  const { region, inventories } = bucket();
  const sha256 = await inventories.keepListing(RUN, 'listed');
  region.objects.set(`${FOLDER}${RUN}.listing-${sha256}`, 'forged');
  await expect(inventories.listing(RUN, sha256)).rejects.toThrow(/is not the one that run 0123456789ab kept/);
});
