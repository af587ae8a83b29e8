/** The progress of a peer, step by step; `counting.test.ts` shows what holds for all histories. */

import { describe, expect, it } from "vitest";
import { index } from "../../src/raft/index.ts";
import {
  accepted,
  inflightBytes,
  initialProgress,
  isPaused,
  type Progress,
  refused,
  sent,
  toProbe,
  toReplicate,
  toSnapshot,
  withActive,
} from "../../src/raft/progress.ts";

const MAX = { messages: 3, bytes: 100 };

function append(last: number, bytes = 10): { last: ReturnType<typeof index>; bytes: number } {
  return { last: index(last), bytes };
}

/** A peer that holds 5 and has been sent 7 and 9. */
function replicating(): Progress {
  const probing = initialProgress(index(5));
  const held = toReplicate(accepted(probing, index(5)) ?? probing);
  return sent(sent(held, append(7), index(4)), append(9), index(4));
}

describe("a peer at the beginning of a term", () => {
  it("is tried at the end of the leader's log, knows no commit, and counts as silent", () => {
    expect(initialProgress(index(8))).toEqual({
      state: "probe",
      match: 0,
      next: 9,
      active: false,
      toldCommit: 0,
      paused: false,
    });
  });

  it("is sent one append, and then nothing until it answers", () => {
    const fresh = initialProgress(index(8));
    expect(isPaused(fresh, MAX)).toBe(false);
    const once = sent(fresh, append(9), index(3));
    expect(once).toMatchObject({ paused: true, next: 9, toldCommit: 3 });
    expect(isPaused(once, MAX)).toBe(true);
    expect(sent(once, append(9), index(2)).toldCommit).toBe(3);
  });
});

describe("an acceptance", () => {
  it("frees the window of every append that it covers, also of those that it does not name", () => {
    const all = replicating();
    expect(accepted(all, index(8))).toMatchObject({ match: 8, next: 10, inflight: [{ last: 9 }] });
    expect(accepted(all, index(7))).toMatchObject({ match: 7, next: 10, inflight: [{ last: 9 }] });
    expect(accepted(all, index(9))).toMatchObject({ match: 9, next: 10, inflight: [] });
    expect(accepted(all, index(12))).toMatchObject({ match: 12, next: 13, inflight: [] });
  });

  it("that is old news changes nothing", () => {
    expect(accepted(replicating(), index(5))).toBeUndefined();
    expect(accepted(replicating(), index(4))).toBeUndefined();
  });

  it("in probe moves on to what comes after it, and the state is the caller's to change", () => {
    const fresh = initialProgress(index(8));
    expect(accepted(fresh, index(3))).toMatchObject({ state: "probe", match: 3, next: 9 });
    expect(accepted(fresh, index(9))).toMatchObject({ state: "probe", match: 9, next: 10 });
  });
});

describe("a refusal", () => {
  it("makes a pipeline begin again from what is known to be held", () => {
    expect(refused(replicating(), index(7), index(6))).toMatchObject({
      state: "probe",
      next: 6,
      paused: false,
    });
  });

  it("that is older than what the peer is known to hold changes nothing", () => {
    expect(refused(replicating(), index(5), index(2))).toBeUndefined();
    expect(refused(replicating(), index(3), index(2))).toBeUndefined();
  });

  it("of a probe goes back to where both logs may agree, and wakes it", () => {
    const probe = sent(initialProgress(index(8)), append(9), index(0));
    expect(refused(probe, index(8), index(4))).toMatchObject({ next: 5, paused: false });
    // At least one step, even where the peer's hint does not help.
    expect(refused(probe, index(8), index(8))).toMatchObject({ next: 8, paused: false });
    expect(refused(probe, index(8), index(20))).toMatchObject({ next: 8, paused: false });
    expect(refused(probe, index(7), index(4))).toBeUndefined();
    const start = initialProgress(index(0));
    expect(refused(start, index(0), index(0))).toMatchObject({ next: 1, paused: false });
  });

  it("of a probe never goes back behind what is known to be held", () => {
    const known = toProbe(replicating());
    expect(refused(known, index(5), index(1))).toMatchObject({ match: 5, next: 6 });
  });

  it("means nothing while a snapshot is on its way", () => {
    expect(refused(toSnapshot(replicating(), index(20)), index(9), index(2))).toBeUndefined();
  });
});

describe("the window", () => {
  it("is full at its number of messages or of bytes, and not one below", () => {
    const at = (...bytes: readonly number[]): Progress =>
      bytes.reduce<Progress>(
        (progress, one, place) => sent(progress, append(6 + place, one), index(0)),
        toReplicate(initialProgress(index(5))),
      );
    expect(isPaused(at(1, 1), MAX)).toBe(false);
    expect(isPaused(at(1, 1, 1), MAX)).toBe(true);
    expect(isPaused(at(99), MAX)).toBe(false);
    expect(isPaused(at(50, 50), MAX)).toBe(true);
    expect(isPaused(at(101), MAX)).toBe(true);
    expect(inflightBytes([append(1, 3), append(2, 4)])).toBe(7);
    expect(inflightBytes([])).toBe(0);
  });

  it("begins empty again with each change of state, and sends on from what is held", () => {
    expect(toReplicate(toProbe(replicating()))).toMatchObject({ next: 6, inflight: [] });
    expect(toProbe(replicating())).toMatchObject({ next: 6, paused: false, match: 5, toldCommit: 4 });
  });

  it("is shut while a snapshot is on its way, from the first moment of which its time counts", () => {
    const waiting = toSnapshot(replicating(), index(20));
    expect(waiting).toMatchObject({ state: "snapshot", pending: 20, ticks: 0, match: 5 });
    expect(isPaused(waiting, MAX)).toBe(true);
    expect(() => sent(waiting, append(10), index(0))).toThrow(
      "nothing is sent while a snapshot is on its way",
    );
  });
});

describe("whether a peer is active", () => {
  it("is noted without making another progress of it where nothing changes", () => {
    const silent = replicating();
    expect(withActive(silent, false)).toBe(silent);
    expect(withActive(silent, true)).toEqual({ ...silent, active: true });
  });
});
