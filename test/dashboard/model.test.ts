import { describe, expect, it } from "vitest";
import type { NodePicture } from "../../src/client/index.ts";
import { ClusterModel, type ClusterView } from "../../src/dashboard/index.ts";
import { History, SAMPLES_MAX } from "../../src/dashboard/model/history.ts";
import { Ledger } from "../../src/dashboard/model/promises.ts";
import { patternOf, treeRows } from "../../src/dashboard/model/tree.ts";
import { configurationOf, pictureOf, START, urlOf } from "./pictures.ts";

const THREE = configurationOf(["n1", "n2", "n3"]);

interface Count {
  readonly acknowledged: number;
  readonly revision: number;
  readonly start?: number;
  readonly uptimeMs?: number;
}

function counting(id: string, { acknowledged, revision, start = 0, uptimeMs = 1_000 }: Count): NodePicture {
  const tally = { acknowledgedChanges: acknowledged, revisionAtStart: start, replays: 2 };
  return pictureOf(id, THREE, { revision, uptimeMs, tally });
}

describe("the ledger of promises", () => {
  it("finds nothing lost where each node has applied at least what it acknowledged", () => {
    const ledger = new Ledger();
    ledger.heard(counting("n1", { acknowledged: 300, revision: 310 }));
    ledger.heard(counting("n2", { acknowledged: 10, revision: 310 }));
    expect(ledger.promises(310, START)).toMatchObject({ acknowledged: 310, lost: 0, replays: 4 });
  });

  it("finds a node that acknowledged more than it applied", () => {
    const ledger = new Ledger();
    ledger.heard(counting("n1", { acknowledged: 13, revision: 110, start: 100 }));
    // Not at once: plain adds are answered a moment before they are applied.
    expect(ledger.promises(110, START).lost).toBe(0);
    ledger.heard(counting("n1", { acknowledged: 20, revision: 110, start: 100, uptimeMs: 4_500 }));
    expect(ledger.promises(110, START + 2_900).lost).toBe(0);
    expect(ledger.promises(110, START + 3_000).lost).toBe(3);
    ledger.heard(counting("n1", { acknowledged: 20, revision: 113, start: 100, uptimeMs: 4_600 }));
    expect(ledger.promises(113, START + 3_100).lost).toBe(0);
  });

  it("does not take for lost what a node that died had answered and not applied yet", () => {
    const ledger = new Ledger();
    ledger.heard(counting("n1", { acknowledged: 13, revision: 10 }));
    for (const laterMs of [0, 3_000, 6_000, 60_000]) {
      ledger.heard(counting("n2", { acknowledged: 0, revision: 13, uptimeMs: 1_000 + laterMs }));
      expect(ledger.promises(13, START + laterMs).lost).toBe(0);
    }
  });

  it("goes on counting what a process had acknowledged before it was started again", () => {
    const ledger = new Ledger();
    ledger.heard(counting("n1", { acknowledged: 50, revision: 50, uptimeMs: 90_000 }));
    ledger.heard(counting("n1", { acknowledged: 5, revision: 55, start: 50, uptimeMs: 700 }));
    expect(ledger.promises(55, START)).toMatchObject({ acknowledged: 55, lost: 0 });
  });

  it("finds changes that died with the leader that had acknowledged them", () => {
    const ledger = new Ledger();
    ledger.heard(counting("n1", { acknowledged: 50, revision: 50 }));
    ledger.heard(counting("n2", { acknowledged: 0, revision: 46 }));
    // Not at once: who is elected applies what it already holds a moment later.
    expect(ledger.promises(46, START).lost).toBe(0);
    expect(ledger.promises(46, START + 3_000).lost).toBe(0);
    expect(ledger.promises(46, START + 6_000).lost).toBe(4);
    expect(ledger.promises(50, START + 6_100).lost).toBe(0);
  });

  it("does not judge while nobody leads", () => {
    const ledger = new Ledger();
    ledger.heard(counting("n1", { acknowledged: 50, revision: 50 }));
    ledger.promises(undefined, START);
    expect(ledger.promises(undefined, START + 60_000).lost).toBe(0);
  });
});

