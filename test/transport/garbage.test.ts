import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { encodePacket } from "../../src/transport/index.ts";
import { incarnationOf, isUp, type TestNode, until, World } from "./nodes.ts";
import { frame, introduce, macOf, RawAcceptor, RawPeer, sealedAnswer, UPGRADE } from "./raw-peer.ts";
import { onePacketOfEachKind } from "./samples.ts";

/**
 * n1 and n2 are real and talk to each other throughout; n3 is the test, on bare sockets against n2. After each
 * attack the connection must be closed, n2 must have noted it, n3's packets must not have arrived, and the link
 * from n1 must never have been down.
 */
const SECRET = "a secret for tests";
const FRAME_MAX = 100_000;
let world: World;
let a: TestNode;
let b: TestNode;
let reachableBefore: number;

beforeAll(async () => {
  world = await World.of("n1", "n2", "n3");
  const settings = { frameBytesMax: FRAME_MAX, keepaliveMs: 1000 };
  b = await world.open("n2", { settings });
  a = await world.open("n1", { settings, peers: ["n2"] });
  await until(() => isUp(a, "n2") && isUp(b, "n1"));
});
afterAll(() => world.close());

beforeEach(() => {
  reachableBefore = a.heard.links.length;
  b.heard.packets.length = 0;
  b.heard.notices.length = 0;
});

/** The other link is unhurt: a packet still passes, and it never broke. */
async function expectOthersUnaffected(): Promise<void> {
  const before = b.heard.packets.length;
  a.transport.send(b.id, { kind: "digest", index: 1024, digest: 1 });
  await until(() => b.heard.packets.length === before + 1);
  expect(b.heard.packets.at(-1)?.from).toBe("n1");
  expect(a.heard.links.slice(reachableBefore).filter((said) => said.endsWith("n2"))).toEqual([]);
}

function hello(): Record<string, unknown> {
  return {
    min: 1,
    max: 1,
    clusterId: "cluster-a",
    from: "n3",
    fromIncarnation: incarnationOf("n3"),
    to: "n2",
    toIncarnation: null,
    nonce: "0".repeat(32),
    keepaliveMs: 30,
  };
}

/** A connection that n2 has welcomed as n3's. */
async function welcomed(): Promise<RawPeer> {
  const { peer, answer } = await introduce(b.transport.port, hello(), SECRET);
  expect(answer["kind"]).toBe("welcome");
  return peer;
}

