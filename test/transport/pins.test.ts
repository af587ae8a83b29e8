import { describe, expect, it } from "vitest";
import { type NodeId, nodeId } from "../../src/raft/index.ts";
import type { Peer } from "../../src/transport/index.ts";
import { Roster } from "../../src/transport/roster.ts";
import { incarnationOf } from "./nodes.ts";

const n4: NodeId = nodeId("n4");
const first = incarnationOf("first");
const second = incarnationOf("second");

function peer(id: string, incarnation: string, met?: boolean): Peer {
  const known = { id: nodeId(id), address: "127.0.0.1:1", incarnation };
  return met === undefined ? known : { ...known, met };
}

const n2: Peer = peer("n2", incarnationOf("n2"));

/** A node that was restarted with these peers in its log. */
function restarted(...peers: readonly Peer[]): Roster {
  return new Roster(peers, () => Promise.resolve(), true);
}

describe("the incarnation of a peer that a node begins with", () => {
  it("is forgotten with the configuration that was never committed, and another one is taken", async () => {
    const roster = restarted(n2, peer("n4", first, false));
    expect(roster.replace([n2], [])).toEqual([]);
    expect(roster.replace([n2, peer("n4", second)], [])).toEqual([]);
    expect(await roster.settle(n4, second)).toBeUndefined();
    expect(roster.welcomes(n4, second)).toBe(true);
    expect(roster.welcomes(n4, first)).toBe(false);
  });

  it("refuses every other one while the configuration is in force", async () => {
    for (const met of [true, false]) {
      const roster = restarted(n2, peer("n4", first, met));
      expect(await roster.settle(n4, second)).toMatch(/^n4 is known with incarnation/);
      expect(roster.welcomes(n4, second)).toBe(false);
      expect(await roster.settle(n4, first)).toBeUndefined();
    }
  });

  it("stays for good if it was met, whatever a configuration says later", async () => {
    const roster = restarted(n2, peer("n4", first, true));
    roster.replace([n2], []);
    expect(roster.replace([n2, peer("n4", second)], [])).toHaveLength(1);
    expect(await roster.settle(n4, second)).toMatch(/^n4 is known with incarnation/);
  });
});
