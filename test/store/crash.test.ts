import { describe, expect, it } from "vitest";
import { Prng } from "../../src/base/index.ts";
import { index } from "../../src/raft/index.ts";
import { chainAt } from "../../src/store/wal-read.ts";
import { requires } from "../support/capability.ts";
import { lastOf } from "./log-model.ts";
import { createRealLog, readContents, startAppending, temporaryDirectory, turns } from "./real-log.ts";

/** Kills in each of two directories; more with RAFTALLY_TEST_KILLS. */
const KILLS = Number(process.env["RAFTALLY_TEST_KILLS"] ?? 10);

describe("a process killed while it appends", () => {
  it.concurrent.for([
    { seed: 1, atATime: 1, needs: ["patience"] as const },
    { seed: 2, atATime: 16, needs: [] as const },
  ])(
    "leaves everything that it acknowledged, $atATime at a time",
    { timeout: 60_000 + KILLS * 10_000 },
    async ({ seed, atATime, needs }, context) => {
      requires(context, ...needs);
      const prng = new Prng(seed);
      const directory = temporaryDirectory();
      try {
        await createRealLog(directory.path);
        let acknowledged = 0;
        let unacknowledged = 0;
        let compacted = 0;
        for (let kill = 0; kill < KILLS; kill++) {
          const running = startAppending(directory.path, { writes: 1_000_000, atATime });
          await running.reached(prng.between(0, 40));
          // Not a wait for anything: the kill has to come at any moment.
          await turns(prng.between(0, 2_000));
          running.child.kill("SIGKILL");
          await running.ended;
          const found = await readContents(directory.path);
          expect(running.errors()).toBe("");
          const last = running.acked.at(-1);
          if (last !== undefined) {
            expect(lastOf(found).index).toBeGreaterThanOrEqual(last.index);
            expect(chainAt(found.base, found.entries, index(last.index))).toBe(last.chain);
            if (lastOf(found).index > last.index) unacknowledged += 1;
          }
          acknowledged += running.acked.length;
          compacted = found.base.index;
        }
        // Otherwise the kills hit nothing that matters.
        expect(acknowledged).toBeGreaterThan(KILLS * 5);
        expect(unacknowledged).toBeGreaterThan(0);
        expect(compacted).toBeGreaterThan(0);
      } finally {
        directory.remove();
      }
    },
  );
});
