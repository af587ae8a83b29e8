/** What the picture of the cluster shows, and says in words. */

import { describe, expect, it } from "vitest";
import type { NodePicture } from "../../src/client/index.ts";
import type { NodeView } from "../../src/dashboard/index.ts";
import { Traffic } from "../../src/dashboard/topology/comets.ts";
import { between, labelPlace, layOut } from "../../src/dashboard/topology/layout.ts";
import { sceneOf } from "../../src/dashboard/topology/scene.ts";
import type { Change } from "./recorded.ts";
import { seats, viewOf, viewWithout } from "./views.ts";

function cutFrom(...ids: readonly string[]): (picture: NodePicture) => Change {
  return ({ status }) => ({
    status: { peers: status.peers.map((peer) => ({ ...peer, reachable: !ids.includes(peer.id) })) },
  });
}

function missing(node: NodeView, id: string): NodeView {
  const { picture } = node;
  if (picture === undefined) return node;
  const peers = picture.status.peers.map((peer) => ({ ...peer, reachable: peer.id !== id }));
  return { ...node, picture: { ...picture, status: { ...picture.status, peers } } };
}

describe("sceneOf", () => {
  it("tells each role by its look and by its word", () => {
    const view = viewOf(5, {
      n2: { status: { role: "preCandidate" } },
      n3: { status: { role: "candidate" } },
      n4: { status: { role: "learner" } },
      n5: { status: { state: "joining" } },
    });
    expect(sceneOf(view).nodes.map(({ look, role }) => `${look}: ${role}`)).toEqual([
      "leader: leader",
      "candidate: pre-candidate",
      "candidate: candidate",
      "learner: learner",
      "joining: joining",
    ]);
  });

  it("shows the leader of an older term as one that is over", () => {
    const view = viewOf(3, { n2: { status: { role: "leader", term: 8 } } });
    const [old, leader] = sceneOf(view).nodes;
    expect(old?.look).toBe("formerLeader");
    expect(old?.words).toContain("still thinks that it leads term 7");
    expect(leader?.look).toBe("leader");
  });

  it("tells a node that refuses connections from one that says nothing, and from one never heard", () => {
    const [, down, silent] = sceneOf(viewWithout(3, { refused: ["n2"], silent: ["n3"] })).nodes;
    expect(down).toMatchObject({ look: "down", role: "no answer", second: "for 9 s", timer: undefined });
    expect(silent).toMatchObject({ look: "silent", second: "for 9 s" });
    expect(sceneOf(viewOf(3, { n3: "unheard" })).nodes[2]?.look).toBe("unheard");
  });

  it("lets the ring run down as the election timer does, and begins anew with each heartbeat", () => {
    const timers = [40, 600, 1_190].map((elapsedMs) => {
      const view = viewOf(3, { n2: { picture: { election: { elapsedMs, timeoutMs: 1_200 } } } });
      return sceneOf(view).nodes[1]?.timer ?? -1;
    });
    const [fresh = 0, half = 0, over = 1] = timers;
    expect(fresh).toBeCloseTo(1 - 40 / 1_200);
    expect(half).toBeCloseTo(1 - 850 / 1_200);
    expect(over).toBe(0);
    expect(sceneOf(viewOf(3)).nodes[0]?.timer).toBeUndefined();
  });

  it("has one link for each pair, with the shorter round trip that its ends measured", () => {
    const { edges } = sceneOf(viewOf(4));
    expect(edges.map(({ key }) => key)).toEqual(["n1 n2", "n1 n3", "n1 n4", "n2 n3", "n2 n4", "n3 n4"]);
    expect(edges[0]).toMatchObject({ state: "open", roundTripMs: 0.3, ofLeader: true });
  });

  it("tells cut links from half cut ones, and from those to a node that is gone", () => {
    const both = sceneOf(viewOf(3, { n1: cutFrom("n2"), n2: cutFrom("n1") }));
    expect(both.edges.map(({ state }) => state)).toEqual(["cut", "open", "open"]);
    expect(both.nodes[0]?.words).toBe("n1 leads term 7. Linked to n3. The link to n2 is cut.");
    const half = sceneOf(viewOf(3, { n1: cutFrom("n2") }));
    expect(half.edges[0]).toMatchObject({ state: "halfCut", unheard: "n1" });
    expect(half.nodes[0]?.words).toContain("What it says does not reach n2.");
    expect(half.nodes[1]?.words).toContain("It does not hear n1.");
    expect(sceneOf(viewOf(3, { n1: cutFrom("n3"), n3: "unheard" })).edges[1]?.state).toBe("gone");
  });

  it("says of a node that is behind how far, and of an alarm what it is", () => {
    const late = sceneOf(viewOf(3, { n3: { status: { last: 900, commit: 900, applied: 900 } } })).nodes[2];
    expect(late?.words).toMatch(/340 entries behind/);
    const wrong = sceneOf(viewOf(3, { n3: { status: { alarm: "its digest differs." } } })).nodes[2];
    expect(wrong).toMatchObject({ alarm: true });
    expect(wrong?.words).toContain("not to be trusted: its digest differs. Linked");
  });
});

