import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { VERSIONS } from "../../src/transport/handshake.ts";
import type { JoinAnswer } from "../../src/transport/index.ts";
import { ask, LATER, MEMBER, member, memberThat, REQUEST, rawRequest, SECRET, SETTINGS } from "./joining.ts";
import { gateway, incarnationOf, until, World } from "./nodes.ts";
import {
  frame,
  introduce,
  JOIN,
  LINK,
  macOf,
  RawAcceptor,
  RawPeer,
  sealedAnswer,
  UPGRADE_TO_JOIN,
} from "./raw-peer.ts";

let world: World;
const acceptors: RawAcceptor[] = [];
beforeEach(async () => {
  world = await World.of("n1", "n2", "n3");
});
afterEach(async () => {
  for (const acceptor of acceptors.splice(0)) await acceptor.close();
  await world.close();
});

/** Someone on a bare socket who answers a request to join so. */
async function someoneThat(
  answer: (challenge: Buffer, hello: Buffer) => Buffer | undefined,
): Promise<RawAcceptor> {
  const acceptor = await RawAcceptor.open(answer);
  acceptors.push(acceptor);
  return acceptor;
}

describe("a member that is asked", () => {
  it("answers whoever follows the description, once, and hangs up", async () => {
    const { node, asked } = await memberThat(world, MEMBER);
    const { peer, answer, proved, challenge } = await introduce(
      node.transport.port,
      rawRequest({ colour: "blue", clusterId: null }),
      SECRET,
      JOIN,
    );
    expect(challenge).toEqual({ ...VERSIONS, nonce: expect.stringMatching(/^[0-9a-f]{32}$/) });
    expect(answer).toEqual(MEMBER);
    expect(proved).toBe(true);
    await peer.end();
    expect(asked).toEqual([{ ...REQUEST, versions: VERSIONS }]);
  });

  it.each<[string, Record<string, unknown>, RegExp]>([
    ["version", { min: 7, max: 9 }, /versions 1 to 2, and n9 7 to 9/],
    ["cluster", { clusterId: "cluster-b" }, /cluster cluster-a, and n9 wants to join cluster-b/],
    ["malformed", { id: "N 9" }, /understood/],
    ["malformed", { incarnation: 5 }, /understood/],
    ["malformed", { ask: "voter" }, /understood/],
    ["malformed", { nonce: undefined }, /understood/],
    ["malformed", { clusterId: 5 }, /understood/],
    ["malformed", { min: 0 }, /understood/],
    ["malformed", { peer: "there" }, /"there" is not host:port/],
    ["malformed", { peer: 5 }, /understood/],
    ["malformed", { api: "javascript:alert(1)" }, /not a URL/],
    ["malformed", { api: `http://${"x".repeat(2100)}` }, /not a URL/],
  ])("refuses with %s: %o, and asks nobody", async (code, changes, detail) => {
    const { node, asked } = await memberThat(world, MEMBER);
    const { peer, answer, proved } = await introduce(node.transport.port, rawRequest(changes), SECRET, JOIN);
    expect(answer).toEqual({ kind: "refused", code, detail: expect.stringMatching(detail) });
    expect(proved).toBe(true);
    await peer.end();
    expect(asked).toEqual([]);
    expect(node.heard.notices.map(({ event }) => event)).toEqual(["joinRefused"]);
  });

  it("tells a stranger nothing, and lets nothing pass that was sealed for a link", async () => {
    const { node, asked } = await memberThat(world, MEMBER);
    const guess = await introduce(node.transport.port, rawRequest(), "guess", JOIN);
    expect(guess.answer).toEqual({ kind: "refused", code: "secret", detail: "refused" });
    expect(guess.proved).toBe(false);
    const turned = { ...JOIN, says: LINK.says };
    expect((await introduce(node.transport.port, rawRequest(), SECRET, turned)).answer).toMatchObject({
      code: "secret",
    });
    const peer = await RawPeer.dial(node.transport.port);
    peer.socket.write(UPGRADE_TO_JOIN);
    await peer.head();
    await peer.payload();
    peer.socket.write(frame(Buffer.alloc(40, 1)));
    expect((await peer.payload()).subarray(0, 32).equals(Buffer.alloc(32))).toBe(true);
    expect(asked).toEqual([]);
    expect(node.heard.notices.map(({ event }) => event)).toEqual(Array(3).fill("strangerRefused"));
  });

  it("closes garbage, oversized frames and silence with a notice", async () => {
    const { node, asked } = await memberThat(world, MEMBER, "n1", { settings: { handshakeMsMax: 60 } });
    for (const bytes of [
      Buffer.alloc(100),
      Buffer.from([0, 0, 16, 1]),
      Buffer.from("GET / HTTP/1.1\r\n\r\n"),
      undefined,
    ]) {
      node.heard.notices.length = 0;
      const peer = await RawPeer.dial(node.transport.port);
      peer.socket.write(UPGRADE_TO_JOIN);
      await peer.head();
      await peer.payload();
      if (bytes !== undefined) peer.socket.write(bytes);
      await peer.end();
      await until(() => node.heard.notices.length > 0);
      expect(node.heard.notices.map(({ event }) => event)).toEqual(["joinFailed"]);
    }
    expect(asked).toEqual([]);
  });

  it("says later where nobody answers: no handler, one that fails, or one that takes too long", async () => {
    const mute = await world.open("n2", { peers: [] });
    expect(await ask([world.relay("n2").address])).toMatchObject({
      kind: "later",
      detail: expect.stringMatching(/not take part/),
    });
    expect(mute.heard.notices).toEqual([]);
    const failing = await memberThat(world, () => Promise.reject(new Error("the disk is on fire")));
    expect(await ask([failing.address])).toMatchObject({ kind: "later" });
    expect(failing.node.heard.notices[0]?.detail).toMatch(/the disk is on fire/);
    const gate = gateway();
    const slow = await memberThat(
      world,
      async () => {
        await gate.passed;
        return MEMBER;
      },
      "n3",
      { settings: { joinMsMax: 30 } },
    );
    expect(await ask([slow.address])).toMatchObject({
      kind: "later",
      detail: expect.stringMatching(/not decided/),
    });
    gate.open();
  });

  it("works on sixteen requests at a time, and on the next when one is done", async () => {
    const gate = gateway();
    const { node, asked, address } = await memberThat(world, async () => {
      await gate.passed;
      return MEMBER;
    });
    const crowd = Array.from({ length: 16 }, () => ask([address]));
    await until(() => asked.length === 16);
    expect(await ask([address])).toMatchObject({ kind: "later", detail: expect.stringMatching(/Too many/) });
    gate.open();
    expect(await Promise.all(crowd)).toEqual(Array(16).fill(MEMBER));
    expect(await ask([address])).toEqual(MEMBER);
    expect(node.heard.notices).toEqual([]);
  });

  it("names hundreds of members, and says later rather than something too long to be read", async () => {
    const many = (count: number): JoinAnswer => ({
      ...MEMBER,
      members: [...Array.from({ length: count }, (_, at) => member(`m${at}`)), member("n9")],
    });
    const large = await memberThat(world, many(1000));
    expect(await ask([large.address])).toEqual(many(1000));
    const huge = await memberThat(world, many(5000), "n2");
    expect(await ask([huge.address])).toMatchObject({
      kind: "later",
      detail: expect.stringMatching(/too long/),
    });
    expect(huge.node.heard.notices.map(({ event }) => event)).toEqual(["joinFailed"]);
  });

  it("closes at once, also while it is being asked", async () => {
    const gate = gateway();
    const { node, asked, address } = await memberThat(world, async () => {
      await gate.passed;
      return MEMBER;
    });
    const asking = ask([address]);
    await until(() => asked.length === 1);
    await node.close();
    expect(await asking).toMatchObject({ kind: "unreachable" });
    gate.open();
  });
});

