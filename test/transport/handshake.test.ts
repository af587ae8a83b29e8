import { afterEach, describe, expect, it } from "vitest";
import { VERSIONS } from "../../src/transport/handshake.ts";
import type { HandshakeRefusal } from "../../src/transport/index.ts";
import { gateway, incarnationOf, isUp, type OpenOptions, until, World } from "./nodes.ts";
import { frame, introduce, macOf, RawAcceptor, RawPeer, sealedAnswer, UPGRADE } from "./raw-peer.ts";

const SECRET = "a secret for tests";
const NONCE = "0".repeat(32);

let world: World;
let acceptor: RawAcceptor | undefined;
afterEach(async () => {
  await acceptor?.close();
  acceptor = undefined;
  await world.close();
});

/** What n1 would say to n2. */
function hello(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    min: 1,
    max: 1,
    clusterId: "cluster-a",
    from: "n1",
    fromIncarnation: incarnationOf("n1"),
    to: "n2",
    toIncarnation: null,
    nonce: NONCE,
    keepaliveMs: 1000,
    ...changes,
  };
}

describe("the handshake, from the outside", () => {
  it("welcomes whoever follows its description, and ignores fields that it does not know", async () => {
    world = await World.of("n1", "n2");
    const b = await world.open("n2");
    const { answer, proved, challenge } = await introduce(
      b.transport.port,
      hello({ colour: "blue" }),
      SECRET,
    );
    expect(challenge).toEqual({ ...VERSIONS, nonce: expect.stringMatching(/^[0-9a-f]{32}$/) });
    expect(answer).toEqual({ kind: "welcome", version: 1, from: "n2", incarnation: incarnationOf("n2") });
    expect(proved).toBe(true);
    expect(b.heard.contacts).toEqual([{ peer: "n1", incarnation: incarnationOf("n1") }]);
  });

  it.each<[HandshakeRefusal, Record<string, unknown>, RegExp]>([
    ["version", { min: 3, max: 4 }, /versions 1 to 2, and n1 3 to 4/],
    ["cluster", { clusterId: "cluster-b" }, /cluster-b/],
    ["unknownNode", { from: "n7" }, /knows no node n7/],
    ["wrongNode", { to: "n3" }, /This is node n2/],
    ["wrongNode", { toIncarnation: incarnationOf("before") }, /another|not the one that n1 knows/],
    ["incarnation", { fromIncarnation: incarnationOf("other") }, /another one than before/],
    ["malformed", { from: "N 1" }, /understood/],
    ["malformed", { nonce: 5 }, /understood/],
    ["malformed", { fromIncarnation: "1234" }, /understood/],
    ["malformed", { keepaliveMs: 0 }, /understood/],
    ["malformed", { min: 2, max: 1 }, /understood/],
  ])("refuses with %s: %o", async (refusal, changes, detail) => {
    world = await World.of("n1", "n2");
    const b = await world.open("n2", { pins: { n1: incarnationOf("n1") } });
    const { peer, answer, proved } = await introduce(b.transport.port, hello(changes), SECRET);
    expect(answer).toEqual({ kind: "refused", refusal, detail: expect.stringMatching(detail) });
    expect(proved).toBe(true);
    await peer.end();
    expect(b.heard.contacts).toEqual([]);
    expect(b.heard.notices.map((notice) => notice.event)).toContain("handshakeRefused");
  });

  it("tells a stranger without the secret nothing but that he is refused", async () => {
    world = await World.of("n1", "n2");
    const b = await world.open("n2");
    for (const fields of [
      hello(),
      hello({ clusterId: "x" }),
      hello({ from: "n7" }),
      hello({ min: 9, max: 9 }),
    ]) {
      const { peer, answer, proved } = await introduce(b.transport.port, fields, "guess");
      expect(answer).toEqual({ kind: "refused", refusal: "secret", detail: "refused" });
      expect(proved).toBe(false);
      await peer.end();
      expect(peer.unread).toHaveLength(0);
    }
    expect(b.heard.contacts).toEqual([]);
    expect(b.heard.notices.filter((notice) => notice.event === "strangerRefused")).toHaveLength(4);
  });

  it("gives a stranger no mac to try secrets on", async () => {
    world = await World.of("n1", "n2");
    const b = await world.open("n2");
    const peer = await RawPeer.dial(b.transport.port);
    peer.socket.write(UPGRADE);
    await peer.head();
    await peer.payload();
    peer.socket.write(frame(Buffer.alloc(40, 1)));
    const answer = await peer.payload();
    expect(answer.subarray(0, 32).equals(Buffer.alloc(32))).toBe(true);
  });

  it("does not accept a hello that was said on another connection, nor its own answer turned around", async () => {
    world = await World.of("n1", "n2");
    const b = await world.open("n2");
    const json = Buffer.from(JSON.stringify(hello()));
    const one = await RawPeer.dial(b.transport.port);
    one.socket.write(UPGRADE);
    await one.head();
    const first = await one.payload();
    const replayed = Buffer.concat([macOf(SECRET, "hello", [first, json]), json]);
    const turned = Buffer.concat([macOf(SECRET, "answer", [first, json]), json]);
    one.socket.write(frame(turned));
    expect((await one.payload()).subarray(32).toString()).toContain('"secret"');
    const two = await RawPeer.dial(b.transport.port);
    two.socket.write(UPGRADE);
    await two.head();
    await two.payload();
    two.socket.write(frame(replayed));
    expect((await two.payload()).subarray(32).toString()).toContain('"secret"');
  });

  it("closes a connection that does not come to the point in time", async () => {
    world = await World.of("n1", "n2");
    const b = await world.open("n2", { settings: { handshakeMsMax: 60 } });
    const silent = await RawPeer.dial(b.transport.port);
    silent.socket.write(UPGRADE);
    await silent.head();
    const mute = await RawPeer.dial(b.transport.port);
    await Promise.all([silent.end(), mute.end()]);
    expect(b.heard.notices.some((notice) => /longer than 60 ms/.test(notice.detail))).toBe(true);
  });

  it.each([1, 2])("closes a connection on which packets come before the welcome (%i)", async (count) => {
    world = await World.of("n1", "n2");
    const gate = gateway();
    const b = await world.open("n2", { onFirstContact: () => gate.passed });
    const peer = await RawPeer.dial(b.transport.port);
    peer.socket.write(UPGRADE);
    await peer.head();
    const challenge = await peer.payload();
    const json = Buffer.from(JSON.stringify(hello()));
    peer.socket.write(frame(Buffer.concat([macOf(SECRET, "hello", [challenge, json]), json])));
    await until(() => b.heard.contacts.length === 1);
    const ping = frame(Buffer.from([0x92, 0, 1]));
    peer.socket.write(Buffer.concat(Array.from({ length: count }, () => ping)));
    // A whole conversation on another connection: by then the node has read what came before on this one.
    await introduce(b.transport.port, hello(), "guess");
    gate.open();
    await peer.end();
    await until(() => b.heard.notices.some((notice) => /before its turn/.test(notice.detail)));
  });
});

