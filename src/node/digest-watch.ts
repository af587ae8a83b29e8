/**
 * Compares the digests of the replicas' states at the same index (never wrong quietly).
 *
 * A node whose digest differs from the one that a majority of voters has, stops serving. Where no majority
 * agrees nobody can tell who is right, and all raise the alarm.
 */

import { type Configuration, isQuorum, type NodeId } from "../raft/index.ts";
import type { StateDigest } from "../store/index.ts";

/** Indexes for which digests are kept; peers that lag further are compared at a later one. */
const KEPT = 32;

export type DigestVerdict =
  | { readonly kind: "equal" }
  /** Replicas differ. `ownIsWrong`: a majority agrees on another digest than this node's. */
  | {
      readonly kind: "differ";
      readonly ownIsWrong: boolean;
      readonly text: string;
      /**
       * This node's digest, if its sender has to hear of it now: a peer that was down when ours was sent has
       * only just arrived at that index, and would never learn that it is alone with its own.
       */
      readonly answer: StateDigest | undefined;
    };

export class DigestWatch {
  readonly #self: NodeId;
  readonly #seen: Map<number, Map<NodeId, number>> = new Map();

  constructor(self: NodeId) {
    this.#self = self;
  }

  /** Takes in the digest of one node (this one or a peer) and compares what is known for its index. */
  add(from: NodeId, { index, digest }: StateDigest, configuration: Configuration): DigestVerdict {
    let at = this.#seen.get(index);
    if (at === undefined) {
      at = new Map();
      this.#seen.set(index, at);
      if (this.#seen.size > KEPT) this.#seen.delete(Math.min(...this.#seen.keys()));
    }
    const own = at.get(this.#self);
    // Only once for each peer and index, or two that differ would tell each other for ever.
    const isNews = own !== undefined && own !== digest && !at.has(from);
    at.set(from, digest);
    const verdict = this.#compare(index, at, configuration);
    if (verdict === undefined) return { kind: "equal" };
    return { kind: "differ", ...verdict, answer: isNews ? { index, digest: own } : undefined };
  }

  /** Undefined if nothing is known that differs. */
  #compare(
    index: number,
    at: ReadonlyMap<NodeId, number>,
    configuration: Configuration,
  ): { readonly ownIsWrong: boolean; readonly text: string } | undefined {
    const own = at.get(this.#self);
    const others = [...at].filter(([, digest]) => digest !== own).map(([id]) => id);
    if (own === undefined || others.length === 0) return undefined;
    const agreed = [...new Set(at.values())].find((digest) =>
      isQuorum(configuration, (id) => at.get(id) === digest),
    );
    const where = `at index ${index}`;
    if (agreed === own) {
      return {
        ownIsWrong: false,
        text: `The state of ${others.join(", ")} differs from the majority's ${where}.`,
      };
    }
    if (agreed !== undefined) {
      const text = `The state of this node, ${this.#self}, differs from the majority's ${where}; it no longer serves. Replace it.`;
      return { ownIsWrong: true, text };
    }
    const text = `The states of ${this.#self} and ${others.join(", ")} differ ${where}, and no majority agrees on one.`;
    return { ownIsWrong: false, text };
  }
}
