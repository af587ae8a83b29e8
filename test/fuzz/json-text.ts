/** Changes to JSON that keep its structure. */

import type { Prng } from "../../src/base/index.ts";

/** Scalars are kept as text, and objects as lists, so that a name can be there twice. */
type Node = string | { readonly kind: "list"; readonly items: Node[] } | ObjectNode;

interface ObjectNode {
  readonly kind: "object";
  readonly fields: (readonly [string, Node])[];
}

/** What is nested deeper stays one piece of text: to print it again would exhaust the stack of the fuzzer itself. */
const DEPTH_MAX = 500;

function nodeOf(value: unknown, depth: number = 0): Node {
  if (depth > DEPTH_MAX) throw new RangeError("nested too deeply to be changed");
  if (Array.isArray(value)) return { kind: "list", items: value.map((item) => nodeOf(item, depth + 1)) };
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  return {
    kind: "object",
    fields: Object.entries(value).map(([name, field]) => [name, nodeOf(field, depth + 1)] as const),
  };
}

function parse(text: string): Node {
  try {
    return nodeOf(JSON.parse(text));
  } catch {
    return text;
  }
}

function print(node: Node, space: string): string {
  if (typeof node === "string") return node;
  if (node.kind === "list") return `[${node.items.map((item) => print(item, space)).join(`,${space}`)}]`;
  const fields = node.fields.map(([name, value]) => `${JSON.stringify(name)}:${space}${print(value, space)}`);
  return `{${fields.join(`,${space}`)}}`;
}

const SCALARS: readonly string[] = [
  // What programs forget most often, so it is there more than once.
  "null",
  "null",
  "null",
  "true",
  "false",
  "0",
  "-0",
  "1",
  "-1",
  "1.0",
  "1e2",
  "1E400",
  "-1e-400",
  "0.1",
  "4294967296",
  "9007199254740991",
  "9007199254740992",
  "9007199254740993",
  "9223372036854775807",
  "9223372036854775808",
  "-9223372036854775808",
  "-9223372036854775809",
  "18446744073709551616",
  "1".repeat(400),
  `0.${"0".repeat(400)}1`,
  '""',
  '"0"',
  '"1"',
  '"__proto__"',
  '"constructor"',
  '"\\u0000"',
  '"\\ud800"',
  '"\\udc00\\ud800"',
  '"\\ufeff"',
  '"\\u202e"',
  `"${"x".repeat(600)}"`,
  `"${"0".repeat(32)}"`,
  `"${"f".repeat(64)}"`,
  '"n1"',
  '"n2"',
  '"127.0.0.1:1"',
  '"[::1]:65535"',
  '"[::1"',
  '"a:b:1"',
  '"http://x"',
  '"javascript:1"',
  '"http://a:b@c/"',
  "{}",
  "[]",
  "[[]]",
  // Not JSON, though some parsers take it.
  "NaN",
  "Infinity",
  "undefined",
  "01",
  "+1",
  ".5",
  "'x'",
  "/**/1",
  "0x10",
  '"\t"',
  "1n",
  "",
];

const NAMES: readonly string[] = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "length",
  "",
  " ",
  "format",
  "id",
  "key",
  "\u0000",
  "\ufeff",
  "kind",
  "members",
  "crc",
];

/** `text`, which holds JSON, after one to three changes. @param other where values and names may be taken from. */
export function mutateJson(text: string, prng: Prng, other: string): string {
  let tree = parse(text);
  const changes = prng.chance(0.7) ? 1 : prng.between(2, 3);
  for (let change = 0; change < changes; change++) tree = mutateNode(tree, prng, other);
  return print(tree, prng.chance(0.9) ? "" : prng.pick([" ", "\n", "\t", "\r\n  ", "\u00a0", "\u0000"]));
}

function mutateNode(node: Node, prng: Prng, other: string): Node {
  if (typeof node === "string" || prng.chance(0.15)) return mutateHere(node, prng, other);
  if (node.kind === "list") {
    if (node.items.length === 0 || prng.chance(0.2)) return mutateList(node.items, prng);
    const at = prng.between(0, node.items.length - 1);
    const items = node.items.map((item, position) =>
      position === at ? mutateNode(item, prng, other) : item,
    );
    return { kind: "list", items };
  }
  if (node.fields.length === 0 || prng.chance(0.25)) return mutateFields(node.fields, prng, other);
  const at = prng.between(0, node.fields.length - 1);
  const fields = node.fields.map(([name, value], position): readonly [string, Node] => [
    name,
    position === at ? mutateNode(value, prng, other) : value,
  ]);
  return { kind: "object", fields };
}

