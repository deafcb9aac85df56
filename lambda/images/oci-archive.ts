/**
 * A container image as an OCI archive: a tar of the OCI image layout, which skopeo, podman and Docker 25 load.
 *
 * All sizes are known from the manifests, so it can be streamed; nothing of it is ever whole in memory.
 * https://github.com/opencontainers/image-spec/blob/main/image-layout.md
 */
export interface Entry {
  readonly path: string;
  readonly size: number;
  /** Yields exactly `size` bytes. */
  read(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

const BLOCK = 512;
const END = Buffer.alloc(2 * BLOCK);

export const archiveSize = (entries: readonly Entry[]) =>
  entries.reduce((sum, { size }) => sum + BLOCK + size + padding(size), END.length);

/** @throws when an entry yields more or fewer bytes than its size */
export async function* archive(entries: readonly Entry[]): AsyncGenerator<Uint8Array> {
  for (const { path, size, read } of entries) {
    yield header(path, size);
    let came = 0;
    for await (const chunk of read()) {
      came += chunk.length;
      yield chunk;
    }
    if (came !== size) throw new Error(`${path} has ${came} bytes instead of ${size}`);
    yield Buffer.alloc(padding(size));
  }
  yield END;
}

const padding = (size: number) => (BLOCK - (size % BLOCK)) % BLOCK;

/** The ustar header of a file; every path of an image layout is short enough for it. */
function header(path: string, size: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  block.write(path, 0, 100, 'utf8');
  block.write('0000644\0', 100, 'latin1');
  block.write('0000000\0', 108, 'latin1');
  block.write('0000000\0', 116, 'latin1');
  if (size < 8 ** 11) block.write(`${size.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
  else {
    // 8 GiB and more do not fit into eleven octal digits: the first bit says that the number is binary.
    block.writeBigUInt64BE(BigInt(size), 128);
    block[124] = 0x80;
  }
  // The same image gives the same archive, whenever it is made.
  block.write('00000000000\0', 136, 'latin1');
  block.write('        0', 148, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}
