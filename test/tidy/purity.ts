/** No time, chance or I/O where the same input must give the same output. */

import { ban, type Exception, type Rule, under } from "./rule.ts";
import type { Files } from "./tree.ts";

const PURE: readonly string[] = ["src/base", "src/raft", "src/counter"];

/** `src/node` is a reducer, pure as the core is, but for these. */
export const NODE_OUTSIDE: readonly Exception[] = [
  { path: "src/node/driver.ts", reason: "joins the reducer to the outside: the only file that awaits" },
  { path: "src/node/start.ts", reason: "opens the store and the transport and hands them to the driver" },
  {
    path: "src/node/types.ts",
    reason: "declares what the driver offers to the API, promises included; no code",
  },
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
