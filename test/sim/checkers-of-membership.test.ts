import { describe, expect, it } from "vitest";
import {
  type Configuration,
  configurationAfter,
  type Entry,
  index,
  leaveJoint,
  type Member,
  NO_CONFIGURATION,
  nodeId,
  term,
} from "../../src/raft/index.ts";
import { commitOnMajority } from "./checkers/commit-on-majority.ts";
import { CommittedLog } from "./checkers/committed-log.ts";
import { hasQuorum, shareQuorums } from "./checkers/configurations.ts";
import { converged } from "./checkers/converges.ts";
import { isolatedKeepsItsTerm } from "./checkers/isolated-keeps-its-term.ts";
import { leadersAreElected } from "./checkers/leaders-are-elected.ts";
import { type Trial, tryRemovedNodes } from "./checkers/leaders-come-and-stay.ts";
import { oneChangeAtATime } from "./checkers/one-change-at-a-time.ts";
import { promotedKeepUp } from "./checkers/promoted-keep-up.ts";
import { Coverage } from "./coverage.ts";
import { commits, effects, entry, fake, hard, hook, IDS, INITIAL, LEADS, PROFILE, store } from "./fakes.ts";
import { Links } from "./links.ts";
import type { Network } from "./network.ts";
import type { SimNode } from "./sim-node.ts";
import { Views } from "./views.ts";

const OLD: Configuration = INITIAL.configuration;
const FOURTH: Member = { id: nodeId("n4"), incarnation: "4".repeat(32), peer: "n4:1", api: "http://n4" };
const NONE = { add: [], promote: [], remove: [], move: [] };
const WITH_LEARNER = configurationAfter(OLD, { ...NONE, add: [FOURTH] });
/** n4 takes the place of n3. */
const JOINT = configurationAfter(WITH_LEARNER, { ...NONE, promote: [FOURTH.id], remove: [nodeId("n3")] });
const NEW = leaveJoint(JOINT);

/** Entries of these configurations, one after the other, all of term 1. */
function chain(...configurations: readonly Configuration[]): Entry[] {
  const entries: Entry[] = [];
  for (const configuration of configurations) {
    entries.push(entry(entries.at(-1), 1, { kind: "configuration", configuration }));
  }
  return entries;
}

function committed(entries: readonly Entry[]): CommittedLog {
  const log = new CommittedLog(OLD);
  for (const one of entries) log.add({ entry: one, byTerm: 1 });
  return log;
}

/** The fourth node, whose disk begins with nothing. */
function fourth(): SimNode {
  return { ...fake(1), id: FOURTH.id, incarnation: FOURTH.incarnation } as unknown as SimNode;
}

/** A node that goes by what its disk says, or by what it is told to. */
function holding(at: number, entries: readonly Entry[], goesBy?: Configuration): SimNode {
  const node = fake(at, { role: "leader" });
  store(node, { append: entries });
  const last = entries.at(-1);
  const configuration = goesBy ?? (last?.kind === "configuration" ? last.configuration : OLD);
  Object.assign(node.reducer as object, { configuration });
  return node;
}

describe("counting by a configuration", () => {
  it("needs a majority of both halves while it is joint", () => {
    const by = (...ids: readonly string[]): boolean => hasQuorum(JOINT, ({ id }) => ids.includes(id));
    expect(by("n1", "n4")).toBe(false);
    expect(by("n1", "n3")).toBe(false);
    expect(by("n1", "n2")).toBe(true);
    expect(by("n1", "n3", "n4")).toBe(true);
    expect(hasQuorum(NO_CONFIGURATION, () => true)).toBe(false);
  });

  it("sees that a step through a joint configuration shares every quorum, and a leap does not", () => {
    expect(shareQuorums(WITH_LEARNER, JOINT)).toBe(true);
    expect(shareQuorums(JOINT, NEW)).toBe(true);
    const alone = { ...OLD, voters: [nodeId("n3")] };
    expect(shareQuorums(NEW, alone)).toBe(false);
  });
});

