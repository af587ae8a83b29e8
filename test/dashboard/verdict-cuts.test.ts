/** The verdict on links that are cut, and on voters that come and go. */

import { describe, expect, it } from "vitest";
import type { Verdict } from "../../src/dashboard/index.ts";
import { configurationOf, type Scene, sceneView } from "./pictures.ts";

const THREE = configurationOf(["n1", "n2", "n3"]);
const FIVE = configurationOf(["n1", "n2", "n3", "n4", "n5"]);
const LEADS = { role: "leader" } as const;

function verdictOf(scene: Partial<Scene> & Pick<Scene, "nodes">): Verdict {
  return sceneView({ configuration: THREE, ...scene }).verdict;
}

describe("the verdict on nodes that are cut off", () => {
  const cut = { misses: ["n1", "n2"] };

  it("tells one that runs and is reached by nobody from one that is down", () => {
    const verdict = verdictOf({
      nodes: { n1: { ...LEADS, misses: ["n3"] }, n2: { misses: ["n3"] }, n3: cut },
    });
    expect(verdict).toMatchObject({
      kind: "degraded",
      sentence: "2 of 3 nodes, n1 leads term 7, cannot lose another",
      notes: ["n3 runs and is cut off: it reaches no other node."],
    });
  });

  it("says so of the node that served the page", () => {
    const nodes = { n1: { ...LEADS, misses: ["n3"] }, n2: { misses: ["n3"] }, n3: cut };
    expect(verdictOf({ nodes, home: "n3" }).notes).toEqual([
      "n3, which this page came from, is cut off from the others; the page listens to all of them.",
    ]);
  });

  it("is no majority where the node that served the page is all that is heard", () => {
    const verdict = verdictOf({ nodes: { n3: cut }, home: "n3", gone: { n1: 4_000, n2: 4_000 } });
    expect(verdict.kind).toBe("noQuorum");
    expect(verdict.notes).toContain(
      "n3, which this page came from, reaches no other node, and neither does the page.",
    );
  });

  it("calls nobody cut off where the others are dead", () => {
    const { notes } = verdictOf({ nodes: { n3: cut }, home: "n1", gone: { n1: 4_000, n2: 4_000 } });
    expect(notes.filter((note) => note.includes("n3 runs"))).toEqual([]);
    expect(notes[1]).toContain("The page goes on with n3.");
  });

  it("knows two leaders in different terms, of which one can do nothing", () => {
    const verdict = verdictOf({
      nodes: {
        n1: { ...LEADS, misses: ["n2", "n3"] },
        n2: { ...LEADS, term: 8, misses: ["n1"] },
        n3: { term: 8, misses: ["n1"] },
      },
    });
    expect(verdict).toMatchObject({
      kind: "twoLeaders",
      tone: "warn",
      sentence: "2 of 3 nodes, n2 leads term 8, cannot lose another",
    });
    expect(verdict.notes[0]).toBe(
      "n1 still says that it leads term 7: an earlier one, in which it can commit nothing.",
    );
  });

  it("is alarmed by two leaders of one term", () => {
    const verdict = verdictOf({ nodes: { n1: LEADS, n2: LEADS, n3: {} } });
    expect(verdict).toMatchObject({ kind: "twoLeaders", tone: "bad" });
    expect(verdict.sentence).toBe("n1 and n2 both say that they lead term 7: this must never be");
  });

  it("names a single link that is cut", () => {
    const nodes = { n1: { misses: ["n3"] }, n2: LEADS, n3: { misses: ["n1"] } };
    const verdict = verdictOf({ nodes });
    expect(verdict.sentence).toBe("3 of 3 nodes, n2 leads term 7, can lose 1 more");
    expect(verdict.notes).toEqual(["n1 and n3 do not reach each other."]);
  });

  it("is no majority where three nodes all run and none reaches another", () => {
    const nodes = {
      n1: { misses: ["n2", "n3"] },
      n2: { misses: ["n1", "n3"] },
      n3: { misses: ["n1", "n2"] },
    };
    const verdict = verdictOf({ nodes });
    expect(verdict).toMatchObject({ kind: "noQuorum", tone: "bad" });
    expect(verdict.sentence).toBe("No majority: no node reaches any of the other 2, and 2 are needed");
    expect(verdict.notes).toContain(
      "n1, n2 and n3 run, the page hears them, and the links between them are cut.",
    );
    expect(verdict.notes).toHaveLength(2);
  });

  it("speaks of two groups in one sentence", () => {
    const [few, many] = [
      ["n1", "n2"],
      ["n3", "n4", "n5"],
    ];
    const nodes = {
      n1: { misses: many },
      n2: { misses: many },
      n3: { ...LEADS, misses: few },
      n4: { misses: few },
      n5: { misses: few },
    };
    const verdict = verdictOf({ configuration: FIVE, nodes });
    expect(verdict.sentence).toBe("3 of 5 nodes, n3 leads term 7, cannot lose another");
    expect(verdict.notes).toEqual([
      "No link stands between n1 and n2 on the one side and n3, n4 and n5 on the other.",
    ]);
    expect(verdict.concerns.toSorted()).toEqual(["n1", "n2", "n3", "n4", "n5"]);
  });

  it("names every link where those that are cut make no groups", () => {
    const nodes = {
      n1: { misses: ["n2", "n3"] },
      n2: { misses: ["n1"] },
      n3: { misses: ["n1"] },
      n4: LEADS,
      n5: {},
    };
    const ring = { ...nodes, n2: { misses: ["n1", "n3"] }, n3: { misses: ["n1", "n2"] } };
    expect(verdictOf({ configuration: FIVE, nodes }).notes).toEqual(["n1 does not reach n2 and n3."]);
    expect(verdictOf({ configuration: FIVE, nodes: ring }).notes).toEqual([
      "n1 and n2 do not reach each other.",
      "n1 and n3 do not reach each other.",
      "n2 and n3 do not reach each other.",
    ]);
  });

  it("tells a node that speaks to deaf ears from one that is deaf itself", () => {
    const unheard = { n1: LEADS, n2: {}, n3: cut };
    expect(verdictOf({ nodes: unheard }).notes).toEqual([
      "n3 hears the others, and what it says does not reach them.",
    ]);
    const deaf = { n1: { ...LEADS, misses: ["n3"] }, n2: { misses: ["n3"] }, n3: {} };
    expect(verdictOf({ nodes: deaf, home: "n3" }).notes).toEqual([
      "n3, which this page came from, reaches the others, and hears none of them.",
    ]);
    expect(verdictOf({ nodes: { n1: { misses: ["n3"] }, n2: LEADS, n3: {} } }).notes).toEqual([
      "What n1 says does not reach n3.",
    ]);
  });
});

