import { fileURLToPath } from "node:url";
import { beforeEach, describe, expect, it } from "vitest";
import { Prng } from "../../src/base/index.ts";
import { openStore } from "../../src/store/index.ts";
import { requires } from "../support/capability.ts";
import { form, hits } from "./formed-directory.ts";
import { startProcess, temporaryDirectory, turns } from "./real-log.ts";

beforeEach((context) => requires(context, "patience"));

const KILLS = Math.ceil(Number(process.env["RAFTALLY_TEST_KILLS"] ?? 8) / 2);
const CHILD = fileURLToPath(new URL("count-forever.ts", import.meta.url));

describe("a store whose process is killed", () => {
  it("counts everything that was acknowledged, whatever it was doing", {
    timeout: 60_000 + KILLS * 10_000,
  }, async () => {
    const prng = new Prng(11);
    const directory = temporaryDirectory();
    try {
      const identity = await form(directory.path, "n1");
      let compacted = 0;
      for (let kill = 0; kill < KILLS; kill++) {
        const running = startProcess([process.execPath, CHILD, directory.path], directory.path);
        await running.reached(prng.between(1, 10));
        // Not a wait for anything: the kill has to come at any moment.
        await turns(prng.between(0, 2_000));
        running.child.kill("SIGKILL");
        await running.ended;
        expect(running.errors()).toBe("");
        const store = await openStore({ directory: directory.path, identity });
        const { entries, base, applied } = store.recovered;
        const last = entries.at(-1) ?? base;
        expect(last.index).toBeGreaterThanOrEqual(running.acked.at(-1)?.index ?? 0);
        await store.apply(
          entries.filter((entry) => entry.index > applied),
          false,
        );
        expect(await hits(store)).toBe(BigInt(last.index));
        compacted = base.index;
        await store.close();
      }
      expect(compacted).toBeGreaterThan(0);
    } finally {
      directory.remove();
    }
  });
});
