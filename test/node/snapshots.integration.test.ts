import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { freePortRange } from "../../chaos/index.ts";
import type { Batch } from "../../src/counter/index.ts";
import type { NodeSettings } from "../../src/node/index.ts";
import { requires } from "../support/capability.ts";
import { Brake } from "./brake.ts";
import { ask, Cluster, type Machine, PATIENT_MS, until } from "./machines.ts";

beforeEach((context) => requires(context, "patience"));

/** A snapshot every few entries, and hardly any log kept behind it. */
const SNAPSHOT_ENTRIES = 8;
const EAGER: Partial<NodeSettings> = { snapshotEntries: SNAPSHOT_ENTRIES };
const SHORT_LOG = { trailingEntriesMax: 2, retainedBytesMax: 1 };

let cluster: Cluster;
let brakes = new Map<string, Brake>();
afterEach(async () => {
  await cluster.end();
  for (const brake of brakes.values()) await brake.close();
  brakes = new Map();
});

/** Puts a brake in front of every node. */
async function brakeAll(): Promise<void> {
  const ports = await freePortRange(3);
  for (const [at, { member }] of cluster.sites.entries()) {
    cluster.listensAt(member.id, ports + at);
    brakes.set(member.id, await Brake.open(Number(member.peer.split(":")[1]), ports + at));
  }
}

function brakeOf(machine: Machine): Brake {
  const brake = brakes.get(machine.id);
  if (brake === undefined) throw new Error(`${machine.id} has no brake`);
  return brake;
}

let batches = 0;
/** Adds so many entries, each with so many new counters of about 150 bytes. */
async function grow(entries: number, counters: number): Promise<void> {
  for (let made = 0; made < entries; made++) {
    const prefix = `${++batches}:${"x".repeat(100)}:`;
    const changes = Array.from(
      { length: counters },
      (_, at) => ({ kind: "add", key: prefix + at, by: 1n }) as const,
    );
    await cluster.write({ kind: "batch", changes } satisfies Batch);
  }
}

/** Waits until the leader's log begins after what the stopped node has, and no further snapshot is due. */
function compactedBeyond(index: number): Promise<boolean> {
  return until(async () => {
    const { first, last, snapshot } = (await cluster.leader()).service.status();
    return first > index + 1 && last - snapshot < SNAPSHOT_ENTRIES;
  }, "the log is compacted");
}

