import { join } from "node:path";
import type { ViteUserConfig } from "vitest/config";
import { SkipReporter } from "./test/support/skip-reporter.ts";

const all = process.env["RAFTALLY_TEST_ALL"] === "1";
/** Where to put the results as JSON as well; `.ci/run` counts from there. */
const report = process.env["RAFTALLY_TEST_REPORT"];

// Tests start many processes and workers, and each would strip the types of every file anew: with Node's cache of
// compiled modules a worker is there after 70 ms instead of 200.
process.env["NODE_COMPILE_CACHE"] ??= join(import.meta.dirname, "node_modules", ".cache", "node-compile");

const config: ViteUserConfig = {
  test: {
    include: ["test/**/*.test.ts"],
    // Child processes: tests load native modules, change directories and are killed.
    pool: "forks",
    // Test files share a process, and so the modules that they load: a sixth of the time. None keeps state in a module,
    // and none replaces one.
    isolate: false,
    // One more than the two cores that the tests are made for: many wait for processes that they have started. Those
    // that `npm test` leaves out do not wait: they keep whole clusters busy, and have bounds on what these take.
    maxWorkers: all ? 2 : 3,
    // For what hangs. On a busy machine what takes a second may take half a minute, and that is no failure: how fast
    // something has to be, a test says by an assertion.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    teardownTimeout: 30_000,
    expect: { poll: { timeout: 60_000 } },
    allowOnly: false,
    slowTestThreshold: 2_000,
    reporters: [
      "default",
      new SkipReporter(all),
      ...(report === undefined ? [] : [["json", { outputFile: report }] as ["json", { outputFile: string }]]),
    ],
  },
};

export default config;