function mutateHere(node: Node, prng: Prng, other: string): Node {
  switch (prng.between(0, 5)) {
    case 0:
      return deep(node, prng);
    case 1:
      return anyPart(parse(other), prng);
    case 2:
      return typeof node === "string" ? mangled(node, prng) : prng.pick(SCALARS);
    default:
      return prng.pick(SCALARS);
  }
}

function deep(node: Node, prng: Prng): Node {
  // The deepest exhaust the stack of whoever goes into them by calling itself.
  const few = prng.chance(0.85);
  const depth = few
    ? prng.between(1, 10)
    : prng.chance(0.8)
      ? prng.between(100, 1_000)
      : prng.between(4_000, 8_000);
  const [open, close] = prng.pick([
    ["[", "]"],
    ['{"a":', "}"],
  ] as const);
  return open.repeat(depth) + (depth > 10 ? "1" : print(node, "")) + close.repeat(depth);
}

function anyPart(node: Node, prng: Prng): Node {
  if (typeof node === "string" || prng.chance(0.3)) return node;
  const parts = node.kind === "list" ? node.items : node.fields.map(([, value]) => value);
  return parts.length === 0 ? node : anyPart(prng.pick(parts), prng);
}

function mangled(scalar: string, prng: Prng): string {
  const at = prng.between(0, Math.max(0, scalar.length - 1));
  const piece = prng.pick([
    "\\u0000",
    "\\ud83d",
    "0",
    "9",
    "-",
    ".",
    "e5",
    "%",
    "/",
    "\u00e9",
    "\\",
    "x",
    "",
  ]);
  return scalar.slice(0, at) + piece + scalar.slice(at + prng.between(0, 1));
}

function mutateList(items: Node[], prng: Prng): Node {
  const choice = prng.between(0, 3);
  if (choice === 0) return { kind: "list", items: items.slice(1) };
  if (choice === 1) return { kind: "list", items: items.toReversed() };
  if (choice === 2) return { kind: "list", items: [...items, prng.pick(SCALARS)] };
  const times = prng.chance(0.9) ? 2 : 300;
  return { kind: "list", items: Array.from({ length: times }, () => items).flat() };
}

function mutateFields(fields: ObjectNode["fields"], prng: Prng, other: string): Node {
  const at = prng.between(0, Math.max(0, fields.length - 1));
  const chosen: readonly [string, Node] = fields[at] ?? [prng.pick(NAMES), prng.pick(SCALARS)];
  const rest = fields.filter((_, position) => position !== at);
  switch (prng.between(0, 5)) {
    case 0:
      return { kind: "object", fields: rest };
    case 1:
      // Given twice, with the same value or another.
      return {
        kind: "object",
        fields: [...fields, prng.chance(0.5) ? chosen : [chosen[0], prng.pick(SCALARS)]],
      };
    case 2:
      return { kind: "object", fields: [...rest, [prng.pick(NAMES), chosen[1]]] };
    case 3:
      return { kind: "object", fields: [[prng.pick(NAMES), prng.pick(SCALARS)], ...fields] };
    case 4:
      return {
        kind: "object",
        fields: [...fields, ["__proto__", { kind: "object", fields: [["polluted", "1"]] }]],
      };
    default:
      return { kind: "object", fields: [...fields, [prng.pick(NAMES), anyPart(parse(other), prng)]] };
  }
}

/** How deeply the JSON in `bytes` is nested at most; brackets in texts count too. */
export function depthOf(bytes: Uint8Array): number {
  let depth = 0;
  let deepest = 0;
  for (const byte of bytes) {
    if (byte === 0x5b || byte === 0x7b) deepest = Math.max(deepest, ++depth);
    else if (byte === 0x5d || byte === 0x7d) depth -= 1;
  }
  return deepest;
}

/** Beyond this, what keeps fields that it does not know is not asked to write them: indented, they grow by the square. */
export const DEPTH_TO_WRITE_MAX = 200;
