import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { VERSIONS } from "../../src/transport/handshake.ts";
import { type JoinAnswer, type JoinOptions, TransportError } from "../../src/transport/index.ts";
import { ask, LATER, MEMBER, memberThat, REQUEST, rawRequest } from "./joining.ts";
import { gateway, until, World } from "./nodes.ts";
import { introduce, JOIN } from "./raw-peer.ts";

let world: World;
beforeEach(async () => {
  world = await World.of("n1", "n2", "n3");
});
afterEach(() => world.close());

describe("asking to join", () => {
  it("hands the whole request to the member, and its answer back", async () => {
    const { node, asked, address } = await memberThat(world, MEMBER);
    expect(await ask([address])).toEqual(MEMBER);
    const wait = { ...REQUEST, ask: "wait", clusterId: "cluster-a" } as const;
    expect(await ask([address], { request: wait })).toEqual(MEMBER);
    expect(asked).toEqual([
      { ...REQUEST, versions: VERSIONS },
      { ...wait, versions: VERSIONS },
    ]);
    expect(node.heard.notices).toEqual([]);
    await until(() => world.relay("n1").connections === 0);
  });

  it.each<JoinAnswer>([
    LATER,
    { kind: "refused", code: "idUsed", detail: "n9 is another node." },
    { kind: "refused", code: "removed", detail: "n9 was removed." },
  ])("gives back any other answer as it was said: %o", async (answer) => {
    const { address } = await memberThat(world, answer);
    expect(await ask([address])).toEqual(answer);
  });

  it("follows the way to the leader, whose word counts", async () => {
    const leader = await memberThat(world, LATER, "n2");
    const follower = await memberThat(world, { kind: "redirect", peer: leader.address });
    const third = await memberThat(world, MEMBER, "n3");
    expect(await ask([follower.address, third.address])).toEqual(LATER);
    expect([follower.asked.length, leader.asked.length, third.asked.length]).toEqual([1, 1, 0]);
  });

  it("asks the next one where nobody is, where nobody knows the leader, and where the way leads nowhere", async () => {
    const nowhere = await memberThat(world, { kind: "redirect", peer: "127.0.0.1:1" });
    const unsure = await memberThat(world, LATER, "n2");
    const good = await memberThat(world, MEMBER, "n3");
    const dead = "127.0.0.1:1";
    expect(await ask([dead, nowhere.address, unsure.address, good.address])).toEqual(MEMBER);
    expect(await ask([dead, nowhere.address, unsure.address])).toEqual(LATER);
  });

  it("does not walk in circles", async () => {
    const one = await memberThat(world, { kind: "redirect", peer: world.relay("n2").address });
    const two = await memberThat(world, { kind: "redirect", peer: one.address }, "n2");
    expect(await ask([one.address])).toEqual({
      kind: "unreachable",
      detail: "The members point to each other.",
    });
    expect([one.asked.length, two.asked.length]).toEqual([1, 1]);
  });

  it("says of each address why it was of no use", async () => {
    const stranger = await memberThat(world, MEMBER, "n1", { secret: "another" });
    const outcome = await ask(["127.0.0.1:1", stranger.address]);
    expect(outcome).toEqual({
      kind: "unreachable",
      detail: expect.stringMatching(
        /^127\.0\.0\.1:1: .*ECONNREFUSED.*\. 127\.0\.0\.1:\d+: it has another secret\.$/,
      ),
    });
    expect(stranger.asked).toEqual([]);
    expect(stranger.node.heard.notices.map(({ event }) => event)).toEqual(["strangerRefused"]);
  });

  it("can be ended at any moment", async () => {
    const gate = gateway();
    const { asked, address } = await memberThat(world, async () => {
      await gate.passed;
      return MEMBER;
    });
    const stop = new AbortController();
    const asking = ask([address, world.relay("n2").address], { signal: stop.signal });
    await until(() => asked.length === 1);
    stop.abort();
    expect(await asking).toMatchObject({ kind: "unreachable", detail: expect.stringMatching(/given it up/) });
    expect(await ask([address], { signal: stop.signal })).toMatchObject({ kind: "unreachable" });
    expect(asked).toHaveLength(1);
    gate.open();
  });

  it.each<[string, Partial<JoinOptions>, string, RegExp]>([
    ["no address", { addresses: [] }, "invalidOptions", /at least one member/],
    ["an address that is none", { addresses: ["there"] }, "invalidOptions", /"there", is not host:port/],
    [
      "a member elsewhere and no secret",
      { secret: "", addresses: ["10.0.0.7:4100"] },
      "secretRequired",
      /"10\.0\.0\.7"/,
    ],
    [
      "a peer address elsewhere and no secret",
      { secret: "", request: { ...REQUEST, peer: "10.0.0.9:4100" } },
      "secretRequired",
      /"10\.0\.0\.9"/,
    ],
    ["a peer address that is none", { request: { ...REQUEST, peer: "x" } }, "invalidOptions", /n9, "x"/],
    ["an API that is none", { request: { ...REQUEST, api: "ftp://x" } }, "invalidOptions", /ftp:\/\/x/],
    [
      "an incarnation that is none",
      { request: { ...REQUEST, incarnation: "1" } },
      "invalidOptions",
      /32 hex/,
    ],
    [
      "more than a frame holds",
      { request: { ...REQUEST, api: `http://x/${"y".repeat(2000)}`, clusterId: "z".repeat(2000) } },
      "invalidOptions",
      /too long/,
    ],
    ["a setting out of range", { settings: { joinMsMax: 0 } }, "invalidOptions", /joinMsMax/],
  ])("refuses %s with a sentence", async (_title, changes, code, sentence) => {
    const refusal = await ask(["127.0.0.1:1"], changes).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(TransportError);
    expect(refusal).toMatchObject({ code, message: expect.stringMatching(sentence) });
  });

  it("needs no secret on this machine, and is not sent away from it without one", async () => {
    const open = { secret: "" };
    const { address, asked } = await memberThat(world, MEMBER, "n1", open);
    expect(await ask([address], open)).toEqual(MEMBER);
    const away = await memberThat(world, { kind: "redirect", peer: "10.0.0.7:4100" }, "n2", open);
    expect(await ask([away.address], open)).toEqual({
      kind: "unreachable",
      detail: `${away.address} points to "10.0.0.7:4100", which is not a loopback address, and the cluster has no secret.`,
    });
    const outside = rawRequest({ peer: "10.0.0.9:4100" });
    const { answer } = await introduce(world.relay("n1").port, outside, "", JOIN);
    expect(answer).toMatchObject({
      kind: "refused",
      code: "secret",
      detail: expect.stringMatching(/10\.0\.0\.9/),
    });
    expect(asked).toHaveLength(1);
  });
});
