/** Compares what a restored instance holds with the last proof of it, and keeps what it holds for the next ones. */
import { gunzipSync } from 'node:zlib';
import type { Check, Inventory } from '../contract';
import type { Inventories, StoredInventory } from '../evidence/inventories';
import { type Comparison, compare, compareWithEstimates, inventoryOf, lostRoles } from '../examiner/comparison';
import { title } from '../examiner/conclusion';
import type { Listing } from '../examiner/listing';
import { type Finding, problemsOf, type Work } from '../examiner/protocol';

export interface CountedDatabase {
  /** SHA-256 of what this run listed of it. */
  readonly listing: string;
  /** Rows by OID of their table. */
  readonly rows: ReadonlyMap<number, number>;
}

export interface Compared {
  readonly inventory: StoredInventory;
  /** One for each database, in their order. */
  readonly findings: readonly (readonly Finding[])[];
}

/** @param checks of the request: each `not-shrunk` among them is answered */
export async function compareWithLastProof(
  inventories: Inventories,
  run: string,
  databases: readonly CountedDatabase[],
  checks: readonly Check[],
  restorePoint: string,
): Promise<Compared> {
  const asked = checks.flatMap((check, index) => (check.kind === 'not-shrunk' ? [{ check, index }] : []));
  const kept: Inventory['databases'] = [];
  const roles = new Set<string>();
  const compared: Compared['findings'][number][] = [];
  for (const [place, { listing: sha256, rows }] of databases.entries()) {
    const { gzip } = JSON.parse(await inventories.listing(run, sha256)) as { gzip: string };
    const listing: Listing = JSON.parse(gunzipSync(Buffer.from(gzip, 'base64')).toString());
    for (const role of listing.roles) roles.add(role);
    const baseline = await inventories.baseline(listing.database, title({ kind: 'not-shrunk' }), restorePoint);
    const before = baseline?.databases.find(({ name }) => name === listing.database);
    const now = inventoryOf(listing, rows, before);
    kept.push(now);
    compared.push(
      asked.map(({ check, index }) => {
        if (listing.unlisted.length > 0) return finding(index, unlisted(listing), true);
        const found = before ? compare(check, now, before) : compareWithEstimates(listing, rows);
        const lost = baseline && place === 0 ? lostRoles(listing.roles, baseline.roles) : [];
        return finding(index, { ...found, warnings: [...found.warnings, ...lost] }, before !== undefined);
      }),
    );
  }
  const document: Inventory = { schema: 'lifeboat/inventory/1', roles: [...roles].sort(), databases: kept };
  return { inventory: await inventories.keep(run, document), findings: compared };
}

/** What is missing from a listing was not lost for that. */
const unlisted = (listing: Listing): Comparison => ({
  failures: [],
  warnings: [],
  notRun: listing.unlisted.map((kind) => ({
    observed: `each ${kind} could not be listed, since the catalog is damaged`,
    remedy: 'restore an earlier backup beside this one, and compare',
  })),
  tables: 0,
});

function finding(check: number, { failures, warnings, notRun, tables }: Comparison, proven: boolean): Finding {
  const work: Work = { detector: 'last proof', checks: [check], objects: 1, bytes: 0 };
  const observed = proven
    ? `${tables} tables compared with the last proof`
    : 'no earlier proof to compare with; its tables and rows are kept for the next one';
  return {
    work,
    check,
    examined: 1,
    bytes: 0,
    observed: [observed],
    failures: problemsOf(failures),
    warnings: problemsOf(warnings),
    notRun: problemsOf(notRun),
  };
}