describe("the checkers of the membership", () => {
  it("I8 sees a commit that only one half of a joint configuration holds, and one on a wiped disk", () => {
    const entries = chain(WITH_LEARNER, JOINT);
    const nodes = [holding(1, entries), fake(2), holding(3, entries), fourth()] as const;
    const drained = hook(
      commitOnMajority(committed(entries.slice(0, 1)), () => nodes),
      "drained",
    );
    expect(() => drained(nodes[0], effects(commits(2, 1)))).toThrow("I8");
    store(nodes[3], { append: entries });
    expect(() => drained(nodes[0], effects(commits(2, 1)))).not.toThrow();
    Object.assign(nodes[3], { incarnation: "5".repeat(32) });
    expect(() => drained(nodes[0], effects(commits(2, 1)))).toThrow("I8");
  });

  it("I1 sees a leader with the votes of one half only, and one that is no voter", () => {
    const entries = chain(WITH_LEARNER, JOINT);
    const elect = (voters: readonly SimNode[], leader: SimNode): void => {
      const checker = leadersAreElected();
      for (const node of voters) {
        store(node, hard(2, IDS.indexOf(leader.id) + 1));
        hook(checker, "synced")(node);
      }
      hook(checker, "drained")(leader, effects({ trace: [LEADS] }));
    };
    const leader = holding(1, entries);
    expect(() => elect([leader, fake(3)], leader)).toThrow("without a majority");
    expect(() => elect([leader, fake(2)], leader)).not.toThrow();
    const gone = holding(3, chain(WITH_LEARNER, JOINT, NEW));
    expect(() => elect([fake(1), fake(2)], gone)).not.toThrow();
    store(gone, hard(2, 3, 3));
    expect(() => elect([fake(1), fake(2)], gone)).toThrow("is no voter");
  });

  it("I12 sees a second change before the first is committed, and two that can decide apart", () => {
    const entries = chain(WITH_LEARNER, JOINT);
    const append = (log: CommittedLog, all: readonly Entry[]): void => {
      const node = holding(1, all);
      hook(oneChangeAtATime(log), "drained")(node, effects({ write: { seq: 1, append: all.slice(-1) } }));
    };
    expect(() => append(committed(entries.slice(0, 1)), entries)).not.toThrow();
    expect(() => append(new CommittedLog(OLD), entries)).toThrow("is not committed");
    const other = chain(configurationAfter(OLD, { ...NONE, add: [{ ...FOURTH, id: nodeId("n5") }] }));
    expect(() => append(committed(other), entries)).toThrow("another than that at 1 is committed");
    const leap = chain({ ...OLD, voters: [nodeId("n3")], learners: [nodeId("n1"), nodeId("n2")] });
    expect(() => append(new CommittedLog(OLD), leap)).toThrow("decide apart");
  });

  it("I12 sees a node that goes by another configuration than its disk, and a log that begins with another", () => {
    const entries = chain(WITH_LEARNER);
    const forgets = holding(1, entries, OLD);
    const trace = [{ kind: "truncate", from: index(1) }] as const;
    const drained = hook(oneChangeAtATime(committed(entries)), "drained");
    expect(() => drained(forgets, effects({ trace }))).toThrow("its disk says");
    expect(() => hook(oneChangeAtATime(committed(entries)), "started")(forgets)).toThrow("its disk says");
    const install = { ...INITIAL, ...(entries[0] as Entry) };
    const write = { seq: 1, append: [], install };
    expect(() => drained(fake(2), effects({ write }))).toThrow("with another configuration");
  });

  it("R7 sees a voter that has to catch up first", () => {
    let now = 0;
    const entries = chain(WITH_LEARNER, JOINT);
    const leader = holding(1, entries);
    const learner = fourth();
    const promote = (): void => {
      const checker = promotedKeepUp(PROFILE, { now: () => now, nodes: () => [leader, learner] });
      now = 0;
      hook(checker, "drained")(leader, effects(commits(1, 1)));
      now = 10_000;
      hook(checker, "drained")(leader, effects({ write: { seq: 1, append: entries.slice(1) } }));
    };
    expect(promote).toThrow("R7");
    store(learner, { append: entries.slice(0, 1) });
    expect(promote).not.toThrow();
  });

  it("I16 sees a node that campaigns without having heard anyone", () => {
    let mended = 0;
    const drained = hook(isolatedKeepsItsTerm({ mended: () => mended, isDeaf: () => true }), "drained");
    const role = (name: "preCandidate" | "candidate") => effects({ trace: [{ ...LEADS, role: name }] });
    const node = fake(1);
    drained(node, role("preCandidate"));
    expect(() => drained(node, role("candidate"))).toThrow("I16");
    drained(node, role("preCandidate"));
    mended++;
    expect(() => drained(node, role("candidate"))).not.toThrow();
  });

  it("I16 counts a yes that waited in a paused process as somebody's word, and a no as nobody's", () => {
    const checker = isolatedKeepsItsTerm({ mended: () => 0, isDeaf: () => true });
    const node = fake(1);
    const turn = {
      trace: [
        { ...LEADS, role: "preCandidate" as const },
        { ...LEADS, role: "candidate" as const },
      ],
    };
    const answer = { kind: "preVoteResponse", from: nodeId("n2"), to: node.id, term: term(1) } as const;
    hook(checker, "received")(node, { ...answer, granted: true });
    expect(() => hook(checker, "drained")(node, effects(turn))).not.toThrow();
    hook(checker, "received")(node, { ...answer, granted: true });
    // What it said was heard in a turn before this one.
    hook(checker, "idled")(node);
    hook(checker, "received")(node, { ...answer, granted: false });
    expect(() => hook(checker, "drained")(node, effects(turn))).toThrow("I16");
  });

  it("I16 sees members that a removed node disturbs", () => {
    const status = { role: "follower", term: 1 };
    const moved = { ...fake(2), reducer: { status: () => status } } as unknown as SimNode;
    const trial = (pass: () => void): Trial => ({
      nodes: [fake(1, { role: "leader" }), moved],
      electionMs: 100,
      pass,
      cut: () => undefined,
      heal: () => undefined,
    });
    expect(() => tryRemovedNodes(trial(() => undefined))).not.toThrow();
    expect(() => tryRemovedNodes(trial(() => Object.assign(status, { term: 2 })))).toThrow("I16");
  });

  it("I20 sees a change that never ends, and a cluster that stays joint", () => {
    const idle = { clients: true, operator: true };
    expect(() => converged([], new CommittedLog(OLD), { ...idle, operator: false })).toThrow(
      "neither made nor refused",
    );
    expect(() => converged([], committed(chain(WITH_LEARNER, JOINT)), idle)).toThrow("outgoing n1,n2,n3");
  });
});

