/**
 * Reads from their arrival to their answer. A linearizable read is first given a read index by the leader; it is
 * answered from this node's own state once that has applied so far, and as far as the read itself asks for. Every
 * attempt has an id of its own (T30).
 */

import { assert } from "../base/index.ts";
import type { ReadId } from "../raft/index.ts";
import type { Query, QueryAnswers } from "../store/index.ts";
import type { RequestId } from "./events.ts";
import type { NodeRefusal, ReadResult } from "./types.ts";

interface PendingRead {
  readonly id: RequestId;
  readonly query: Query;
  readonly arrivedMs: number;
  /** The state that answers has applied at least this. */
  readonly minIndex: number;
  /** Age of what a stale read is answered from; 0 for a linearizable one. */
  ageMs: number | undefined;
  readonly isStale: boolean;
  answered: boolean;
}

/** A read as it arrives. */
export interface NewRead {
  readonly id: RequestId;
  readonly query: Query;
  readonly nowMs: number;
  /** 0: any state will do. */
  readonly minIndex: number;
}

/** Queries that may run now, under the number that their answers carry. */
export interface QueryTicket {
  readonly ticket: number;
  readonly queries: readonly Query[];
}

/** How far this node is, for whoever waited for more in vain. */
export interface Reached {
  readonly applied: number;
  readonly committed: number;
}

export interface ReadAnswer {
  readonly id: RequestId;
  readonly result: ReadResult;
}

export class ReadQueue {
  /** Without a read index, and not asked for one. */
  #waiting: PendingRead[] = [];
  /** Asked for; by attempt. */
  readonly #asked: Map<ReadId, readonly PendingRead[]> = new Map();
  /** With an index that is not applied yet: the read index, or what the read asks for, whichever is later. */
  #confirmed: { readonly index: number; readonly reads: readonly PendingRead[] }[] = [];
  /** May be answered from the state as it is. */
  #ready: PendingRead[] = [];
  /** Handed to the state machine; by ticket. */
  readonly #querying: Map<number, readonly PendingRead[]> = new Map();
  #answers: ReadAnswer[] = [];
  #attempts = 0;
  #tickets = 0;
  #size = 0;

  /** Reads that take up memory here, also those that were answered while the state machine is late. */
  get size(): number {
    return this.#size;
  }

  get isEmpty(): boolean {
    return (
      this.#waiting.length === 0 &&
      this.#asked.size === 0 &&
      this.#confirmed.length === 0 &&
      this.#ready.length === 0 &&
      this.#querying.size === 0
    );
  }

  takeAnswers(): readonly ReadAnswer[] {
    const answers = this.#answers;
    this.#answers = [];
    return answers;
  }

  addLinearizable({ id, query, nowMs, minIndex }: NewRead): void {
    this.#size++;
    this.#waiting.push({ id, query, arrivedMs: nowMs, minIndex, ageMs: 0, isStale: false, answered: false });
  }

  /** Answered without asking anybody. Its age is that of the state when the query is handed out. */
  addStale({ id, query, nowMs, minIndex }: NewRead): void {
    this.#size++;
    const ageMs = undefined;
    const read = { id, query, arrivedMs: nowMs, minIndex, ageMs, isStale: true, answered: false };
    if (minIndex === 0) this.#ready.push(read);
    else this.#confirmed.push({ index: minIndex, reads: [read] });
  }

  /** Ends a read that was never taken in. */
  refuse(id: RequestId, result: ReadResult): void {
    this.#answers.push({ id, result });
  }

  /** Begins one attempt for all reads that wait for a read index; undefined if none does. */
  ask(): ReadId | undefined {
    const open = this.#stillOpen(this.#waiting);
    this.#waiting = [];
    if (open.length === 0) return undefined;
    const id = ++this.#attempts;
    this.#asked.set(id, open);
    return id;
  }

  /** An attempt got its read index. */
  confirm(id: ReadId, index: number): void {
    const reads = this.#asked.get(id);
    assert(reads !== undefined, "reads: each attempt ends exactly once");
    this.#asked.delete(id);
    const later = reads.filter(({ minIndex }) => minIndex > index);
    const now = later.length === 0 ? reads : reads.filter(({ minIndex }) => minIndex <= index);
    this.#confirmed.push({ index, reads: now });
    for (const read of later) this.#confirmed.push({ index: read.minIndex, reads: [read] });
  }

  /** An attempt came to nothing: its reads wait for the next one. */
  fail(id: ReadId): void {
    const reads = this.#asked.get(id);
    assert(reads !== undefined, "reads: each attempt ends exactly once");
    this.#asked.delete(id);
    this.#waiting.push(...reads);
  }