/** Bytes of a snapshot that have arrived at a node and are not complete. */
function partBytes(id: string): number {
  const folder = join(cluster.site(id).directory, "snapshots");
  const sizes = readdirSync(folder)
    .filter((name) => name.endsWith(".part"))
    .map((name) => statSync(join(folder, name)).size);
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function expectEqualStates(): Promise<void> {
  const digests = await cluster.digests();
  expect(new Set(digests).size).toBe(1);
  expect(digests[0]).toBeGreaterThan(0);
  for (const { service, fatal } of cluster.machines) {
    expect(service.status().alarm).toBeUndefined();
    expect(fatal).toEqual([]);
  }
}

describe("a follower that lags behind the log", { timeout: PATIENT_MS }, () => {
  it("catches up by snapshot and then by log, and remembers what was answered to whom", async () => {
    cluster = await Cluster.formed({ node: EAGER, raft: SHORT_LOG });
    const [lagging, other] = await cluster.followers();
    const at = lagging.service.status().last;
    await cluster.crash(lagging.id);
    const leader = await cluster.leader();
    const path = "/v1/counters/once/increment";
    const { session } = (await ask(`${leader.url}/v1/sessions`)).body;
    const keyed = { "Idempotency-Key": "order-17" };
    const numbered = { "Raftally-Session": `id=${session}, seq=1, first=1` };
    expect((await ask(leader.url + path, { headers: keyed })).body.value).toBe(1);
    expect((await ask(leader.url + path, { headers: numbered })).body.value).toBe(2);
    await grow(16, 5);
    await compactedBeyond(at);

    const back = await cluster.start(lagging.id);
    await until(() => back.traces("install").length > 0, "it installs a snapshot");
    await grow(3, 1);
    await expectEqualStates();
    expect(back.service.status().snapshot).toBeGreaterThan(at);
    expect(await back.value("once")).toBe(2n);

    // It remembers as well as it counts: only it can lead now, as the one with the longest log.
    await cluster.crash(other.id);
    await cluster.write({ kind: "add", key: "last", by: 1n });
    await cluster.digests();
    await cluster.crash(leader.id);
    await cluster.start(other.id);
    expect((await cluster.leader()).id).toBe(back.id);
    for (const [headers, value] of [
      [keyed, 1],
      [numbered, 2],
    ] as const) {
      const replay = await ask(back.url + path, { headers });
      expect([replay.body.value, replay.headers.get("idempotency-replayed")]).toEqual([value, "true"]);
    }
    expect(await back.value("once")).toBe(2n);
  });

  it("goes on with a transfer that broke, also after its own crash, and while newer snapshots appear", async () => {
    cluster = await Cluster.lay({ node: EAGER, raft: SHORT_LOG });
    await brakeAll();
    await cluster.startAll();
    const [lagging] = await cluster.followers();
    const at = lagging.service.status().last;
    await cluster.crash(lagging.id);
    await grow(24, 250);
    await compactedBeyond(at);

    const leader = await cluster.leader();
    const brake = brakeOf(leader);
    brake.holdAfter = 60_000;
    const first = await cluster.start(lagging.id);
    await until(() => brake.holds && partBytes(lagging.id) > 50_000, "a part of the snapshot has arrived");
    brake.cut();
    await first.noticed("snapshotFetchFailed", /ended early/);
    await until(() => brake.offsets.length > 1 && brake.holds, "it goes on");
    expect(brake.offsets[0]).toBe(0);
    expect(brake.offsets[1]).toBeGreaterThan(50_000);

    await until(() => partBytes(lagging.id) > (brake.offsets[1] ?? 0), "more has arrived");
    const arrived = partBytes(lagging.id);
    await cluster.crash(lagging.id);
    brake.cut();
    const attempts = brake.offsets.length;
    const back = await cluster.start(lagging.id);
    await until(() => brake.offsets.length > attempts && brake.holds, "it goes on after its crash");
    expect(brake.offsets[attempts]).toBeGreaterThanOrEqual(arrived);

    // The snapshot on its way is kept for it, though the leader has newer ones.
    const offered = leader.service.status().snapshot;
    await grow(16, 1);
    await until(
      () => leader.service.status().snapshot > offered + SNAPSHOT_ENTRIES,
      "there are newer snapshots",
    );
    expect(back.traces("install")).toEqual([]);
    brake.release();
    await until(() => back.traces("install").length > 0, "it installs a snapshot");
    await expectEqualStates();
  });

  it("takes the snapshot of a new leader when the old one has fallen silent in the middle of its own", async () => {
    cluster = await Cluster.lay({ node: EAGER, raft: SHORT_LOG });
    await brakeAll();
    await cluster.startAll();
    const [lagging] = await cluster.followers();
    const at = lagging.service.status().last;
    await cluster.crash(lagging.id);
    await grow(24, 250);
    await compactedBeyond(at);

    const old = await cluster.leader();
    brakeOf(old).holdAfter = 60_000;
    const back = await cluster.start(lagging.id);
    await until(() => brakeOf(old).holds, "a part of the snapshot has arrived");
    await cluster.crash(old.id);
    await until(() => back.traces("install").length > 0, "it installs the other's snapshot");
    // It did so at once, and not only when it had waited in vain for the old one's next byte.
    expect(back.notices.filter(({ event }) => event === "snapshotFetchFailed")).toEqual([]);
    await cluster.start(old.id);
    await expectEqualStates();
  });
});