describe("garbage", () => {
  it("before the upgrade closes the connection and nothing else", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 300 }), async (bytes) => {
        b.heard.notices.length = 0;
        const peer = await RawPeer.dial(b.transport.port);
        // A request may be cut off anywhere and still be one in the making; the end of it decides.
        peer.socket.end(Buffer.concat([bytes, Buffer.from("\r\n\r\n")]));
        await peer.end();
        expect(peer.unread.toString("latin1")).not.toContain("101");
      }),
      { numRuns: 60 },
    );
    const peer = await RawPeer.dial(b.transport.port);
    peer.socket.write(Buffer.alloc(20_000, 0x41));
    await peer.end();
    expect(b.heard.notices.map((notice) => notice.event)).toContain("badRequest");
    await expectOthersUnaffected();
  });

  it.each([
    "GET /raft/link HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    "POST /raft/link HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: raftally/1\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: raftally/1\r\n\r\n",
    "GET /raft/link HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    `GET /${"x".repeat(10_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
  ])("as a request is refused: %s", async (request) => {
    const peer = await RawPeer.dial(b.transport.port);
    peer.socket.write(request);
    await peer.end();
    expect(peer.unread.toString()).toMatch(/^(HTTP\/1.1 4\d\d .*)?/);
    expect(peer.unread.toString()).not.toContain("101");
    await expectOthersUnaffected();
  });

  it("after the upgrade, before the handshake, closes the connection with a notice", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 1, maxLength: 300 }),
        fc.boolean(),
        async (bytes, framed) => {
          b.heard.notices.length = 0;
          const peer = await RawPeer.dial(b.transport.port);
          peer.socket.write(UPGRADE);
          await peer.head();
          peer.socket.end(framed ? frame(bytes) : bytes);
          await peer.end();
          await until(() => b.heard.notices.length > 0);
          expect(b.heard.notices).toHaveLength(1);
        },
      ),
      { numRuns: 60 },
    );
    expect(b.heard.packets).toEqual([]);
    await expectOthersUnaffected();
  });

  it("of a length without end is refused after its header, also before the handshake", async () => {
    for (const length of [4097, 0x7fffffff, 0xffffffff]) {
      const peer = await RawPeer.dial(b.transport.port);
      peer.socket.write(UPGRADE);
      await peer.head();
      await peer.payload();
      const header = Buffer.alloc(4);
      header.writeUInt32BE(length);
      peer.socket.write(header);
      await peer.end();
      expect(b.heard.notices.at(-1)?.detail).toContain(`${length} bytes where 4096 are allowed`);
    }
    for (const length of [FRAME_MAX + 1, 0xffffffff]) {
      const peer = await welcomed();
      const header = Buffer.alloc(4);
      header.writeUInt32BE(length);
      peer.socket.write(header);
      await peer.end();
      expect(b.heard.notices.at(-1)?.detail).toContain(`${length} bytes where ${FRAME_MAX} are allowed`);
    }
    await expectOthersUnaffected();
  });

  it("of random bytes on a welcomed link closes it with a notice, and no packet comes of it", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 1, maxLength: 300 }),
        fc.boolean(),
        async (bytes, framed) => {
          b.heard.notices.length = 0;
          const peer = await welcomed();
          // Unframed, fewer than eight bytes are still a frame in the making: enough follow to end that.
          peer.socket.write(framed ? frame(bytes) : Buffer.concat([bytes, Buffer.alloc(FRAME_MAX + 8)]));
          await peer.end();
          await until(() => b.heard.notices.length > 0);
          expect(b.heard.notices[0]?.event).toBe("badFrame");
        },
      ),
      { numRuns: 60 },
    );
    expect(b.heard.packets).toEqual([]);
    await expectOthersUnaffected();
  });

  it("that is a flipped bit of a real frame closes the link; the frames before it arrive, none after it", async () => {
    const packets = onePacketOfEachKind("n3", "n2");
    const frames = packets.map((packet) => frame(encodePacket(packet)));
    await fc.assert(
      fc.asyncProperty(fc.nat(frames.length - 1), fc.nat(), async (which, at) => {
        b.heard.packets.length = 0;
        b.heard.notices.length = 0;
        const peer = await welcomed();
        const damaged = frames.map((one) => Buffer.from(one));
        const target = damaged[which] as Buffer;
        const bit = at % (target.length * 8);
        target[bit >>> 3] = (target[bit >>> 3] as number) ^ (1 << (bit & 7));
        // What a longer length waits for must come, or the link would only wait.
        peer.socket.write(Buffer.concat([...damaged, Buffer.alloc(FRAME_MAX)]));
        await peer.end();
        await until(() => b.heard.notices.length > 0);
        expect(b.heard.notices.map((notice) => notice.event)).toEqual(["badFrame"]);
        expect(b.heard.packets).toEqual(packets.slice(0, which).map((packet) => ({ from: "n3", packet })));
      }),
      { numRuns: 80 },
    );
    b.heard.packets.length = 0;
    await expectOthersUnaffected();
  });

  it("that is a frame cut off by the end of the connection leaves nothing behind", async () => {
    for (const packet of onePacketOfEachKind("n3", "n2")) {
      const whole = frame(encodePacket(packet));
      for (const length of [1, 7, 8, 9, whole.length - 1]) {
        const peer = await welcomed();
        peer.socket.end(whole.subarray(0, Math.min(length, whole.length - 1)));
        await peer.end();
      }
    }
    expect(b.heard.packets).toEqual([]);
    await expectOthersUnaffected();
  });

  it("that is a valid message in another's name, or for another, closes the link", async () => {
    for (const [from, to] of [
      ["n1", "n2"],
      ["n3", "n1"],
      ["n2", "n3"],
    ] as const) {
      b.heard.notices.length = 0;
      const peer = await welcomed();
      const [packet] = onePacketOfEachKind(from, to);
      if (packet === undefined) throw new Error("no packet was drawn");
      peer.socket.write(frame(encodePacket(packet)));
      await peer.end();
      expect(b.heard.notices[0]?.detail).toContain(`a message from ${from} to ${to} on the link of n3`);
    }
    expect(b.heard.packets).toEqual([]);
    await expectOthersUnaffected();
  });

  it("that is a pong nobody asked for closes the link", async () => {
    const peer = await welcomed();
    peer.socket.write(frame(encodePacket({ kind: "pong", sequence: 1 })));
    await peer.end();
    expect(b.heard.notices.at(-1)?.detail).toContain("pong");
  });

  it("that is silence ends a welcomed link after three keepalive intervals", async () => {
    const peer = await welcomed();
    await peer.end();
    expect(b.heard.notices.at(-1)?.event).toBe("linkSilent");
    await expectOthersUnaffected();
  });

  it("in place of pongs closes the link to whoever sends it, which is then dialled again", async () => {
    // n2 dials n3: here n3 listens, welcomes, and talks nonsense.
    const acceptor = await RawAcceptor.open(
      sealedAnswer(SECRET, { kind: "welcome", version: 1, from: "n3", incarnation: incarnationOf("n3") }),
    );
    world.relay("n3").target = acceptor.port;
    try {
      await until(() => isUp(b, "n3") || b.heard.links.at(-1) === "+n3");
      const [packet] = onePacketOfEachKind("n3", "n2");
      if (packet === undefined) throw new Error("no packet was drawn");
      for (const nonsense of [Buffer.alloc(8), frame(encodePacket(packet)), frame(Buffer.from("nonsense"))]) {
        b.heard.notices.length = 0;
        const seen = acceptor.peers.length;
        await until(() => b.heard.links.at(-1) === "+n3");
        acceptor.peers.at(-1)?.socket.write(nonsense);
        await until(() => acceptor.peers.length > seen);
        expect(b.heard.notices.map((notice) => notice.event)).toContain("badFrame");
      }
      expect(b.heard.packets).toEqual([]);
    } finally {
      world.relay("n3").target = undefined;
      await acceptor.close();
    }
    await expectOthersUnaffected();
  });

  it("of connections without number is cut off at a limit, and what stands goes on", async () => {
    const crowd = await Promise.all(Array.from({ length: 120 }, () => RawPeer.dial(b.transport.port)));
    await until(() => b.heard.notices.some((notice) => notice.event === "tooManyConnections"));
    // 64 to spare and 8 for each of two peers, of which n1's link is one.
    await until(() => crowd.filter((peer) => !peer.closed).length === 79);
    await expectOthersUnaffected();
    for (const peer of crowd) peer.socket.destroy();
    // Who comes when they are gone is let in again.
    await vi.waitFor(async () => (await welcomed()).socket.destroy(), { timeout: 5000, interval: 2 });
  });

  it("after a handshake mac that is right for other bytes is refused like any stranger", async () => {
    const peer = await RawPeer.dial(b.transport.port);
    peer.socket.write(UPGRADE);
    await peer.head();
    const challenge = await peer.payload();
    const json = Buffer.from(JSON.stringify(hello()));
    const mac = macOf(SECRET, "hello", [challenge, json]);
    json[20] = (json[20] as number) ^ 1;
    peer.socket.write(frame(Buffer.concat([mac, json])));
    expect((await peer.payload()).subarray(32).toString()).toContain('"secret"');
    await peer.end();
  });
});
