import { describe, expect, it } from "vitest";
import { ClusterModel, type Verdict } from "../../src/dashboard/index.ts";
import { configurationOf, type Scene, START, sceneView } from "./pictures.ts";

const THREE = configurationOf(["n1", "n2", "n3"]);
const FIVE = configurationOf(["n1", "n2", "n3", "n4", "n5"]);
const LEADS = { role: "leader" } as const;

function verdictOf(scene: Partial<Scene> & Pick<Scene, "nodes">): Verdict {
  return sceneView({ configuration: THREE, ...scene }).verdict;
}

describe("the verdict on a cluster that is well", () => {
  it("says who leads, and how many may still fail", () => {
    const { kind, tone, sentence, notes } = verdictOf({ nodes: { n1: {}, n2: LEADS, n3: {} } });
    expect({ kind, tone, sentence, notes }).toEqual({
      kind: "healthy",
      tone: "good",
      sentence: "3 of 3 nodes, n2 leads term 7, can lose 1 more",
      notes: [],
    });
  });

  it("knows that five may lose two", () => {
    const nodes = { n1: {}, n2: LEADS, n3: {}, n4: {}, n5: {} };
    expect(verdictOf({ configuration: FIVE, nodes }).sentence).toBe(
      "5 of 5 nodes, n2 leads term 7, can lose 2 more",
    );
  });

  it("calls one node well, and says that it may not be lost", () => {
    const verdict = verdictOf({ configuration: configurationOf(["n1"]), nodes: { n1: LEADS } });
    expect(verdict.tone).toBe("good");
    expect(verdict.sentence).toBe("1 of 1 node, n1 leads term 7, cannot lose another");
  });

  it("counts no learner among those who may fail", () => {
    const configuration = configurationOf(["n1", "n2", "n3"], { learners: ["n4"] });
    const verdict = verdictOf({
      configuration,
      nodes: { n1: LEADS, n2: {}, n3: {}, n4: { role: "learner" } },
    });
    expect(verdict.sentence).toBe("3 of 3 nodes, n1 leads term 7, can lose 1 more");
    expect(verdict).toMatchObject({ kind: "changing", tone: "busy" });
    expect(verdict.notes).toEqual(["n4 is a learner: it follows without a vote."]);
  });
});

describe("the verdict when nobody is heard", () => {
  it("is that the page connects, at first", () => {
    const verdict = new ClusterModel("http://127.0.0.1:4000", START).view(START + 100).verdict;
    expect(verdict).toMatchObject({
      kind: "unheard",
      tone: "none",
      sentence: "Connecting to 127.0.0.1:4000 …",
    });
  });

  it("is that nobody answers, after a while", () => {
    const verdict = new ClusterModel("http://127.0.0.1:4000", START).view(START + 5_000).verdict;
    expect(verdict).toMatchObject({ tone: "bad", sentence: "No node answers at 127.0.0.1:4000" });
  });

  it("names who was heard last, once all have gone", () => {
    const verdict = verdictOf({ nodes: {}, gone: { n1: 20_000, n2: 12_000, n3: 30_000 } });
    expect(verdict).toMatchObject({ kind: "lost", tone: "bad" });
    expect(verdict.sentence).toBe("No node answers: n2 was the last to be heard, 12 s ago");
  });
});

