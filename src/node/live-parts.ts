/** Where the pictures of a running node come from. */

import type { NodeStore } from "../store/index.ts";
import type { Transport } from "../transport/index.ts";
import type { DriverOptions, NodeDriver } from "./driver.ts";
import type { LiveParts } from "./live.ts";
import { LogTail } from "./live-log.ts";
import type { NodeService } from "./types.ts";

interface Running extends Pick<DriverOptions, "totals" | "digests" | "tickMs"> {
  readonly service: NodeService;
  readonly driver: NodeDriver;
  readonly store: NodeStore;
  readonly transport: Transport;
  /** The data directory. */
  readonly directory: string;
}

export function runningParts(node: Running): LiveParts {
  const { service, driver, store, transport, directory, totals, digests = [], tickMs } = node;
  return {
    status: () => service.status(),
    checks: () => service.checks(),
    running: {
      raft: () => driver.status(),
      tickMs,
      diskBytes: () => store.diskBytes(),
      traffic: () => ({ log: store.logWritten(), peers: transport.sentToPeers() }),
      directory,
      revision: totals.revision,
      digests,
      tail: new LogTail(store.recovered.entries),
    },
  };
}
