import { describe, expect, it } from "vitest";
import { index, type SnapshotMeta, term } from "../../src/raft/index.ts";
import { LogShape } from "../../src/store/wal-shape.ts";
import { EMPTY, entriesAfter, INITIAL_BASE } from "./log-model.ts";

function baseAt(at: number): SnapshotMeta {
  return { ...INITIAL_BASE, index: index(at), term: term(2) };
}

const HARD_STATE = { term: term(2), vote: undefined, commit: index(7) };

describe("the shape of a log", () => {
  it("misses nothing that is gone, once all after the base was dropped (seed 96 of the log that loses power)", () => {
    const shape = new LogShape(baseAt(5));
    // A segment that begins after entry 8, of which those before are in segments that are gone.
    const last = { index: index(8), term: term(2) };
    expect(shape.take({ kind: "restate", base: baseAt(5), last, hardState: HARD_STATE }, 4)).toBeUndefined();
    expect(shape.missing()).toEqual({ from: 6, to: 8 });
    expect(shape.take({ kind: "compact", base: baseAt(7) }, 4)).toBeUndefined();
    expect(shape.missing()).toEqual({ from: 8, to: 8 });
    expect(shape.take({ kind: "truncate", from: index(8) }, 4)).toBeUndefined();
    expect(shape.missing()).toBeUndefined();
    expect(shape.firstSegment()).toBeUndefined();
    expect(shape.last).toEqual({ index: 7, term: 2 });
  });

  it("needs the segment of what is left after the base, and no other", () => {
    const shape = new LogShape(INITIAL_BASE);
    const entries = entriesAfter({ ...EMPTY, hardState: { ...EMPTY.hardState, term: term(1) } }, 3);
    for (const [at, entry] of entries.entries()) {
      expect(shape.take({ kind: "entry", entry }, at + 1)).toBeUndefined();
    }
    expect(shape.firstSegment()).toBe(1);
    expect(shape.take({ kind: "truncate", from: index(2) }, 3)).toBeUndefined();
    expect(shape.firstSegment()).toBe(1);
    expect(shape.take({ kind: "truncate", from: index(1) }, 3)).toBeUndefined();
    expect(shape.firstSegment()).toBeUndefined();
  });
});
