import { describe, expect, it } from "vitest";
import { Prng } from "../../src/base/index.ts";
import { type Entry, index, type LogWrite } from "../../src/raft/index.ts";
import { CorruptionError } from "../../src/store/index.ts";
import { entry, hard, INITIAL, payload } from "./fakes.ts";
import { LogBytes } from "./log-bytes.ts";
import { CLUSTER_ID, SimDisk } from "./sim-disk.ts";

const OWNER = { clusterId: CLUSTER_ID, incarnation: "0".repeat(32) };
const SEEDS = Array.from({ length: 200 }, (_, seed) => seed);

function log(segmentBytes = 4_000): LogBytes {
  return new LogBytes({ owner: OWNER, base: INITIAL, segmentBytes });
}

/** Writes of one entry each, the first of which also says that its term has begun. */
function writes(count: number): LogWrite[] {
  const entries: Entry[] = [];
  for (let at = 0; at < count; at++) {
    const data = { kind: "command", command: { operation: { kind: "add", key: `k${at}`, by: 1n } } } as const;
    entries.push(entry(entries.at(-1), 1, payload([data, data, data])));
  }
  return entries.map((one, at) => ({ seq: at + 1, append: [one], ...(at === 0 ? hard(1, 1) : {}) }));
}

function diskWith(count: number): SimDisk {
  const disk = new SimDisk(INITIAL, log());
  for (const write of writes(count)) {
    disk.write(write);
    disk.begin();
    disk.end();
  }
  return disk;
}

describe("the log of a simulated disk", () => {
  it("is what the real reader finds, over as many segments as it takes", () => {
    const bytes = log(700);
    for (const write of writes(40)) {
      bytes.begin([write]);
      bytes.end();
    }
    const found = bytes.read();
    expect(found.entries.map((one) => one.index)).toEqual(Array.from({ length: 40 }, (_, at) => at + 1));
    expect(found.segments.length).toBeGreaterThan(3);
    expect(found.tailBytes).toBe(0);
  });

  it("holds, after the power failed while a batch was on its way, the batch, or nothing of it, or cuts what is torn", () => {
    const remains = new Set<string>();
    for (const seed of SEEDS) {
      const bytes = log();
      const [first, ...rest] = writes(12);
      if (first === undefined) throw new Error("there are twelve");
      bytes.begin([first]);
      bytes.end();
      bytes.begin(rest);
      const left = bytes.crash(new Prng(seed), true);
      remains.add(left);
      const { entries, tornBytes } = bytes.read();
      expect(entries.length).toBe(left === "all" ? 12 : 1);
      if (left === "none") expect(tornBytes).toBe(0);
    }
    expect([...remains].sort()).toEqual(["all", "none", "torn"]);
  });

  it("loses at a second failure what it had only in the cache of the system", () => {
    const lengths = new Set<number>();
    for (const seed of SEEDS) {
      const bytes = log();
      const prng = new Prng(seed);
      bytes.begin(writes(12));
      bytes.crash(prng, false);
      const cached = bytes.read().entries.length;
      bytes.crash(prng, true);
      if (cached === 12) lengths.add(bytes.read().entries.length);
    }
    expect([...lengths].sort((a, b) => a - b)).toEqual([0, 12]);
  });

  it("is refused by the real reader whichever bit changes", () => {
    for (const seed of SEEDS) {
      const bytes = log(700);
      for (const write of writes(9)) {
        bytes.begin([write]);
        bytes.end();
      }
      bytes.rot(new Prng(seed));
      expect(() => bytes.read(), `seed ${seed}`).toThrow(CorruptionError);
    }
  });
});

describe("a simulated disk", () => {
  it("recovers what was synced, and says how far", () => {
    const disk = diskWith(5);
    disk.crash(new Prng(1));
    expect(disk.recover()).toMatchObject({ applied: 0, entries: { length: 5 }, did: [] });
  });

  it("refuses a damaged manifest and a damaged log", () => {
    for (const seed of SEEDS) {
      const disk = diskWith(5);
      disk.addSnapshot(
        { position: { ...INITIAL, index: index(0) }, table: disk.state.table.clone() },
        "taken",
      );
      disk.crash(new Prng(seed));
      const where = disk.rot(new Prng(seed));
      if (!where.startsWith("byte")) continue;
      expect(() => disk.recover(), where).toThrow(CorruptionError);
    }
  });

  it("can die before each step of a recovery, and recovers the same after it", () => {
    for (const before of [0, 1]) {
      const disk = diskWith(5);
      disk.crash(new Prng(3));
      expect(disk.recover(before)).toBeUndefined();
      disk.crash(new Prng(4));
      expect(disk.recover()?.entries).toHaveLength(5);
    }
  });

  it("complains when the reader finds anything but what was synced", () => {
    const disk = diskWith(5);
    disk.synced.apply({ seq: 9, append: [], truncateFrom: index(3) });
    expect(() => disk.crash(new Prng(1))).toThrow("I22 recovery gives what was synced");
  });
});
