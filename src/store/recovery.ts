/** Makes one surviving data directory the first node of a new cluster. */

import type { Recovery } from "./types.ts";

export interface RecoverOptions {
  readonly directory: string;
  /** Of the new cluster; never that of the old one. */
  readonly clusterId: string;
  /** Where its peers reach it from now on, host:port; as before if left out. */
  readonly peer?: string;
  /** The URL that clients are sent to; as before if left out. */
  readonly api?: string;
}

export async function recoverDirectory(_options: RecoverOptions): Promise<Recovery> {
  throw new Error("being built");
}
