import { describe, expect, it, vi } from "vitest";
import { Formation, LATE_MS } from "../../src/node/formation.ts";
import { nodeId } from "../../src/raft/index.ts";

const TWO = nodeId("n2");
const THREE = nodeId("n3");

describe("the formation of a cluster", () => {
  it("is complete when every other member has been met, and not before", async () => {
    const formation = new Formation([TWO, THREE]);
    let complete = false;
    const done = formation.complete(new AbortController().signal).then(() => {
      complete = true;
    });
    formation.met(TWO);
    formation.met(TWO);
    await Promise.resolve();
    expect(complete).toBe(false);
    expect(formation.awaited).toEqual([THREE]);
    formation.met(THREE);
    await done;
    expect(complete).toBe(true);
  });

  it("is complete at once for a node that is alone", async () => {
    await expect(new Formation([]).complete(new AbortController().signal)).resolves.toBeUndefined();
  });

  it("listens for so long as it is told in any case, and fails with what it hears meanwhile", async () => {
    vi.useFakeTimers();
    try {
      const formation = new Formation([TWO], 2_000);
      let complete = false;
      const done = formation.complete(new AbortController().signal).then(() => {
        complete = true;
      });
      formation.met(TWO);
      await vi.advanceTimersByTimeAsync(1_999);
      expect(complete).toBe(false);
      await vi.advanceTimersByTimeAsync(1);
      await done;

      const second = new Formation([TWO], 2_000);
      const set = [vi.spyOn(globalThis, "setTimeout"), vi.spyOn(globalThis, "setInterval")];
      const completed = second.complete(new AbortController().signal);
      const timers = set.flatMap(({ mock }) => mock.results.map(({ value }) => value));
      expect(timers).toHaveLength(2);
      const cleared = [vi.spyOn(globalThis, "clearTimeout"), vi.spyOn(globalThis, "clearInterval")];
      const failed = expect(completed).rejects.toThrow("wiped");
      second.met(TWO);
      await vi.advanceTimersByTimeAsync(1_000);
      second.fail(new Error("n4 knows this node with another incarnation: it was wiped"));
      await failed;
      // Its own and no others: what runs the tests may have some too.
      const gone = cleared.flatMap(({ mock }) => mock.calls.map(([timer]) => timer));
      for (const timer of timers) expect(gone).toContain(timer);
    } finally {
      vi.restoreAllMocks();
      vi.useRealTimers();
    }
  });

  it("fails with the refusal of a member", async () => {
    const formation = new Formation([TWO]);
    const refused = new Error("n2 knows this node under another incarnation");
    formation.fail(refused);
    await expect(formation.complete(new AbortController().signal)).rejects.toBe(refused);
  });

  it("ends when the start is stopped, before or while it waits", async () => {
    const stop = new AbortController();
    const waiting = new Formation([TWO]).complete(stop.signal);
    stop.abort();
    await expect(waiting).rejects.toThrow("stopped");
    await expect(new Formation([TWO]).complete(stop.signal)).rejects.toThrow("stopped");
  });

  it("says again and again what to do about those that do not come, until they do", async () => {
    vi.useFakeTimers();
    try {
      const formation = new Formation([TWO, THREE]);
      const advice: string[] = [];
      const done = formation.complete(new AbortController().signal, (text) => advice.push(text));
      formation.met(TWO);
      vi.advanceTimersByTime(2 * LATE_MS);
      expect(advice).toHaveLength(2);
      expect(advice[0]).toMatch(
        /^still waiting for n3: .*gone for good.*delete their data directories.*--join$/,
      );
      formation.met(THREE);
      await done;
      vi.advanceTimersByTime(2 * LATE_MS);
      expect(advice).toHaveLength(2);
    } finally {
      vi.useRealTimers();
    }
  });
});
