import { afterEach, describe, expect, it } from "vitest";
import { index, nodeId, term } from "../../src/raft/index.ts";
import type { Packet, Peer, SnapshotOffer } from "../../src/transport/index.ts";
import { incarnationOf, isUp, type OpenOptions, type TestNode, until, World } from "./nodes.ts";
import { RawPeer, UPGRADE } from "./raw-peer.ts";
import { Relay } from "./relay.ts";

let world: World;
let relay: Relay | undefined;
afterEach(async () => {
  await world.close();
  await relay?.close();
  relay = undefined;
});

const pinsOf = (...ids: string[]): Record<string, string> =>
  Object.fromEntries(ids.map((id) => [id, incarnationOf(id)]));

/** Nodes that know each other and nobody else, and are linked. */
async function linked(ids: readonly string[], options: OpenOptions = {}): Promise<TestNode[]> {
  const nodes: TestNode[] = [];
  for (const id of ids) {
    const peers = ids.filter((other) => other !== id);
    nodes.push(await world.open(id, { peers, pins: pinsOf(...peers), ...options }));
  }
  for (const node of nodes) for (const id of ids) if (id !== node.id) await until(() => isUp(node, id));
  return nodes;
}

function digest(at: number): Packet {
  return { kind: "digest", index: at, digest: at };
}

async function expectPacketFrom(from: TestNode, to: TestNode, at: number): Promise<void> {
  from.transport.send(to.id, digest(at));
  await until(() => to.heard.packets.some(({ packet }) => packet.kind === "digest" && packet.index === at));
}

function noticesOf(node: TestNode, event: string): string[] {
  return node.heard.notices.filter((notice) => notice.event === event).map(({ detail }) => detail);
}

