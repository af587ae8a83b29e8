import { describe, expect, it } from "vitest";
import { NODE_SETTINGS } from "../../src/node/index.ts";
import { index, nodeId, term } from "../../src/raft/index.ts";
import { answersAreTrue } from "./checkers/answers-are-true.ts";
import { CommittedLog } from "./checkers/committed-log.ts";
import { converged } from "./checkers/converges.ts";
import { type Trial, tryDeafNode, tryLostLeader } from "./checkers/leaders-come-and-stay.ts";
import { linearizable } from "./checkers/linearizable.ts";
import { refusalsAreHonest } from "./checkers/refusals-are-honest.ts";
import { requestsEndOnce } from "./checkers/requests-end-once.ts";
import { snapshotsAreWorthIt } from "./checkers/snapshots-are-worth-it.ts";
import { stalledLeaderYields } from "./checkers/stalled-leader-yields.ts";
import { transfersEnd } from "./checkers/transfers-end.ts";
import {
  applied,
  attempt,
  command,
  effects,
  failed,
  fake,
  history,
  hook,
  INITIAL,
  PLAIN,
  PROFILE,
  payload,
  readAnswer,
} from "./fakes.ts";
import type { Observer } from "./observer.ts";
import type { SimNode } from "./sim-node.ts";
import { World } from "./world.ts";

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
    const checker = requestsEndOnce({ node: NODE_SETTINGS, tickMs: 10 }, () => now);
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
    expect(() => converged([fake(1)], new CommittedLog(), { clients: false, operator: true })).toThrow("I20");
  });

  it("sees a leader that keeps office with a silent disk", () => {
    let now = 0;
    const checker = stalledLeaderYields(PROFILE, () => now);
    const drained = hook(checker, "drained");
    const node = fake(1, { role: "leader" });
    drained(node, effects({ write: { seq: 1, append: [] } }));
    now = 10_000;
    expect(() => drained(node, effects({}))).toThrow("a stalled leader yields");
    expect(() => hook(checker, "idled")(node)).toThrow("a stalled leader yields");
  });

  it("sees a transfer that does not end", () => {
    let now = 0;
    const checker = transfersEnd(PROFILE, () => now);
    const drained = hook(checker, "drained");
    const node = fake(1);
    drained(node, effects({ trace: [{ kind: "transfer", to: nodeId("n2"), ended: false }] }));
    now = 10_000;
    expect(() => drained(node, effects({}))).toThrow("transfers end");
    expect(() => hook(checker, "idled")(node)).toThrow("transfers end");
  });

  it("I20 sees a snapshot for a peer that has said that it holds as much", () => {
    const checker = snapshotsAreWorthIt();
    const node = fake(1);
    const sends = effects({
      sendSnapshot: [{ to: nodeId("n2"), snapshot: { ...INITIAL, index: index(7) } }],
    });
    const answer = {
      kind: "appendResponse",
      from: nodeId("n2"),
      to: node.id,
      term: term(1),
      ok: true,
    } as const;
    hook(checker, "received")(node, { ...answer, match: index(6) });
    hook(checker, "drained")(node, effects({}));
    hook(checker, "received")(node, { ...answer, match: index(7) });
    expect(() => hook(checker, "drained")(node, sends)).not.toThrow();
    expect(() => hook(checker, "drained")(node, sends)).toThrow("I20");
    const after = {
      ...sends,
      sendSnapshot: [{ to: nodeId("n2"), snapshot: { ...INITIAL, index: index(8) } }],
    };
    hook(checker, "received")(node, { ...answer, match: index(8) });
    hook(checker, "idled")(node);
    expect(() => hook(checker, "drained")(node, after)).toThrow("I20");
  });

  it("I16 and I20 see a deposed leader, and one that goes on alone", () => {
    const trial = (nodes: readonly SimNode[], pass: () => void): Trial => ({
      nodes,
      electionMs: 100,
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
