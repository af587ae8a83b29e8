import { describe, expect, it } from "vitest";
import { crc32c } from "../../src/base/index.ts";
import { type Command, encodePayload, LIMITS, type Payload } from "../../src/counter/index.ts";
import { type Effects, NODE_SETTINGS, type Response, type WriteResult } from "../../src/node/index.ts";
import {
  chainHash,
  type Entry,
  type EntryBody,
  index,
  initialMeta,
  type LogWrite,
  type Message,
  nodeId,
  term,
} from "../../src/raft/index.ts";
import { answersAreTrue } from "./checkers/answers-are-true.ts";
import { commitOnMajority } from "./checkers/commit-on-majority.ts";
import { CommittedLog } from "./checkers/committed-log.ts";
import { committedStays } from "./checkers/committed-stays.ts";
import { converged } from "./checkers/converges.ts";
import { countsLikeTheModel } from "./checkers/counts-like-the-model.ts";
import { exactlyOnce } from "./checkers/exactly-once.ts";
import { leaderAppendsOnly } from "./checkers/leader-appends-only.ts";
import { leaderCompleteness } from "./checkers/leader-completeness.ts";
import { type Trial, tryDeafNode, tryLostLeader } from "./checkers/leaders-come-and-stay.ts";
import { linearizable } from "./checkers/linearizable.ts";
import { logBounds } from "./checkers/log-bounds.ts";
import { logMatching } from "./checkers/log-matching.ts";
import { logTime } from "./checkers/log-time.ts";
import { messagesAreDurable } from "./checkers/messages-are-durable.ts";
import { oneLeaderPerTerm } from "./checkers/one-leader-per-term.ts";
import { Reference } from "./checkers/reference.ts";
import { refusalsAreHonest } from "./checkers/refusals-are-honest.ts";
import { requestsEndOnce } from "./checkers/requests-end-once.ts";
import { stalledLeaderYields } from "./checkers/stalled-leader-yields.ts";
import { statesAgree } from "./checkers/states-agree.ts";
import { transfersEnd } from "./checkers/transfers-end.ts";
import { votesAreKept } from "./checkers/votes-are-kept.ts";
import type { Attempt, Observer } from "./observer.ts";
import { SimDisk } from "./sim-disk.ts";
import type { SimNode } from "./sim-node.ts";
import { World } from "./world.ts";

const IDS = ["n1", "n2", "n3"].map((id) => nodeId(id));
const INITIAL = initialMeta({
  voters: IDS,
  outgoing: [],
  learners: [],
  members: IDS.map((id) => ({ id, incarnation: "0".repeat(32), peer: `${id}:1`, api: `http://${id}` })),
});
const PROFILE = new World(1).profile;

/** What a checker sees of a node: its disk, and the role it claims. */
function fake(at: number, claims: { role?: string; term?: number } = {}): SimNode {
  const node = { id: IDS[at - 1], boot: 1, pausedMs: 0, disk: new SimDisk(INITIAL) };
  const status = { role: claims.role ?? "follower", term: claims.term ?? 1, progress: new Map(), applied: 0 };
  return { ...node, reducer: { status: () => status, pendingBytes: 0 } } as unknown as SimNode;
}

function effects(some: Partial<Effects>): Effects {
  const none = {
    write: undefined,
    send: [],
    restore: undefined,
    apply: undefined,
    queries: [],
    responses: [],
  };
  return { ...none, digests: [], takeSnapshot: false, sendSnapshot: [], trace: [], ...some };
}

/** The entry that follows `previous`, or the first. */
function entry(previous: Entry | undefined, inTerm: number, body: EntryBody = { kind: "noop" }): Entry {
  const id = { index: index((previous?.index ?? 0) + 1), term: term(inTerm) };
  return { ...body, ...id, chain: chainHash(previous?.chain ?? 0, id, body) };
}

function payload(items: Payload["items"], elapsed: number = 0): EntryBody {
  const data = encodePayload({ elapsed, items });
  return { kind: "command", data, crc: crc32c(data) };
}

function command(value: Command): Payload["items"][number] {
  return { kind: "command", command: value };
}

let seq = 0;
/** A write that is durable at once. */
function store(node: SimNode, some: Partial<LogWrite>): LogWrite {
  const write = { seq: ++seq, append: [], ...some };
  node.disk.write(write);
  node.disk.sync(write.seq);
  return write;
}

function hard(inTerm: number, vote: number | undefined, commit: number = 0): Partial<LogWrite> {
  const voted = vote === undefined ? undefined : IDS[vote - 1];
  return { hardState: { term: term(inTerm), vote: voted, commit: index(commit) } };
}

const KEYED: Command = { operation: { kind: "add", key: "a", by: 1n }, once: { kind: "key", key: "once" } };
const PLAIN: Command = { operation: { kind: "add", key: "a", by: 1n } };

