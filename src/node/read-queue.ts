/**
 * Reads from their arrival to their answer. A linearizable read is first given a read index by the leader; it is
 * answered from this node's own state once that has applied so far. Every attempt has an id of its own (T30).
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
  /** Age of what a stale read is answered from; 0 for a linearizable one. */
  readonly ageMs: number | undefined;
  answered: boolean;
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
  /** With a read index that is not applied yet. */
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

  addLinearizable(read: { readonly id: RequestId; readonly query: Query; readonly nowMs: number }): void {
    this.#size++;
    this.#waiting.push({ id: read.id, query: read.query, arrivedMs: read.nowMs, ageMs: 0, answered: false });
  }

  addStale(read: {
    readonly id: RequestId;
    readonly query: Query;
    readonly nowMs: number;
    readonly ageMs: number | undefined;
  }): void {
    const { id, query, nowMs, ageMs } = read;
    this.#size++;
    this.#ready.push({ id, query, arrivedMs: nowMs, ageMs, answered: false });
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
    this.#confirmed.push({ index, reads });
  }

  /** An attempt came to nothing: its reads wait for the next one. */
  fail(id: ReadId): void {
    const reads = this.#asked.get(id);
    assert(reads !== undefined, "reads: each attempt ends exactly once");
    this.#asked.delete(id);
    this.#waiting.push(...reads);
  }

  /** Takes the queries that may run once everything up to `handedOut` is applied, under one ticket. */
  takeQueries(
    handedOut: number,
  ): { readonly ticket: number; readonly queries: readonly Query[] } | undefined {
    if (this.#confirmed.length > 0) {
      for (const { index, reads } of this.#confirmed) if (index <= handedOut) this.#ready.push(...reads);
      this.#confirmed = this.#confirmed.filter(({ index }) => index > handedOut);
    }
    const open = this.#stillOpen(this.#ready);
    this.#ready = [];
    if (open.length === 0) return undefined;
    const ticket = ++this.#tickets;
    this.#querying.set(ticket, open);
    return { ticket, queries: open.map((read) => read.query) };
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
  expire(nowMs: number, readMs: number): void {
    for (const reads of this.#all()) {
      for (const read of reads) if (nowMs - read.arrivedMs >= readMs) this.#answer(read, timedOut(readMs));
    }
    this.#waiting = this.#stillOpen(this.#waiting);
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

function timedOut(readMs: number): NodeRefusal {
  return {
    kind: "failed",
    code: "READ_TIMEOUT",
    detail: `The read could not be confirmed and answered within ${readMs} ms. Retry, or read with consistency=stale.`,
    retryAfterMs: 500,
  };
}
