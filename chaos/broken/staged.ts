/** A cluster that has more on disk than its own directory. */

import { cpSync, existsSync } from "node:fs";
import { join } from "node:path";
import type { Cluster } from "../cluster.ts";
import type { StagedCluster } from "../scenario.ts";

/**
 * The cluster, whose nodes have their data in another folder: whoever halts it finds that in the cluster's directory as
 * well, and whoever stops it also cleans up.
 */
export function stagedWith(cluster: Cluster, folder: string, cleanUp: () => void): StagedCluster {
  return {
    get nodes() {
      return cluster.nodes;
    },
    get crashes() {
      return cluster.crashes;
    },
    client: (first, options) => cluster.client(first, options),
    clientOf: (id, options) => cluster.clientOf(id, options),
    directory: cluster.directory,
    halt: async () => {
      await cluster.halt();
      const copy = join(cluster.directory, "disks");
      if (!existsSync(copy)) cpSync(folder, copy, { recursive: true });
    },
    stop: async () => {
      await cluster.stop();
      cleanUp();
    },
  };
}
