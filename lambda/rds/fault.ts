/** Errors of AWS clients, by their codes. */

/** The SDK names a fault by its shape, which ends in `Fault` for some; the code on the wire does not. */
export function isFault(error: unknown, code: string): boolean {
  return error instanceof Error && (error.name === code || error.name === `${code}Fault`);
}