/** Views of one leader, a second apart, whose revision grows as given. */
function views(revisions: readonly number[]): readonly ClusterView[] {
  const model = new ClusterModel(urlOf("n1"), START);
  return revisions.map((revision, second) => {
    const atMs = START + second * 1_000;
    const leader = pictureOf("n1", configurationOf(["n1"]), { role: "leader", revision, fsyncMs: second });
    model.heard(urlOf("n1"), { ...leader, commitLatency: { count: 1, p50: 2, p99: 9, max: 9 } }, atMs);
    return model.view(atMs);
  });
}

describe("the history behind the curves", () => {
  it("makes rates from revisions", () => {
    const history = new History();
    for (const view of views([0, 100, 350, 350])) {
      history.look(view);
      history.sample(view);
    }
    expect(history.series(60).increments).toEqual([null, 100, 250, 0]);
    expect(history.series(60).commitP99).toEqual([9, 9, 9, 9]);
    expect(history.series(60).fsync.get("n1")).toEqual([0, 1, 2, 3]);
  });

  it("counts no picture twice, so that a curve ends where nothing new is told", () => {
    const history = new History();
    const [view] = views([5]);
    if (view === undefined) throw new Error("no view");
    for (let at = 0; at < 2; at++) {
      history.look(view);
      history.sample({ ...view, nowMs: view.nowMs + at * 1_000 });
    }
    expect(history.series(60).commitP50).toEqual([2, null]);
  });

  it("keeps a quarter of an hour and no more", () => {
    const history = new History();
    const [view] = views([5]);
    if (view === undefined) throw new Error("no view");
    for (let second = 0; second < SAMPLES_MAX + 500; second++) {
      history.sample({ ...view, nowMs: START + second * 1_000 });
    }
    expect(history.series(1e9).times).toHaveLength(SAMPLES_MAX);
  });

  it("marks when another node began to lead, and not that somebody leads when the page is opened", () => {
    const history = new History();
    const model = new ClusterModel(urlOf("n1"), START);
    const leads = (id: string, term: number, atMs: number): void => {
      for (const other of ["n1", "n2"]) {
        const role = other === id ? "leader" : "follower";
        model.heard(urlOf(other), pictureOf(other, THREE, { role, term }), atMs);
      }
      history.look(model.view(atMs));
      history.sample(model.view(atMs));
    };
    leads("n1", 7, START);
    leads("n1", 7, START + 1_000);
    leads("n2", 8, START + 2_000);
    expect(history.series(60).leaders).toEqual([{ time: START / 1_000 + 2, id: "n2", term: 8 }]);
  });
});

describe("the tree of counters", () => {
  const top = {
    groups: [
      { prefix: "items:", sum: 30n, counters: 2 },
      { prefix: "visits", sum: 7n, counters: 1 },
    ],
    more: false,
  };
  const items = { groups: [{ prefix: "items:acme", sum: 10n, counters: 1 }], more: true };

  it("shows the children of what is open, one deeper, by their last segment", () => {
    const levels = new Map([
      ["", top],
      ["items:", items],
    ]);
    const rows = treeRows(levels, new Set(["items:"]), new Map());
    expect(rows.map(({ kind, name, depth, value }) => [kind, name, depth, value])).toEqual([
      ["group", "items:", 0, 30n],
      ["counter", "acme", 1, 10n],
      ["more", "… and more: search for them", 1, undefined],
      ["counter", "visits", 0, 7n],
    ]);
  });

  it("prefers what was heard of a counter since", () => {
    const [, visits] = treeRows(new Map([["", top]]), new Set(), new Map([["visits", 9n]]));
    expect(visits?.value).toBe(9n);
  });

  it("waits where the children of what was opened are not known yet", () => {
    const rows = treeRows(new Map([["", top]]), new Set(["items:"]), new Map());
    expect(rows[1]).toMatchObject({ kind: "wait", depth: 1 });
  });

  it("takes words for a part of the key, and a pattern for a pattern", () => {
    expect([patternOf("acme"), patternOf("items:*"), patternOf("a\\b")]).toEqual([
      "*acme*",
      "items:*",
      "*a\\\\b*",
    ]);
  });
});
