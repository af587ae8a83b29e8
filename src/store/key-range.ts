/** Which keys a prefix and a place in a list stand for, in the order of UTF-8 bytes. */

/** The lowest key that begins with `prefix` and lies after `after`. */
export function lowerBound(prefix: string, after: string | undefined): string {
  if (after === undefined || compareKeys(after, prefix) < 0) return prefix;
  // Nothing lies between a key and the same key with a zero byte behind it.
  return `${after}\0`;
}

/**
 * The lowest string of bytes above all that begin with `prefix`; undefined if there is none, as for "".
 * It need not be UTF-8: bytes are all that SQLite compares.
 */
export function upperBound(prefix: string): Buffer | undefined {
  const bytes = Buffer.from(prefix);
  for (let length = bytes.length; length > 0; length--) {
    // UTF-8 has no byte 0xFF, so this ends at the last byte; it is right for any bytes.
    const last = bytes.readUInt8(length - 1);
    if (last === 0xff) continue;
    bytes.writeUInt8(last + 1, length - 1);
    return bytes.subarray(0, length);
  }
  return undefined;
}

/** Orders keys by their UTF-8 bytes. */
export function compareKeys(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
