/** What becomes of a write whose proposal comes to nothing, or to nothing that is known. */

import { describe, expect, it } from "vitest";
import type { Command } from "../../src/counter/index.ts";
import { WriteQueue } from "../../src/node/write-queue.ts";
import { index, term } from "../../src/raft/index.ts";

const LIMITS = { holdMs: 1_000, writeMs: 5_000 };
const ADD: Command = { operation: { kind: "add", key: "a", by: 1n } };

/** Write 1 is in an entry of the log. */
function proposed(): { readonly queue: WriteQueue; readonly id: number } {
  const queue = new WriteQueue(16);
  queue.add({ id: 1, command: ADD, nowMs: 0 });
  return { queue, id: queue.propose(0, 1_000, 0).id };
}

describe("a write in the log", () => {
  it("is proposed again if its entry is known to have come to nothing", () => {
    const { queue, id } = proposed();
    queue.settle({ id, kind: "rejected", reason: "superseded" });
    expect([queue.hasWaiting, queue.takeAnswers()]).toEqual([true, []]);
  });

  it("is not proposed again once it has ended as unknown: its caller may have tried anew", () => {
    const { queue, id } = proposed();
    queue.expire(5_000, LIMITS);
    expect(queue.takeAnswers()).toMatchObject([{ id: 1, result: { code: "OUTCOME_UNKNOWN" } }]);
    queue.settle({ id, kind: "rejected", reason: "superseded" });
    expect([queue.hasWaiting, queue.isEmpty, queue.bytes]).toEqual([false, true, 0]);
  });

  it("is never proposed again while its entry may stand behind a snapshot: it ends as unknown", () => {
    const { queue, id } = proposed();
    queue.settle({ id, kind: "unknown" });
    expect(queue.hasWaiting).toBe(false);
    expect(queue.takeAnswers()).toMatchObject([{ id: 1, result: { code: "OUTCOME_UNKNOWN" } }]);
  });

  it("ends as unknown, not as refused, at its deadline and when the node stops, committed or not", () => {
    for (const end of [
      (queue: WriteQueue) => queue.expire(5_000, LIMITS),
      (queue: WriteQueue) => queue.abandon(),
    ]) {
      const [open, committed] = [proposed(), proposed()];
      committed.queue.settle({
        id: committed.id,
        kind: "committed",
        at: { index: index(3), term: term(1) },
      });
      for (const { queue } of [open, committed]) {
        end(queue);
        expect(queue.takeAnswers()).toMatchObject([{ id: 1, result: { code: "OUTCOME_UNKNOWN" } }]);
      }
    }
  });

  it("is not late one millisecond before its deadline", () => {
    const { queue } = proposed();
    queue.expire(4_999, LIMITS);
    expect(queue.takeAnswers()).toEqual([]);
  });
});

describe("a write that is in no log", () => {
  it("is refused after the time to hold it, and nothing of it is left", () => {
    const queue = new WriteQueue(16);
    queue.add({ id: 1, command: ADD, nowMs: 0 });
    queue.expire(999, LIMITS);
    expect(queue.takeAnswers()).toEqual([]);
    queue.expire(1_000, LIMITS);
    const [answer] = queue.takeAnswers();
    expect(answer).toMatchObject({ id: 1, result: { kind: "failed" } });
    expect(answer?.result).not.toMatchObject({ code: "OUTCOME_UNKNOWN" });
    expect([queue.isEmpty, queue.bytes]).toEqual([true, 0]);
  });
});
