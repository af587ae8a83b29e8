/**
 * The first start of a new cluster. No node votes before it has met every initial member once.
 *
 * Why all, and not a majority: a vote is bound to the incarnation of the disk that remembers it. Each node makes
 * the incarnation of each other durable before it answers it, so once a node has been answered by all, none of
 * them will ever take another disk for it. A member whose disk is wiped later is therefore refused by all, and
 * cannot vote a second time in a term in which its lost disk had voted (DESIGN.md section 5, identity; T44).
 */

import type { NodeId } from "../raft/index.ts";

export class Formation {
  readonly #awaited: Set<NodeId>;
  readonly #formed: Promise<void>;
  #resolve: () => void = () => undefined;
  #reject: (refused: Error) => void = () => undefined;

  /** @param members everyone but this node. */
  constructor(members: Iterable<NodeId>) {
    this.#awaited = new Set(members);
    this.#formed = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Whoever waits sees the rejection; a formation that is abandoned is no unhandled one.
    this.#formed.catch(() => undefined);
    if (this.#awaited.size === 0) this.#resolve();
  }

  /** Those that have not answered yet. */
  get awaited(): readonly NodeId[] {
    return [...this.#awaited];
  }

  /** A member has answered this node's handshake: its incarnation is durable here, and ours there. */
  met(id: NodeId): void {
    this.#awaited.delete(id);
    if (this.#awaited.size === 0) this.#resolve();
  }

  /** A member will not have this node; the formation is over. */
  fail(refused: Error): void {
    this.#reject(refused);
  }

  /** Resolves when all have answered; rejects with what {@link fail} was given, or when `signal` says stop. */
  async complete(signal: AbortSignal): Promise<void> {
    const stop = (): void => this.#reject(new Error("stopped before all members had met"));
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    try {
      await this.#formed;
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }
}
