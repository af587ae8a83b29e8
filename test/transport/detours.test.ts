/** Peers that are reached at another address than the one the cluster knows. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { index, nodeId, term } from "../../src/raft/index.ts";
import { TransportError } from "../../src/transport/index.ts";
import { ask, MEMBER, memberThat } from "./joining.ts";
import { isUp, until, World } from "./nodes.ts";
import { Relay } from "./relay.ts";

let world: World;
/** The other way to n2. */
let way: Relay;
beforeEach(async () => {
  world = await World.of("n1", "n2");
  way = await Relay.open();
});
afterEach(async () => {
  await world.close();
  await way.close();
});

/** From the address by which n2 is known to the other way. */
function detours(): ReadonlyMap<string, string> {
  return new Map([[world.relay("n2").address, way.address]]);
}

describe("a detour", () => {
  it("is the way of the link of who knows it, and of nobody else's", async () => {
    const a = await world.open("n1", { detours: detours() });
    const b = await world.open("n2");
    way.target = b.transport.port;
    await until(() => isUp(a, "n2") && isUp(b, "n1"));
    expect([way.connections, world.relay("n2").connections, world.relay("n1").connections]).toEqual([
      1, 0, 1,
    ]);
    way.cut();
    await until(() => a.heard.links.includes("-n2"));
    await until(() => isUp(a, "n2"));
    expect(way.connections).toBe(1);
    expect(b.heard.links).toEqual(["+n1"]);
  });

  it("is kept to when the peer says where it is, and when it is looked for at its known address", async () => {
    const a = await world.open("n1", { detours: detours() });
    const b = await world.open("n2");
    // n2 has dialled n1 and told its address; nobody lets n1 through yet.
    await until(() => isUp(b, "n1") && way.refused > 0);
    expect(isUp(a, "n2")).toBe(false);
    way.target = b.transport.port;
    await until(() => isUp(a, "n2"));
    a.transport.setPeers([world.peer("n2")], []);
    expect([way.connections, world.relay("n2").connections]).toEqual([1, 0]);
  });

  it("is the way of a snapshot too", async () => {
    const directory = mkdtempSync(join(tmpdir(), "raftally-detour-"));
    const path = join(directory, "snapshot");
    writeFileSync(path, "content");
    const a = await world.open("n1", { detours: detours() });
    const b = await world.open("n2");
    way.target = b.transport.port;
    await until(() => isUp(a, "n2"));
    const configuration = { voters: [], outgoing: [], learners: [], members: [], removed: [] };
    const meta = { index: index(1), term: term(1), chain: 1, configuration, configurationIndex: index(0) };
    const offer = { meta, bytes: 7, sha256: "", digest: 1, token: b.transport.offer(path, 7) };
    const parts: Uint8Array[] = [];
    const sink = { offset: 0, write: async (chunk: Uint8Array) => void parts.push(Buffer.from(chunk)) };
    expect(await a.transport.fetchSnapshot(nodeId("n2"), offer, sink, new AbortController().signal)).toBe(
      true,
    );
    expect(Buffer.concat(parts).toString()).toBe("content");
    expect(way.recorded.some((chunks) => Buffer.concat(chunks).includes("GET /raft/snapshots/"))).toBe(true);
    expect(world.relay("n2").recorded.length).toBe(0);
    rmSync(directory, { recursive: true });
  });

  it("is the way of who joins, also to where it is pointed", async () => {
    const leader = await memberThat(world, MEMBER, "n2");
    const follower = await memberThat(world, { kind: "redirect", peer: leader.address });
    way.target = leader.node.transport.port;
    expect(await ask([follower.address], { detours: detours() })).toEqual(MEMBER);
    expect([way.recorded.length, world.relay("n2").recorded.length]).toEqual([1, 0]);
  });

  it("is refused unless both sides are addresses, and where it leads off this machine without a secret", async () => {
    const open = (entry: readonly [string, string], secret?: string): Promise<unknown> =>
      world.open("n1", { detours: new Map([entry]), ...(secret === undefined ? {} : { secret }) });
    await expect(open(["n2", "127.0.0.1:1"])).rejects.toThrow(TransportError);
    await expect(open(["127.0.0.1:1", "127.0.0.1:0"])).rejects.toThrow(/way to 127\.0\.0\.1:1/);
    await expect(open(["127.0.0.1:1", "10.0.0.1:1"], "")).rejects.toThrow(/secret is required/);
    const joining = ask(["127.0.0.1:1"], { secret: "", detours: new Map([["127.0.0.1:1", "10.0.0.1:1"]]) });
    await expect(joining).rejects.toThrow(/secret is required/);
  });
});