describe("the verdict on a node that is missing", () => {
  it("says that no other may be lost", () => {
    const verdict = verdictOf({
      nodes: { n1: LEADS, n2: { misses: ["n3"] } },
      gone: { n3: 9_000 },
    });
    // n1 has not noticed yet: two nodes that disagree about a third are believed in the worse case.
    expect(verdict).toMatchObject({ tone: "warn" });
    const both = verdictOf({
      nodes: { n1: { ...LEADS, misses: ["n3"] }, n2: { misses: ["n3"] } },
      gone: { n3: 9_000 },
    });
    expect(both).toMatchObject({
      kind: "degraded",
      tone: "warn",
      sentence: "2 of 3 nodes, n1 leads term 7, cannot lose another",
      notes: ["n3 does not answer; it was last heard 9 s ago."],
      concerns: ["n3"],
    });
  });

  it("says with whom the page goes on when the node that served it is gone", () => {
    const missed = { n1: { misses: ["n3"] }, n2: { ...LEADS, misses: ["n3"] } };
    expect(verdictOf({ nodes: missed, gone: { n3: 4_000 }, home: "n3" }).notes).toEqual([
      "n3, which this page came from, does not answer; it was last heard 4 s ago. The page goes on with n1 and n2.",
    ]);
  });

  it("does not speak of 0 seconds", () => {
    const missed = { n1: { ...LEADS, misses: ["n3"] }, n2: { misses: ["n3"] } };
    expect(verdictOf({ nodes: missed, gone: { n3: 400 } }).notes).toEqual([
      "n3 does not answer; it was last heard just now.",
    ]);
  });

  it("knows one that never answered", () => {
    const verdict = verdictOf({ nodes: { n1: { ...LEADS, misses: ["n3"] }, n2: { misses: ["n3"] } } });
    expect(verdict.notes).toEqual(["n3 does not answer."]);
  });

  it("does not call down what only the page cannot hear", () => {
    const verdict = verdictOf({ nodes: { n1: LEADS, n2: {} } });
    expect(verdict.sentence).toBe("3 of 3 nodes, n1 leads term 7, can lose 1 more");
    expect(verdict.notes).toEqual(["This page does not hear n3, but n1 and n2 do."]);
  });

  it("believes a node about a leader, and about others, that only the page cannot hear", () => {
    const verdict = verdictOf({ nodes: { n1: { leader: "n2" } } });
    expect(verdict.sentence).toBe("3 of 3 nodes, n2 leads term 7, can lose 1 more");
    expect(verdict.notes).toEqual([
      "This page does not hear n2, but n1 does.",
      "This page does not hear n3, but n1 does.",
    ]);
  });

  it("does not believe a node about a leader that it does not reach", () => {
    const nodes = { n1: { leader: "n2", misses: ["n2"] }, n3: { leader: "n2", misses: ["n2"] } };
    expect(verdictOf({ nodes }).kind).toBe("electing");
  });

  it("says of one whose origin the page may not ask that loading again helps", () => {
    const verdict = verdictOf({ nodes: { n1: LEADS, n2: {} }, blocked: ["n3"] });
    expect(verdict.notes).toEqual([
      "n3 joined after this page was loaded, which may not speak to it: load the page again to see it too.",
    ]);
    expect(verdict.tone).toBe("busy");
  });

  it("is no majority once two of three are gone", () => {
    const verdict = verdictOf({ nodes: { n1: { misses: ["n2", "n3"] } }, gone: { n2: 3_000, n3: 5_000 } });
    expect(verdict).toMatchObject({
      kind: "noQuorum",
      tone: "bad",
      sentence: "No majority: n1 reaches none of the other 2, and 2 are needed",
    });
    expect(verdict.notes).toContain(
      "Writes and exact reads wait, and nothing that was acknowledged is lost.",
    );
    expect(verdict.notes).toContain("n2 does not answer; it was last heard 3 s ago.");
  });

  it("is no majority of five with two that reach each other", () => {
    const nodes = { n1: { misses: ["n3", "n4", "n5"] }, n2: { misses: ["n3", "n4", "n5"] } };
    expect(verdictOf({ configuration: FIVE, nodes }).sentence).toBe(
      "No majority: 2 of 5 nodes reach each other, and 3 are needed",
    );
  });

  it("believes no leader that has lost its majority and does not know it", () => {
    const nodes = { n1: { ...LEADS, misses: ["n2", "n3"] } };
    expect(verdictOf({ nodes, gone: { n2: 3_000, n3: 3_000 } }).kind).toBe("noQuorum");
  });
});

