import { describe, expect, it } from "vitest";
import { LIMITS } from "../../src/counter/index.ts";
import { type Entry, index, type Message, nodeId, term } from "../../src/raft/index.ts";
import { commitOnMajority } from "./checkers/commit-on-majority.ts";
import { CommittedLog } from "./checkers/committed-log.ts";
import { committedStays } from "./checkers/committed-stays.ts";
import { countsLikeTheModel } from "./checkers/counts-like-the-model.ts";
import { exactlyOnce } from "./checkers/exactly-once.ts";
import { leaderAppendsOnly } from "./checkers/leader-appends-only.ts";
import { leaderCompleteness } from "./checkers/leader-completeness.ts";
import { logBounds } from "./checkers/log-bounds.ts";
import { logMatching } from "./checkers/log-matching.ts";
import { logTime } from "./checkers/log-time.ts";
import { messagesAreDurable } from "./checkers/messages-are-durable.ts";
import { oneLeaderPerTerm } from "./checkers/one-leader-per-term.ts";
import { statesAgree } from "./checkers/states-agree.ts";
import { votesAreKept } from "./checkers/votes-are-kept.ts";
import {
  command,
  commits,
  effects,
  entry,
  fake,
  hard,
  history,
  hook,
  INITIAL,
  KEYED,
  LEADS,
  PLAIN,
  payload,
  store,
} from "./fakes.ts";

