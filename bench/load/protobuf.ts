/** As much of Protocol Buffers as etcd's key-value calls need: numbers, bytes, and messages within messages. */

/** A field to write: numbers as varints, bytes and texts with their length, messages as lists of fields. */
export type Field = readonly [
  number: number,
  value: number | bigint | string | Uint8Array | readonly Field[],
];

const MORE = 0x80n;
const SEVEN_BITS = 0x7fn;
const KIND_BITS = 3;
const KIND = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

function varint(value: number | bigint): number[] {
  const bytes: number[] = [];
  let rest = BigInt(value);
  while (rest >= MORE) {
    bytes.push(Number((rest & SEVEN_BITS) | MORE));
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return bytes;
}

/** @param fields in the order in which they are to be written. */
export function encode(fields: readonly Field[]): Buffer {
  const parts = fields.map(([number, value]) => {
    if (typeof value === "number" || typeof value === "bigint") {
      return Buffer.from([...varint(number << KIND_BITS), ...varint(value)]);
    }
    const bytes = typeof value === "string" ? Buffer.from(value) : isList(value) ? encode(value) : value;
    return Buffer.concat([
      Buffer.from([...varint((number << KIND_BITS) | KIND.bytes), ...varint(bytes.length)]),
      bytes,
    ]);
  });
  return Buffer.concat(parts);
}

function isList(value: Uint8Array | readonly Field[]): value is readonly Field[] {
  return Array.isArray(value);
}

/** A message that was received. Of a field that occurs more than once, the last. */
export class Decoded {
  readonly #numbers: Map<number, number> = new Map();
  readonly #bytes: Map<number, Buffer> = new Map();

  /** @throws {RangeError} if the bytes are no message. */
  constructor(message: Buffer) {
    let at = 0;
    const next = (): number => {
      let [value, factor] = [0, 1];
      for (;;) {
        const byte = message.readUInt8(at++);
        value += (byte & 0x7f) * factor;
        if (byte < 0x80) return value;
        factor *= 128;
      }
    };
    while (at < message.length) {
      const tag = next();
      const [number, kind] = [tag >> KIND_BITS, tag & 7];
      if (kind === KIND.varint) this.#numbers.set(number, next());
      else if (kind === KIND.bytes) {
        const length = next();
        if (at + length > message.length) throw new RangeError("a field ends beyond its message");
        this.#bytes.set(number, message.subarray(at, at + length));
        at += length;
      } else if (kind === KIND.fixed64) at += 8;
      else if (kind === KIND.fixed32) at += 4;
      else throw new RangeError(`there is no kind ${kind} of fields`);
    }
  }

  /** A number; 0, as the format has it, if it is not there. */
  number(field: number): number {
    return this.#numbers.get(field) ?? 0;
  }

  /** @returns undefined if it is not there. */
  bytes(field: number): Buffer | undefined {
    return this.#bytes.get(field);
  }

  /** A message within this one; undefined if it is not there. */
  message(field: number): Decoded | undefined {
    const bytes = this.#bytes.get(field);
    return bytes === undefined ? undefined : new Decoded(bytes);
  }
}
