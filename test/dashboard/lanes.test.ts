/** The ends of the logs, side by side. */

import { describe, expect, it } from "vitest";
import type { NodePicture } from "../../src/client/index.ts";
import { lanesOf } from "../../src/dashboard/log/lanes.ts";
import { viewOf, viewWithout } from "./views.ts";

const shorter = (picture: NodePicture, by: number): Partial<NodePicture["status"]> => {
  const last = picture.status.last - by;
  return { last, commit: last, applied: last };
};

describe("lanesOf", () => {
  it("gives entries of one index one column on every node", () => {
    const { from, to, lanes } = lanesOf(
      viewOf(3, { n3: (p) => ({ status: shorter(p, 5), picture: { tail: p.tail.slice(0, -5) } }) }),
      20,
    );
    expect([from, to]).toEqual([1_221, 1_240]);
    for (const { cells } of lanes) for (const { index, column } of cells) expect(column).toBe(index - from);
    expect(lanes.map(({ cells }) => cells.length)).toEqual([20, 20, 15]);
    expect(lanes.map(({ behind }) => behind)).toEqual([0, 0, 5]);
  });

  it("tells appended, stable, committed and applied apart", () => {
    const view = viewOf(3, {
      n2: ({ status: { last } }) => ({
        status: { commit: last - 2, applied: last - 3 },
        picture: { stable: last - 1 },
      }),
    });
    const cells = lanesOf(view, 40).lanes[1]?.cells.slice(-4) ?? [];
    expect(cells.map(({ state }) => state)).toEqual(["applied", "committed", "stable", "appended"]);
  });

  it("marks runs of a term, the snapshot, and what only the snapshot holds", () => {
    const view = viewOf(3, {
      n2: ({ tail }) => ({ status: { first: 1_235, snapshot: 1_234 }, picture: { tail: tail.slice(-6) } }),
    });
    const [first, second] = lanesOf(view, 20).lanes;
    expect(first?.runs).toEqual([
      { term: 6, column: 0, columns: 9 },
      { term: 7, column: 9, columns: 11 },
    ]);
    expect(first?.snapshotColumn).toBe(9);
    expect(second).toMatchObject({ compacted: 14, snapshotColumn: 13 });
    expect(second?.cells).toHaveLength(6);
  });

  it("counts how far a log is off the left edge", () => {
    const view = viewOf(3, {
      n3: (p) => ({ status: { ...shorter(p, 500), first: 1, snapshot: 0 }, picture: { tail: [] } }),
    });
    const lane = lanesOf(view, 40).lanes[2];
    expect(lane).toMatchObject({ offLeft: 1_201 - 740, behind: 500, cells: [], compacted: 0 });
    expect(lane?.words).toContain("500 behind the longest log");
  });

  it("marks an entry that another node has committed otherwise", () => {
    const view = viewOf(3, {
      n2: ({ tail, status }) => ({
        status: { commit: status.last - 1, applied: status.last - 1 },
        picture: { tail: tail.map((entry) => (entry.index === status.last ? { ...entry, term: 5 } : entry)) },
      }),
    });
    const conflicts = lanesOf(view, 40).lanes.map(
      ({ cells }) => cells.filter(({ conflict }) => conflict).length,
    );
    expect(conflicts).toEqual([0, 1, 0]);
  });

  it("goes by the nodes that are heard, keeps the rest as they were, and has nothing to say of a stranger", () => {
    const { lanes } = lanesOf(viewWithout(3, { refused: ["n2"] }), 10);
    expect(lanes.map(({ fresh }) => fresh)).toEqual([true, false, true]);
    expect(lanes[1]?.words).toContain("when it was last heard");
    const unheard = lanesOf(viewOf(2, { n2: "unheard" }), 10).lanes[1];
    expect(unheard).toMatchObject({ unheard: true, cells: [] });
  });

  it("begins at the first entry of a young cluster", () => {
    const young = (): { status: Partial<NodePicture["status"]>; picture: Partial<NodePicture> } => ({
      status: { first: 1, last: 3, commit: 3, applied: 3, snapshot: 0 },
      picture: { tail: [1, 2, 3].map((index) => ({ index, term: 1, kind: "command" as const })), stable: 3 },
    });
    const { from, to } = lanesOf(viewOf(2, { n1: young, n2: young }), 40);
    expect([from, to]).toEqual([1, 3]);
  });
});