/** n1 with a bare socket where n2 should be. */
async function dialAt(raw: RawAcceptor, options: OpenOptions = {}) {
  world = await World.of("n1", "n2");
  world.relay("n2").target = raw.port;
  return world.open("n1", options);
}

describe("the handshake, as the dialler", () => {
  const welcome = { kind: "welcome", version: 1, from: "n2", incarnation: incarnationOf("n2") };

  it("introduces itself and accepts a proved welcome", async () => {
    acceptor = await RawAcceptor.open(sealedAnswer(SECRET, { ...welcome, more: true }));
    const a = await dialAt(acceptor);
    await until(() => a.heard.links.includes("+n2"));
    expect(acceptor.hellos[0]).toMatchObject(
      hello({
        ...VERSIONS,
        nonce: expect.anything(),
        keepaliveMs: expect.anything(),
        address: world.relay("n1").address,
      }),
    );
    expect(a.heard.contacts).toEqual([{ peer: "n2", incarnation: incarnationOf("n2") }]);
  });

  it.each<[string, Record<string, unknown>, string, RegExp]>([
    ["without the secret", welcome, "guess", /could not prove/],
    ["of another node", { ...welcome, from: "n3" }, SECRET, /says that it is n3/],
    [
      "of another incarnation",
      { ...welcome, incarnation: incarnationOf("x") },
      SECRET,
      /another one than before/,
    ],
    ["in another version", { ...welcome, version: 2 }, SECRET, /version 2/],
    ["that makes no sense", { kind: "welcome" }, SECRET, /could not be understood/],
  ])("gives up on a welcome %s", async (_title, fields, secret, why) => {
    acceptor = await RawAcceptor.open(sealedAnswer(secret, fields));
    const a = await dialAt(acceptor, { pins: { n2: incarnationOf("n2") } });
    await until(() => a.heard.notices.some((notice) => why.test(notice.detail)));
    expect(a.heard.links).toEqual(["-n2"]);
    expect(a.heard.refusals).toEqual([]);
  });

  it("believes a refusal only with proof: without, anyone could stop a node", async () => {
    const refused = { kind: "refused", refusal: "incarnation", detail: "go away" };
    acceptor = await RawAcceptor.open(sealedAnswer("guess", refused));
    const a = await dialAt(acceptor);
    await until(() => a.heard.notices.some((notice) => notice.event === "dialRefused"));
    expect(a.heard.refusals).toEqual([]);
    await world.close();
    await acceptor.close();
    acceptor = await RawAcceptor.open(sealedAnswer(SECRET, refused));
    const b = await dialAt(acceptor);
    await until(() => (acceptor?.hellos.length ?? 0) >= 3);
    expect(b.heard.refusals).toEqual([{ peer: "n2", refusal: "incarnation", detail: "go away" }]);
  });

  it("speaks the newest version that both speak", async () => {
    const chosen = sealedAnswer(SECRET, { ...welcome, version: 3 });
    acceptor = await RawAcceptor.open(chosen, { min: 2, max: 3 });
    const a = await dialAt(acceptor, { versions: { min: 1, max: 5 } });
    await until(() => a.heard.links.includes("+n2"));
    expect(acceptor.hellos[0]).toMatchObject({ min: 1, max: 5 });
  });

  it("gives up on someone who says nothing, or nothing that makes sense", async () => {
    acceptor = await RawAcceptor.open(() => undefined);
    const a = await dialAt(acceptor, { settings: { handshakeMsMax: 60 } });
    await until(() => a.heard.notices.some((notice) => /longer than/.test(notice.detail)));
    await world.close();
    await acceptor.close();
    acceptor = await RawAcceptor.open(() => undefined, { min: "one" });
    const b = await dialAt(acceptor);
    await until(() =>
      b.heard.notices.some((notice) => /challenge could not be understood/.test(notice.detail)),
    );
  });
});

