/** Backups while the counts go on: each holds everything acknowledged before it was asked for, and restores. */

import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Cluster } from "./cluster.ts";
import type { Act } from "./scenario.ts";

/** Takes a backup at each node in turn, restores it as a new cluster, and compares the two by a backup of that one. */
export async function backUp(cluster: Cluster, { load, faults, say }: Act): Promise<void> {
  for (const { id, url } of cluster.nodes) {
    await sleep(500);
    const file = join(cluster.directory, `${id}.backup`);
    load.lap();
    const fault = faults.begin("back-up", [id]);
    const before = load.promises();
    const began = performance.now();
    const taken = digestOf(await cluster.run("backup", file, "--url", url));
    const seconds = ((performance.now() - began) / 1_000).toFixed(1);
    const stall = Math.round(load.lap());
    const after = load.promises();
    const fresh = `r-${id}`;
    const [clusterId, data] = [`${fresh}-restored`, join(cluster.directory, `${fresh}-data`)];
    await cluster.run("restore", file, "--data", data, "--id", fresh, "--cluster-id", clusterId);
    const restored = await cluster.startStranger(fresh, clusterId, data);
    const client = cluster.clientOf(fresh);
    const again = join(cluster.directory, `${fresh}.backup`);
    const digest = digestOf(await cluster.run("backup", again, "--url", restored.url));
    if (digest !== taken) throw new Error(`the backup of ${id} has digest ${taken}, and restored ${digest}`);
    for (const [key, { acknowledged }] of before) {
      const value = Number((await client.get(key))?.value ?? 0n);
      const most = after.get(key)?.sent ?? 0;
      if (value < acknowledged || value > most) {
        throw new Error(`${key} is ${value} in the backup of ${id}, and not ${acknowledged} to ${most}`);
      }
    }
    await cluster.kill(fresh);
    fault.end({ effective: true, detail: `digest ${digest}` });
    say(`backup of ${id}: ${seconds} s, longest stall ${stall} ms; restored with the same digest, ${digest}`);
  }
}

function digestOf(printed: unknown): number {
  if (typeof printed === "object" && printed !== null && "digest" in printed) return Number(printed.digest);
  throw new Error(`raftally backup printed no digest: ${JSON.stringify(printed)}`);
}
