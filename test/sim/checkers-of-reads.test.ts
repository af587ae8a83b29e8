import { describe, expect, it } from "vitest";
import type { Response } from "../../src/node/index.ts";
import { index, type Message, type NodeId, nodeId, type ReadId, term } from "../../src/raft/index.ts";
import { CommittedLog } from "./checkers/committed-log.ts";
import { historyIsLinearizable } from "./checkers/history-is-linearizable.ts";
import { queuesAreBounded } from "./checkers/queues-are-bounded.ts";
import { readsAreFresh } from "./checkers/reads-are-fresh.ts";
import { staleReadsGoForward } from "./checkers/stale-reads-go-forward.ts";
import {
  type applied,
  attempt,
  command,
  entry,
  failed,
  fake,
  hook,
  PLAIN,
  PROFILE,
  payload,
  readAnswer,
  store,
} from "./fakes.ts";
import type { Attempt, Observer } from "./observer.ts";
import type { SimNode } from "./sim-node.ts";

const [N1, N2] = [nodeId("n1"), nodeId("n2")];

function answer(from: NodeId): Message {
  return { kind: "heartbeatResponse", from, to: N1, term: term(1), round: 1 };
}

function request(id: number): Message {
  return { kind: "readIndex", from: N2, to: N1, term: term(1), id: id as ReadId };
}

function confirmation(id: number): Message {
  return {
    kind: "readIndexResponse",
    from: N1,
    to: N2,
    term: term(1),
    id: id as ReadId,
    ok: true,
    index: index(0),
  };
}

/** A leader, a follower, and a checker that watches them. */
function watched(): { see: Observer; leader: SimNode; follower: SimNode } {
  return { see: readsAreFresh() as Observer, leader: fake(1), follower: fake(2) };
}

describe("the checker of fresh reads", () => {
  it("I13 sees a read that is confirmed by an answer which had left before it was asked", () => {
    const { see, leader, follower } = watched();
    const read = attempt("read");
    const early = answer(N2);
    see.sent(follower, early);
    see.asked(leader, read);
    see.received(leader, early);
    expect(() => see.answered(leader, read, readAnswer(1n, 1))).toThrow("I13 reads are fresh");
    const late = answer(N2);
    see.sent(follower, late);
    see.received(leader, late);
    expect(() => see.answered(leader, read, readAnswer(1n, 1))).not.toThrow();
  });

  it("I13 sees a read that is answered before a quorum has said anything, and by another process than it was", () => {
    const { see, leader, follower } = watched();
    const read = attempt("read");
    see.asked(leader, read);
    expect(() => see.answered(leader, read, readAnswer(1n, 1))).toThrow("no quorum");
    const late = answer(N2);
    see.sent(follower, late);
    see.received(leader, late);
    const later = Object.assign(leader, { boot: 2 });
    expect(() => see.answered(later, read, readAnswer(1n, 1))).toThrow("no quorum");
  });

  it("I13 sees a follower's read that its leader confirms with what it had heard before", () => {
    const { see, leader, follower } = watched();
    const [early, late] = [answer(N2), answer(N2)];
    see.sent(follower, early);
    see.sent(follower, request(7));
    see.received(leader, early);
    see.received(leader, request(7));
    expect(() => see.sent(leader, confirmation(7))).toThrow("no quorum has answered since");
    see.sent(follower, late);
    see.received(leader, late);
    expect(() => see.sent(leader, confirmation(7))).not.toThrow();
    expect(() => see.sent(leader, confirmation(8))).toThrow("which did not ask");
  });

  it("I13 sees a follower that answers by a confirmation of what it had asked before", () => {
    const { see, follower } = watched();
    see.sent(follower, request(7));
    const read = attempt("read");
    see.asked(follower, read);
    see.received(follower, confirmation(7));
    expect(() => see.answered(follower, read, readAnswer(1n, 1))).toThrow("I13");
    see.sent(follower, request(8));
    see.received(follower, confirmation(8));
    expect(() => see.answered(follower, read, readAnswer(1n, 1))).not.toThrow();
  });

  it("I13 sees a number that is asked with twice, by one process or by two", () => {
    const { see, follower } = watched();
    see.sent(follower, request(7));
    expect(() => see.sent(follower, request(7))).toThrow("asks for two read indexes");
    expect(() => see.sent(Object.assign(follower, { boot: 2 }), request(7))).toThrow("an earlier process");
  });

  it("asks nothing of a stale read", () => {
    const { see, leader } = watched();
    const read = attempt("read");
    const stale = { ...read, event: { ...read.event, consistency: "stale" } as typeof read.event };
    see.asked(leader, stale);
    expect(() => see.answered(leader, stale, readAnswer(1n, 1))).not.toThrow();
  });

  it("sees one process go back from read to read, and lets another be behind", () => {
    const see = staleReadsGoForward() as Observer;
    const node = fake(1);
    see.answered(node, attempt("read"), readAnswer(1n, 5));
    expect(() => see.answered(fake(2), attempt("read"), readAnswer(1n, 4))).not.toThrow();
    expect(() => see.answered(node, attempt("read"), readAnswer(1n, 4))).toThrow("I13 stale reads");
    see.crashing(node);
    expect(() => see.answered(node, attempt("read"), readAnswer(1n, 4))).not.toThrow();
  });

  it("sees a linearizable read that says it is old", () => {
    const see = staleReadsGoForward() as Observer;
    const old = readAnswer(1n, 5);
    const result = { ...old.result, ageMs: 3 } as typeof old.result;
    expect(() => see.answered(fake(1), attempt("read"), { ...old, result } as typeof old)).toThrow(
      "3 ms old",
    );
  });
});

