/** Whole plays on real processes: short ones, that are judged as any other. */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isolate } from "../../chaos/link-scenarios.ts";
import { play } from "../../chaos/play.ts";
import { type Scenario, served } from "../../chaos/scenario.ts";
import { onNodes, onProxies } from "../../chaos/stages.ts";
import { judged } from "../../chaos/verdict.ts";
import { PATIENT_MS } from "../node/machines.ts";
import { requires } from "../support/capability.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "raftally-play-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function options(): Parameters<typeof play>[1] {
  const { signal } = new AbortController();
  return { seed: 3, durationMs: 0, directory, say: () => undefined, signal };
}

describe("a play", { timeout: 3 * PATIENT_MS }, () => {
  it("cuts a leader off without a byte, is judged, and keeps the logs of the nodes", async (context) => {
    requires(context, "patience");
    const scenario: Scenario = {
      name: "short",
      about: "isolates the leader once",
      needs: { "isolate-leader": 1 },
      ...onProxies(async ({ cluster, nemesis, act: { load } }) => {
        await served(load, 200);
        await isolate(nemesis, await cluster.leader(), 3_000);
        await served(load, 400);
      }),
    };
    const { outcome, wrong, lacking, failovers, verdicts, played } = judged(await play(scenario, options()));
    // How much is served in a second is for a machine that does nothing else.
    expect({ wrong, lacking: lacking.filter((line) => !line.includes("a second")) }).toEqual({
      wrong: [],
      lacking: [],
    });
    expect(outcome).not.toBe("broken");
    expect(failovers.length).toBe(1);
    expect(verdicts.length).toBeGreaterThan(3);
    expect(played.faults.spans[0]?.detail).toMatch(/; 0 bytes passed, [1-9]\d* held back$/);
    expect(readFileSync(join(directory, "nodes", "n1.log"), "utf8")).toContain('"msg":"ready"');
  });

  it("is broken when a node ends though nobody wanted it, and when it does not come to its end", async (context) => {
    requires(context, "patience");
    const scenario: Scenario = {
      name: "short",
      about: "lets a node end behind the back of the cluster",
      needs: {},
      ...onNodes(async ({ cluster, act: { load } }) => {
        await served(load, 100);
        process.kill(cluster.pid("n2") ?? 0, "SIGKILL");
        while (cluster.isRunning("n2")) await served(load, 1);
        throw new Error("enough");
      }),
    };
    const { outcome, wrong } = judged(await play(scenario, options()));
    expect(outcome).toBe("broken");
    expect(wrong).toEqual(
      expect.arrayContaining(["it did not come to its end: enough", "n2 ended by itself, with SIGKILL"]),
    );
  });
});