describe("the handshake, between two nodes", () => {
  it.each<[HandshakeRefusal, OpenOptions, OpenOptions]>([
    ["cluster", { clusterId: "cluster-b" }, {}],
    ["version", { versions: { min: 3, max: 3 } }, {}],
    ["incarnation", {}, { pins: { n1: incarnationOf("earlier") } }],
    ["wrongNode", { pins: { n2: incarnationOf("earlier") } }, {}],
    ["unknownNode", {}, { peers: [] }],
  ])("a peer's refusal arrives with its reason: %s", async (refusal, first, second) => {
    world = await World.of("n1", "n2");
    const b = await world.open("n2", second);
    const a = await world.open("n1", first);
    await until(() => a.heard.refusals.length > 0);
    await until(() => b.heard.notices.some((notice) => notice.event === "handshakeRefused"));
    expect(a.heard.refusals).toEqual([{ peer: "n2", refusal, detail: expect.stringMatching(/\.$/) }]);
    expect(isUp(a, "n2")).toBe(false);
  });

  it("without the same secret there is no link, and no refusal that would count", async () => {
    world = await World.of("n1", "n2");
    const b = await world.open("n2", { secret: "one" });
    const a = await world.open("n1", { secret: "two" });
    await until(() => a.heard.notices.some((notice) => /\(secret\)/.test(notice.detail)));
    await until(() => b.heard.notices.some((notice) => notice.event === "strangerRefused"));
    expect([...a.heard.refusals, ...b.heard.refusals]).toEqual([]);
    expect([...a.heard.contacts, ...b.heard.contacts]).toEqual([]);
  });

  it("needs no secret on loopback", async () => {
    world = await World.of("n1", "n2");
    const a = await world.open("n1", { secret: "" });
    await world.open("n2", { secret: "" });
    await until(() => isUp(a, "n2"));
  });
});