describe("the verdict on a change of the membership", () => {
  it("tells how far a learner is by its own word", () => {
    const configuration = configurationOf(["n1", "n2", "n3"], { learners: ["n4"] });
    const n4 = { role: "learner", commit: 5_000, applied: 2_000 } as const;
    const all = { commit: 5_000 };
    const nodes = { n1: { ...LEADS, ...all }, n2: all, n3: all, n4 };
    expect(verdictOf({ configuration, nodes })).toMatchObject({
      kind: "changing",
      tone: "busy",
      notes: ["n4 is a learner: it follows without a vote; 3,000 entries to go."],
    });
  });

  it("tells it by the leader's word where the page does not hear the learner", () => {
    const configuration = configurationOf(["n1", "n2", "n3"], { learners: ["n4"] });
    const nodes = { n1: { ...LEADS, matches: { n4: 60 } }, n2: {}, n3: {} };
    expect(verdictOf({ configuration, nodes }).notes).toContain(
      "n4 is a learner: it follows without a vote; 40 entries to go.",
    );
  });

  it("does not miss a learner that was let in a moment ago, whose links do not stand yet", () => {
    const configuration = configurationOf(["n1", "n2", "n3"], { learners: ["n4"] });
    const nodes = {
      n1: { ...LEADS, misses: ["n4"], matches: { n4: 60 } },
      n2: { misses: ["n4"] },
      n3: { misses: ["n4"] },
    };
    const recent = verdictOf({ configuration, nodes, asked: { n4: 1_000 } });
    expect(recent).toMatchObject({ kind: "changing", tone: "busy" });
    expect(recent.notes).toEqual(["n4 is a learner: it follows without a vote; 40 entries to go."]);
    const late = verdictOf({ configuration, nodes, asked: { n4: 6_000 } });
    expect(late.tone).toBe("warn");
    expect(late.notes).toContain("n4 does not answer.");
  });

  it("is not worried by the silence of a node that leaves", () => {
    const configuration = configurationOf(["n1", "n2", "n3"], { outgoing: ["n1", "n2", "n3", "n4"] });
    const misses = ["n4"];
    const nodes = { n1: { ...LEADS, misses }, n2: { misses }, n3: { misses } };
    expect(verdictOf({ configuration, nodes, gone: { n4: 2_000 } })).toMatchObject({ tone: "busy" });
  });

  it("says who gets a vote and who leaves", () => {
    const configuration = configurationOf(["n1", "n2", "n4"], { outgoing: ["n1", "n2", "n3"] });
    const verdict = verdictOf({ configuration, nodes: { n1: LEADS, n2: {}, n3: {}, n4: {} } });
    expect(verdict).toMatchObject({
      kind: "changing",
      sentence: "4 of 4 nodes, n1 leads term 7, can lose 1 more",
      notes: ["The voters are being changed: n4 gets a vote, n3 leaves."],
    });
  });

  it("needs a majority of both halves", () => {
    const configuration = configurationOf(["n1", "n4", "n5"], { outgoing: ["n1", "n2", "n3"] });
    const misses = ["n4", "n5"];
    const nodes = { n1: { misses }, n2: { misses }, n3: { misses } };
    const verdict = verdictOf({ configuration, nodes });
    expect(verdict).toMatchObject({ kind: "noQuorum", tone: "bad" });
    expect(verdict.sentence).toContain("of the old voters and of the new ones");
  });

  it("knows nodes that wait for each other before there is a cluster", () => {
    const configuration = configurationOf([]);
    const verdict = verdictOf({ configuration, nodes: { n1: { state: "forming" } } });
    expect(verdict).toMatchObject({ kind: "forming", tone: "busy" });
    expect(verdict.sentence).toBe(
      "n1 waits for the other first members: the cluster begins when all have met",
    );
  });

  it("knows a node that asks to be taken in", () => {
    const verdict = verdictOf({ configuration: configurationOf([]), nodes: { n4: { state: "joining" } } });
    expect(verdict.sentence).toBe("n4 asks to be taken into the cluster");
  });
});