describe("layOut", () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 9])("keeps %i nodes apart and inside, wide and narrow", (count) => {
    for (const available of [280, 320, 520, 730, 1_200]) {
      const { places, radius, width, height } = layOut(count, available);
      expect(width).toBeLessThanOrEqual(available);
      for (const [at, place] of places.entries()) {
        expect(place.x - radius).toBeGreaterThanOrEqual(0);
        expect(place.x + radius).toBeLessThanOrEqual(width);
        expect(place.y - radius).toBeGreaterThanOrEqual(0);
        expect(place.y + radius).toBeLessThanOrEqual(height);
        for (const other of places.slice(at + 1)) {
          expect(Math.hypot(place.x - other.x, place.y - other.y)).toBeGreaterThan(2 * radius);
        }
      }
    }
  });

  it("gives the edges that cross in the middle of four nodes labels that do not lie on each other", () => {
    const { places, radius } = layOut(4, 730);
    const labels = [0, 1].map((at) => {
      const [from, to] = [places[at], places[at + 2]];
      if (from === undefined || to === undefined) throw new Error("four places");
      const [start, end] = between(from, to, radius);
      const along = labelPlace(at, at + 2, 4);
      return { x: start.x + (end.x - start.x) * along, y: start.y + (end.y - start.y) * along };
    });
    const [one, two] = labels;
    expect(Math.hypot((one?.x ?? 0) - (two?.x ?? 0), (one?.y ?? 0) - (two?.y ?? 0))).toBeGreaterThan(60);
  });

  it("draws there and back on different sides, and nothing between nodes that touch", () => {
    const [there] = between({ x: 0, y: 0 }, { x: 100, y: 0 }, 10, 5);
    const [back] = between({ x: 100, y: 0 }, { x: 0, y: 0 }, 10, 5);
    expect([there, back]).toEqual([
      { x: 10, y: 5 },
      { x: 90, y: -5 },
    ]);
    expect(between({ x: 0, y: 0 }, { x: 5, y: 0 }, 10)).toEqual([
      { x: 0, y: 0 },
      { x: 5, y: 0 },
    ]);
  });
});

describe("Traffic", () => {
  const later = (messages: NodePicture["messages"], pictures: number): ReturnType<typeof viewOf> => {
    const view = viewOf(3, {
      n1: (picture) => ({ picture: { messages, atMs: picture.atMs + pictures * 1_000 } }),
    });
    return { ...view, nodes: view.nodes.map((node) => (node.id === "n1" ? { ...node, pictures } : node)) };
  };

  it("shows no message of the first picture: it may be of long ago", () => {
    expect(new Traffic().comets(viewOf(3))).toEqual([]);
  });

  it("shows a few of each kind, once, and counts all of them", () => {
    const traffic = new Traffic();
    traffic.comets(later([], 1));
    const next = later([{ to: "n2", kind: "append", count: 500 }], 2);
    const comets = traffic.comets(next);
    expect(comets.map(({ from, to, subject }) => `${from} ${to} ${subject}`)).toEqual(
      Array.from({ length: 3 }, () => "n1 n2 append"),
    );
    expect(traffic.comets(next)).toEqual([]);
    expect(traffic.rates().get("n1 n2")).toBeCloseTo(500, -1);
  });

  it("knows which messages do not arrive", () => {
    const traffic = new Traffic();
    const view = (messages: NodePicture["messages"], pictures: number): ReturnType<typeof viewOf> => {
      const all = later(messages, pictures);
      return { ...all, nodes: all.nodes.map((node) => (node.id === "n1" ? missing(node, "n2") : node)) };
    };
    traffic.comets(view([], 1));
    const comets = traffic.comets(
      view(
        [
          { to: "n2", kind: "requestVote", count: 1 },
          { to: "n3", kind: "requestVote", count: 1 },
        ],
        2,
      ),
    );
    expect(comets.map(({ to, lost }) => [to, lost])).toEqual([
      ["n2", true],
      ["n3", false],
    ]);
  });

  it("leaves out messages to nodes that are not in the picture", () => {
    const traffic = new Traffic();
    traffic.comets(later([], 1));
    expect(seats(3).map(({ id }) => id)).not.toContain("n9");
    expect(traffic.comets(later([{ to: "n9", kind: "append", count: 1 }], 2))).toEqual([]);
  });
});
