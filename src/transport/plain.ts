/**
 * A gate before the decoder: only plain MessagePack passes.
 *
 * msgpackr also reads extensions (record definitions, for which it compiles functions, errors, regular
 * expressions, references, …) and maps. A frame never holds any of them, so they are refused unread, and so is
 * nesting deeper than any packet, by which a small frame could exhaust the stack.
 */

const DEPTH_MAX = 8;
const DEEP = "lists nested too deeply";
const CUT = "a value that ends early";

/** What is wrong with `bytes`, or undefined when they are exactly one plain value. */
export function plainFault(bytes: Uint8Array): string | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = bytes.length;
  /** Elements still to come, by depth; the outermost "list" is the one value itself. */
  const left: number[] = [1];
  let at = 0;
  for (;;) {
    while (left.length > 0 && left[left.length - 1] === 0) left.pop();
    if (left.length === 0) return at === end ? undefined : "bytes after the value";
    left.push((left.pop() ?? 0) - 1);
    if (at >= end) return CUT;
    const step = stepOver(view, at);
    if (step === undefined) return "a value that is not plain";
    at += step.bytes;
    // A list needs at least one byte for each element, so a false count is refused before any of it is read.
    if (at > end || (step.elements ?? 0) > end - at) return CUT;
    if (step.elements === undefined) continue;
    if (left.length > DEPTH_MAX) return DEEP;
    left.push(step.elements);
  }
}

interface Step {
  readonly bytes: number;
  /** How many elements follow, if this opens a list. */
  readonly elements?: number;
}

/** Bytes of each scalar by its token, from 0xc0 on; 0 for what is not plain or has a length. */
const SCALAR = new Uint8Array(256);
for (const [token, bytes] of [
  [0xc0, 1],
  [0xc2, 1],
  [0xc3, 1],
  [0xca, 5],
  [0xcb, 9],
  [0xcc, 2],
  [0xcd, 3],
  [0xce, 5],
  [0xcf, 9],
  [0xd0, 2],
  [0xd1, 3],
  [0xd2, 5],
  [0xd3, 9],
] as const) {
  SCALAR[token] = bytes;
}

/** What the token at `at` announces; undefined if it is not plain. Lengths that are cut off count as long. */
function stepOver(view: DataView, at: number): Step | undefined {
  const token = view.getUint8(at);
  if (token < 0x80 || token >= 0xe0) return { bytes: 1 };
  if (token < 0x90) return undefined;
  if (token < 0xa0) return { bytes: 1, elements: token - 0x90 };
  if (token < 0xc0) return { bytes: 1 + token - 0xa0 };
  const scalar = SCALAR[token] ?? 0;
  if (scalar > 0) return { bytes: scalar };
  switch (token) {
    case 0xc4: // bin 8
    case 0xd9: // str 8
      return { bytes: 2 + lengthAt(view, at + 1, 1) };
    case 0xc5:
    case 0xda:
      return { bytes: 3 + lengthAt(view, at + 1, 2) };
    case 0xc6:
    case 0xdb:
      return { bytes: 5 + lengthAt(view, at + 1, 4) };
    case 0xdc: // array 16
      return { bytes: 3, elements: lengthAt(view, at + 1, 2) };
    case 0xdd:
      return { bytes: 5, elements: lengthAt(view, at + 1, 4) };
    default:
      return undefined;
  }
}

function lengthAt(view: DataView, at: number, bytes: 1 | 2 | 4): number {
  if (at + bytes > view.byteLength) return Number.POSITIVE_INFINITY;
  if (bytes === 1) return view.getUint8(at);
  return bytes === 2 ? view.getUint16(at) : view.getUint32(at);
}
