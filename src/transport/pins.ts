/** Which incarnation each node has: learnt once, made durable before anyone relies on it, and then never changed. */

import type { NodeId } from "../raft/index.ts";
import type { Peer } from "./types.ts";

interface Pin {
  readonly incarnation: string;
  /** Whether it was met, or is certain as if it had been; else only the configuration in force says so. */
  readonly met: boolean;
}

export class Pins {
  readonly #pins = new Map<NodeId, Pin>();
  readonly #learning = new Map<NodeId, Promise<void>>();
  readonly #learn: (peer: NodeId, incarnation: string) => Promise<void>;

  /** @param learn makes a pin durable, or rejects: `TransportHandlers.onFirstContact`. */
  constructor(peers: readonly Peer[], learn: (peer: NodeId, incarnation: string) => Promise<void>) {
    this.#learn = learn;
    for (const { id, incarnation, met = true } of peers) {
      if (incarnation !== undefined) this.#pins.set(id, { incarnation, met });
    }
  }

  /** The pinned incarnation of `node`, undefined before the first contact. */
  of(node: NodeId): string | undefined {
    return this.#pins.get(node)?.incarnation;
  }

  /**
   * Takes over what a configuration, or a guest, says. It gives way to a later word of the same kind, but nothing
   * that was met does.
   * @returns a sentence if `node` was met with another incarnation, which stays.
   */
  adopt(node: NodeId, incarnation: string): string | undefined {
    const pin = this.#pins.get(node);
    if (pin?.met === true)
      return pin.incarnation === incarnation ? undefined : this.#another(node, incarnation);
    this.#pins.set(node, { incarnation, met: false });
    return undefined;
  }

  /** Forgets what {@link adopt} took over, of every node that `keep` does not name. */
  forgetAdopted(keep: (node: NodeId) => boolean): void {
    for (const [node, pin] of this.#pins) if (!pin.met && !keep(node)) this.#pins.delete(node);
  }

  /**
   * Resolves to undefined once `incarnation` is the pinned one of `peer`, or to a sentence why it is not.
   * Several first contacts at the same time (both sides dial) lead to one question to `learn`.
   */
  async settle(peer: NodeId, incarnation: string): Promise<string | undefined> {
    for (;;) {
      const pinned = this.of(peer);
      if (pinned === incarnation) return undefined;
      if (pinned !== undefined) return this.#another(peer, incarnation);
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
    // A configuration may have come meanwhile.
    const adopted = this.of(peer) ?? incarnation;
    if (adopted !== incarnation) throw new Error(this.#another(peer, incarnation));
    this.#pins.set(peer, { incarnation, met: true });
  }

  #another(node: NodeId, incarnation: string): string {
    return `${node} is known with incarnation ${this.of(node)}, not ${incarnation}: its data directory is another one than before.`;
  }
}
