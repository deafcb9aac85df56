/**
 * The folder of a server's socket, with a path that is short enough to connect: the path of a socket has at most 107
 * bytes on Linux and 103 on macOS, and paths of temporary folders can be longer.
 */
import { closeSync, openSync } from 'node:fs';

/** The longest name in it is `/.s.PGSQL.65535`. */
const LONGEST = (process.platform === 'linux' ? 107 : 103) - '/.s.PGSQL.65535'.length;

export class SocketFolder {
  private constructor(
    public readonly path: string,
    private readonly descriptor: number | undefined,
  ) {}

  /** @throws Error with the remedy where the path is too long, and there is no shorter name for it */
  public static open(folder: string): SocketFolder {
    if (Buffer.byteLength(folder) <= LONGEST) return new SocketFolder(folder, undefined);
    if (process.platform !== 'linux') {
      throw new Error(
        `the socket of a database would lie in ${folder}, whose path is longer than the ${LONGEST} bytes that the ` +
          'system allows; point TMPDIR to a shorter path',
      );
    }
    const descriptor = openSync(folder, 'r');
    return new SocketFolder(`/proc/self/fd/${descriptor}`, descriptor);
  }

  public close(): void {
    if (this.descriptor !== undefined) closeSync(this.descriptor);
  }
}