describe("the checker of bounds", () => {
  function often(node: SimNode, checker: Partial<Observer> = bounds()): () => void {
    return () => {
      for (let times = 0; times < 100; times++) hook(checker, "idled")(node);
    };
  }

  function bounds(): Partial<Observer> {
    return queuesAreBounded(PROFILE, { log: new CommittedLog(), now: () => 10 });
  }

  it("I17 sees a queue that holds more than it may", () => {
    const node = fake(1);
    expect(often(node)).not.toThrow();
    Object.assign(node.reducer as object, { pendingBytes: PROFILE.node.pendingBytesMax + 100_000 });
    expect(often(node)).toThrow("I17");
  });

  it("I17 sees too many appends and too many bytes on their way to a peer", () => {
    const { inflightMessagesMax, inflightBytesMax } = PROFILE.raft;
    const many = Array.from({ length: inflightMessagesMax + 1 }, () => ({ last: index(1), bytes: 0 }));
    const heavy = [
      { last: index(1), bytes: inflightBytesMax + 1 },
      { last: index(2), bytes: 1 },
    ];
    for (const inflight of [many, heavy]) {
      const progress = new Map([[N2, { state: "replicate", inflight }]]);
      const node = fake(1);
      Object.assign(node.reducer as object, { status: () => ({ role: "leader", term: 1, progress }) });
      expect(often(node)).toThrow("on their way to n2");
    }
  });

  it("I17 sees a leader that takes in more than it may before anything is committed", () => {
    const node = fake(1, { role: "leader" });
    const long = { ...PLAIN, operation: { kind: "add", key: "k".repeat(500), by: 1n } } as const;
    let previous = entry(undefined, 1, payload([command(long)]));
    store(node, { append: [previous] });
    for (let bytes = 0; bytes < PROFILE.raft.uncommittedBytesMax + 1_000; bytes += 500) {
      previous = entry(previous, 1, payload([command(long)]));
      store(node, { append: [previous] });
    }
    expect(often(node)).toThrow("not committed");
  });

  it("I17 sees messages that call forth ever more messages", () => {
    const checker = bounds();
    const node = fake(1);
    hook(checker, "started")(node);
    for (let times = 0; times < 3_000; times++) hook(checker, "sent")(node, answer(N1));
    expect(often(node, checker)).toThrow("too many");
  });
});

describe("the checker of the whole history", () => {
  const ADD = { operation: { kind: "add", key: "plain-count", by: 1n } } as const;
  const KEYED_ADD = { ...ADD, once: { kind: "key", key: "once" } } as const;

  function told(value: bigint, at: number, replayed: boolean = false): ReturnType<typeof applied> {
    const results = [{ key: "plain-count", value, revision: at, changed: true }];
    const outcome = { kind: "done", results, replayed } as const;
    return { kind: "write", id: 1, result: { kind: "applied", outcome, index: at, term: 1 } };
  }

  function read(value: bigint | undefined, at: number): [Attempt, ReturnType<typeof readAnswer>] {
    const asked = attempt("read");
    const event = { ...asked.event, query: { kind: "get", key: "plain-count" } } as typeof asked.event;
    return [{ ...asked, event }, readAnswer(value, at)];
  }

  /** Each is answered before the next is asked for. */
  function inTurn(...turns: readonly (readonly [Attempt, Response | undefined])[]): () => void {
    const checker = historyIsLinearizable() as Observer;
    return () => {
      for (const [asked, response] of turns) {
        checker.asked(fake(1), asked);
        if (response !== undefined) checker.answered(fake(1), asked, response);
      }
      checker.ended([]);
    };
  }

  it("I13 sees a read of the past", () => {
    expect(inTurn([attempt(ADD), told(1n, 1)], read(1n, 1))).not.toThrow();
    expect(inTurn([attempt(ADD), told(1n, 1)], read(undefined, 0))).toThrow("I13 the history");
  });

  it("I14 sees a count that is lost, and one that counts twice", () => {
    expect(inTurn([attempt(ADD), told(1n, 1)], [attempt(ADD), told(1n, 2)])).toThrow("I13 the history");
    expect(inTurn([attempt(KEYED_ADD), told(1n, 1)], [attempt(KEYED_ADD), told(1n, 2, true)])).toThrow();
    const twice = told(2n, 2);
    expect(inTurn([attempt(KEYED_ADD), told(1n, 1)], [attempt(KEYED_ADD), twice])).toThrow("once");
  });

  it("I14 sees a refused write that counted, and lets one of unknown outcome count or not", () => {
    expect(inTurn([attempt(ADD), undefined], [attempt(ADD), told(2n, 2)])).not.toThrow();
    expect(inTurn([attempt(ADD), undefined], [attempt(ADD), told(1n, 2)])).not.toThrow();
    expect(inTurn([attempt(ADD), failed("OVERLOADED")], [attempt(ADD), told(2n, 2)])).toThrow(
      "I13 the history",
    );
  });
});
