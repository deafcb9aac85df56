/** PostgreSQL's page checksum: what makes altered bytes look as if the server had written them. */

/** FNV-1a in 32 lanes, each with an offset of its own: src/include/storage/checksum_impl.h. */
const OFFSETS = Uint32Array.of(
  0x5b1f36e9,
  0xb8525960,
  0x02ab50aa,
  0x1de66d2a,
  0x79ff467a,
  0x9bb9f8a3,
  0x217e7cd2,
  0x83e13d2c,
  0xf8d4474f,
  0xe39eb970,
  0x42c6ae16,
  0x993216fa,
  0x7b093b5d,
  0x98daff3c,
  0xf718902a,
  0x0b1c9cdb,
  0xe58f764b,
  0x187636bc,
  0x5d7b3bb1,
  0xe73de7de,
  0x92bec979,
  0xcca6c0b2,
  0x304a0979,
  0x85aa43d4,
  0x783125bb,
  0x6ca8eaa2,
  0xe407eac6,
  0x4b5cfc3e,
  0x9fbf8c76,
  0x15ca20be,
  0xf2ca9fd3,
  0x959bd756,
);
const PRIME = 16777619;
const CHECKSUM = 8;

/** @param block its number in the whole relation, not in its segment */
export function checksumOf(page: Buffer, block: number): number {
  const sums = Uint32Array.from(OFFSETS);
  const mix = (lane: number, value: number) => {
    const mixed = (sums[lane]! ^ value) >>> 0;
    sums[lane] = Math.imul(mixed, PRIME) ^ (mixed >>> 17);
  };
  for (let at = 0; at < page.length; at += 4) {
    mix((at / 4) % OFFSETS.length, at === CHECKSUM ? page.readUInt32LE(at) & 0xffff0000 : page.readUInt32LE(at));
  }
  for (let round = 0; round < 2; round++) for (let lane = 0; lane < OFFSETS.length; lane++) mix(lane, 0);
  const sum = sums.reduce((all, one) => all ^ one, 0) ^ block;
  return ((sum >>> 0) % 65535) + 1;
}

export function setChecksum(page: Buffer, block: number): void {
  page.writeUInt16LE(checksumOf(page, block), CHECKSUM);
}
