/** Makes the data directory of a new cluster's first node from a backup. */

import type { NodeId } from "../raft/index.ts";
import type { Restored } from "./types.ts";

export interface RestoreOptions {
  /** The backup. */
  readonly file: string;
  /** Empty, or not there yet, or left by a restore that was interrupted. */
  readonly directory: string;
  /** Of the new cluster; never that of the old one. */
  readonly clusterId: string;
  readonly id: NodeId;
  /** host:port for its peers. */
  readonly peer: string;
  /** The URL that clients are sent to, without a trailing slash. */
  readonly api: string;
}

export async function restoreBackup(_options: RestoreOptions): Promise<Restored> {
  throw new Error("being built");
}