describe("the verdict on an election", () => {
  it("names who stands, and for which term", () => {
    const verdict = verdictOf({
      nodes: { n2: { role: "candidate", term: 8, misses: ["n1"] }, n3: { misses: ["n1"] } },
      gone: { n1: 2_000 },
    });
    expect(verdict).toMatchObject({
      kind: "electing",
      tone: "busy",
      sentence: "Electing: 2 of 3 nodes are up, n2 stands for term 8",
    });
  });

  it("takes asking beforehand for standing in the next term", () => {
    const nodes = { n1: { role: "preCandidate" }, n2: {}, n3: {} } as const;
    expect(verdictOf({ nodes }).sentence).toBe("Electing: 3 of 3 nodes are up, n1 stands for term 8");
  });

  it("knows the pause in which nobody stands yet", () => {
    expect(verdictOf({ nodes: { n1: {}, n2: {}, n3: {} } }).sentence).toBe(
      "Electing: 3 of 3 nodes are up, nobody stands yet",
    );
  });

  it("does not take the word of a leader that is cut off while the others elect", () => {
    const verdict = verdictOf({
      nodes: {
        n1: { ...LEADS, misses: ["n2", "n3"] },
        n2: { role: "candidate", term: 8, misses: ["n1"] },
        n3: { misses: ["n1"] },
      },
    });
    expect(verdict.kind).toBe("electing");
    expect(verdict.notes).toContain("n1 still says that it leads term 7, and reaches no majority.");
  });
});

describe("the verdict on copies that differ", () => {
  it("names who differs from the majority, and where", () => {
    const digests = (digest: number) => ({ digests: [{ index: 1_024, digest }] });
    const verdict = verdictOf({
      nodes: {
        n1: { ...LEADS, ...digests(5), commit: 2_000 },
        n2: { ...digests(5), commit: 2_001 },
        n3: { ...digests(6), commit: 2_002 },
      },
    });
    expect(verdict).toMatchObject({
      kind: "digests",
      tone: "bad",
      sentence: "The copies differ: at index 1,024 n3 has other counters than n1 and n2",
      concerns: ["n3"],
    });
  });

  it("sees it in what nodes have right now, too", () => {
    const nodes = { n1: LEADS, n2: {}, n3: { digest: 1 } };
    expect(verdictOf({ nodes }).sentence).toBe(
      "The copies differ: at index 100 n3 has other counters than n1 and n2",
    );
  });

  it("blames nobody where it is one against one", () => {
    const verdict = verdictOf({ nodes: { n1: LEADS, n2: { digest: 1 } }, gone: { n3: 5_000 } });
    expect(verdict.sentence).toBe("The copies differ: at index 100 n1 and n2 have different counters");
  });

  it("believes a node's own alarm", () => {
    const nodes = { n1: LEADS, n2: {}, n3: { alarm: "its state is not that of the majority." } };
    const verdict = verdictOf({ nodes });
    expect(verdict).toMatchObject({ kind: "digests", concerns: ["n3"] });
    expect(verdict.notes[0]).toBe("n3: its state is not that of the majority");
  });

  it("puts it before everything else, an election included", () => {
    expect(verdictOf({ nodes: { n1: {}, n2: {}, n3: { digest: 1 } } }).kind).toBe("digests");
  });
});

describe("the verdict on what is slow", () => {
  it("names a node that does not keep up", () => {
    const nodes = {
      n1: { ...LEADS, commit: 5_000 },
      n2: { commit: 5_000 },
      n3: { commit: 5_000, applied: 3_766 },
    };
    const verdict = verdictOf({ nodes });
    expect(verdict).toMatchObject({ kind: "degraded", tone: "warn", notes: ["n3 is 1,234 entries behind."] });
  });

  it("names a disk that takes long", () => {
    const verdict = verdictOf({ nodes: { n1: LEADS, n2: { fsyncMs: 340 }, n3: { fsyncMs: 120 } } });
    expect(verdict.notes).toEqual(["The disk of n2 is slow: it took 340 ms to make a write durable."]);
  });

  it("speaks of several slow disks at once", () => {
    const verdict = verdictOf({ nodes: { n1: { ...LEADS, fsyncMs: 900 }, n2: { fsyncMs: 1_340 }, n3: {} } });
    expect(verdict.notes).toEqual([
      "The disks of n1 and n2 are slow: they took up to 1,340 ms to make a write durable.",
    ]);
  });

  it("gives a node's own words where it is not ready for another reason", () => {
    const checks = [
      { name: "disk", ok: false, detail: "the disk is full" },
      { name: "leader", ok: false, detail: "no leader" },
    ];
    const verdict = verdictOf({ nodes: { n1: LEADS, n2: { checks }, n3: {} } });
    expect(verdict.notes).toEqual(["n2 is not ready: the disk is full."]);
  });
});
