/** What tests may not do: be switched off without a word, or sleep where they could wait for what they wait for. */

import { ban, type Exception, type Rule, under } from "./rule.ts";

const DESCRIBES = "(?<![.\\w$])(?:it|test|describe|suite)";

export const skips: Rule = ban({
  holds: "no test is singled out, and none is skipped without a reason (see test/support/capability.ts)",
  where: under("test"),
  within: "code",
  patterns: [
    new RegExp(`${DESCRIBES}(?:\\.\\w+)*\\.(?:only|skip|skipIf|runIf|todo|fails)\\b`, "g"),
    new RegExp(`${DESCRIBES}(?:\\.\\w+)*\\([^;{}()]*\\{\\s*(?:only|skip|todo|fails)\\s*:`, "g"),
    /(?<![.\w$])(?:x|f)(?:it|test|describe)\s*\(/g,
    /\bskip\s*\(\s*\)/g,
  ],
  offenders: {
    "a test singled out": { "test/a.test.ts": 'it.only("counts", () => {});' },
    "a group singled out": { "test/a.test.ts": 'describe.only("counts", () => {});' },
    "a skipped test": { "test/a.test.ts": 'test.skip("counts", () => {});' },
    "a skip by condition": { "test/a.test.ts": 'it.skipIf(!hasStrace)("counts", () => {});' },
    "a skip among options": { "test/a.test.ts": 'it("counts", { skip: true }, () => {});' },
    "a skip without a reason": { "test/a.test.ts": 'it("counts", (context) => { context.skip(); });' },
    "a plan": { "test/a.test.ts": 'it.todo("counts");' },
  },
  clean: {
    "test/a.test.ts":
      'it("counts", { timeout: 9 }, (context) => { requires(context, "strace"); context.skip("why"); });',
    "src/raft/log.ts": "cursor.skip();",
  },
});

export const hooks: Rule = ban({
  holds:
    "hooks stand in test files: in a module that is shared they would hold for the first file of a process only",
  where: (path) => under("test")(path) && !path.endsWith(".test.ts"),
  within: "code",
  patterns: [/^(?:before|after)(?:Each|All)\s*\(/gm],
  offenders: {
    "a hook of a helper": { "test/cli/processes.ts": "afterEach(() => stopAll());" },
  },
  clean: {
    "test/cli/a.test.ts": "afterEach(() => stopAll());",
    "test/cli/processes.ts": "export function tidyUp(): void {\n  afterEach(() => stopAll());\n}",
  },
});

/** Where real processes, sockets or disks are tested, and time is what it is. Elsewhere it is virtual. */
export const REAL_TIME: readonly Exception[] = [
  { path: "test/node", reason: "starts nodes with real disks and sockets" },
  { path: "test/cli", reason: "starts and stops real processes" },
  { path: "test/store", reason: "kills child processes at points of time" },
  { path: "test/transport", reason: "breaks and restores real connections" },
  { path: "test/e2e", reason: "runs whole clusters" },
  { path: "test/dashboard", reason: "shows real clusters to a real browser" },
  { path: "test/load", reason: "loads a real cluster at a steady rate" },
  { path: "test/fuzz", reason: "bounds the time of each input, and attacks real nodes" },
  { path: "test/chaos/short-play.ts", reason: "hurts real processes" },
  { path: "test/api/wire.test.ts", reason: "floods a real connection until it is closed" },
  { path: "test/sim/run.ts", reason: "tells how far a batch of seeds is while it runs" },
];

export const sleeps: Rule = ban({
  holds: "tests wait for what they wait for, and only those of real processes know real time",
  where: (path) =>
    under("test")(path) && !REAL_TIME.some((real) => path === real.path || under(real.path)(path)),
  within: "code",
  patterns: [/(?<![.\w$])set(?:Timeout|Interval)\b/g, /\bAtomics\s*\.\s*wait\b/g],
  offenders: {
    "a sleep": { "test/raft/a.test.ts": "await new Promise((done) => setTimeout(done, 100));" },
    "a sleep by Node's module": {
      "test/sim/a.test.ts": 'import { setTimeout as sleep } from "node:timers/promises";',
    },
  },
  clean: {
    "test/raft/a.test.ts": "vi.setSystemTime(1); world.setTimeout(1); // setTimeout would be slow",
    "test/cli/a.test.ts": "setTimeout(done, 100);",
  },
});
