/** What a node is put together from, so that whoever starts one can put something around its disk and its network. */

import type { DataDirectory, NodeStore } from "../store/index.ts";
import { openTransport, type Transport, type TransportOptions } from "../transport/index.ts";

export interface NodeParts {
  /** Opens what the node remembers; `onFailure` hears of a disk that failed while nobody was waiting for it. */
  readonly openStore: (directory: DataDirectory, onFailure: (failure: Error) => void) => Promise<NodeStore>;
  /** Listens for peers and dials them. @throws {TransportError} (rejects) */
  readonly openTransport: (options: TransportOptions) => Promise<Transport>;
}

export const REAL_PARTS: NodeParts = {
  openStore: (directory, onFailure) => directory.openStore({ onFailure }),
  openTransport,
};