function attempt(asked: Command | "read", askedMs: number = 0): Attempt {
  const event =
    asked === "read"
      ? ({ kind: "read", id: 1, query: { kind: "get", key: "a" }, consistency: "linearizable" } as const)
      : ({ kind: "write", id: 1, command: asked } as const);
  return { event, askedMs, pausedMs: 0 };
}

function applied(value: bigint, at: number, revision: number = 1): Response {
  const results = [{ key: "a", value, revision, changed: true }];
  const outcome = { kind: "done", results, replayed: false } as const;
  return { kind: "write", id: 1, result: { kind: "applied", outcome, index: at, term: 1 } };
}

function readAnswer(value: bigint | undefined, at: number): Response {
  const row = value === undefined ? undefined : { key: "a", value, revision: 1 };
  const answer = { kind: "get", row } as const;
  return { kind: "read", id: 1, result: { kind: "answer", answer, index: at, term: 1, ageMs: 0 } };
}

function failed(code: (WriteResult & { kind: "failed" })["code"]): Response {
  return { kind: "write", id: 1, result: { kind: "failed", code, detail: "", retryAfterMs: 0 } };
}

/** A committed log of these bodies, all of term 1, and what it gives. */
function history(...bodies: readonly EntryBody[]): {
  log: CommittedLog;
  reference: Reference;
  entries: Entry[];
} {
  const log = new CommittedLog();
  const entries: Entry[] = [];
  for (const body of bodies) {
    entries.push(entry(entries.at(-1), 1, body));
    log.add({ entry: entries.at(-1) as Entry, byTerm: 1 });
  }
  return { log, entries, reference: new Reference(log, LIMITS, [exactlyOnce(LIMITS)]) };
}

const LEADS = { kind: "role", role: "leader", term: term(2), why: "" } as const;

function commits(at: number, inTerm: number): Partial<Effects> {
  return { trace: [{ kind: "commit", index: index(at), term: term(inTerm), byLeader: true }] };
}

