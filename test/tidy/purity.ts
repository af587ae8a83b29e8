/** No time, chance or I/O where the same input must give the same output. */

import { posix } from "node:path";
import { ban, type Exception, type Rule, under, type Violation, violation } from "./rule.ts";
import type { Files, Tree } from "./tree.ts";

const PURE: readonly string[] = ["src/base", "src/raft", "src/counter"];

/** `src/node` is a reducer, pure as the core is, but for its driver and what the driver is made of. */
export const NODE_OUTSIDE: readonly Exception[] = [
  { path: "src/node/driver.ts", reason: "joins the reducer to the outside" },
  { path: "src/node/start.ts", reason: "opens the store and the transport and hands them to the driver" },
  { path: "src/node/formation.ts", reason: "waits, for the driver, until all initial members have met" },
  {
    path: "src/node/snapshot-transfers.ts",
    reason: "moves snapshot files for the driver, beside the reducer",
  },
  { path: "src/node/snapshot-keeper.ts", reason: "takes and holds snapshot files for the driver" },
  { path: "src/node/join.ts", reason: "asks a cluster to take this node in, before there is a reducer" },
  { path: "src/node/join-desk.ts", reason: "answers, beside the reducer, those who ask to be taken in" },
  { path: "src/node/options.ts", reason: "declares what a start is told, promises included; holds no code" },
  { path: "src/node/parts.ts", reason: "names the store and the transport that a start opens" },
  { path: "src/node/peer-refusals.ts", reason: "explains, for a start, why a peer refuses this node" },
  { path: "src/node/service.ts", reason: "shows the driver to the API" },
  { path: "src/node/starting.ts", reason: "answers the API before there is a reducer to ask" },
  { path: "src/node/live.ts", reason: "tells, beside the reducer, what the node does while it works" },
  { path: "src/node/live-disk.ts", reason: "looks how much room is left, for whoever watches the node" },
  { path: "src/node/live-viewer.ts", reason: "keeps percentiles for whoever watches the node" },
  { path: "src/node/live-store.ts", reason: "times the store for whoever watches the node" },
  { path: "src/node/live-transport.ts", reason: "counts messages for whoever watches the node" },
  { path: "src/node/live-parts.ts", reason: "declares where pictures of a node come from" },
  {
    path: "src/node/live-types.ts",
    reason: "declares what the API sees of a node at work, promises included; holds no code",
  },
  { path: "src/node/types.ts", reason: "declares what the API sees, promises included; holds no code" },
];

function isPure(path: string): boolean {
  if (!path.endsWith(".ts")) return false;
  if (under(...PURE)(path)) return true;
  return under("src/node")(path) && !NODE_OUTSIDE.some((exception) => exception.path === path);
}

// A name that is somebody's member (`.performance`), key (`process:`) or method (`process(`) is not the global.
const NOT_A_MEMBER = "(?<![.#\\w$])";
const NOT_A_KEY = "(?!\\s*\\??\\s*[:(])";

const PATTERNS: readonly RegExp[] = [
  new RegExp(`${NOT_A_MEMBER}(?:Date|Temporal|Promise|Intl|WeakRef|FinalizationRegistry|globalThis)\\b`, "g"),
  new RegExp(
    `${NOT_A_MEMBER}(?:performance|process|console|crypto|Buffer|Atomics|navigator)\\b${NOT_A_KEY}`,
    "g",
  ),
  new RegExp(`${NOT_A_MEMBER}(?:set|clear)(?:Timeout|Interval|Immediate)\\b`, "g"),
  new RegExp(`${NOT_A_MEMBER}(?:queueMicrotask|fetch)\\s*\\(`, "g"),
  new RegExp(`${NOT_A_MEMBER}(?:async|await)\\b(?!\\s*\\??\\s*:)`, "g"),
  /\bMath\s*\.\s*random\b/g,
  // What these give depends on the machine's language.
  /\.(?:localeCompare|toLocale\w+)\b/g,
];

