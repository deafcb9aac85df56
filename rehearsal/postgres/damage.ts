/** Damages a backup's files, as failing storage would. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cluster } from './cluster';
import type { PhysicalBackup } from './physical-backup';

export interface Damage {
  readonly database: string;
  /** `schema.table` */
  readonly table: string;
  readonly block: number;
  /** Whether `SELECT count(*)` on the table succeeds all the same, if the table has an index. */
  readonly countSucceeds: boolean;
}

const PAGE = 8192;
const PAGE_HEADER = 24;
/** Rows fill a page from its end, so this damages rows if the page is more than half full. */
const DAMAGE = { offset: 6144, length: 200 };

/** Damages a page in the middle of a table. Its checksum no longer fits, so PostgreSQL refuses to read it. */
export async function damageTable(backup: PhysicalBackup, table: string, database?: string): Promise<Damage> {
  const { name, path, visible, byDistance, ...found } = findPages(backup, table, database);
  const block = byDistance.find(visible) ?? byDistance[0]!;
  await invert(path, block);
  return { ...found, table: name, block, countSucceeds: visible(block) };
}

export interface ZeroedPages {
  readonly database: string;
  /** `schema.table` */
  readonly table: string;
  readonly blocks: readonly number[];
}

/**
 * Zeroes pages in the middle of a table, like storage that loses a write of new blocks. PostgreSQL takes such a page
 * for a new and empty one: no read fails, and the rows are silently missing.
 *
 * @throws Error when too few pages are marked all-visible: on other pages an index scan would notice
 */
export async function zeroPages(
  backup: PhysicalBackup,
  table: string,
  pages: number,
  database?: string,
): Promise<ZeroedPages> {
  const { name, path, visible, byDistance, ...found } = findPages(backup, table, database);
  const blocks = byDistance.filter(visible).slice(0, pages);
  if (blocks.length < pages) {
    throw new Error(
      `table ${name} has ${blocks.length} pages that are marked all-visible, so ${pages} can't be zeroed unnoticed; vacuum it ` +
        'before the snapshot is taken',
    );
  }
  const file = await open(path, 'r+');
  try {
    for (const block of blocks) await file.write(Buffer.alloc(PAGE), 0, PAGE, block * PAGE);
  } finally {
    await file.close();
  }
  return { ...found, table: name, blocks };
}

/** A table's pages in a backup, those nearest to its middle first. */
function findPages(backup: PhysicalBackup, table: string, database?: string) {
  const name = table.includes('.') ? table : `public.${table}`;
  const found = backup.tables.find((file) => file.table === name && (database ?? file.database) === file.database);
  if (!found) {
    const known = backup.tables.map((file) => `${file.database}: ${file.table}`).join(', ') || 'none';
    throw new Error(`the snapshot has no table ${name}, so there is nothing to damage; its tables are: ${known}`);
  }
  const path = join(backup.folder, 'data', found.path);
  const blocks = existsSync(path) ? Math.floor(statSync(path).size / PAGE) : 0;
  if (blocks === 0)
    throw new Error(`table ${name} has no page in the snapshot; give it rows before the snapshot is taken`);
  const byDistance = Array.from({ length: blocks }, (_, block) => block).sort(
    (a, b) => Math.abs(a - blocks / 2) - Math.abs(b - blocks / 2),
  );
  return { database: found.database, name, path, visible: allVisible(`${path}_vm`), byDistance };
}

/** Reads a table's visibility map: two bits a page, the lower one says that all its rows are visible to everyone. */
function allVisible(path: string): (block: number) => boolean {
  const map = existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
  const blocksInPage = (PAGE - PAGE_HEADER) * 4;
  return (block) => {
    const inPage = block % blocksInPage;
    const offset = Math.floor(block / blocksInPage) * PAGE + PAGE_HEADER + Math.floor(inPage / 4);
    return ((map[offset] ?? 0) & (1 << (2 * (inPage % 4)))) !== 0;
  };
}

/**
 * Damages one page of a table of a running server on disk, as failing storage does. Reading it fails once the page is
 * no longer in memory, which a restart sees to.
 *
 * @returns the block
 */
export async function damageRunning(cluster: Cluster, table: string, database: string): Promise<number> {
  await cluster.query('CHECKPOINT');
  const sql = `SELECT pg_relation_filepath('${table}'::regclass) AS path,
                      pg_relation_size('${table}'::regclass)::int / ${PAGE} AS pages`;
  const { rows } = await cluster.query<{ path: string; pages: number }>(sql, [], database);
  const { path, pages } = rows[0]!;
  if (pages === 0) throw new Error(`table '${table}' has no page, so none can be damaged; fill it first`);
  const block = Math.floor(pages / 2);
  await invert(join(cluster.dataDirectory, path), block);
  return block;
}

/** Inverted, since zeroes might not change anything. */
async function invert(path: string, block: number): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const at = block * PAGE + DAMAGE.offset;
    const bytes = Buffer.alloc(DAMAGE.length);
    await file.read(bytes, 0, DAMAGE.length, at);
    await file.write(
      bytes.map((byte) => ~byte),
      0,
      DAMAGE.length,
      at,
    );
  } finally {
    await file.close();
  }
}
