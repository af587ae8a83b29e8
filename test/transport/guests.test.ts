import { afterEach, describe, expect, it } from "vitest";
import { type Member, nodeId } from "../../src/raft/index.ts";
import { encodePacket, type Packet } from "../../src/transport/index.ts";
import { incarnationOf, isUp, type OpenOptions, type TestNode, until, World } from "./nodes.ts";
import { frame, introduce, type RawPeer } from "./raw-peer.ts";
import { Relay } from "./relay.ts";

const SECRET = "a secret for tests";

let world: World;
let relay: Relay | undefined;
afterEach(async () => {
  await world.close();
  await relay?.close();
  relay = undefined;
});

/** n4, who leads by now, and n1, who has never heard of it. */
async function lagging(options: OpenOptions = {}): Promise<[TestNode, TestNode]> {
  world = await World.of("n1", "n4");
  const pins = { n1: incarnationOf("n1") };
  const leader = await world.open("n4", { peers: ["n1"], pins, settings: { keepaliveMs: 1000 } });
  return [await world.open("n1", { peers: [], guests: true, ...options }), leader];
}

function hello(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    min: 1,
    max: 2,
    clusterId: "cluster-a",
    from: "n4",
    fromIncarnation: incarnationOf("n4"),
    to: "n1",
    toIncarnation: incarnationOf("n1"),
    nonce: "0".repeat(32),
    keepaliveMs: 1000,
    address: "127.0.0.1:1",
    ...changes,
  };
}

describe("a node that the configuration here does not name yet", () => {
  it("is linked both ways while its link stands, and nothing is remembered of it", async () => {
    const [a, leader] = await lagging();
    await until(() => isUp(leader, "n1") && isUp(a, "n4"));
    leader.transport.send(a.id, { kind: "digest", index: 1, digest: 1 });
    a.transport.send(leader.id, { kind: "digest", index: 2, digest: 2 });
    await until(() => leader.heard.packets.length === 1 && a.heard.packets.length === 1);
    expect(a.heard.packets[0]?.from).toBe("n4");
    expect(a.heard.contacts).toEqual([]);
    await leader.close();
    await until(() => a.heard.links.at(-1) === "-n4");
    expect(a.heard.links).toEqual(["+n4", "-n4"]);
    expect(a.transport.dropped().size).toBe(0);
    const attempts = world.relay("n4").refused;
    // Its next life is another guest.
    const other = await world.open("n4", {
      peers: ["n1"],
      pins: { n1: incarnationOf("n1") },
      incarnation: incarnationOf("other"),
    });
    await until(() => isUp(other, "n1") && isUp(a, "n4"));
    expect(world.relay("n4").refused).toBeLessThanOrEqual(attempts + 1);
  });

  it("becomes a peer by the configuration that it brings, without losing a link", async () => {
    const [a, leader] = await lagging();
    await until(() => isUp(leader, "n1") && isUp(a, "n4"));
    a.transport.setPeers([world.peer("n4", incarnationOf("n4"))], []);
    a.transport.send(leader.id, { kind: "digest", index: 2, digest: 2 });
    await until(() => leader.heard.packets.length === 1);
    expect(a.heard.links).toEqual(["+n4"]);
    await leader.close();
    await until(() => a.heard.links.at(-1) === "-n4");
    const refused = world.relay("n4").refused;
    // A peer is dialled again and again, a guest is not.
    await until(() => world.relay("n4").refused > refused + 2);
  });

  it("is refused while the cluster is being made: then every member has been named", async () => {
    const [a, leader] = await lagging({ guests: false });
    await until(() => leader.heard.refusals.length > 0);
    expect(leader.heard.refusals[0]).toMatchObject({ peer: "n1", refusal: "unknownNode" });
    a.transport.setPeers([], []);
    await until(() => isUp(leader, "n1") && isUp(a, "n4"));
  });

  it("is refused if it was removed, if it says no address, or if it is not of this cluster", async () => {
    const [a] = await lagging();
    a.transport.setPeers([], [{ id: nodeId("n5"), incarnation: incarnationOf("n5") }]);
    for (const [changes, refusal] of [
      [{ from: "n5", fromIncarnation: incarnationOf("n5") }, "removed"],
      [{ from: "n5", fromIncarnation: incarnationOf("wiped") }, "unknownNode"],
      [{ from: "n6", address: undefined }, "unknownNode"],
      [{ from: "n6", address: "nowhere" }, "unknownNode"],
      // It is about to form a cluster with a member of this one.
      [{ from: "n6", toIncarnation: null }, "unknownNode"],
      [{ from: "n6", clusterId: "cluster-b" }, "cluster"],
    ] as const) {
      const { answer, proved } = await introduce(a.transport.port, hello(changes), SECRET);
      expect(answer).toMatchObject({ kind: "refused", refusal });
      expect(proved).toBe(true);
    }
  });

  it("is refused under the id of a guest that is there, with another data directory", async () => {
    const [a, leader] = await lagging();
    await until(() => isUp(leader, "n1"));
    const twin = hello({ fromIncarnation: incarnationOf("twin") });
    const { answer } = await introduce(a.transport.port, twin, SECRET);
    expect(answer).toMatchObject({ kind: "refused", refusal: "incarnation" });
    expect(isUp(leader, "n1")).toBe(true);
  });

  it("is one of sixteen at the most", async () => {
    world = await World.of("n1");
    const a = await world.open("n1", { peers: [], guests: true });
    const come = (id: string): ReturnType<typeof introduce> =>
      introduce(a.transport.port, hello({ from: id, fromIncarnation: incarnationOf(id) }), SECRET);
    const guests: RawPeer[] = [];
    for (let number = 0; number < 16; number++) {
      const { peer, answer } = await come(`g${number}`);
      expect(answer["kind"]).toBe("welcome");
      guests.push(peer);
    }
    expect((await come("late")).answer).toMatchObject({ kind: "refused", refusal: "unknownNode" });
    // One that is there already may dial again.
    expect((await come("g3")).answer["kind"]).toBe("welcome");
    guests[7]?.socket.destroy();
    await until(() => a.transport.dropped().size === 15);
    expect((await come("late")).answer["kind"]).toBe("welcome");
  });
});

