/**
 * Inventories in the bucket of evidence, each linked from its document by hash. They have no limit of size, which results
 * of steps and answers of functions have.
 */
import type { S3Client } from '@aws-sdk/client-s3';
import { type Evidence, evidencePrefix, type Inventory, inventory, parse } from '../contract';
import { sha256Of } from './documents';
import type { EvidenceChain } from './evidence-chain';
import { putOnce, readText } from './objects';

export interface StoredInventory {
  readonly key: string;
  /** In hex, of its bytes. */
  readonly sha256: string;
  /** Whose it is. */
  readonly databases: string[];
}

export class Inventories {
  private readonly prefix: string;

  constructor(
    private readonly s3: S3Client,
    private readonly bucket: string,
    of: { plan: string; target: string },
    private readonly chain: EvidenceChain,
  ) {
    this.prefix = `${evidencePrefix(of)}inventories/`;
  }

  /** Keeps the listing of one of a run's databases until its rows are counted. Kept twice is kept once. */
  async keepListing(run: string, position: number, listing: string): Promise<void> {
    await putOnce(this.s3, this.bucket, this.listingKey(run, position), listing, 'text/plain');
  }

  async listing(run: string, position: number): Promise<string> {
    return readText(this.s3, this.bucket, this.listingKey(run, position));
  }

  /** Keeps a run's inventory. An earlier try may have done so: what it wrote stays, and counts. */
  async keep(run: string, document: Inventory): Promise<StoredInventory> {
    const key = `${this.prefix}${run}.json`;
    await putOnce(this.s3, this.bucket, key, `${JSON.stringify(document)}\n`, 'application/json');
    const text = await readText(this.s3, this.bucket, key);
    return { key, sha256: sha256Of(text), databases: document.databases.map(({ name }) => name) };
  }

  /**
   * The inventory of the newest proof of a database in which a check passed and that went back to no later a moment: of a
   * later one, nothing can be expected here.
   *
   * @throws Error when the inventory is not the one that its proof names
   */
  async baseline(database: string, check: string, moment: string): Promise<Inventory | undefined> {
    const proof = await this.chain.lastProof(
      ({ inventory: held, ...document }) =>
        (held?.databases.includes(database) ?? false) && provesIt(document, check, moment),
    );
    if (!proof?.inventory) return undefined;
    const { key, sha256: expected } = proof.inventory;
    const text = await readText(this.s3, this.bucket, key);
    if (sha256Of(text) !== expected) {
      throw new Error(
        `the inventory ${key} is not the one that its proof names (SHA-256 ${expected}), so nothing can be compared with it; ` +
          'find out who changed it: the bucket keeps its versions',
      );
    }
    return parse(inventory, JSON.parse(text), `inventory ${key}`);
  }

  private listingKey(run: string, position: number): string {
    return `${this.prefix}${run}.listing-${position}`;
  }
}

function provesIt(
  { restorePoint, checks }: Pick<Evidence, 'restorePoint' | 'checks'>,
  check: string,
  moment: string,
): boolean {
  if (restorePoint === null || Date.parse(restorePoint.time) > Date.parse(moment)) return false;
  return checks.some((one) => one.check === check && one.outcome === 'passed');
}
