/** Messages that promise what is not on disk yet: each list leaves once its write is durable. */

import type { Ready } from "../raft/index.ts";

export class HeldMessages {
  /** Oldest first. */
  #held: Ready["sendAfter"] = [];
  #persistedSeq = 0;

  /** The latest write that is durable. */
  get persistedSeq(): number {
    return this.#persistedSeq;
  }

  /** The write `seq`, and all before it, are durable. */
  persisted(seq: number): void {
    this.#persistedSeq = Math.max(this.#persistedSeq, seq);
  }

  /** Messages that may leave: those of now, and those whose write has become durable. */
  release({ send, sendAfter }: Pick<Ready, "send" | "sendAfter">): Ready["send"] {
    if (sendAfter.length > 0) this.#held = [...this.#held, ...sendAfter];
    if (this.#held.length === 0) return send;
    const due = this.#held.filter(({ seq }) => seq <= this.#persistedSeq);
    if (due.length === 0) return send;
    this.#held = this.#held.filter(({ seq }) => seq > this.#persistedSeq);
    return [...due.flatMap(({ messages }) => messages), ...send];
  }
}