describe("changing the peers", () => {
  it("links a node that was added, both ways, and leaves the others alone", async () => {
    world = await World.of("n1", "n2", "n3");
    const [a, b] = (await linked(["n1", "n2"])) as [TestNode, TestNode];
    const c = await world.open("n3", { peers: [], guests: true });
    const others = world.peer("n3", incarnationOf("n3"));
    const before = [...a.heard.links];
    a.transport.setPeers([world.peer("n2", incarnationOf("n2")), others], []);
    b.transport.setPeers([world.peer("n1", incarnationOf("n1")), others], []);
    c.transport.setPeers(
      ["n1", "n2"].map((id) => world.peer(id, incarnationOf(id))),
      [],
    );
    await until(() => isUp(a, "n3") && isUp(b, "n3") && isUp(c, "n1") && isUp(c, "n2"));
    await expectPacketFrom(a, c, 1);
    await expectPacketFrom(c, b, 2);
    expect(a.heard.links.slice(before.length)).toEqual(["+n3"]);
    // What the configuration says need not be learnt.
    expect([...a.heard.contacts, ...b.heard.contacts, ...c.heard.contacts]).toEqual([]);
  });

  it("ends the links with a node that is no peer any more, says so once, and forgets it", async () => {
    world = await World.of("n1", "n2", "n3");
    const [a, b, c] = (await linked(["n1", "n2", "n3"])) as [TestNode, TestNode, TestNode];
    b.transport.setPeers([world.peer("n1", incarnationOf("n1"))], []);
    const before = a.heard.links.length;
    a.transport.setPeers(
      [world.peer("n2", incarnationOf("n2"))],
      [{ id: c.id, incarnation: incarnationOf("n3") }],
    );
    await until(() => a.heard.links.length > before && !isUp(c, "n1"));
    expect(a.heard.links.slice(before)).toEqual(["-n3"]);
    a.transport.send(c.id, digest(1));
    c.transport.send(a.id, digest(2));
    await expectPacketFrom(a, b, 3);
    expect(a.heard.packets).toEqual([]);
    expect([...a.transport.dropped().keys()]).toEqual(["n2"]);
  });

  it("changes nothing when the same peers are given again", async () => {
    world = await World.of("n1", "n2");
    const [a, b] = (await linked(["n1", "n2"])) as [TestNode, TestNode];
    const before = [a.heard.links.length, b.heard.links.length, world.relay("n2").recorded.length];
    for (let time = 0; time < 5; time++) a.transport.setPeers([world.peer("n2", incarnationOf("n2"))], []);
    await expectPacketFrom(a, b, 1);
    await expectPacketFrom(b, a, 2);
    expect([a.heard.links.length, b.heard.links.length, world.relay("n2").recorded.length]).toEqual(before);
  });

  it("dials a peer that moved at its new address, and fetches snapshots there", async () => {
    world = await World.of("n1", "n2");
    const [a, b] = (await linked(["n1", "n2"])) as [TestNode, TestNode];
    relay = await Relay.open();
    relay.target = b.transport.port;
    const old = world.relay("n2");
    const connections = old.recorded.length;
    const before = a.heard.links.length;
    a.transport.setPeers([{ ...world.peer("n2", incarnationOf("n2")), address: relay.address }], []);
    await until(() => a.heard.links.length === before + 2);
    expect(a.heard.links.slice(before)).toEqual(["-n2", "+n2"]);
    await expectPacketFrom(a, b, 1);
    expect(relay.recorded.length).toBe(1);
    const offer: SnapshotOffer = {
      meta: {
        index: index(1),
        term: term(1),
        chain: 0,
        configuration: { voters: [], outgoing: [], learners: [], members: [], removed: [] },
        configurationIndex: index(0),
      },
      bytes: 1,
      sha256: "0".repeat(64),
      digest: 0,
      token: "0".repeat(22),
    };
    const sink = { offset: 0, write: (): Promise<void> => Promise.resolve() };
    expect(await a.transport.fetchSnapshot(b.id, offer, sink, new AbortController().signal)).toBe(false);
    expect(relay.recorded.length).toBe(2);
    expect(old.recorded.length).toBe(connections);
  });

  it("gives up an attempt at the old address at once", async () => {
    world = await World.of("n1", "n2");
    const patient = { handshakeMsMax: 60_000, reconnectMsMin: 60_000, reconnectMsMax: 60_000 };
    const b = await world.open("n2", { peers: [], guests: true });
    // Whoever dials here is never answered.
    relay = await Relay.open();
    relay.target = b.transport.port;
    relay.frozen = true;
    const a = await world.open("n1", { peers: [], settings: patient });
    a.transport.setPeers([{ ...world.peer("n2", incarnationOf("n2")), address: relay.address }], []);
    await until(() => relay?.connections === 1);
    a.transport.setPeers([world.peer("n2", incarnationOf("n2"))], []);
    await until(() => isUp(a, "n2"));
    await until(() => relay?.connections === 0);
  });

  it("calls no handler before it returns", async () => {
    world = await World.of("n1", "n2");
    const [a] = (await linked(["n1", "n2"])) as [TestNode, TestNode];
    const said = JSON.stringify(a.heard);
    a.transport.setPeers([{ id: nodeId("n7"), address: "nowhere", incarnation: undefined }], []);
    expect(JSON.stringify(a.heard)).toBe(said);
    await until(() => a.heard.links.at(-1) === "-n2");
    expect(noticesOf(a, "badPeer")).toEqual(['n7 is not dialled: its address "nowhere" is not host:port.']);
  });

  it("passes over itself, a second mention, and an address that needs a secret that is not there", async () => {
    world = await World.of("n1", "n2");
    const a = await world.open("n1", { secret: "", peers: [] });
    const b = await world.open("n2", { secret: "", peers: ["n1"] });
    const n3 = { id: nodeId("n3"), address: "10.0.0.7:4100", incarnation: incarnationOf("n3") };
    const list = [world.peer("n1"), world.peer("n2"), { ...world.peer("n2"), address: "127.0.0.1:1" }, n3];
    a.transport.setPeers(list, []);
    a.transport.setPeers(list, []);
    await until(() => isUp(a, "n2") && isUp(b, "n1"));
    const sentence =
      'n3 is not dialled: its address "10.0.0.7:4100" is not a loopback address, and the cluster has no secret.';
    expect(noticesOf(a, "badPeer")).toEqual([sentence]);
  });

  it("makes room for the connections of new peers, and takes it back", async () => {
    world = await World.of("n1");
    const a = await world.open("n1", { peers: [], settings: { handshakeMsMax: 20_000 } });
    const nobody = (id: string): Peer => ({ id: nodeId(id), address: "nowhere", incarnation: undefined });
    for (const peers of [[], [nobody("n2"), nobody("n3")], [nobody("n2")]]) {
      a.transport.setPeers(peers, []);
      a.heard.notices.length = 0;
      const crowd = await Promise.all(Array.from({ length: 100 }, () => RawPeer.dial(a.transport.port)));
      const closed = (): number => crowd.filter((peer) => peer.closed).length;
      await until(() => closed() === 100 - 64 - 8 * peers.length);
      // Whoever is left can speak, and by then everyone else who would be closed has been.
      const left = crowd.find((peer) => !peer.closed);
      left?.socket.write(UPGRADE);
      expect(await left?.head()).toMatch(/^HTTP\/1.1 101/);
      expect(closed()).toBe(100 - 64 - 8 * peers.length);
      for (const peer of crowd) peer.socket.destroy();
      await until(() => crowd.every((peer) => peer.closed));
      await until(() => noticesOf(a, "handshakeFailed").length === 1);
    }
  });

  it("does nothing once the transport is closed", async () => {
    world = await World.of("n1", "n2");
    const [a] = (await linked(["n1", "n2"])) as [TestNode, TestNode];
    await a.close();
    const said = JSON.stringify(a.heard);
    a.transport.setPeers([world.peer("n2"), { ...world.peer("n2"), id: nodeId("n3"), address: "?" }], []);
    await new Promise((resolve) => setImmediate(resolve));
    expect(JSON.stringify(a.heard)).toBe(said);
    expect(a.transport.roundTrips().size).toBe(0);
  });
});

