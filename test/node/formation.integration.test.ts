import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startNode } from "../../src/node/index.ts";
import { ask, Cluster, type Machine, PATIENT_MS, probe, until } from "./machines.ts";

let cluster: Cluster;
beforeEach(async () => {
  cluster = await Cluster.lay();
});
afterEach(() => cluster.end());

/** What a start was refused with. */
async function refusal(machine: Machine): Promise<Error> {
  const ended = await machine.started.then(
    () => new Error(`${machine.id} was not refused`),
    (error: unknown) => error as Error,
  );
  return ended;
}

function identityOf(id: string): {
  formed: boolean;
  incarnation: string;
  members: { incarnation?: string }[];
} {
  return JSON.parse(readFileSync(join(cluster.site(id).directory, "identity.json"), "utf8"));
}

describe("the first start of a cluster", { timeout: PATIENT_MS }, () => {
  it("waits for every member, says for whom, lives without being ready, and survives restarts", async () => {
    const third = await cluster.start("n3");
    expect(await third.noticed("forming", /n1/)).toBe("first start: waiting for n1, n2");
    const first = await cluster.start("n1");
    await first.noticed("linked", /n3/);
    await third.noticed("linked", /n1/);

    for (const { url } of cluster.machines) {
      expect(await probe(url, "livez")).toMatchObject({ status: 200 });
      const { status, text } = await probe(url, "readyz");
      expect(status).toBe(503);
      expect(text).toContain("waits for all members");
      const refused = await ask(`${url}/v1/counters/hits/increment`);
      expect([refused.status, refused.body.code, refused.body.outcome]).toEqual([
        503,
        "NO_LEADER",
        "not-applied",
      ]);
      expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    }

    // Stopped and started again before all had met: it is still the one that n3 has met.
    const before = identityOf("n1");
    expect(before.formed).toBe(false);
    await cluster.crash("n1");
    const again = await cluster.start("n1");
    await again.noticed("linked", /n3/);
    expect(identityOf("n1").incarnation).toBe(before.incarnation);
    expect(again.notices.filter(({ level }) => level === "error")).toEqual([]);

    await cluster.startAll();
    expect((await cluster.write({ kind: "add", key: "hits", by: 1n })).outcome.kind).toBe("done");
    for (const { member } of cluster.sites) expect(identityOf(member.id).formed).toBe(true);
    const known = cluster.sites.map(({ member }) => identityOf(member.id).members.map((m) => m.incarnation));
    expect(known[1]).toEqual(known[0]);
    expect(known[2]).toEqual(known[0]);

    // Once formed, a majority is enough.
    await cluster.crashAll();
    await Promise.all([cluster.start("n2"), cluster.start("n3")]);
    await until(async () => (await probe(cluster.machine("n2").url, "readyz")).status === 200, "n2 is ready");
    expect(await cluster.machine("n2").value("hits")).toBe(1n);
  });

  it("ends when it is told to stop", async () => {
    const alone = await cluster.start("n2");
    await alone.noticed("forming", /n1, n3/);
    await cluster.crash("n2");
    expect((await refusal(alone)).message).toContain("stopped before all members had met");
    // Everything was let go of: the same directory and ports can be used again.
    await cluster.startAll();
    expect(cluster.machines.length).toBe(3);
  });
});

describe("a data directory that is not this node's", { timeout: PATIENT_MS }, () => {
  it("is refused, by itself or by the others, and the others go on", async () => {
    await cluster.startAll();
    await cluster.write({ kind: "add", key: "hits", by: 1n });

    // In use: by the node of this very process.
    const second = cluster.machine("n2");
    const options = { ...cluster.options("n2"), listenPeer: { host: "127.0.0.1", port: 0 } };
    const rest = { onNotice: () => undefined, onFatal: () => undefined };
    await expect(startNode({ ...options, ...rest })).rejects.toMatchObject({
      name: "IdentityError",
      code: "inUse",
    });
    expect(second.service.status().alarm).toBeUndefined();

    // Wiped.
    await cluster.crash("n3");
    const { directory } = cluster.site("n3");
    rmSync(directory, { recursive: true });
    const wiped = await refusal(await cluster.start("n3"));
    expect(wiped.name).toBe("RefusedByPeer");
    expect(wiped.message).toMatch(
      /^\S*n3 was wiped or replaced since n[12] came to know n3 \(.*incarnation\): start a fresh node under a new id .*member replace OLD NEW`\.$/,
    );
    expect(wiped.message.split("\n").length).toBe(1);
    await cluster.crash("n3");
    expect((await cluster.write({ kind: "add", key: "hits", by: 1n })).outcome).toMatchObject({
      results: [{ value: 2n }],
    });

    // That of another node.
    await cluster.crash("n2");
    rmSync(directory, { recursive: true });
    cpSync(cluster.site("n2").directory, directory, { recursive: true });
    expect(await refusal(await cluster.start("n3"))).toMatchObject({
      name: "IdentityError",
      code: "otherNode",
    });
    await cluster.crash("n3");

    // That of another cluster.
    const other = { clusterId: "another" };
    expect(await refusal(await cluster.start("n2", other))).toMatchObject({
      name: "IdentityError",
      code: "otherCluster",
    });
    await cluster.crash("n2");

    // Of a newer version.
    const path = join(cluster.site("n2").directory, "identity.json");
    const text = readFileSync(path, "utf8");
    writeFileSync(path, JSON.stringify({ ...JSON.parse(text), format: 2 }));
    expect((await refusal(await cluster.start("n2"))).message).toMatch(/newer version/);
    await cluster.crash("n2");

    // None of the attempts has changed anything.
    writeFileSync(path, text);
    await cluster.start("n2");
    expect((await cluster.write({ kind: "add", key: "hits", by: 1n })).outcome).toMatchObject({
      results: [{ value: 3n }],
    });
  });
});
