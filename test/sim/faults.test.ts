import { describe, expect, it } from "vitest";
import { type FaultId, Faults } from "./faults.ts";
import { World } from "./world.ts";

function faults(only?: readonly FaultId[]): Faults {
  const set = only === undefined ? undefined : new Set(only);
  return new Faults({ seed: 7, only: set, now: () => 5, note: () => undefined });
}

describe("the list of faults", () => {
  it("numbers each kind by itself, and gives each fault the same stream whatever else is due", () => {
    const one = faults();
    one.due("crash");
    one.due("pause");
    const second = one.due("crash");
    const other = faults(["crash 2"]);
    expect(other.due("crash")).toBeUndefined();
    const same = other.due("crash");
    expect(second?.id).toBe("crash 2");
    expect(same?.id).toBe("crash 2");
    expect(same?.prng.next()).toBe(second?.prng.next());
    expect(one.due("crash")?.prng.next()).not.toBe(one.due("pause")?.prng.next());
  });

  it("lists a fault once it has done something, with the first thing that it did", () => {
    const list = faults();
    const crash = list.due("crash");
    list.due("pause");
    crash?.note("n1 crashes");
    crash?.note("n1 starts again");
    expect(list.happened).toEqual([{ id: "crash 1", atMs: 5, what: "n1 crashes" }]);
  });
});

describe("a run with some of its faults", () => {
  it("has those at their moments, and no others", () => {
    const profile = {
      crashEveryMs: 300,
      pauseEveryMs: 300,
      partitionEveryMs: 300,
      changeEveryMs: 0,
      faultyMs: 2_500,
      clients: 3,
      thinkMs: 30,
      diskMs: 3,
    } as const;
    const length = "short";
    const whole = new World(3, { profile, length });
    whole.run();
    const kept = whole.faults.filter(({ id }) => id.startsWith("crash ")).slice(0, 3);
    expect(kept).toHaveLength(3);
    const part = new World(3, { profile, length, only: new Set(kept.map(({ id }) => id)) });
    part.run();
    // One may find a process down that another fault would have started, and then has not happened.
    expect(part.faults.length).toBeGreaterThan(0);
    const moments = kept.map(({ id, atMs }) => ({ id, atMs }));
    for (const { id, atMs } of part.faults) expect(moments).toContainEqual({ id, atMs });
  });

  it("repeats the whole run when every fault is kept", () => {
    const whole = new World(11);
    const { traceHash } = whole.run();
    const all = new Set(whole.faults.map(({ id }) => id));
    expect(all.size).toBeGreaterThan(3);
    const noted = new World(11, { only: all });
    expect(noted.run().traceHash).toBe(traceHash);
  });
});
