/** What a real cluster tells of itself is true: its pictures, its events, its metrics. */

import { afterEach, describe, expect, it } from "vitest";
import type { ClusterEvent, NodePicture } from "../../src/node/index.ts";
import { type Family, parseExposition } from "../api/exposition.ts";
import { Cluster, type Machine, PATIENT_MS, until } from "./machines.ts";

let cluster: Cluster;
afterEach(async () => {
  await cluster.end();
});

async function increment(times: number): Promise<void> {
  for (let time = 0; time < times; time++) await cluster.write({ kind: "add", key: "hits", by: 1n });
}

function eventsOf(machine: Machine): readonly ClusterEvent[] {
  return machine.service.live.events(0).events;
}

async function scrape(machine: Machine): Promise<ReadonlyMap<string, Family>> {
  const response = await fetch(`${machine.url}/metrics`);
  return parseExposition(await response.text());
}

/** One number; the first that has these labels. */
async function metric(
  machine: Machine,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<number> {
  const samples = [...(await scrape(machine)).values()].flatMap((family) => family.samples);
  const found = samples.find(
    (sample) =>
      sample.name === `raftally_${name}` &&
      Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
  );
  return found?.value ?? Number.NaN;
}

/** Waits until the metric is as wanted. */
function metricBecomes(
  machine: Machine,
  name: string,
  isWanted: (value: number) => boolean,
  labels: Readonly<Record<string, string>> = {},
): Promise<unknown> {
  return until(async () => isWanted(await metric(machine, name, labels)), `${machine.id} says so of ${name}`);
}

describe("pictures", { timeout: PATIENT_MS }, () => {
  it("show the log, the tally and what was measured, on the leader and on a follower", async () => {
    cluster = await Cluster.formed();
    const leader = await cluster.leader();
    const [follower] = await cluster.followers();
    const views = [leader, follower].map(({ service }) => ({
      live: service.live,
      viewer: service.live.viewer(),
    }));
    await increment(12);
    await leader.service.read({ kind: "get", key: "hits" }, "linearizable");
    await cluster.digests();
    const [leading, following] = views.map(({ live, viewer }) => live.picture(viewer)) as [
      NodePicture,
      NodePicture,
    ];

    expect(leading.tally).toMatchObject({
      acknowledgedWrites: 12,
      acknowledgedChanges: 12,
      replays: 0,
      refused: 0,
      unknown: 0,
      revisionAtStart: 0,
    });
    expect(leading.tally.reads).toBeGreaterThanOrEqual(1);
    expect(following.tally.acknowledgedWrites).toBe(0);
    // Each write waited for the one before, so that each was an entry of its own.
    expect(leading.commitLatency?.count).toBe(12);
    expect(following.commitLatency).toBeUndefined();
    for (const { fsync, apply, status, tail, stable } of [leading, following]) {
      expect(fsync?.count).toBeGreaterThan(0);
      expect(fsync?.max).toBeGreaterThan(0);
      expect(apply?.count).toBeGreaterThan(0);
      expect(tail.at(-1)?.index).toBe(status.last);
      expect(tail.filter(({ kind }) => kind === "command")).toHaveLength(12);
      expect(stable).toBe(status.last);
    }
    expect(leading.election).toBeUndefined();
    expect(following.election?.timeoutMs).toBeGreaterThanOrEqual(300);
    expect(following.election?.elapsedMs).toBeLessThan(following.election?.timeoutMs ?? 0);
    const kinds = new Set(leading.messages.map(({ to, kind }) => `${to} ${kind}`));
    expect(kinds).toContain(`${follower.id} append`);
    expect(new Set(following.messages.map(({ kind }) => kind))).toContain("appendResponse");
    // A second look tells only what is new.
    const [again] = views.map(({ live, viewer }) => live.picture(viewer)) as [NodePicture];
    expect(again.commitLatency).toBeUndefined();
    for (const { viewer } of views) viewer.close();
  });

  it("show who won an election and with how many votes, links and stops", async () => {
    cluster = await Cluster.formed();
    const old = await cluster.leader();
    await cluster.stop(old.id);
    const leader = await cluster.leader();
    const { term } = leader.service.status();
    const won = eventsOf(leader).find(({ text }) => text.startsWith(`${leader.id} won`));
    expect(won?.text).toMatch(
      new RegExp(`^${leader.id} won the election of term ${term} with [23] of 3 votes$`),
    );
    expect(won).toMatchObject({ kind: "leader", node: leader.id, term });
    const other = cluster.machines.find(({ id }) => id !== leader.id);
    if (other === undefined) throw new Error("there is a third");
    expect(eventsOf(other).map(({ text }) => text)).toContain(
      `${other.id} follows ${leader.id}, the leader of term ${term}`,
    );
    await until(
      () =>
        eventsOf(leader).some(
          ({ kind, peer, text }) => kind === "link" && peer === old.id && /not reach/.test(text),
        ),
      "the link is gone",
    );
    expect(eventsOf(old).at(-1)?.kind).toMatch(/stopping|role|leader|link/);
    expect(eventsOf(old).map(({ kind }) => kind)).toContain("stopping");
    expect(eventsOf(old)[0]?.text).not.toBe("");
    expect(eventsOf(old).map(({ kind }) => kind)).toContain("started");
  });
});

describe("metrics", { timeout: PATIENT_MS }, () => {
  it("tell of a leader that dies: its changes are counted, and there is no leader while there is no majority", async () => {
    cluster = await Cluster.formed();
    await increment(3);
    const first = await cluster.leader();
    const [survivor] = await cluster.followers();
    expect(await metric(survivor, "has_leader")).toBe(1);
    expect(await metric(first, "is_leader")).toBe(1);
    const seen = await metric(survivor, "leader_changes_seen_total");
    const term = await metric(survivor, "raft_term");

    await cluster.crash(first.id);
    await metricBecomes(survivor, "leader_changes_seen_total", (value) => value > seen);
    await metricBecomes(survivor, "has_leader", (value) => value === 1);
    expect(await metric(survivor, "raft_term")).toBeGreaterThan(term);
    await metricBecomes(survivor, "peer_reachable", (value) => value === 0, { peer: first.id });
    expect(await metric(survivor, "voters_reachable")).toBe(2);

    const other = cluster.machines.find(({ id }) => id !== survivor.id);
    if (other === undefined) throw new Error("there is another one");
    await cluster.crash(other.id);
    await metricBecomes(survivor, "has_leader", (value) => value === 0);
    expect(await metric(survivor, "ready")).toBe(0);
    expect(await metric(survivor, "check_ok", { check: "leader" })).toBe(0);

    await (await cluster.start(other.id)).started;
    await metricBecomes(survivor, "has_leader", (value) => value === 1);
    await metricBecomes(survivor, "ready", (value) => value === 1);
  });

  it("tell how far a follower is behind, and that it has caught up", async () => {
    cluster = await Cluster.formed();
    await increment(2);
    const leader = await cluster.leader();
    const [follower] = await cluster.followers();
    await cluster.crash(follower.id);
    await increment(30);
    const lag = (): Promise<number> => metric(leader, "raft_follower_lag_entries", { peer: follower.id });
    expect(await lag()).toBeGreaterThanOrEqual(30);
    expect(await metric(leader, "writes_total", { outcome: "done" })).toBe(32);
    // Plain adds are answered when they are committed; the revision is of what has been applied.
    await metricBecomes(leader, "revision", (value) => value === 32);
    const started = await cluster.start(follower.id);
    await started.started;
    await metricBecomes(leader, "raft_follower_lag_entries", (value) => value === 0, { peer: follower.id });
    await metricBecomes(leader, "peer_round_trip_seconds", (value) => value > 0 && value < 5, {
      peer: follower.id,
    });
    await until(
      async () =>
        (await metric(started, "raft_applied_index")) === (await metric(leader, "raft_commit_index")),
      "applied everything",
    );
    expect(await metric(leader, "commit_duration_seconds_count")).toBeGreaterThanOrEqual(32);
    expect(await metric(leader, "wal_fsync_duration_seconds_count")).toBeGreaterThanOrEqual(32);
    expect(await metric(leader, "disk_used_bytes")).toBeGreaterThan(1_000);
    expect(await metric(leader, "disk_free_bytes")).toBeGreaterThan(0);
  });
});