function inRaft(line: string): Files {
  return { "src/raft/raft.ts": line };
}

export const determinism: Rule = ban({
  holds: "the pure folders and the node's reducer know no time, chance, promise or outside",
  where: isPure,
  within: "code",
  patterns: PATTERNS,
  offenders: {
    "the date": inRaft("const now = Date.now();"),
    "a new date": inRaft("const now = new Date();"),
    "unseeded chance": inRaft("const r = Math.random();"),
    "the fine clock": inRaft("const now = performance.now();"),
    "the process": inRaft("process.exit(1);"),
    "the process, taken apart": inRaft("const { env } = process;"),
    "a timer": inRaft("setTimeout(() => 1, 10);"),
    "a timer handed on": inRaft("const later = setTimeout;"),
    "an interval": inRaft("setInterval(tick, 10);"),
    "an immediate": inRaft("setImmediate(tick);"),
    "a microtask": inRaft("queueMicrotask(tick);"),
    "an async function": inRaft("async function tick() {}"),
    "an await": inRaft("for await (const x of xs) {}"),
    "a promise": inRaft("const p = Promise.resolve();"),
    "the console": inRaft('console.log("hello");'),
    "random bytes": inRaft("crypto.getRandomValues(bytes);"),
    "the way round": inRaft("globalThis.Date"),
    "a network call": inRaft('fetch("http://x");'),
    "code inside a template": inRaft(`const s = \`at \${Date.now()}\`;`),
    "an order that depends on the language": inRaft("keys.sort((a, b) => a.localeCompare(b));"),
    "the clock in base": { "src/base/clock.ts": "export const now = Date.now();" },
    "the clock in counter": { "src/counter/clock.ts": "export const now = Date.now();" },
    "a timer in the reducer": { "src/node/reducer.ts": "setTimeout(() => 1, 10);" },
  },
  clean: {
    "src/raft/raft.ts": [
      "// Date.now() and setTimeout would make this test flaky.",
      'const words = "await Promise process";',
      "const pattern = /Date.now()/;",
      "interface Trace { process: string; performance?: number }",
      "class Inbox { process(event: Event): void {} }",
      "inbox.process(trace.performance);",
      "const update = validated;",
    ].join("\n"),
    "src/node/driver.ts": "setTimeout(() => 1, 10); await Promise.resolve();",
    "src/store/disk.ts": "const now = Date.now();",
  },
});

/** The folders that do I/O, of which the reducer may know no more than the types. */
const OUTSIDE_FOLDERS: readonly string[] = ["src/store", "src/transport"];

function checkReducer(tree: Tree): Violation[] {
  return tree.files
    .filter(({ path }) => under("src/node")(path) && isPure(path) && path !== "src/node/index.ts")
    .flatMap((file) =>
      file.imports.flatMap(({ specifier, start, typeOnly }) => {
        if (specifier === undefined || typeOnly) return [];
        const target = posix.join(posix.dirname(file.path), specifier);
        const outside = under(...OUTSIDE_FOLDERS)(target) || NODE_OUTSIDE.some(({ path }) => path === target);
        return outside ? [violation(file, start, `takes more than types from ${target}`)] : [];
      }),
    );
}

export const reducer: Rule = {
  holds: "the node's reducer takes nothing but types from its driver, the store and the transport",
  check: checkReducer,
  offenders: {
    "the store": { "src/node/reducer.ts": 'import { openStore } from "../store/index.ts";' },
    "the driver": { "src/node/reducer.ts": 'import { drive } from "./driver.ts";' },
    "a value among types": {
      "src/node/reducer.ts": 'import { type Peer, connect } from "../transport/index.ts";',
    },
  },
  clean: {
    "src/node/reducer.ts":
      'import type { Query } from "../store/index.ts";\nimport { Raft } from "../raft/index.ts";',
    "src/node/driver.ts": 'import { openStore } from "../store/index.ts";',
    "src/node/index.ts": 'export { start } from "./start.ts";',
  },
};