describe("a peer that moved", () => {
  it("is dialled where it says that it is, before any configuration says so", async () => {
    world = await World.of("n1", "n2");
    const pins = { n1: incarnationOf("n1"), n2: incarnationOf("n2") };
    const a = await world.open("n1", { pins });
    const here = await world.open("n2", { pins });
    await until(() => isUp(a, "n2") && isUp(here, "n1"));
    await here.close();
    relay = await Relay.open();
    const there = await world.open("n2", { pins, address: relay.address });
    relay.target = there.transport.port;
    world.relay("n2").target = undefined;
    await until(() => isUp(a, "n2") && isUp(there, "n1"));
    expect(relay.connections).toBe(1);
    // The configuration follows; the link stays.
    const before = a.heard.links.length;
    a.transport.setPeers([{ ...world.peer("n2", incarnationOf("n2")), address: relay.address }], []);
    a.transport.send(there.id, { kind: "digest", index: 2, digest: 2 });
    await until(() => there.heard.packets.length === 1);
    expect(a.heard.links).toHaveLength(before);
    expect(relay.recorded).toHaveLength(1);
  });

  it("is still found at the old address if what it says leads nowhere", async () => {
    world = await World.of("n1", "n2");
    const pins = { n1: incarnationOf("n1"), n2: incarnationOf("n2") };
    const b = await world.open("n2", { pins, address: "127.0.0.1:1" });
    const a = await world.open("n1", { pins });
    await until(() => isUp(a, "n2") && isUp(b, "n1"));
    world.relay("n2").cut();
    await until(() => a.heard.links.at(-1) === "-n2");
    await until(() => isUp(a, "n2"));
  });

  it("is dialled where it says, too, if the configuration then names a third address that leads nowhere", async () => {
    world = await World.of("n1", "n2");
    relay = await Relay.open();
    const pins = { n1: incarnationOf("n1"), n2: incarnationOf("n2") };
    const a = await world.open("n1", { pins });
    const b = await world.open("n2", { pins, address: relay.address });
    relay.target = b.transport.port;
    world.relay("n2").target = undefined;
    world.relay("n2").cut();
    await until(() => isUp(a, "n2") && relay?.connections === 1);
    a.transport.setPeers([{ ...world.peer("n2", incarnationOf("n2")), address: "127.0.0.1:1" }], []);
    await until(() => relay?.recorded.length === 2 && isUp(a, "n2"));
  });

  it("is not dialled outside this machine without a secret", async () => {
    world = await World.of("n1", "n4");
    const a = await world.open("n1", { peers: [], guests: true, secret: "" });
    relay = await Relay.open();
    // Every system leads this to itself, but it is not an address of this machine alone.
    const elsewhere = hello({ address: `0.0.0.0:${relay.port}` });
    expect((await introduce(a.transport.port, elsewhere, "")).answer["kind"]).toBe("welcome");
    await until(() => a.transport.dropped().size === 1);
    // Two conversations later it would have been dialled.
    for (const id of ["n5", "n6"]) {
      const other = hello({ from: id, fromIncarnation: incarnationOf(id), address: relay.address });
      await introduce(a.transport.port, other, "");
    }
    await until(() => (relay?.refused ?? 0) >= 2);
    expect(a.heard.links).not.toContain("-n4");
  });
});

describe("an announcement", () => {
  const member: Member = {
    id: nodeId("n4"),
    incarnation: incarnationOf("n4"),
    peer: "127.0.0.1:4104",
    api: "http://127.0.0.1:4004",
  };

  it("arrives from the node that it is about", async () => {
    const [a, leader] = await lagging();
    await until(() => isUp(leader, "n1"));
    const packet: Packet = { kind: "announce", member, wantsVote: true };
    leader.transport.send(a.id, packet);
    await until(() => a.heard.packets.length === 1);
    expect(a.heard.packets).toEqual([{ from: "n4", packet }]);
  });

  it.each<[string, Partial<Member>]>([
    ["another node", { id: nodeId("n2") }],
    ["another data directory", { incarnation: incarnationOf("n2") }],
  ])("about %s closes the link", async (_title, changes) => {
    world = await World.of("n1");
    const a = await world.open("n1", { peers: [], guests: true });
    const { peer } = await introduce(a.transport.port, hello(), SECRET);
    const packet: Packet = { kind: "announce", member: { ...member, ...changes }, wantsVote: false };
    peer.socket.write(frame(encodePacket(packet)));
    await peer.end();
    await until(() =>
      a.heard.notices.some(({ detail }) => /an announcement of n\d on the link of n4/.test(detail)),
    );
    expect(a.heard.packets).toEqual([]);
  });
});
