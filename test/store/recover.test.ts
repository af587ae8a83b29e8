import { describe, expect, it } from "vitest";
import { index, nodeId, type SnapshotMeta, term } from "../../src/raft/index.ts";
import { CorruptionError } from "../../src/store/errors.ts";
import { type Found, hardStateAfterInstall, planRepair, withKnownCommit } from "../../src/store/recover.ts";
import type { LocalSnapshot } from "../../src/store/types.ts";
import { EMPTY, entriesAfter, INITIAL_BASE } from "./log-model.ts";

const HARD_STATE = { term: term(1), vote: nodeId("n1"), commit: index(0) };
const ENTRIES = entriesAfter({ ...EMPTY, hardState: HARD_STATE }, 20);

/** The position of an entry of the one true history. */
function at(position: number): SnapshotMeta {
  const entry = ENTRIES[position - 1];
  if (entry === undefined) return { ...INITIAL_BASE, index: index(position), term: term(1), chain: 4711 };
  return { ...INITIAL_BASE, index: entry.index, term: entry.term, chain: entry.chain };
}

function snapshot(
  position: number,
  origin: LocalSnapshot["origin"] = "taken",
  chain = at(position).chain,
): LocalSnapshot {
  const meta = { ...at(position), chain };
  return {
    origin,
    manifest: { format: 1, clusterId: "test", meta, bytes: 1, sha256: "0".repeat(64), digest: 0 },
  };
}

/** A snapshot that a leader of the next term sent, in whose history other entries are. */
function ofLaterHistory(position: number, origin: LocalSnapshot["origin"] = "received"): LocalSnapshot {
  const { manifest } = snapshot(position, origin, 4711);
  return { origin, manifest: { ...manifest, meta: { ...manifest.meta, term: term(2) } } };
}

/** A directory whose log holds the entries after `base` up to `last`. */
function found(base: number, last: number, state: number, snapshots: LocalSnapshot[] = []): Found {
  return {
    hardState: HARD_STATE,
    base: base === 0 ? INITIAL_BASE : at(base),
    entries: ENTRIES.slice(base, last),
    state: state === 0 ? INITIAL_BASE : at(state),
    snapshots,
  };
}

const NOTHING = { install: undefined, restore: undefined, takeSnapshot: false };

describe("the parts of a data directory, checked against each other", () => {
  it("need no repair when they agree", () => {
    expect(planRepair(found(0, 0, 0))).toEqual(NOTHING);
    expect(planRepair(found(0, 20, 12))).toEqual(NOTHING);
    expect(planRepair(found(10, 20, 20, [snapshot(10), snapshot(15)]))).toEqual(NOTHING);
    expect(planRepair(found(10, 10, 10, [snapshot(10)]))).toEqual(NOTHING);
  });

  it("have a state that fell back below the log restored from the snapshot", () => {
    expect(planRepair(found(10, 20, 4, [snapshot(12)]))).toEqual({ ...NOTHING, restore: snapshot(12) });
    expect(planRepair(found(10, 10, 0, [snapshot(10, "received")]))).toEqual({
      ...NOTHING,
      restore: snapshot(10, "received"),
    });
  });

  it("have the installation of a snapshot finished that had arrived whole", () => {
    const received = snapshot(40, "received");
    expect(planRepair(found(0, 20, 12, [received]))).toEqual({
      install: received.manifest.meta,
      restore: received,
      takeSnapshot: false,
    });
  });

  it("have an uncommitted log give way to a received snapshot of a later history that lies within it", () => {
    const received = ofLaterHistory(15);
    const install = { install: received.manifest.meta, restore: received, takeSnapshot: false };
    expect(planRepair(found(0, 20, 10, [received]))).toEqual(install);
    expect(planRepair(found(0, 20, 10, [snapshot(10), received]))).toEqual(install);
    expect(planRepair(found(12, 20, 4, [snapshot(12), received]))).toEqual(install);
    expect(planRepair(found(0, 20, 10, [ofLaterHistory(13), received])).install?.index).toBe(15);
    expect(planRepair(found(0, 20, 10, [received, ofLaterHistory(25)])).install?.index).toBe(25);
  });

  it("have a lost snapshot taken again while the state is at hand", () => {
    expect(planRepair(found(10, 20, 15))).toEqual({ ...NOTHING, takeSnapshot: true });
    expect(planRepair(found(10, 20, 15, [snapshot(5)]))).toEqual({ ...NOTHING, takeSnapshot: true });
  });

  it.each([
    [
      "a state older than the log without a snapshot between",
      found(10, 20, 4),
      /holds the entries up to 4, the log begins after 10, and no snapshot/,
    ],
    [
      "a state older than the log with too old a snapshot",
      found(10, 20, 4, [snapshot(9)]),
      /no snapshot closes the gap/,
    ],
    [
      "a log that ends before what state.db has applied",
      found(0, 11, 12),
      /entry 12 was committed \(it is in state.db\), and the log ends at entry 11/,
    ],
    [
      "a log that ends before a snapshot taken here",
      found(0, 11, 10, [snapshot(12)]),
      /entry 12 was committed \(it is in snapshots\)/,
    ],
    [
      "a state of another history",
      { ...found(0, 20, 0), state: { ...at(12), chain: 1 } },
      /state.db: up to entry 12 it holds another history/,
    ],
    [
      "a state of another history at the base",
      { ...found(12, 20, 0), state: { ...at(12), chain: 1 } },
      /another history/,
    ],
    [
      "a snapshot of another history",
      found(0, 20, 12, [snapshot(10, "taken", 1)]),
      /snapshots: up to entry 10/,
    ],
    [
      "a received snapshot of another history within what state.db has applied",
      found(0, 20, 12, [ofLaterHistory(12)]),
      /snapshots: up to entry 12/,
    ],
    [
      "a received snapshot of another history within what the log says is committed",
      { ...found(0, 20, 3, [ofLaterHistory(15)]), hardState: { ...HARD_STATE, commit: index(15) } },
      /snapshots: up to entry 15/,
    ],
    [
      "a received snapshot of another history below one of the same history as the log",
      found(0, 20, 3, [ofLaterHistory(15), snapshot(18, "received")]),
      /snapshots: up to entry 15/,
    ],
    [
      "a snapshot of another history that was taken here",
      found(0, 20, 12, [ofLaterHistory(15, "taken")]),
      /snapshots: up to entry 15/,
    ],
    [
      "a received snapshot of the same entry with another chain of hashes",
      found(0, 20, 12, [snapshot(15, "received", 1)]),
      /snapshots: up to entry 15/,
    ],
  ])("are refused with %s", (_, parts, message) => {
    expect(() => planRepair(parts)).toThrow(CorruptionError);
    expect(() => planRepair(parts)).toThrow(message);
  });

  it("tell more of what is committed than the log's own lower bound", () => {
    expect(withKnownCommit(HARD_STATE, index(7), at(3)).commit).toBe(7);
    expect(withKnownCommit(HARD_STATE, index(2), at(3)).commit).toBe(3);
    expect(withKnownCommit({ ...HARD_STATE, commit: index(9) }, index(2), at(3)).commit).toBe(9);
  });

  it("keep the vote over an installation, unless the snapshot is of a later term", () => {
    expect(hardStateAfterInstall(HARD_STATE, at(40))).toEqual({ ...HARD_STATE, commit: 40 });
    const later = { ...at(40), term: term(3) };
    expect(hardStateAfterInstall(HARD_STATE, later)).toEqual({ term: 3, vote: undefined, commit: 40 });
  });
});
