/** Which incarnation each peer has: learnt once, made durable before anyone relies on it, never changed. */

import type { NodeId } from "../raft/index.ts";
import type { Peer } from "./types.ts";

export class Pins {
  readonly #pinned = new Map<NodeId, string>();
  readonly #learning = new Map<NodeId, Promise<void>>();
  readonly #peers: ReadonlySet<NodeId>;
  readonly #learn: (peer: NodeId, incarnation: string) => Promise<void>;

  /** @param learn makes a pin durable, or rejects: `TransportHandlers.onFirstContact`. */
  constructor(peers: readonly Peer[], learn: (peer: NodeId, incarnation: string) => Promise<void>) {
    this.#peers = new Set(peers.map((peer) => peer.id));
    this.#learn = learn;
    for (const peer of peers) {
      if (peer.incarnation !== undefined) this.#pinned.set(peer.id, peer.incarnation);
    }
  }

  has(peer: NodeId): boolean {
    return this.#peers.has(peer);
  }

  /** The pinned incarnation of `peer`, undefined before the first contact. */
  of(peer: NodeId): string | undefined {
    return this.#pinned.get(peer);
  }

  /**
   * Resolves to undefined once `incarnation` is the pinned one of `peer`, or to a sentence why it is not.
   * Several first contacts at the same time (both sides dial) lead to one question to `learn`.
   */
  async settle(peer: NodeId, incarnation: string): Promise<string | undefined> {
    for (;;) {
      const pinned = this.#pinned.get(peer);
      if (pinned === incarnation) return undefined;
      if (pinned !== undefined) {
        return `${peer} is known with incarnation ${pinned}, not ${incarnation}: its data directory is another one than before.`;
      }
      const waiting = this.#learning.get(peer);
      if (waiting !== undefined) {
        // Whoever asked learns how it ended; here only the fact matters that it has.
        await waiting.catch(() => undefined);
        continue;
      }
      const learning = this.#learnOnce(peer, incarnation);
      this.#learning.set(peer, learning);
      try {
        await learning;
      } catch (error) {
        return `${peer} with incarnation ${incarnation} was not accepted: ${error instanceof Error ? error.message : String(error)}`;
      } finally {
        this.#learning.delete(peer);
      }
    }
  }

  async #learnOnce(peer: NodeId, incarnation: string): Promise<void> {
    await this.#learn(peer, incarnation);
    this.#pinned.set(peer, incarnation);
  }
}
