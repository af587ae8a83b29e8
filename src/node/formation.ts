/**
 * The first start of a new cluster. No node votes before it has met every initial member once.
 *
 * Why all, and not a majority: a vote is bound to the incarnation of the disk that remembers it. Each node makes
 * the incarnation of each other durable before it answers it, so once a node has been answered by all, none of
 * them will ever take another disk for it. A member whose disk is wiped later is therefore refused by all, and
 * cannot vote a second time in a term in which its lost disk had voted (DESIGN.md section 5, identity; T44).
 *
 * Why it listens a while even so: where the disks of all initial members are lost, they meet as if they were new. The
 * members that joined later are still there, and disown them as soon as they dial.
 */

import type { NodeId } from "../raft/index.ts";

/** After so long without all of them it is said what can be done, ms. */
export const LATE_MS = 30_000;

export class Formation {
  readonly #awaited: Set<NodeId>;
  readonly #lookMs: number;
  #looked: boolean;
  readonly #formed: Promise<void>;
  #resolve: () => void = () => undefined;
  #reject: (refused: Error) => void = () => undefined;

  /**
   * @param members everyone but this node.
   * @param lookMs how long it listens in any case for members of this cluster that know this node otherwise, ms.
   */
  constructor(members: Iterable<NodeId>, lookMs = 0) {
    this.#awaited = new Set(members);
    this.#lookMs = lookMs;
    this.#looked = lookMs === 0;
    this.#formed = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Whoever waits sees the rejection; a formation that is abandoned is no unhandled one.
    this.#formed.catch(() => undefined);
    this.#check();
  }

  #check(): void {
    if (this.#looked && this.#awaited.size === 0) this.#resolve();
  }

  /** Those that have not answered yet. */
  get awaited(): readonly NodeId[] {
    return [...this.#awaited];
  }

  /** A member has answered this node's handshake: its incarnation is durable here, and ours there. */
  met(id: NodeId): void {
    this.#awaited.delete(id);
    this.#check();
  }

  /** A member will not have this node, or knows it otherwise; the formation is over. */
  fail(refused: Error): void {
    this.#reject(refused);
  }

  /**
   * Resolves when all have answered and it has listened long enough; rejects with what {@link fail} was given, or when `signal` says stop.
   * @param onLate is told what to do, every {@link LATE_MS} in which it does not come to this.
   */
  async complete(signal: AbortSignal, onLate: (advice: string) => void = () => undefined): Promise<void> {
    const late = setInterval(() => onLate(adviceFor(this.awaited)), LATE_MS);
    const look = setTimeout(() => {
      this.#looked = true;
      this.#check();
    }, this.#lookMs);
    const stop = (): void => this.#reject(new Error("stopped before all members had met"));
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    try {
      await this.#formed;
    } finally {
      signal.removeEventListener("abort", stop);
      clearInterval(late);
      clearTimeout(look);
    }
  }
}

/** What to do if one of them never comes: it was not met once by all, so this node cannot know who it was. */
function adviceFor(awaited: readonly NodeId[]): string {
  const names = awaited.join(", ");
  return (
    `still waiting for ${names}: all initial members have to meet once. If ${names} is gone for good and the others ` +
    "do not count yet, stop them all, delete their data directories and start them with a list of members without " +
    `it. If the others count already, remove ${names} there ("raftally member remove") as well as this node, and ` +
    "start this one on an empty data directory under a new id with --join"
  );
}
