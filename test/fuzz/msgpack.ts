/** Changes to MessagePack that keep its structure: what a program would send that means harm, not what a cable does. */

import type { Prng } from "../../src/base/index.ts";

/** A list with its elements, or anything else as the bytes that it is. */
type Node = Buffer | Node[];

/** The value at the beginning of `bytes`. What cannot be read is kept as it is. */
function parse(bytes: Buffer): Node {
  try {
    return read(bytes, 0).node;
  } catch {
    return bytes;
  }
}

function read(bytes: Buffer, at: number): { readonly node: Node; readonly end: number } {
  const token = bytes.readUInt8(at);
  const count = listLength(bytes, at, token);
  if (count === undefined) {
    const end = at + scalarBytes(bytes, at, token);
    if (end > bytes.length) throw new RangeError("cut");
    return { node: bytes.subarray(at, end), end };
  }
  const items: Node[] = [];
  let next = count.from;
  for (let item = 0; item < count.items; item++) {
    const { node, end } = read(bytes, next);
    items.push(node);
    next = end;
  }
  return { node: items, end: next };
}

function listLength(
  bytes: Buffer,
  at: number,
  token: number,
): { readonly items: number; readonly from: number } | undefined {
  if (token >= 0x90 && token < 0xa0) return { items: token - 0x90, from: at + 1 };
  if (token === 0xdc) return { items: bytes.readUInt16BE(at + 1), from: at + 3 };
  if (token === 0xdd) return { items: bytes.readUInt32BE(at + 1), from: at + 5 };
  return undefined;
}

const FIXED: Readonly<Record<number, number>> = {
  202: 5,
  203: 9,
  204: 2,
  205: 3,
  206: 5,
  207: 9,
  208: 2,
  209: 3,
  210: 5,
  211: 9,
};

function scalarBytes(bytes: Buffer, at: number, token: number): number {
  if (token >= 0xa0 && token < 0xc0) return 1 + token - 0xa0;
  if (token === 0xc4 || token === 0xd9) return 2 + bytes.readUInt8(at + 1);
  if (token === 0xc5 || token === 0xda) return 3 + bytes.readUInt16BE(at + 1);
  if (token === 0xc6 || token === 0xdb) return 5 + bytes.readUInt32BE(at + 1);
  return FIXED[token] ?? 1;
}

function print(node: Node, prng: Prng, lie: boolean): Buffer {
  const parts: Buffer[] = [];
  write(node, parts, prng, lie ? prng.between(0, 6) : -1);
  return Buffer.concat(parts);
}

/** @param liar the list, counted from the outermost on, whose header says another number than it holds. */
function write(node: Node, parts: Buffer[], prng: Prng, liar: number): number {
  if (Buffer.isBuffer(node)) {
    parts.push(node);
    return liar;
  }
  const count =
    liar === 0 ? prng.pick([0, node.length + 1, node.length + 2, 255, 65_535, 0xffff_ffff]) : node.length;
  parts.push(listHeader(count, prng.chance(0.05)));
  let left = liar - 1;
  for (const item of node) left = write(item, parts, prng, left);
  return left;
}

/** @param wide whether it is longer than it needs to be, which is allowed. */
function listHeader(count: number, wide: boolean): Buffer {
  if (count < 16 && !wide) return Buffer.from([0x90 + count]);
  if (count < 65_536 && !wide) return Buffer.from([0xdc, count >> 8, count & 0xff]);
  const header = Buffer.from([0xdd, 0, 0, 0, 0]);
  header.writeUInt32BE(count, 1);
  return header;
}

function text(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  if (bytes.length < 32) return Buffer.concat([Buffer.from([0xa0 + bytes.length]), bytes]);
  const header = Buffer.from([0xda, bytes.length >> 8, bytes.length & 0xff]);
  return Buffer.concat([header, bytes]);
}

function float(value: number): Buffer {
  const bytes = Buffer.alloc(9, 0xcb);
  bytes.writeDoubleBE(value, 1);
  return bytes;
}

function whole(value: bigint): Buffer {
  const bytes = Buffer.alloc(9, value < 0n ? 0xd3 : 0xcf);
  if (value < 0n) bytes.writeBigInt64BE(value, 1);
  else bytes.writeBigUInt64BE(value, 1);
  return bytes;
}

function extension(type: number, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0xc7, bytes.length, type]), bytes]);
}