  /**
   * Takes the queries that may run once everything up to `handedOut` is applied: under one ticket, but for scans, which
   * take long and have one each.
   * @param ageMs how old the state may be at most.
   */
  takeQueries(handedOut: number, ageMs: () => number | undefined): readonly QueryTicket[] {
    if (this.#confirmed.length > 0) {
      for (const { index, reads } of this.#confirmed) if (index <= handedOut) this.#ready.push(...reads);
      this.#confirmed = this.#confirmed.filter(({ index }) => index > handedOut);
    }
    const open = this.#stillOpen(this.#ready);
    this.#ready = [];
    if (open.length === 0) return NO_TICKETS;
    for (const read of open) if (read.isStale) read.ageMs = ageMs();
    const scans = open.filter(({ query }) => IS_SCAN[query.kind]).map((read) => this.#ticket([read]));
    if (scans.length === open.length) return scans;
    const quick = scans.length === 0 ? open : open.filter(({ query }) => !IS_SCAN[query.kind]);
    return [this.#ticket(quick), ...scans];
  }

  #ticket(reads: readonly PendingRead[]): QueryTicket {
    const ticket = ++this.#tickets;
    this.#querying.set(ticket, reads);
    return { ticket, queries: reads.map((read) => read.query) };
  }

  /** The state machine has answered. */
  queried(ticket: number, { answers, index, term }: QueryAnswers): void {
    const reads = this.#querying.get(ticket);
    assert(reads !== undefined, "reads: each ticket is answered once");
    assert(reads.length === answers.length, "reads: each query has one answer");
    this.#querying.delete(ticket);
    this.#size -= reads.length;
    for (const [at, read] of reads.entries()) {
      const answer = answers[at] as QueryAnswers["answers"][number];
      this.#answer(read, { kind: "answer", answer, index, term, ageMs: read.ageMs });
    }
  }

  /** Refuses what has waited too long, be it for its confirmation or for the state machine. */
  expire(nowMs: number, readMs: number, reached: Reached): void {
    for (const reads of this.#all()) {
      for (const read of reads) {
        if (nowMs - read.arrivedMs < readMs) continue;
        const isBehind = read.minIndex > reached.applied;
        this.#answer(read, isBehind ? behind(read.minIndex, readMs, reached) : timedOut(readMs));
      }
    }
    this.#waiting = this.#stillOpen(this.#waiting);
    // An index that may never come must not hold what nobody waits for any more.
    this.#confirmed = this.#confirmed
      .map(({ index, reads }) => ({ index, reads: this.#stillOpen(reads) }))
      .filter(({ reads }) => reads.length > 0);
  }

  /** Refuses everything; an answer that the state machine still gives comes too late. */
  refuseAll(refusal: NodeRefusal): void {
    for (const reads of this.#all()) for (const read of reads) this.#answer(read, refusal);
  }

  #all(): readonly (readonly PendingRead[])[] {
    const confirmed = this.#confirmed.map(({ reads }) => reads);
    return [this.#waiting, ...this.#asked.values(), ...confirmed, this.#ready, ...this.#querying.values()];
  }

  /** Those of `reads` that wait for an answer; the others are forgotten. */
  #stillOpen(reads: readonly PendingRead[]): PendingRead[] {
    const open = reads.filter((read) => !read.answered);
    this.#size -= reads.length - open.length;
    return open;
  }

  #answer(read: PendingRead, result: ReadResult): void {
    if (read.answered) return;
    read.answered = true;
    this.#answers.push({ id: read.id, result });
  }
}

/** What may have to look at every counter, and is answered in a thread of its own. */
const IS_SCAN: Readonly<Record<Query["kind"], boolean>> = {
  get: false,
  list: false,
  changes: false,
  scan: true,
  sum: true,
  select: true,
};

const NO_TICKETS: readonly QueryTicket[] = [];

function behind(minIndex: number, readMs: number, { applied, committed }: Reached): NodeRefusal {
  return {
    kind: "failed",
    code: "READ_TIMEOUT",
    detail: `The read asks for a state that has applied entry ${minIndex}; within ${readMs} ms this node has applied up to ${applied} and knows that ${committed} is committed. Retry, or ask another node.`,
    retryAfterMs: 500,
  };
}

function timedOut(readMs: number): NodeRefusal {
  return {
    kind: "failed",
    code: "READ_TIMEOUT",
    detail: `The read could not be confirmed and answered within ${readMs} ms. Retry, or read with consistency=stale.`,
    retryAfterMs: 500,
  };
}
