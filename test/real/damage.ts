/** Damages the files of a stopped server, as failing storage would. */
import { copyFile, open, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Connection } from '../../lambda/examiner/protocol';
import { handOver } from '../../rehearsal/machine/copy-tree';
import type { Database } from './database';
import { setChecksum } from './page-checksum';

export const PAGE = 8192;

export interface Copy extends Connection {
  run(sql: string): Promise<unknown[][]>;
}

/** A database of its own on the server, so that one test's damage is not another's. */
export async function copyOf({ cluster }: Database, database: string, schema: string): Promise<Copy> {
  await cluster.query(`CREATE DATABASE ${database}`);
  const run = async (sql: string) =>
    cluster.connected(async (client) => {
      const result = await client.query<unknown[]>({ text: sql, rowMode: 'array' });
      const last = Array.isArray(result) ? result[result.length - 1] : result;
      return last.rows;
    }, database);
  await run(schema);
  return { ...cluster.superuser, database, run };
}

/** The first value of the first row. */
export async function firstValue<Value = string>(copy: Copy, sql: string): Promise<Value> {
  const [row] = await copy.run(sql);
  return row?.[0] as Value;
}

export class RelationFile {
  constructor(public readonly path: string) {}

  public async blocks(): Promise<number> {
    return (await stat(this.path)).size / PAGE;
  }

  public async read(block: number): Promise<Buffer> {
    const file = await open(this.path, 'r');
    try {
      const page = Buffer.alloc(PAGE);
      await file.read(page, 0, PAGE, block * PAGE);
      return page;
    } finally {
      await file.close();
    }
  }

  public async write(block: number, page: Buffer): Promise<void> {
    const file = await open(this.path, 'r+');
    try {
      await file.write(page, 0, page.length, block * PAGE);
    } finally {
      await file.close();
    }
  }

  /** Alters a page so that its checksum fits all the same. */
  public async alter(block: number, change: (page: Buffer) => void): Promise<void> {
    const page = await this.read(block);
    change(page);
    setChecksum(page, block);
    await this.write(block, page);
  }

  /** Alters a page's bytes and nothing else. */
  public async spoil(block: number, offset = 4000, length = 100): Promise<void> {
    const page = await this.read(block);
    page.fill(0x5a, offset, offset + length);
    await this.write(block, page);
  }

  public async zero(from: number, to: number): Promise<void> {
    await this.write(from, Buffer.alloc((to - from + 1) * PAGE));
  }

  public async cut(blocks: number): Promise<void> {
    await truncate(this.path, blocks * PAGE);
  }

  public async remove(): Promise<void> {
    await rm(this.path);
  }

  public async contents(): Promise<Buffer> {
    return readFile(this.path);
  }

  public async replace(contents: Buffer): Promise<void> {
    await writeFile(this.path, contents);
    await handOver(this.path);
  }

  public async copyTo(path: string): Promise<void> {
    await copyFile(this.path, path);
  }
}

/** @param relation as `regclass` reads it */
export async function fileOf(database: Database, copy: Copy, relation: string, fork = ''): Promise<RelationFile> {
  const path = await firstValue(copy, `SELECT pg_catalog.pg_relation_filepath('${relation}'::regclass)`);
  return new RelationFile(join(database.cluster.dataDirectory, path) + fork);
}

/** Stops the server in order, damages what is to be damaged, and starts it again. */
export async function whileStopped({ cluster }: Database, damage: () => Promise<void>): Promise<void> {
  await cluster.stop();
  try {
    await damage();
  } finally {
    await cluster.start();
  }
}
