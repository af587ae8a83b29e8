/**
 * Linearizable reads by ReadIndex (thesis §6.4): the leader's side and the follower's.
 *
 * A read is confirmed by a round of heartbeats that began after the read arrived, so an answer to an earlier
 * round proves nothing for it (T30). Rounds are numbered by the leader itself; a round confirms every read that
 * was waiting when it began; an answer to round n confirms rounds up to n.
 */

import { isQuorum } from "./quorum.ts";
import type { Configuration, Index, NodeId, ReadId } from "./types.ts";

/** Who asked: this node itself, or a follower that forwarded. */
export interface PendingRead {
  readonly id: ReadId;
  readonly origin: NodeId;
}

interface Round {
  readonly number: number;
  readonly index: Index;
  readonly reads: readonly PendingRead[];
}

/** The leader's reads. */
export class ReadRounds {
  #waiting: PendingRead[] = [];
  #round: Round | undefined;
  #number = 0;
  #answered = new Map<NodeId, number>();

  /** The number that heartbeats carry: of the latest round, 0 before the first. */
  get number(): number {
    return this.#number;
  }

  add(read: PendingRead): void {
    this.#waiting.push(read);
  }

  /** Begins a round for all waiting reads, if none is under way; says whether heartbeats have to leave. */
  maybeBegin(committed: Index): boolean {
    if (this.#round !== undefined || this.#waiting.length === 0) return false;
    this.#number++;
    this.#round = { number: this.#number, index: committed, reads: this.#waiting };
    this.#waiting = [];
    return true;
  }

  /** A peer answered a heartbeat that carried `round`. */
  answered(peer: NodeId, round: number): void {
    if (round > (this.#answered.get(peer) ?? 0)) this.#answered.set(peer, round);
  }

  /** Ends the round under way if a quorum has answered it (`self` always has). */
  takeConfirmed(configuration: Configuration, self: NodeId): Round | undefined {
    const round = this.#round;
    if (round === undefined) return undefined;
    const confirmed = isQuorum(
      configuration,
      (id) => id === self || (this.#answered.get(id) ?? 0) >= round.number,
    );
    if (!confirmed) return undefined;
    this.#round = undefined;
    return round;
  }

  /** Gives up all reads: the leader stops being one. */
  takeAll(): readonly PendingRead[] {
    const all = [...(this.#round?.reads ?? []), ...this.#waiting];
    this.#round = undefined;
    this.#waiting = [];
    return all;
  }
}

/** The reads that a follower has forwarded to its leader. */
export class ForwardedReads {
  #ticks = new Map<ReadId, number>();

  add(id: ReadId): void {
    this.#ticks.set(id, 0);
  }

  /** The leader answered; false if the read was given up before. */
  take(id: ReadId): boolean {
    return this.#ticks.delete(id);
  }

  /** Ages all reads; returns those whose answer is overdue. */
  takeOverdue(ticksMax: number): readonly ReadId[] {
    const overdue: ReadId[] = [];
    for (const [id, ticks] of this.#ticks) {
      if (ticks + 1 >= ticksMax) overdue.push(id);
      else this.#ticks.set(id, ticks + 1);
    }
    for (const id of overdue) this.#ticks.delete(id);
    return overdue;
  }

  takeAll(): readonly ReadId[] {
    const all = [...this.#ticks.keys()];
    this.#ticks.clear();
    return all;
  }
}
