/** A function of the database's own may raise an error as long as PostgreSQL's texts, a gigabyte, which fits in no call. */
import type { Duplex } from 'node:stream';

/** Longer than every answer that a statement of ours has. */
const MAX_BYTES = 16 * 1024 ** 2;
/** A type of one byte, and a length that counts itself: https://www.postgresql.org/docs/current/protocol-message-formats.html */
const HEADER = 5;

export class MessageTooLong extends Error {
  constructor(bytes: number) {
    super(`a message of ${bytes} bytes, of which no more than ${MAX_BYTES} are read`);
  }
}

/** Ends a connection, of which nothing was read yet, before it has more than the header of such a message. */
export function refuseLongMessages(stream: Duplex): void {
  const header = Buffer.alloc(HEADER);
  let known = 0;
  let left = 0;
  stream.prependListener('data', (chunk: Buffer) => {
    for (let at = 0; at < chunk.length; ) {
      if (left === 0) {
        const copied = chunk.copy(header, known, at, at + HEADER - known);
        known += copied;
        at += copied;
        if (known < HEADER) return;
        const length = header.readUInt32BE(1);
        if (length > MAX_BYTES) {
          stream.destroy(new MessageTooLong(length));
          return;
        }
        known = 0;
        left = length - (HEADER - 1);
      }
      const body = Math.min(left, chunk.length - at);
      left -= body;
      at += body;
    }
  });
}