describe("the checkers of the algorithm", () => {
  it("I1 sees two leaders in one term", () => {
    const drained = hook(oneLeaderPerTerm(), "drained");
    drained(fake(1), effects({ trace: [LEADS] }));
    expect(() => drained(fake(2), effects({ trace: [LEADS] }))).toThrow("I1");
  });

  it("I2 sees a second vote in a term, and one that is forgotten", () => {
    for (const second of [3, undefined]) {
      const synced = hook(votesAreKept(), "synced");
      const node = fake(1);
      store(node, hard(1, 2));
      synced(node);
      store(node, hard(1, second));
      expect(() => synced(node)).toThrow("I2");
    }
  });

  it("I2 sees a second vote in a term that a later term of the same batch has replaced", () => {
    const synced = hook(votesAreKept(), "synced");
    const node = fake(1);
    store(node, hard(1, 2));
    synced(node);
    for (const [seq, one] of [hard(1, 3), hard(2, 3)].entries()) node.disk.write({ seq, append: [], ...one });
    node.disk.begin();
    node.disk.end();
    expect(() => synced(node)).toThrow("I2 a vote is written once: n1 voted for n2 and n3");
  });

  it("I2 sees a node that says two votes in a term, also if one is its own", () => {
    const sent = hook(votesAreKept(), "sent");
    const to = (at: number, inTerm: number): Message => ({
      kind: "voteResponse",
      from: nodeId("n1"),
      to: nodeId(`n${at}`),
      term: term(inTerm),
      granted: true,
    });
    sent(fake(1), to(2, 4));
    sent(fake(1), to(2, 4));
    sent(fake(1), { ...to(3, 4), granted: false } as Message);
    expect(() => sent(fake(1), to(3, 4))).toThrow("I2");
    const last = { index: index(0), term: term(0) };
    sent(fake(1), to(2, 5));
    expect(() => sent(fake(1), { ...to(3, 5), kind: "requestVote", last, transfer: false })).toThrow("I2");
  });

  it("I3 sees a process that applies an entry again, and lets a new one begin where its state is", () => {
    const checker = votesAreKept();
    const [first, second] = history({ kind: "noop" }, { kind: "noop" }).entries as [Entry, Entry];
    hook(checker, "applied")(fake(1), first, 0);
    const node = fake(2);
    hook(checker, "applied")(node, second, 0);
    expect(() => hook(checker, "applied")(node, second, 0)).toThrow("I3");
    hook(checker, "started")(node);
    expect(() => hook(checker, "applied")(node, first, 0)).not.toThrow();
  });

  it("I3 sees a term and a commit index that go back", () => {
    for (const back of [hard(1, undefined, 5), hard(2, undefined, 4)]) {
      const synced = hook(votesAreKept(), "synced");
      const node = fake(1);
      store(node, hard(2, undefined, 5));
      synced(node);
      store(node, back);
      expect(() => synced(node)).toThrow("I3");
    }
  });

  it("I4 sees a leader that drops an entry", () => {
    const write = { seq: 1, append: [], truncateFrom: index(2) };
    expect(() =>
      hook(leaderAppendsOnly(), "drained")(fake(1, { role: "leader" }), effects({ write })),
    ).toThrow("I4");
  });

  it("I5 sees two logs behind the same index and term", () => {
    const drained = hook(logMatching(), "drained");
    const one = entry(entry(undefined, 1), 2);
    const other = entry(entry(undefined, 1, payload([])), 2);
    drained(fake(1), effects({ write: { seq: 1, append: [one] } }));
    expect(() => drained(fake(2), effects({ write: { seq: 1, append: [other] } }))).toThrow("I5");
  });

  it("I5 sees another content behind the same chain of hashes, also when it is read from a disk", () => {
    const checker = logMatching();
    const one = entry(undefined, 1, payload([command(PLAIN)]));
    hook(checker, "drained")(fake(1), effects({ write: { seq: 1, append: [one] } }));
    const same = { ...one, data: (one as Entry & { kind: "command" }).data.slice() } as Entry;
    const node = fake(2);
    store(node, { append: [same] });
    expect(() => hook(checker, "started")(node)).not.toThrow();
    const other = { ...entry(undefined, 1, payload([command(KEYED)])), chain: one.chain };
    expect(() => hook(checker, "drained")(node, effects({ write: { seq: 1, append: [other] } }))).toThrow(
      "I5",
    );
  });

  it("I6 sees a new leader without an entry that an earlier term has committed", () => {
    const { log } = history({ kind: "noop" });
    expect(() => hook(leaderCompleteness(log), "drained")(fake(1), effects({ trace: [LEADS] }))).toThrow(
      "I6",
    );
  });

  it("I7 sees another entry committed in the same place, and a commit of what is not there", () => {
    const { log } = history({ kind: "noop" });
    const drained = hook(committedStays(log), "drained");
    const node = fake(1);
    store(node, { append: [entry(undefined, 2)] });
    expect(() => drained(node, effects(commits(1, 2)))).toThrow("I7");
    expect(() => drained(fake(2), effects(commits(2, 2)))).toThrow("I7");
  });

  it("I7 sees a disk that drops what is committed, and one that starts with something else", () => {
    const { log, entries } = history({ kind: "noop" });
    const node = fake(1);
    store(node, { append: entries });
    const write = { seq: 9, append: [], truncateFrom: index(1) };
    expect(() => hook(committedStays(log), "drained")(node, effects({ write }))).toThrow(
      "drops the committed",
    );
    const other = fake(2);
    store(other, { append: [entry(undefined, 2)], ...hard(2, undefined, 1) });
    expect(() => hook(committedStays(log), "started")(other)).toThrow("I7");
  });

  it("I8 sees a commit without a majority of disks, and one of an earlier term's entry", () => {
    const nodes = [fake(1), fake(2), fake(3)] as const;
    const drained = hook(
      commitOnMajority(new CommittedLog(), () => nodes),
      "drained",
    );
    const first = entry(undefined, 1);
    store(nodes[0], { append: [first] });
    expect(() => drained(nodes[0], effects(commits(1, 1)))).toThrow("I8 committed is on a majority");
    store(nodes[1], { append: [first] });
    expect(() => drained(nodes[0], effects(commits(1, 1)))).not.toThrow();
    expect(() => drained(nodes[0], effects(commits(1, 2)))).toThrow("I8 commit by own term");
  });

  it("I10 sees a log that is cut beyond its snapshot, and an apply of what is not durable", () => {
    const { log, entries } = history({ kind: "noop" });
    const checker = logBounds(log);
    const node = fake(1);
    expect(() => hook(checker, "applied")(node, entries[0] as Entry, 0)).toThrow("not on its disk");
    store(node, { append: entries });
    expect(() => hook(checker, "applied")(node, entries[0] as Entry, 0)).not.toThrow();
    store(node, { compact: { ...INITIAL, ...(entries[0] as Entry) } });
    expect(() => hook(checker, "synced")(node)).toThrow("I10");
    const behind = fake(3);
    behind.disk.synced.base = { ...INITIAL, index: index(4) };
    behind.disk.addSnapshot({ ...behind.disk.state, position: { ...INITIAL, index: index(4) } }, "taken");
    expect(() => hook(checker, "started")(behind)).toThrow("its log begins after 4");
    const ahead = fake(2);
    store(ahead, hard(1, undefined, 7));
    expect(() => hook(checker, "synced")(ahead)).toThrow("I10");
  });

  it("I11 sees each message that says more than is durable", () => {
    const drained = hook(messagesAreDurable(), "drained");
    const node = fake(1, { role: "candidate" });
    store(node, hard(2, 3));
    const to = nodeId("n2");
    const envelope = { from: node.id, to, term: term(2) };
    const last = { index: index(0), term: term(0) };
    const too: readonly Message[] = [
      { ...envelope, kind: "heartbeat", term: term(3), commit: index(0), leaderCommit: index(0), round: 0 },
      { ...envelope, kind: "requestVote", last, transfer: false },
      { ...envelope, kind: "voteResponse", granted: true },
      { ...envelope, kind: "appendResponse", ok: true, match: index(1) },
    ];
    for (const message of too)
      expect(() => drained(node, effects({ send: [message] })), message.kind).toThrow("I11");
    store(node, hard(3, 1));
    const ahead = {
      ...envelope,
      term: term(3),
      kind: "requestVote",
      last: { ...last, index: index(9) },
    } as const;
    expect(() => drained(node, effects({ send: [{ ...ahead, transfer: false }] }))).toThrow("P3");
  });
});

