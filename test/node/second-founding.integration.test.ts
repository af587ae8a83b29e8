import { rmSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { nodeId } from "../../src/raft/index.ts";
import { openTransport, type Transport } from "../../src/transport/index.ts";
import { requires } from "../support/capability.ts";
import { Cluster, PATIENT_MS, until } from "./machines.ts";

beforeEach((context) => requires(context, "patience"));

const LOST =
  /^\S*n1 was wiped or replaced since n2 came to know n1 \(.*incarnation\): start a fresh node under a new id .*member replace OLD NEW`\.$/;

let cluster: Cluster;
let member: Transport | undefined;
beforeEach(async () => {
  cluster = await Cluster.plan({ initial: 1, spare: 2 });
});
afterEach(async () => {
  await member?.close();
  member = undefined;
  await cluster.end();
});

/** A member of a cluster that knows n1 with this incarnation, as far as n1 can tell. */
async function knownTo(clusterId: string, incarnation: string, self = "n2"): Promise<{ refused: string[] }> {
  const refused: string[] = [];
  member = await openTransport({
    clusterId,
    self: { id: nodeId(self), incarnation: "2".repeat(32) },
    listen: { host: "127.0.0.1", port: 0 },
    peers: [{ id: nodeId("n1"), address: cluster.site("n1").member.peer, incarnation }],
    secret: cluster.options("n1").secret,
    handlers: {
      onPacket: () => undefined,
      onReachable: () => undefined,
      onUnreachable: () => undefined,
      onFirstContact: () => Promise.resolve(),
      onRefused: (_, refusal) => refused.push(refusal),
      onNotice: () => undefined,
    },
  });
  return { refused };
}

describe("a node that was wiped and founds its cluster a second time", { timeout: PATIENT_MS }, () => {
  it("stops when a member of its cluster knows it with another incarnation", async () => {
    const machine = await cluster.start("n1");
    await machine.started;
    await knownTo("counters", "a".repeat(32));
    await until(() => machine.fatal.length > 0, "n1 stops");
    expect(machine.fatal.map(({ name }) => name)).toEqual(["RefusedByPeer"]);
    expect(machine.fatal[0]?.message).toMatch(LOST);
    expect(await machine.increment("hits")).toMatchObject({ kind: "failed", code: "SHUTTING_DOWN" });
  });

  it("stops although a learner has found its way to it, for it still decides alone", async () => {
    const machine = await cluster.start("n1");
    await machine.started;
    await (await cluster.join("n3", "learner")).started;
    await knownTo("counters", "a".repeat(32));
    await until(() => machine.fatal.length > 0, "n1 stops");
    expect(machine.fatal[0]?.message).toMatch(LOST);
  });

  it("ends its formation, in which it would wait for ever for members that were replaced", async () => {
    const { member: gone } = cluster.site("n2");
    const machine = await cluster.start("n1", { members: [cluster.site("n1").member, gone] });
    await machine.noticed("forming", /n2/);
    await knownTo("counters", "a".repeat(32));
    await expect(machine.started).rejects.toMatchObject({
      name: "RefusedByPeer",
      message: expect.stringMatching(LOST),
    });
  });

  it("goes on when it is a node of another cluster, or one that knows it rightly, that dials", async () => {
    const machine = await cluster.start("n1");
    const { incarnation } = await machine.started;
    const { refused } = await knownTo("another", "a".repeat(32));
    await until(() => refused.includes("cluster"), "n2 is refused for its cluster");
    await member?.close();
    const rightly = await knownTo("counters", incarnation);
    await until(() => rightly.refused.length > 0, "n2 is refused as unknown");
    expect(machine.fatal).toEqual([]);
    expect(await machine.increment("hits")).toMatchObject({ kind: "applied" });
  });
});

describe("a node that decides with others", { timeout: PATIENT_MS }, () => {
  it("goes on when someone knows it with another incarnation, for the others know it rightly", async () => {
    const machine = await cluster.start("n1");
    await machine.started;
    await (await cluster.join("n2", "voter")).started;
    await cluster.voters("n1", "n2");
    const { refused } = await knownTo("counters", "a".repeat(32), "n9");
    await until(() => refused.includes("wrongNode"), "n9 is refused");
    expect(machine.fatal).toEqual([]);
    expect(await cluster.write({ kind: "add", key: "hits", by: 1n })).toMatchObject({ kind: "applied" });
  });
});

describe("founders that were all wiped", { timeout: PATIENT_MS }, () => {
  let cluster: Cluster;
  beforeEach(async () => {
    cluster = await Cluster.plan({ initial: 2, spare: 1 });
  });
  afterEach(() => cluster.end());

  it("do not begin their cluster again beside a member that joined later", async () => {
    await cluster.startAll();
    await (await cluster.join("n3", "voter")).started;
    await cluster.voters("n1", "n2", "n3");
    await cluster.crashAll();
    for (const id of ["n1", "n2"]) rmSync(cluster.site(id).directory, { recursive: true });

    // They meet first, and it is only then that the third comes back.
    const founders = await Promise.all(["n1", "n2"].map((id) => cluster.start(id, { foundingMs: 10_000 })));
    const ends = founders.map(({ started }) => started.catch((error: Error) => error));
    await Promise.all(founders.map((machine) => machine.noticed("linked", /reachable/)));
    await cluster.join("n3", "voter");
    for (const end of ends) expect(await end).toMatchObject({ name: "RefusedByPeer" });
  });
});
