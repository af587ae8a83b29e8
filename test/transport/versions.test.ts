import { Packr, Unpackr } from "msgpackr";
import { afterEach, describe, expect, it } from "vitest";
import { type Configuration, type Entry, index, type Member, nodeId, term } from "../../src/raft/index.ts";
import { decodePacket, versionOf } from "../../src/transport/codec.ts";
import { encodePacket, type Packet } from "../../src/transport/index.ts";
import { MESSAGE_CODES } from "../../src/transport/message-codec.ts";
import { incarnationOf, isUp, type OpenOptions, type TestNode, until, World } from "./nodes.ts";
import { frame, introduce, RawAcceptor, type RawPeer, sealedAnswer } from "./raw-peer.ts";
import { onePacketOfEachKind } from "./samples.ts";

/** The rules are at the top of codec.ts. This program speaks 1 and 2; the peers here speak 1 alone, or 3 as well. */
const SECRET = "a secret for tests";
const packr = new Packr({ useRecords: false });
const unpackr = new Unpackr({ useRecords: false });

let world: World;
let acceptor: RawAcceptor | undefined;
afterEach(async () => {
  await acceptor?.close();
  acceptor = undefined;
  await world.close();
});

function raw(value: unknown): Buffer {
  return frame(packr.pack(value));
}

const HEARTBEAT = [2, MESSAGE_CODES.heartbeat, "n3", "n2", 3, 4, 4, 5];
const NEWER_KIND = [99, "tuesday", [1, 2]];
const NEWER_MESSAGE = [2, 77, "n3", "n2", 3, true];

/** n2, and on a bare socket n3, which speaks these versions and says more than anybody asked for. */
async function dialledBy(versions: {
  min: number;
  max: number;
}): Promise<{ b: TestNode; peer: RawPeer; version: unknown }> {
  world = await World.of("n2", "n3");
  const b = await world.open("n2", { peers: ["n3"], pins: { n3: incarnationOf("n3") } });
  const hello = {
    ...versions,
    clusterId: "cluster-a",
    from: "n3",
    fromIncarnation: incarnationOf("n3"),
    to: "n2",
    toIncarnation: null,
    nonce: "0".repeat(32),
    keepaliveMs: 10_000,
    favourites: { colour: "blue" },
  };
  const { peer, answer } = await introduce(b.transport.port, hello, SECRET);
  expect(answer["kind"]).toBe("welcome");
  return { b, peer, version: answer["version"] };
}

/** n1, whose link leads to a bare socket that speaks these versions. */
async function dialling(
  versions: { min: number; max: number },
  version: number,
  options: OpenOptions = {},
): Promise<{ a: TestNode; peer: RawPeer }> {
  const welcome = { kind: "welcome", version, from: "n2", incarnation: incarnationOf("n2"), mood: "good" };
  acceptor = await RawAcceptor.open(sealedAnswer(SECRET, welcome), { ...versions, weather: "fine" });
  world = await World.of("n1", "n2");
  world.relay("n2").target = acceptor.port;
  const a = await world.open("n1", { settings: { keepaliveMs: 10_000 }, ...options });
  await until(() => a.heard.links.includes("+n2"));
  const [peer] = acceptor.peers;
  if (peer === undefined) throw new Error("nobody dialled");
  return { a, peer };
}

describe("a peer one version newer", () => {
  it("is spoken to in the newest version that both know; what it says beyond that is passed over with one notice", async () => {
    const { b, peer, version } = await dialledBy({ min: 1, max: 3 });
    expect(version).toBe(2);
    peer.socket.write(Buffer.concat([NEWER_KIND, HEARTBEAT, NEWER_MESSAGE, NEWER_KIND].map(raw)));
    peer.socket.write(raw([...HEARTBEAT, "more", [5]]));
    await until(() => b.heard.packets.length === 2);
    const known = decodePacket(packr.pack(HEARTBEAT));
    expect(b.heard.packets.map(({ packet }) => packet)).toEqual([known, known]);
    expect(b.heard.notices.filter(({ event }) => event !== "dialFailed")).toEqual([
      {
        event: "unknownPacket",
        remote: expect.anything(),
        detail: "n3 speaks a newer version; some of it is passed over: packet: no kind has the number 99.",
      },
    ]);
    expect(peer.closed).toBe(false);
  });

  it("may say more where pongs come, too", async () => {
    const { a, peer } = await dialling({ min: 1, max: 3 }, 2);
    const [, sequence] = unpackr.unpack(await peer.payload()) as number[];
    peer.socket.write(Buffer.concat([NEWER_KIND, NEWER_KIND, [1, sequence, "more"]].map(raw)));
    await until(() => isUp(a, "n2"));
    expect(a.heard.notices.map(({ event }) => event)).toEqual(["versionsDiffer"]);
    expect(a.heard.links).toEqual(["+n2"]);
  });

  it.each([
    ["an entry of an unknown kind", [[1, 1, 5, 9, "x"]]],
    ["a field that is not what it should be", [[1, 1, -5, 0]]],
  ])("cannot be understood in %s, for that may be anything: the link ends", async (_title, entries) => {
    const { b, peer } = await dialledBy({ min: 1, max: 3 });
    peer.socket.write(raw([2, MESSAGE_CODES.append, "n3", "n2", 1, [0, 0], 0, 0, entries]));
    await peer.end();
    await until(() => b.heard.notices.some(({ event }) => event === "badFrame"));
    expect(b.heard.packets).toEqual([]);
  });

  it("is not confused with one of the same version, whose unknown packets are garbage", async () => {
    for (const garbage of [NEWER_KIND, NEWER_MESSAGE]) {
      const { b, peer } = await dialledBy({ min: 1, max: 2 });
      peer.socket.write(raw(garbage));
      await peer.end();
      await until(() => b.heard.notices.some(({ event }) => event === "badFrame"));
      await world.close();
    }
  });
});

