/** A cluster that leaves more behind than its directory. */

import type { Cluster } from "../cluster.ts";
import type { StagedCluster } from "../scenario.ts";

/** The cluster; whoever stops it also cleans up. */
export function stagedWith(cluster: Cluster, cleanUp: () => void): StagedCluster {
  return {
    get nodes() {
      return cluster.nodes;
    },
    client: (first, options) => cluster.client(first, options),
    clientOf: (id, options) => cluster.clientOf(id, options),
    directory: cluster.directory,
    halt: () => cluster.halt(),
    stop: async () => {
      await cluster.stop();
      cleanUp();
    },
  };
}
