import { describe, expect, it } from "vitest";
import { Neighbours } from "../../src/node/neighbours.ts";
import { type Configuration, type Member, NO_CONFIGURATION, nodeId } from "../../src/raft/index.ts";
import type { Packet, Peer } from "../../src/transport/index.ts";

function memberNamed(name: string): Member {
  return {
    id: nodeId(name),
    incarnation: name.slice(1).repeat(32),
    peer: `${name}:1`,
    api: `http://${name}`,
  };
}

function configuration(voters: readonly string[], learners: readonly string[] = []): Configuration {
  const members = [...voters, ...learners].sort().map(memberNamed);
  return { voters: voters.map(nodeId), outgoing: [], learners: learners.map(nodeId), members, removed: [] };
}

const OWN = memberNamed("n1");
const LEADER = nodeId("n2");

class World {
  readonly peers: (readonly Peer[])[] = [];
  readonly removed: (readonly string[])[] = [];
  readonly sent: { readonly to: string; readonly packet: Packet }[] = [];
  readonly own: Member[] = [];
  readonly neighbours: Neighbours;

  constructor(own: Member = OWN, wantsVote = false) {
    this.neighbours = new Neighbours({
      own,
      wantsVote,
      hints: new Map([
        [nodeId("n2"), "n2:1"],
        [nodeId("n3"), "moved:1"],
      ]),
      onOwnAnnouncement: (member) => this.own.push(member),
      transport: {
        setPeers: (peers, removed) => {
          this.peers.push(peers);
          this.removed.push(removed.map(({ id }) => id));
        },
        send: (to, packet) => void this.sent.push({ to, packet }),
      },
    });
  }
}

describe("the neighbours of a node", () => {
  it("are those of the configuration in force and of the committed one, told once for each change", () => {
    const world = new World();
    const before = configuration(["n1", "n2", "n3"]);
    const after = configuration(["n1", "n2", "n4"]);
    world.neighbours.follow({ configuration: before, committedConfiguration: before });
    world.neighbours.follow({ configuration: before, committedConfiguration: before });
    world.neighbours.follow({ configuration: after, committedConfiguration: before });
    const removed = { ...after, removed: [memberNamed("n3")] };
    world.neighbours.follow({ configuration: removed, committedConfiguration: removed });
    expect(world.peers.map((peers) => peers.map(({ id }) => id))).toEqual([
      ["n2", "n3"],
      ["n2", "n3", "n4"],
      ["n2", "n4"],
    ]);
    expect(world.removed).toEqual([[], [], ["n3"]]);
    expect(world.peers[2]?.[0]).toEqual({ id: "n2", address: "n2:1", incarnation: "2".repeat(32) });
    expect(world.neighbours.isRemoved).toBe(false);
  });

  it("are looked for at the other address that is known of them, by turns, until they are reached", () => {
    const world = new World();
    const three = configuration(["n1", "n2", "n3"]);
    world.neighbours.seek(new Set());
    world.neighbours.follow({ configuration: three, committedConfiguration: three });
    world.neighbours.seek(new Set([nodeId("n3")]));
    expect(world.peers).toHaveLength(1);
    for (let turn = 0; turn < 3; turn++) world.neighbours.seek(new Set());
    world.neighbours.seek(new Set([nodeId("n3")]));
    const four = configuration(["n1", "n2", "n3"], ["n4"]);
    world.neighbours.follow({ configuration: four, committedConfiguration: three });
    expect(world.peers.map((peers) => peers.map(({ address }) => address))).toEqual([
      ["n2:1", "n3:1"],
      ["n2:1", "moved:1"],
      ["n2:1", "n3:1"],
      ["n2:1", "moved:1"],
      ["n2:1", "moved:1", "n4:1"],
    ]);
  });

  it("are left as they are until the log names any", () => {
    const world = new World();
    world.neighbours.follow({ configuration: NO_CONFIGURATION, committedConfiguration: NO_CONFIGURATION });
    expect(world.peers).toEqual([]);
  });

  it("are left for good once the committed configuration says that this very node was removed", () => {
    const world = new World();
    const other = { id: OWN.id, incarnation: "f".repeat(32) };
    const without = configuration(["n2", "n3"]);
    world.neighbours.follow({
      configuration: { ...without, removed: [OWN] },
      committedConfiguration: { ...without, removed: [other] },
    });
    expect(world.neighbours.isRemoved).toBe(false);
    const committed = { ...without, removed: [OWN] };
    world.neighbours.follow({ configuration: committed, committedConfiguration: committed });
    expect(world.neighbours.isRemoved).toBe(true);
  });
});

describe("an announcement", () => {
  const known = configuration(["n1", "n2"]);
  const moved = { ...OWN, peer: "elsewhere:1" };

  it("is made to the leader while the configuration says something else of this node, and only then", () => {
    const world = new World(moved);
    world.neighbours.announce(LEADER);
    world.neighbours.follow({ configuration: known, committedConfiguration: known });
    world.neighbours.announce(undefined);
    expect(world.sent).toEqual([]);
    world.neighbours.announce(LEADER);
    expect(world.sent).toEqual([
      { to: LEADER, packet: { kind: "announce", member: moved, wantsVote: false } },
    ]);
    const members = known.members.map((member) => (member.id === OWN.id ? moved : member));
    const told = { ...known, members };
    world.neighbours.follow({ configuration: told, committedConfiguration: known });
    world.neighbours.announce(LEADER);
    expect(world.sent).toHaveLength(1);
  });

  it("is made by a leader to itself", () => {
    const world = new World(moved);
    world.neighbours.follow({ configuration: known, committedConfiguration: known });
    world.neighbours.announce(OWN.id);
    expect([world.sent, world.own]).toEqual([[], [moved]]);
  });

  it("asks for a vote while this node is a learner that wants one", () => {
    const learner = configuration(["n2"], ["n1"]);
    const content = new World(OWN, false);
    content.neighbours.follow({ configuration: learner, committedConfiguration: learner });
    content.neighbours.announce(LEADER);
    expect(content.sent).toEqual([]);
    const world = new World(OWN, true);
    world.neighbours.follow({ configuration: learner, committedConfiguration: learner });
    world.neighbours.announce(LEADER);
    expect(world.sent).toMatchObject([{ packet: { kind: "announce", wantsVote: true } }]);
    world.neighbours.follow({ configuration: known, committedConfiguration: known });
    world.neighbours.announce(LEADER);
    expect(world.sent).toHaveLength(1);
  });
});