describe("the links of the simulated cluster", () => {
  /** Whether `from` reaches `to`, who holds the committed `entries`. */
  function reaches(from: SimNode, to: SimNode, entries: readonly Entry[]): boolean {
    const views = new Views();
    for (const node of [from, to]) {
      store(node, { append: entries, ...hard(1, undefined, entries.length) });
      hook(views.observer, "started")(node);
    }
    let arrived = false;
    const network = { send: (_from: unknown, _to: unknown, arrive: () => void) => arrive() };
    new Links({
      network: network as unknown as Network,
      coverage: new Coverage(),
      views,
      node: () => to,
    }).send(from, to.id, () => {
      arrived = true;
    });
    return arrived;
  }

  it("carry what members say to each other, and nothing of a wiped disk in either direction", () => {
    const wiped = { ...fake(3), incarnation: "9".repeat(32) } as unknown as SimNode;
    expect(reaches(fake(1), fake(2), [])).toBe(true);
    expect(reaches(wiped, fake(2), [])).toBe(false);
    expect(reaches(fake(2), { ...wiped } as unknown as SimNode, [])).toBe(false);
  });

  it("carry nothing of a node whose removal the receiver knows to be committed", () => {
    expect(reaches(fake(3), fake(2), chain(WITH_LEARNER, JOINT))).toBe(true);
    expect(reaches(fake(3), fake(2), chain(WITH_LEARNER, JOINT, NEW))).toBe(false);
  });
});