describe("the checkers of the state", () => {
  it("I9 sees a replica that differs, one that starts with another state, and an alarm", () => {
    const { reference, entries } = history(payload([command(PLAIN)]));
    const checker = statesAgree(reference);
    expect(() => hook(checker, "applied")(fake(1), entries[0] as Entry, 1)).toThrow("I9");
    const node = fake(1);
    node.disk.state = { ...node.disk.state, position: { ...INITIAL, index: index(1) } };
    expect(() => hook(checker, "started")(node)).toThrow("I9");
    const trace = [{ kind: "alarm", text: "differs" }] as const;
    expect(() => hook(checker, "drained")(node, effects({ trace }))).toThrow("I9");
  });

  it("sees a key that is carried out twice, or told two outcomes", () => {
    const watch = exactlyOnce(LIMITS);
    const outcome = (revision: number, replayed: boolean) =>
      ({ kind: "done", results: [{ key: "a", value: 1n, revision, changed: true }], replayed }) as const;
    const seen = (at: number, revision: number, replayed: boolean): void =>
      watch(
        { elapsed: 0, items: [] },
        [
          {
            index: at,
            term: 1,
            text: "",
            command: KEYED,
            outcome: outcome(revision, replayed),
            logTime: 0,
            claimed: false,
          },
        ],
        entry(undefined, 1),
      );
    expect(() => seen(1, 1, true)).toThrow("had never been carried out");
    seen(1, 1, false);
    seen(2, 1, true);
    expect(() => seen(3, 2, false)).toThrow("carried out twice");
    expect(() => seen(3, 2, true)).toThrow("and then");
  });

  it("sees counters that do not count like the model", () => {
    const { log, reference } = history(payload([command(PLAIN)]));
    const [execution] = reference.executionsAt(1);
    expect(() => hook(countsLikeTheModel(log, reference, LIMITS), "ended")([])).not.toThrow();
    Object.assign(execution as object, { outcome: { kind: "done", results: [], replayed: false } });
    expect(() => hook(countsLikeTheModel(log, reference, LIMITS), "ended")([])).toThrow(
      "counts like the model",
    );
  });

  it("sees log time that runs ahead, falls behind, or does not begin at 0", () => {
    const run = (...steps: readonly (readonly [ms: number, elapsed: number])[]): void => {
      let now = 0;
      const drained = hook(
        logTime(() => now),
        "drained",
      );
      const node = fake(1);
      let last: Entry | undefined;
      for (const [ms, elapsed] of steps) {
        now = ms;
        last = entry(last, 1, payload([], elapsed));
        drained(
          node,
          effects({ write: { seq: 1, append: [last] }, trace: [{ kind: "entry", commands: 1, bytes: 1 }] }),
        );
      }
    };
    expect(() => run([100, 0], [110, 10], [110.5, 0])).not.toThrow();
    expect(() => run([100, 7])).toThrow("the first entry");
    expect(() => run([100, 0], [110, 11])).toThrow("accounts for 11 ms of 10");
    expect(() => run([100, 0], [110, 8])).toThrow("only 8 ms");
  });
});