/** Values that no packet and no command holds, or that lie at the edge of what they may hold. */
const HOSTILE: readonly Buffer[] = [
  ...[0, 1, -1, -0, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 52, 2 ** 53, 1e308, -(2 ** 63)].map(
    float,
  ),
  ...[
    0n,
    1n,
    127n,
    255n,
    2n ** 32n,
    2n ** 53n - 1n,
    2n ** 53n,
    2n ** 63n - 1n,
    2n ** 63n,
    2n ** 64n - 1n,
  ].map(whole),
  ...[-1n, -33n, -(2n ** 31n), -(2n ** 53n), -(2n ** 63n)].map(whole),
  ...["", "__proto__", "constructor", "n1", "N1", "n1\u0000", "\ufeffn1 and so on", "=x", "x".repeat(33)].map(
    text,
  ),
  ...["x".repeat(2_048), "é".repeat(1_025), "0".repeat(32), "f".repeat(64), "\u{1f600}".repeat(20)].map(text),
  ...[
    [0xed, 0xa0, 0x80],
    [0xff, 0xfe, 0xfd],
    [0xc0, 0xaf],
    [0xe2, 0x82],
    [0xf0, 0x9f, 0x98],
  ].map((bytes) => text(Buffer.from(bytes))),
  Buffer.from([0xc0]),
  Buffer.from([0xc1]),
  Buffer.from([0xc2]),
  Buffer.from([0xc3]),
  Buffer.from([0xc4, 0]),
  Buffer.concat([Buffer.from([0xc4, 32]), Buffer.alloc(32, 7)]),
  Buffer.from([0xca, 0x7f, 0xc0, 0, 0]),
  Buffer.from([0x90]),
  // Lengths that nothing follows.
  Buffer.from([0xc6, 0xff, 0xff, 0xff, 0xff]),
  Buffer.from([0xdb, 0xff, 0xff, 0xff, 0xff]),
  Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff]),
  Buffer.from([0xdd, 0x01, 0xff, 0xff, 0xff]),
  Buffer.from([0xdf, 0xff, 0xff, 0xff, 0xff]),
  // Maps, one with a name that changes the prototype of what is made from it, and one with a map for a name.
  Buffer.concat([
    Buffer.from([0x81]),
    text("__proto__"),
    Buffer.from([0x81]),
    text("polluted"),
    Buffer.from([1]),
  ]),
  Buffer.from([0x81, 0x80, 0x01]),
  Buffer.from([0x80]),
  // msgpackr's extensions: a record and its definition, a reference, an error, a set, a regular expression, a
  // date, a big integer, and types that nobody knows.
  Buffer.concat([Buffer.from([0xd4, 0x72, 0x40, 0x92]), text("a"), text("__proto__"), Buffer.from([1, 2])]),
  Buffer.from([0xd5, 0x72, 0x40, 0x00, 0x91, 0xa1, 0x61]),
  Buffer.from([0x40]),
  extension(0x69, Buffer.from([0, 0, 0, 0])),
  extension(0x70, Buffer.from([0, 0, 0, 0])),
  extension(0x65, Buffer.from([0x93, 0xa5, 0x45, 0x72, 0x72, 0x6f, 0x72, 0xa1, 0x78, 0xc0])),
  extension(0x73, Buffer.from([0x91, 1])),
  extension(0x78, Buffer.from([0x92, 0xa6, 0x28, 0x61, 0x2b, 0x29, 0x2b, 0x24, 0xa0])),
  extension(0x74, Buffer.from([0x01, 1, 2, 3, 4])),
  extension(0x42, Buffer.alloc(40, 0x7f)),
  extension(0xff, Buffer.alloc(12, 0xff)),
  extension(0x11, Buffer.alloc(3)),
  Buffer.from([0xc8, 0xff, 0xff, 0x72]),
  Buffer.from([0xc9, 0xff, 0xff, 0xff, 0xff, 0x72]),
  Buffer.from([0xd8, 0x72, 0x40]),
];

/** `bytes`, which hold MessagePack, after one to three changes. @param other where values may be taken from. */
export function mutateMsgpack(bytes: Buffer, prng: Prng, other: Buffer): Buffer {
  let tree = parse(bytes);
  const changes = prng.chance(0.7) ? 1 : prng.between(2, 3);
  for (let change = 0; change < changes; change++) tree = mutateNode(tree, prng, other);
  return print(tree, prng, prng.chance(0.08));
}

function mutateNode(node: Node, prng: Prng, other: Buffer): Node {
  if (Buffer.isBuffer(node) || node.length === 0 || prng.chance(0.15)) return mutateHere(node, prng, other);
  const at = prng.between(0, node.length - 1);
  return node.map((item, position) => (position === at ? mutateNode(item, prng, other) : item));
}

function mutateHere(node: Node, prng: Prng, other: Buffer): Node {
  switch (prng.between(0, 8)) {
    case 0:
      return nested(node, prng.chance(0.8) ? prng.between(1, 12) : prng.between(100, 5_000));
    case 1:
      return anyPart(parse(other), prng);
    case 2:
      return Buffer.isBuffer(node) ? mangled(node, prng) : [...node, prng.pick(HOSTILE)];
    case 3:
      return Buffer.isBuffer(node) ? neighbour(node, prng) : node.slice(0, -1);
    case 4:
      return Buffer.isBuffer(node) ? neighbour(node, prng) : [...node, ...node];
    case 5:
      return Buffer.isBuffer(node) ? mangled(node, prng) : node.toReversed();
    default:
      return prng.pick(HOSTILE);
  }
}

function nested(node: Node, depth: number): Node {
  let wrapped = node;
  // As bytes: a tree this deep would exhaust the stack of the fuzzer itself.
  if (depth > 100) return Buffer.concat([Buffer.alloc(depth, 0x91), Buffer.from([0xc0])]);
  for (let level = 0; level < depth; level++) wrapped = [wrapped];
  return wrapped;
}

function anyPart(node: Node, prng: Prng): Node {
  if (Buffer.isBuffer(node) || node.length === 0 || prng.chance(0.3)) return node;
  return anyPart(prng.pick(node), prng);
}

/** The same kind of thing with another content. */
function mangled(scalar: Buffer, prng: Prng): Buffer {
  const copy = Buffer.from(scalar);
  if (copy.length < 2) return Buffer.from([prng.next() & 0xff]);
  copy[prng.between(1, copy.length - 1)] = prng.next() & 0xff;
  return copy;
}

/** A small number becomes the next one; another thing becomes one of hostile size. */
function neighbour(scalar: Buffer, prng: Prng): Buffer {
  const [token = 0] = scalar;
  if (scalar.length === 1 && token < 0x80)
    return Buffer.from([Math.max(0, Math.min(127, token + prng.pick([-1, 1])))]);
  return prng.pick(HOSTILE);
}