type Hook<K extends keyof Observer> = Observer[K];
/** A checker's hook, which it has. */
function hook<K extends keyof Observer>(checker: Partial<Observer>, name: K): Hook<K> {
  const found = checker[name];
  if (found === undefined) throw new Error(`the checker does not look at ${name}`);
  return found as Hook<K>;
}

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
    const checker = logBounds(log, PROFILE);
    const node = fake(1);
    expect(() => hook(checker, "applied")(node, entries[0] as Entry, 0)).toThrow("not on its disk");
    store(node, { append: entries });
    expect(() => hook(checker, "applied")(node, entries[0] as Entry, 0)).not.toThrow();
    store(node, { compact: { ...INITIAL, ...(entries[0] as Entry) } });
    expect(() => hook(checker, "synced")(node)).toThrow("I10");
    const ahead = fake(2);
    store(ahead, hard(1, undefined, 7));
    expect(() => hook(checker, "synced")(ahead)).toThrow("I10");
  });

  it("I17 sees a queue that holds more than it may", () => {
    const drained = hook(logBounds(new CommittedLog(), PROFILE), "drained");
    const node = fake(1);
    Object.assign(node.reducer as object, { pendingBytes: PROFILE.node.pendingBytesMax + 100_000 });
    const often = (): void => {
      for (let times = 0; times < 100; times++) drained(node, effects({}));
    };
    expect(often).toThrow("I17");
  });

  it("I11 sees each message that says more than is durable", () => {
    const drained = hook(messagesAreDurable(), "drained");
    const node = fake(1, { role: "candidate" });
    store(node, hard(2, 3));
    const to = nodeId("n2");
    const envelope = { from: node.id, to, term: term(2) };
    const last = { index: index(0), term: term(0) };
    const too: readonly Message[] = [
      { ...envelope, kind: "heartbeat", term: term(3), commit: index(0), round: 0 },
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

describe("the checkers of what clients are told", () => {
  it("I13 sees a read of the past, and a write that took effect before it was asked for", () => {
    for (const late of [attempt("read"), attempt(PLAIN)]) {
      const checker = linearizable();
      const first = attempt(PLAIN);
      hook(checker, "asked")(fake(1), first);
      hook(checker, "answered")(fake(1), first, applied(1n, 5));
      hook(checker, "asked")(fake(2), late);
      const answer = late.event.kind === "read" ? readAnswer(1n, 4) : applied(1n, 5);
      expect(() => hook(checker, "answered")(fake(2), late, answer)).toThrow("I13");
    }
  });

  it("sees an outcome that is not in the log, one that two were told, and a value that never was", () => {
    const { reference } = history(payload([command(PLAIN)]));
    const answered = hook(answersAreTrue(reference), "answered");
    expect(() => answered(fake(1), attempt(PLAIN), applied(2n, 1))).toThrow("answers are true");
    answered(fake(1), attempt(PLAIN), applied(1n, 1));
    expect(() => answered(fake(1), attempt(PLAIN), applied(1n, 1))).toThrow("answers are true");
    answered(fake(1), attempt("read"), readAnswer(1n, 1));
    expect(() => answered(fake(1), attempt("read"), readAnswer(undefined, 1))).toThrow("answers are true");
  });

  it("sees a refused write that happened, and an acknowledged one that is lost", () => {
    const { reference } = history(payload([command(PLAIN)]));
    const honest = refusalsAreHonest(reference);
    hook(honest, "asked")(fake(1), attempt(PLAIN));
    hook(honest, "answered")(fake(1), attempt(PLAIN), failed("OVERLOADED"));
    expect(() => hook(honest, "ended")([])).toThrow("a refused write has not happened");
    const lost = refusalsAreHonest(history({ kind: "noop" }).reference);
    hook(lost, "asked")(fake(1), attempt(PLAIN));
    hook(lost, "answered")(fake(1), attempt(PLAIN), applied(1n, 1));
    expect(() => hook(lost, "ended")([])).toThrow("I14");
  });

  it("lets a write of unknown outcome have happened, or not", () => {
    for (const body of [payload([command(PLAIN)]), { kind: "noop" } as const]) {
      const honest = refusalsAreHonest(history(body).reference);
      hook(honest, "asked")(fake(1), attempt(PLAIN));
      hook(honest, "answered")(fake(1), attempt(PLAIN), failed("OUTCOME_UNKNOWN"));
      expect(() => hook(honest, "ended")([])).not.toThrow();
    }
  });

  it("I19 sees a second answer, a late one, and none at all", () => {
    let now = 0;
    const node = fake(1);
    const checker = requestsEndOnce(NODE_SETTINGS, () => now);
    const [one, late, never] = [attempt(PLAIN), attempt(PLAIN), attempt(PLAIN)];
    for (const asked of [one, late, never]) hook(checker, "asked")(node, asked);
    hook(checker, "answered")(node, one, applied(1n, 1));
    expect(() => hook(checker, "answered")(node, one, applied(1n, 1))).toThrow("I19 requests end once");
    expect(() => hook(checker, "answered")(node, undefined, applied(1n, 1))).toThrow("I19 requests end once");
    now = NODE_SETTINGS.writeMs + 100;
    expect(() => hook(checker, "answered")(node, late, applied(1n, 1))).toThrow("I19 requests end in time");
    expect(() => hook(checker, "ended")([node])).toThrow("I19 requests end in time");
  });
});

describe("the checkers of availability", () => {
  it("I20 sees a cluster that has not become one", () => {
    expect(() => converged([fake(1)], new CommittedLog(), false)).toThrow("I20");
  });

  it("sees a leader that keeps office with a silent disk", () => {
    let now = 0;
    const drained = hook(
      stalledLeaderYields(PROFILE.raft, () => now),
      "drained",
    );
    const node = fake(1, { role: "leader" });
    drained(node, effects({ write: { seq: 1, append: [] } }));
    now = 10_000;
    expect(() => drained(node, effects({}))).toThrow("a stalled leader yields");
  });

  it("sees a transfer that does not end", () => {
    let now = 0;
    const drained = hook(
      transfersEnd(PROFILE.raft, () => now),
      "drained",
    );
    const node = fake(1);
    drained(node, effects({ trace: [{ kind: "transfer", to: nodeId("n2"), ended: false }] }));
    now = 10_000;
    expect(() => drained(node, effects({}))).toThrow("transfers end");
  });

  it("I16 and I20 see a deposed leader, and one that goes on alone", () => {
    const trial = (nodes: readonly SimNode[], pass: () => void): Trial => ({
      nodes,
      electionTicks: 10,
      pass,
      cut: () => undefined,
      heal: () => undefined,
    });
    const calm = [fake(1, { role: "leader" }), fake(2), fake(3)];
    expect(() => tryDeafNode(trial(calm, () => undefined))).not.toThrow();
    const status = { role: "follower", term: 1 };
    const moved = { ...fake(2), reducer: { status: () => status } } as unknown as SimNode;
    const disturbed = [fake(1, { role: "leader" }), moved, fake(3)];
    expect(() => tryDeafNode(trial(disturbed, () => Object.assign(status, { term: 2 })))).toThrow("I16");
    expect(() => tryLostLeader(trial(calm, () => undefined))).toThrow("nobody leads");
    const stubborn = [fake(1, { role: "leader", term: 2 }), fake(2, { role: "leader" }), fake(3)];
    expect(() => tryLostLeader(trial(stubborn, () => undefined))).toThrow("goes on leading");
  });
});

describe("a violation in a world", () => {
  it("is found in a run whose disk forgets what it has flushed", () => {
    const forgetful: Partial<Observer> = {
      synced: ({ disk }) => {
        if (disk.synced.last.index > 20) disk.synced.apply({ seq: 1, append: [], truncateFrom: index(20) });
      },
    };
    expect(() => new World(2, { observers: [forgetful] }).run()).toThrow();
  });
});