describe("the first contact", () => {
  it("is made durable once by each side, before either answers", async () => {
    world = await World.of("n1", "n2");
    const durable = gateway();
    const b = await world.open("n2", { onFirstContact: () => durable.passed });
    const a = await world.open("n1");
    await until(() => b.heard.contacts.length === 1);
    // n2 has also been dialled by n1, and dials n1 itself; neither may come to an end before the pin is durable.
    await until(() => world.relay("n1").recorded.length > 0 && world.relay("n2").recorded.length > 0);
    expect(a.heard.links).not.toContain("+n2");
    expect(b.heard.links).not.toContain("+n1");
    durable.open();
    await until(() => isUp(a, "n2") && isUp(b, "n1"));
    expect(a.heard.contacts).toEqual([{ peer: "n2", incarnation: incarnationOf("n2") }]);
    expect(b.heard.contacts).toEqual([{ peer: "n1", incarnation: incarnationOf("n1") }]);
  });

  it("does not happen with a peer whose incarnation is known", async () => {
    world = await World.of("n1", "n2");
    const a = await world.open("n1", { pins: { n2: incarnationOf("n2") } });
    const b = await world.open("n2", { pins: { n1: incarnationOf("n1") } });
    await until(() => isUp(a, "n2") && isUp(b, "n1"));
    expect([...a.heard.contacts, ...b.heard.contacts]).toEqual([]);
  });

  it("binds: a second incarnation under the same id is refused, and the first comes back", async () => {
    world = await World.of("n1", "n2");
    const b = await world.open("n2");
    const first = await world.open("n1");
    await until(() => isUp(first, "n2") && isUp(b, "n1"));
    await first.close();
    const wiped = await world.open("n1", { incarnation: incarnationOf("wiped") });
    await until(() => wiped.heard.refusals.length > 0);
    expect(wiped.heard.refusals[0]).toMatchObject({ peer: "n2", refusal: "incarnation" });
    // What the wiped node accepts from n2 is n2's link to the old incarnation, which it refuses too.
    await until(() => b.heard.refusals.some(({ refusal }) => refusal === "wrongNode"));
    expect(wiped.heard.packets).toEqual([]);
    await wiped.close();
    const again = await world.open("n1");
    await until(() => isUp(again, "n2") && isUp(b, "n1"));
    expect(b.heard.contacts).toHaveLength(1);
  });

  it("refuses when the pin cannot be made durable, and asks again at the next attempt", async () => {
    world = await World.of("n1", "n2");
    let refuse = true;
    const b = await world.open("n2", {
      onFirstContact: () => (refuse ? Promise.reject(new Error("another was first")) : Promise.resolve()),
    });
    const a = await world.open("n1");
    await until(() => a.heard.refusals.some(({ detail }) => /another was first/.test(detail)));
    expect(a.heard.links).not.toContain("+n2");
    refuse = false;
    await until(() => isUp(a, "n2") && isUp(b, "n1"));
  });

  it("lets only one of two incarnations win that come at the same time", async () => {
    world = await World.of("n1", "n2");
    const gate = gateway();
    const b = await world.open("n2", { onFirstContact: () => gate.passed });
    const one = introduce(b.transport.port, hello(), SECRET);
    await until(() => b.heard.contacts.length === 1);
    const two = introduce(b.transport.port, hello({ fromIncarnation: incarnationOf("twin") }), SECRET);
    const before = b.heard.contacts.length;
    gate.open();
    expect((await one).answer["kind"]).toBe("welcome");
    expect((await two).answer).toMatchObject({ kind: "refused", refusal: "incarnation" });
    expect(b.heard.contacts).toHaveLength(before);
  });
});