function member(id: string): Member {
  return { id: nodeId(id), incarnation: incarnationOf(id), peer: "127.0.0.1:1", api: "http://127.0.0.1:2" };
}

const own = member("n1");
const configuration: Configuration = {
  voters: [nodeId("n1"), nodeId("n2")],
  outgoing: [nodeId("n1")],
  learners: [],
  members: [own, member("n2")],
  removed: [{ id: nodeId("n3"), incarnation: incarnationOf("n3") }],
};
const base = { index: index(1), term: term(1), chain: 5 };
const changes: Entry = { ...base, kind: "configuration", configuration };

function append(entry: Entry, from = "n1"): Packet {
  const previous = { index: index(0), term: term(0) };
  const envelope = { from: nodeId(from), to: nodeId("n2"), term: term(1) };
  const body = { kind: "append", previous, previousChain: 0, commit: index(0), entries: [entry] } as const;
  return { kind: "raft", message: { ...envelope, ...body } };
}

function offer(configurationIndex: number): Packet {
  const meta = { ...base, configuration, configurationIndex: index(configurationIndex) };
  const offered = { meta, bytes: 1, sha256: "0".repeat(64), digest: 1, token: "t".repeat(22) };
  return { kind: "snapshotOffer", offer: offered };
}

describe("a peer one version older", () => {
  it("knows no removed nodes: its configurations have none", async () => {
    const { b, peer, version } = await dialledBy({ min: 1, max: 1 });
    expect(version).toBe(1);
    for (const packet of [append(changes, "n3"), offer(0)]) {
      const list = unpackr.unpack(encodePacket(packet)) as unknown[];
      // Where the configuration lies in each of the two, with its five fields.
      const [entries, meta] = [list[8] as unknown[][] | undefined, list[1] as unknown[]];
      const found = (packet.kind === "raft" ? entries?.[0]?.[4] : meta[3]) as unknown[];
      expect(found.pop()).toEqual([["n3", incarnationOf("n3")]]);
      peer.socket.write(raw(list));
    }
    await until(() => b.heard.packets.length === 2);
    const without = { ...configuration, removed: [] };
    expect(b.heard.packets.map(({ packet }) => packet)).toMatchObject([
      { message: { entries: [{ configuration: without }] } },
      { offer: { meta: { configuration: without } } },
    ]);
  });

  it("is sent nothing that it would misunderstand, with one notice, and everything else", async () => {
    const { a, peer } = await dialling({ min: 1, max: 1 }, 1);
    const announce: Packet = { kind: "announce", member: own, wantsVote: true };
    const fine: Packet[] = [
      append({ ...base, kind: "noop" }),
      offer(0),
      { kind: "digest", index: 1024, digest: 1 },
    ];
    for (const packet of [announce, append(changes), offer(7), ...fine])
      a.transport.send(nodeId("n2"), packet);
    expect((unpackr.unpack(await peer.payload()) as unknown[])[0]).toBe(0);
    for (const packet of fine) expect(decodePacket(await peer.payload())).toEqual(packet);
    expect(a.transport.dropped().get(nodeId("n2"))).toBe(3);
    expect(a.heard.notices.map(({ event, detail }) => [event, detail])).toEqual([
      ["versionsDiffer", "What n2 would not understand (announce) is not sent to it: upgrade it."],
    ]);
  });
});

describe("nodes of neighbouring versions", () => {
  it.each([
    [{ min: 1, max: 1 }, { min: 1, max: 2 }, 1],
    [{ min: 1, max: 3 }, { min: 1, max: 2 }, 2],
    [{ min: 2, max: 3 }, { min: 1, max: 2 }, 2],
  ])("%o and %o understand each other in all that both know", async (first, second, common) => {
    world = await World.of("n1", "n2");
    const a = await world.open("n1", { versions: first });
    const b = await world.open("n2", { versions: second });
    await until(() => isUp(a, "n2") && isUp(b, "n1"));
    expect([a.heard.versions.get(b.id), b.heard.versions.get(a.id)]).toEqual([common, common]);
    const known = onePacketOfEachKind("n1", "n2").filter((packet) => versionOf(packet) <= common);
    for (const packet of known) a.transport.send(b.id, packet);
    await until(() => b.heard.packets.length === known.length);
    expect(b.heard.packets.map(({ packet }) => packet)).toEqual(known);
    const events = [...a.heard.notices, ...b.heard.notices].map(({ event }) => event);
    expect(events.filter((event) => event !== "dialFailed")).toEqual([]);
  });
});
