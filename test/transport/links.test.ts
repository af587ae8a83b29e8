import { Socket } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import { crc32c } from "../../src/base/index.ts";
import { index, nodeId, term } from "../../src/raft/index.ts";
import type { Packet } from "../../src/transport/index.ts";
import { eventually, isUp, type TestNode, until, World } from "./nodes.ts";
import { onePacketOfEachKind } from "./samples.ts";

let world: World;
afterEach(() => world.close());

async function pair(options: Parameters<World["open"]>[1] = {}): Promise<[TestNode, TestNode]> {
  world = await World.of("n1", "n2");
  const a = await world.open("n1", options);
  const b = await world.open("n2", options);
  await until(() => isUp(a, "n2") && isUp(b, "n1"));
  return [a, b];
}

function digest(at: number): Packet {
  return { kind: "digest", index: at, digest: at };
}

function indexes(node: TestNode): number[] {
  return node.heard.packets.map(({ packet }) => (packet.kind === "digest" ? packet.index : -1));
}

describe("a link", () => {
  it("carries packets of every kind, unchanged and in order, both ways", async () => {
    const [a, b] = await pair();
    const there = onePacketOfEachKind("n1", "n2");
    const back = onePacketOfEachKind("n2", "n1");
    for (const packet of there) a.transport.send(b.id, packet);
    for (const packet of back) b.transport.send(a.id, packet);
    await until(() => b.heard.packets.length === there.length && a.heard.packets.length === back.length);
    expect(b.heard.packets).toEqual(there.map((packet) => ({ from: "n1", packet })));
    expect(a.heard.packets).toEqual(back.map((packet) => ({ from: "n2", packet })));
    expect(
      [...a.heard.notices, ...b.heard.notices].filter((notice) => notice.event !== "dialFailed"),
    ).toEqual([]);
  });

  it("joins three nodes, each with each", async () => {
    world = await World.of("n1", "n2", "n3");
    const nodes = await Promise.all(["n1", "n2", "n3"].map((id) => world.open(id)));
    for (const from of nodes) {
      for (const to of nodes) if (from !== to) await until(() => isUp(from, to.id));
    }
    for (const from of nodes) {
      for (const to of nodes) {
        for (const packet of from === to ? [] : onePacketOfEachKind(from.id, to.id))
          from.transport.send(to.id, packet);
      }
    }
    const each = onePacketOfEachKind("n1", "n2").length;
    for (const node of nodes) await until(() => node.heard.packets.length === 2 * each);
    for (const node of nodes) {
      for (const other of nodes.filter((one) => one !== node)) {
        const got = node.heard.packets.filter(({ from }) => from === other.id).map(({ packet }) => packet);
        expect(got).toEqual(onePacketOfEachKind(other.id, node.id));
      }
    }
  });

  it("carries a large packet and many small ones in between", async () => {
    const [a, b] = await pair();
    const data = new Uint8Array(3_000_000).fill(5);
    const entry = {
      kind: "command",
      index: index(1),
      term: term(1),
      chain: 1,
      data,
      crc: crc32c(data),
    } as const;
    const large: Packet = {
      kind: "raft",
      message: {
        kind: "append",
        from: a.id,
        to: b.id,
        term: term(1),
        previous: { index: index(0), term: term(0) },
        previousChain: 0,
        entries: [entry],
        commit: index(0),
      },
    };
    for (let at = 0; at < 100; at++) a.transport.send(b.id, digest(at));
    a.transport.send(b.id, large);
    for (let at = 101; at < 200; at++) a.transport.send(b.id, digest(at));
    await until(() => b.heard.packets.length === 200);
    const got = b.heard.packets[100]?.packet;
    if (got?.kind !== "raft" || got.message.kind !== "append")
      throw new Error("the append is not where it should be");
    const [arrived] = got.message.entries;
    if (arrived?.kind !== "command") throw new Error("the command is missing");
    // Compared as buffers: the matcher needs seconds for three million elements.
    expect(Buffer.from(arrived.data).equals(data)).toBe(true);
    expect(indexes(b).filter((at) => at >= 0)).toHaveLength(199);
  });

  it("writes what one turn queued together, in one write", async () => {
    const [a, b] = await pair();
    const writes = vi.spyOn(Socket.prototype as unknown as { _writev(chunks: unknown[]): void }, "_writev");
    for (let at = 0; at < 50; at++) a.transport.send(b.id, digest(at));
    await until(() => b.heard.packets.length === 50);
    expect(writes.mock.calls.map(([chunks]) => chunks.length)).toContain(50);
    writes.mockRestore();
  });

  it("comes back after the acceptor was killed, saying each loss and each return once", async () => {
    const [a, b] = await pair();
    // The first attempts came before the other node was there.
    const seenBefore = a.heard.links.length;
    await b.close();
    await until(() => !isUp(a, "n2"));
    await until(() => a.heard.links.length === seenBefore + 1);
    a.transport.send(b.id, digest(1));
    expect(a.transport.dropped().get(b.id)).toBe(1);
    const attempts = world.relay("n2").refused;
    await until(() => world.relay("n2").refused >= attempts + 3);
    expect(a.heard.links.slice(seenBefore)).toEqual(["-n2"]);
    const again = await world.open("n2");
    await until(() => isUp(a, "n2"));
    a.transport.send(b.id, digest(2));
    await until(() => again.heard.packets.length === 1);
    expect(indexes(again)).toEqual([2]);
    expect(a.heard.links.slice(seenBefore)).toEqual(["-n2", "+n2"]);
  });

  it("says once that a peer which was never there is unreachable", async () => {
    world = await World.of("n1", "n2");
    const a = await world.open("n1");
    await until(() => world.relay("n2").refused >= 5);
    expect(a.heard.links).toEqual(["-n2"]);
    expect(a.heard.notices.filter((notice) => notice.event === "dialFailed").length).toBeLessThanOrEqual(2);
  });

  it("is dialled at once, in spite of a long backoff, when the peer itself dials", async () => {
    world = await World.of("n1", "n2");
    const a = await world.open("n1", { settings: { reconnectMsMin: 60_000, reconnectMsMax: 60_000 } });
    await until(() => a.heard.links.includes("-n2"));
    await world.open("n2");
    await until(() => isUp(a, "n2"));
  });

  it("backs off when it stands only for moments: two nodes with one identity must not fight without end", async () => {
    world = await World.of("n1", "n2");
    const settings = { reconnectMsMin: 5, reconnectMsMax: 60_000, keepaliveMs: 10_000 };
    const b = await world.open("n2", { settings });
    const twin = await world.open("n1", { settings });
    // Nobody can be dialled under the common name: who is dialled would dial back at once.
    world.relay("n1").target = undefined;
    const other = await world.open("n1", { settings });
    world.relay("n1").target = undefined;
    const upAtMs = (): number[] => [...twin.heard.upAtMs, ...other.heard.upAtMs].sort((x, y) => x - y);
    // Each return of one is the loss of the other, which comes back after half to all of its ceiling: 5 ms at first,
    // and twice as much each time. So after the first return of each, the eight that follow take 2.5, 2.5, 5, 5, 10,
    // 10, 20 and 20 ms at the very least, and the next four 40, 40, 80 and 80.
    await until(() => upAtMs().length >= 14);
    const [tenth = 0, , , , last = 0] = upAtMs().slice(9);
    // A timer may fire a millisecond early.
    expect(last - tenth).toBeGreaterThan(40 + 40 + 80 + 80 - 4);
    expect(b.heard.contacts).toHaveLength(1);
  });

  it("counts the bytes that left for a peer, and goes on counting when the link is made anew", async () => {
    const [a, b] = await pair();
    const sent = (): number => a.transport.sentToPeers().get(b.id) ?? -1;
    const before = sent();
    expect(before).toBeGreaterThanOrEqual(0);
    a.transport.send(b.id, digest(5));
    await until(() => indexes(b).includes(5));
    const one = sent() - before;
    expect(one).toBeGreaterThan(8);
    world.relay("n2").cut();
    await until(() => a.heard.links.slice(-2).join() === "-n2,+n2");
    a.transport.send(b.id, digest(6));
    await until(() => indexes(b).includes(6));
    expect(sent() - before).toBe(2 * one);
  });

  it("measures the round trip, and forgets it with the link", async () => {
    const [a, b] = await pair();
    const trip = a.transport.roundTrips().get(b.id) ?? -1;
    expect(trip).toBeGreaterThan(0);
    expect(trip).toBeLessThan(1000);
    await b.close();
    await until(() => a.transport.roundTrips().size === 0);
  });

  it("is given up when the network swallows everything, and the older half is replaced", async () => {
    const [a, b] = await pair();
    const before = b.heard.links.length;
    world.relay("n2").frozen = true;
    await until(() => a.heard.links.at(-1) === "-n2");
    expect(a.heard.notices.map((notice) => notice.event)).toContain("linkSilent");
    world.relay("n2").frozen = false;
    await until(() => a.heard.links.at(-1) === "+n2");
    a.transport.send(b.id, digest(7));
    await until(() => indexes(b).includes(7));
    // The other direction has its own connection and never noticed.
    expect(b.heard.links).toHaveLength(before);
  });

  it("replaces a half-open link at once when the peer dials again, long before it is seen to be dead", async () => {
    world = await World.of("n1", "n2");
    const patient = { settings: { keepaliveMs: 60_000 } };
    const b = await world.open("n2", patient);
    const first = await world.open("n1", patient);
    await until(() => first.heard.links.includes("+n2") && b.heard.links.includes("+n1"));
    const relay = world.relay("n2");
    // The power cut: b never hears that the first n1 is gone.
    relay.frozen = true;
    await first.close();
    await until(() => relay.connections === 0);
    relay.frozen = false;
    expect(relay.connectionsToTarget).toBe(1);
    const second = await world.open("n1", patient);
    await until(() => second.heard.links.includes("+n2"));
    second.transport.send(b.id, digest(3));
    await until(() => indexes(b).includes(3));
    await until(() => relay.connectionsToTarget === 1);
    expect(b.heard.notices.map((notice) => notice.event)).not.toContain("linkSilent");
  });

  it("drops and counts packets beyond the bound of the queue, and memory stays bounded", async () => {
    const [a, b] = await pair({
      settings: { queueBytesMax: 200_000, frameBytesMax: 100_000, keepaliveMs: 1000 },
    });
    const relay = world.relay("n2");
    // A receiver that takes nothing: the relay stops reading, so the kernel's buffers fill, then the queue.
    relay.stall();
    const packet = digest(1);
    const one = 8 + 8;
    const rounds = 2_000_000 / one;
    let sent = 0;
    while ((a.transport.dropped().get(b.id) ?? 0) === 0 && sent < 100 * rounds) {
      for (let i = 0; i < 5000; i++, sent++) a.transport.send(b.id, packet);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const dropped = a.transport.dropped().get(b.id) ?? 0;
    expect(dropped).toBeGreaterThan(0);
    relay.resume();
    await until(() => b.heard.packets.length === sent - dropped);
    a.transport.send(b.id, digest(9));
    await until(() => indexes(b).at(-1) === 9);
  });

  it("drops a packet longer than any frame may be, with a notice, and keeps the link", async () => {
    const [a, b] = await pair({ settings: { frameBytesMax: 1000, queueBytesMax: 10_000 } });
    const offer = {
      meta: {
        index: index(1),
        term: term(1),
        chain: 1,
        configuration: {
          voters: Array.from({ length: 100 }, () => nodeId("n".repeat(32))),
          outgoing: [],
          removed: [],
          learners: [],
          members: [],
        },
        configurationIndex: index(0),
      },
      ok: true,
    };
    a.transport.send(b.id, { kind: "snapshotResult", ...offer });
    a.transport.send(b.id, digest(4));
    await until(() => indexes(b).includes(4));
    expect(b.heard.packets).toHaveLength(1);
    expect(a.heard.notices.map((notice) => notice.event)).toContain("packetTooLong");
    expect(a.transport.dropped().get(b.id)).toBe(1);
  });

  it("drops packets for a node that is no peer", async () => {
    const [a] = await pair();
    a.transport.send(nodeId("n9"), digest(1));
    await eventually(() => expect(a.heard.links).not.toContain("-n9"));
  });

  it("says nothing more once it is closed", async () => {
    const [a, b] = await pair();
    a.transport.send(b.id, digest(1));
    const closing = a.close();
    const said = JSON.stringify(a.heard);
    await closing;
    b.transport.send(a.id, digest(2));
    await until(() => !isUp(b, "n1"));
    expect(JSON.stringify(a.heard)).toBe(said);
    await a.transport.close();
  });
});