describe("an answer", () => {
  it.each<[string, Record<string, unknown>, RegExp]>([
    ["of no known kind", { kind: "welcome" }, /could not be understood/],
    ["without its members", { kind: "member", clusterId: "cluster-a" }, /could not be understood/],
    [
      "with a member that is none",
      { ...MEMBER, members: [{ ...member("n9"), id: "?" }] },
      /could not be understood/,
    ],
    ["that does not name the node", { ...MEMBER, members: [member("n1")] }, /does not name n9/],
    [
      "that names its earlier life",
      { ...MEMBER, members: [{ ...member("n9"), incarnation: incarnationOf("x") }] },
      /does not name n9/,
    ],
    ["for another cluster", { ...MEMBER, clusterId: "cluster-b" }, /answered for cluster cluster-b/],
    ["with a way to nowhere", { kind: "redirect", peer: "nowhere" }, /could not be understood/],
    [
      "that may never be asked again",
      { kind: "later", detail: "x", retryMs: "soon" },
      /could not be understood/,
    ],
  ])("%s counts for nothing", async (_title, fields, why) => {
    const raw = await someoneThat(sealedAnswer(SECRET, fields, JOIN));
    const request = { ...REQUEST, clusterId: "cluster-a" };
    const outcome = await ask([`127.0.0.1:${raw.port}`], { request });
    expect(outcome).toEqual({ kind: "unreachable", detail: expect.stringMatching(why) });
  });

  it("without proof counts for nothing, whatever it says", async () => {
    for (const [secret, fields] of [
      ["guess", MEMBER],
      ["guess", { kind: "refused", code: "removed", detail: "go away" }],
    ] as const) {
      const raw = await someoneThat(sealedAnswer(secret, { ...fields }, JOIN));
      const outcome = await ask([`127.0.0.1:${raw.port}`]);
      expect(outcome).toEqual({ kind: "unreachable", detail: expect.stringMatching(/could not prove/) });
    }
    // Right for a link is wrong here.
    const link = await someoneThat(sealedAnswer(SECRET, { ...MEMBER }, LINK));
    expect(await ask([`127.0.0.1:${link.port}`])).toMatchObject({ kind: "unreachable" });
  });

  it("of a newer member is understood as far as it matters", async () => {
    const raw = await someoneThat(
      sealedAnswer(SECRET, { kind: "refused", code: "tuesday", detail: "Not on Tuesdays.", more: [1] }, JOIN),
    );
    expect(await ask([`127.0.0.1:${raw.port}`])).toEqual({
      kind: "refused",
      code: "malformed",
      detail: "Not on Tuesdays.",
    });
    const patient = await someoneThat(sealedAnswer(SECRET, { ...LATER, retryMs: 1e9 }, JOIN));
    expect(await ask([`127.0.0.1:${patient.port}`])).toEqual({ ...LATER, retryMs: 60_000 });
  });

  it("that never comes, or is longer than any may be, is not waited for", async () => {
    const short = { settings: { ...SETTINGS, handshakeMsMax: 40, joinMsMax: 40 } };
    const silent = await someoneThat(() => undefined);
    expect(await ask([`127.0.0.1:${silent.port}`], short)).toMatchObject({
      kind: "unreachable",
      detail: expect.stringMatching(/longer than 80 ms/),
    });
    const endless = await someoneThat(() => undefined);
    const asking = ask([`127.0.0.1:${endless.port}`]);
    await until(() => endless.hellos.length === 1);
    endless.peers[0]?.socket.write(Buffer.from([0, 4, 0, 1]));
    expect(await asking).toMatchObject({
      detail: expect.stringMatching(/262145 bytes where 262144 are allowed/),
    });
  });

  it("is proved by what was said on this very connection", async () => {
    const stale = Buffer.from("x");
    const raw = await someoneThat((_challenge, hello) => {
      const json = Buffer.from(JSON.stringify(MEMBER));
      return Buffer.concat([macOf(SECRET, "joinAnswer", [stale, hello, json]), json]);
    });
    expect(await ask([`127.0.0.1:${raw.port}`])).toMatchObject({ kind: "unreachable" });
  });
});
