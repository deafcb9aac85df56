/**
 * Inventories in the bucket of evidence, each linked from its document by hash. Unlike results of steps and answers of
 * functions, they may have any size.
 *
 * Files are named after their hash, so that nobody can write one first under the same name: a run's name can be read
 * while the run is under way.
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
  /** The document that links to it. */
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

  /**
   * Keeps the listing of one of a run's databases until its rows are counted. Doing it again changes nothing.
   *
   * @returns its SHA-256, to ask for it by
   */
  async keepListing(run: string, listing: string): Promise<string> {
    const sha256 = sha256Of(listing);
    await putOnce(this.s3, this.bucket, this.listingKey(run, sha256), listing, 'text/plain');
    return sha256;
  }

  async listing(run: string, sha256: string): Promise<string> {
    return this.read(this.listingKey(run, sha256), sha256, `run ${run} kept`);
  }

  /** Keeps a run's inventory. Doing it again changes nothing. */
  async keep(run: string, document: Inventory): Promise<StoredInventory> {
    const text = `${JSON.stringify(document)}\n`;
    const sha256 = sha256Of(text);
    const key = `${this.prefix}${run}.sha256-${sha256}.json`;
    await putOnce(this.s3, this.bucket, key, text, 'application/json');
    return { key, sha256, databases: document.databases.map(({ name }) => name) };
  }

  /**
   * The inventory of the newest proof of a database in which a check passed and whose restore point is not later: rows
   * of a later moment can't be expected here.
   *
   * @throws Error when the inventory is not the one that its proof names
   */
  async baseline(database: string, check: string, moment: string): Promise<Inventory | undefined> {
    const proof = await this.chain.lastProof(
      ({ inventory: held, ...document }) =>
        (held?.databases.includes(database) ?? false) && provesIt(document, check, moment),
    );
    if (!proof?.inventory) return undefined;
    const { key, sha256 } = proof.inventory;
    const text = await this.read(key, sha256, 'its proof names');
    return parse(inventory, JSON.parse(text), `inventory ${key}`);
  }

  private async read(key: string, sha256: string, expected: string): Promise<string> {
    const text = await readText(this.s3, this.bucket, key);
    if (sha256Of(text) === sha256) return text;
    throw new Error(
      `the inventory ${key} is not the one that ${expected} (SHA-256 ${sha256}), so nothing can be compared with it; ` +
        'find out who changed it: the bucket keeps its versions',
    );
  }

  private listingKey(run: string, sha256: string): string {
    return `${this.prefix}${run}.listing-${sha256}`;
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
