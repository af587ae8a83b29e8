import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Cluster, PATIENT_MS, until } from "../node/machines.ts";
import { type Told, WatchReader } from "./watching.ts";

let cluster: Cluster;
const watchers: WatchReader[] = [];

beforeEach(async () => {
  cluster = await Cluster.formed();
}, PATIENT_MS);

afterEach(async () => {
  for (const watcher of watchers.splice(0)) watcher.close();
  await cluster.end();
}, PATIENT_MS);

async function watch(id: string, query = "", after?: number): Promise<WatchReader> {
  const watcher = await WatchReader.open(cluster.machine(id).url, query, after);
  watchers.push(watcher);
  return watcher;
}

async function add(key: string, times: number = 1): Promise<void> {
  for (let time = 0; time < times; time++) await cluster.write({ kind: "add", key, by: 1n });
}

describe("watchers of a real cluster", { timeout: PATIENT_MS }, () => {
  it("are told the same on every node, and from a follower what was asked of the leader", async () => {
    const all = await Promise.all(["n1", "n2", "n3"].map((id) => watch(id)));
    await add("hot", 50);
    await add("cold");
    for (const watcher of all) {
      await watcher.until(({ changes }) => changes.at(-1)?.key === "cold");
      expect(watcher.opened).toMatchObject({ revision: 0 });
      const hot = watcher.changes.filter(({ key }) => key === "hot");
      expect(hot.at(-1)).toMatchObject({ value: 50, revision: 50 });
      // Each range is what the counter grew by, as only this one changed.
      expect(hot.reduce((sum, { from, to }) => sum + to - from + 1, 0)).toBe(50);
      expect(watcher.at).toBe(51);
    }
  });

  it("go on at another node when theirs dies, though that one may be behind", async () => {
    const leader = await cluster.leader();
    const others = cluster.machines.filter((machine) => machine !== leader).map(({ id }) => id);
    const [second = "", third = ""] = others;
    const told: Told[] = [];
    let watcher = await watch(leader.id, "?prefix=k");
    await add("k1", 10);
    await watcher.until(({ at }) => at === 10);
    told.push(...watcher.changes);
    const { at } = watcher;
    await cluster.crash(leader.id);
    await watcher.stream.untilOver();
    watcher = await watch(second, "?prefix=k", at);
    await add("k2", 5);
    await add("other");
    await add("k1");
    await watcher.until((one) => one.at === 17);
    told.push(...watcher.changes);
    const again = await watch(third, "?prefix=k", watcher.at);
    await add("k3");
    await again.until((one) => one.at === 18);
    told.push(...again.changes);
    expect(told.map(({ from, to }) => to - from + 1).reduce((sum, size) => sum + size, 0)).toBe(18);
    expect(new Map(told.map(({ key, value }) => [key, value]))).toEqual(
      new Map([
        ["k1", 11],
        ["k2", 5],
        ["k3", 1],
      ]),
    );
    expect([...watcher.resyncs, ...again.resyncs]).toEqual([]);
  });

  it("are told to read anew by a node that was restarted, unless they have seen all that it had", async () => {
    await add("a", 3);
    const [follower] = await cluster.followers();
    await until(() => follower.service.status().revision === 3, "the follower has applied everything");
    await cluster.stop(follower.id);
    const { started } = await cluster.start(follower.id);
    await started;
    const [old, current] = [await watch(follower.id, "", 1), await watch(follower.id, "", 3)];
    await old.until(({ resyncs }) => resyncs.length === 1);
    expect(old.resyncs[0]).toMatchObject({ revision: 3 });
    await add("a");
    for (const watcher of [old, current]) {
      await watcher.until(({ changes }) => changes.length === 1);
      expect(watcher.changes[0]).toMatchObject({ value: 4, from: 4, to: 4 });
    }
    expect(current.resyncs).toEqual([]);
  });

  it("can list what they watch from any node at the index at which they began, and miss nothing", async () => {
    await add("a", 3);
    const watcher = await watch("n1");
    const index = Number(watcher.opened?.["index"]);
    for (const { url } of cluster.machines) {
      const response = await fetch(`${url}/v1/counters?consistency=stale&minIndex=${index}`);
      expect(await response.json()).toMatchObject({ counters: [{ key: "a", value: 3 }] });
    }
  });

  it("see their stream end in order when the node stops", async () => {
    const [follower] = await cluster.followers();
    const watcher = await watch(follower.id);
    const beganMs = performance.now();
    await cluster.stop(follower.id);
    expect(performance.now() - beganMs).toBeLessThan(5_000);
    await watcher.stream.untilOver();
    expect(watcher.stream.isWhole).toBe(true);
  });
});