describe("the incarnation of a peer", () => {
  it.each<[string, OpenOptions]>([
    ["was met", { pins: {} }],
    ["was known from the start", { pins: pinsOf("n2") }],
  ])("that %s is not changed by a configuration: a notice, and everything stays", async (_title, options) => {
    world = await World.of("n1", "n2");
    const [a, b] = (await linked(["n1", "n2"], options)) as [TestNode, TestNode];
    const before = a.heard.links.length;
    for (let time = 0; time < 2; time++) a.transport.setPeers([world.peer("n2", incarnationOf("other"))], []);
    await until(() => noticesOf(a, "badPeer").length > 0);
    expect(noticesOf(a, "badPeer")).toEqual([
      expect.stringMatching(/^n2 is known with incarnation .* another one than before\.$/),
    ]);
    await expectPacketFrom(a, b, 1);
    await expectPacketFrom(b, a, 2);
    expect(a.heard.links).toHaveLength(before);
  });

  it("that was met stays when a configuration says the same", async () => {
    world = await World.of("n1", "n2");
    const [a] = (await linked(["n1", "n2"], { pins: {} })) as [TestNode, TestNode];
    a.transport.setPeers([world.peer("n2", incarnationOf("n2"))], []);
    a.transport.setPeers([], []);
    a.transport.setPeers([world.peer("n2", incarnationOf("other"))], []);
    await until(() => noticesOf(a, "badPeer").length > 0);
  });

  it("that only a configuration gave follows the next one: the first may have been taken back", async () => {
    world = await World.of("n1", "n2");
    const first = await world.open("n2", { peers: ["n1"], incarnation: incarnationOf("first") });
    const a = await world.open("n1", { peers: [] });
    a.transport.setPeers([world.peer("n2", incarnationOf("first"))], []);
    await until(() => isUp(a, "n2") && isUp(first, "n1"));
    a.transport.setPeers([world.peer("n2", incarnationOf("second"))], []);
    await until(() => first.heard.refusals.some(({ refusal }) => refusal === "incarnation"));
    expect(isUp(a, "n2")).toBe(false);
    await first.close();
    const second = await world.open("n2", { peers: ["n1"], incarnation: incarnationOf("second") });
    await until(() => isUp(a, "n2") && isUp(second, "n1"));
    expect(noticesOf(a, "badPeer")).toEqual([]);
    expect(a.heard.contacts).toEqual([]);
  });
});

describe("a node that was removed", () => {
  it("is told so, is not linked, and is noted once however often it comes", async () => {
    world = await World.of("n1", "n2");
    const [a, b] = (await linked(["n1", "n2"])) as [TestNode, TestNode];
    // That a configuration cannot say both is no reason to listen to the wrong one.
    a.transport.setPeers(
      [world.peer("n2", incarnationOf("n2"))],
      [{ id: b.id, incarnation: incarnationOf("n2") }],
    );
    await until(() => b.heard.refusals.length > 0);
    expect(a.transport.dropped().size).toBe(0);
    expect(b.heard.refusals).toEqual([
      { peer: "n1", refusal: "removed", detail: "n2 was removed from cluster cluster-a." },
    ]);
    const attempts = world.relay("n1").recorded.length;
    await until(() => world.relay("n1").recorded.length > attempts + 3);
    expect(b.heard.refusals).toHaveLength(1);
    expect(noticesOf(a, "handshakeRefused")).toEqual(["removed: n2 was removed from cluster cluster-a."]);
    expect(a.heard.links.at(-1)).toBe("-n2");
  });

  it("does not come back under its id with another data directory either", async () => {
    world = await World.of("n1", "n2");
    const a = await world.open("n1", { peers: [] });
    a.transport.setPeers([], [{ id: nodeId("n2"), incarnation: incarnationOf("n2") }]);
    const wiped = await world.open("n2", { incarnation: incarnationOf("wiped"), pins: pinsOf("n1") });
    await until(() => wiped.heard.refusals.length > 0);
    expect(wiped.heard.refusals[0]).toMatchObject({ peer: "n1", refusal: "unknownNode" });
    expect(a.heard.links).toEqual([]);
  });
});
