/** A cluster as far as a load needs to know it. */

import type { ClientOptions, RaftallyClient } from "../src/client/index.ts";

export interface Node {
  readonly id: string;
  readonly url: string;
  readonly peer: string;
}

export interface Target {
  readonly nodes: readonly Node[];
  /** A client that asks node `first` first (counted around), and the others if it does not answer. */
  client(first?: number, options?: Partial<ClientOptions>): RaftallyClient;
  /** A client that asks one node only. */
  clientOf(id: string, options?: Partial<ClientOptions>): RaftallyClient;
}
