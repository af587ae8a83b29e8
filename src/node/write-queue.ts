/**
 * Writes from their arrival to their answer.
 *
 *   waiting    not in any log: it can still be refused or redirected and has changed nothing
 *   proposed   in an entry of this node's log whose fate is open
 *   committed  the entry will be applied here; the answer comes with what it gives
 *
 * Each write leaves exactly once, through an answer.
 */

import { assert, crc32c, defined } from "../base/index.ts";
import {
  Combiner,
  type Command,
  encodePayload,
  type Item,
  type ItemOutcome,
  outcomeOf,
  type Ticket,
} from "../counter/index.ts";
import type { EntryId, ProposalId, ProposalOutcome } from "../raft/index.ts";
import type { RequestId } from "./events.ts";
import { Gathering } from "./gathering.ts";
import { noLeader, overloaded, stopping } from "./refusals.ts";
import type { NodeRefusal, WriteResult } from "./types.ts";

interface PendingWrite {
  readonly id: RequestId;
  readonly command: Command;
  readonly bytes: number;
  readonly arrivedMs: number;
  answered: boolean;
}

/** The writes that share one entry, each with its place in it. */
interface Group {
  readonly proposal: ProposalId;
  readonly items: readonly Item[];
  readonly writes: readonly { readonly write: PendingWrite; readonly ticket: Ticket }[];
}

/** An entry ready to be proposed. */
export interface ProposedEntry {
  readonly id: ProposalId;
  readonly data: Uint8Array;
  readonly crc: number;
  readonly commands: number;
}

export interface Answer {
  readonly id: RequestId;
  readonly result: WriteResult;
}

export class WriteQueue {
  readonly #gathering: Gathering;
  #waiting: PendingWrite[] = [];
  readonly #proposed: Map<ProposalId, Group> = new Map();
  /** By the index of the entry. */
  readonly #committed: Map<number, { readonly group: Group; readonly at: EntryId }> = new Map();
  /** Answered by {@link abandon} while in the log: the core goes on for a moment, and their proposals still end. */
  readonly #abandoned: Set<ProposalId> = new Set();
  #answers: Answer[] = [];
  #bytes = 0;
  #proposals = 0;

  /** @param gatherFrom writes in an entry from which on the next one waits for as many. */
  constructor(gatherFrom: number) {
    this.#gathering = new Gathering(gatherFrom);
  }

  /** Bytes of the commands that wait for an answer. */
  get bytes(): number {
    return this.#bytes;
  }

  get hasWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Whether what waits should wait for more to share its entry. */
  isGathering(nowMs: number): boolean {
    const inFlight = this.#proposed.size > 0 || this.#committed.size > 0;
    return !this.#gathering.isOver({ waiting: this.#waiting.length, inFlight }, nowMs);
  }

  /** Whether any write waits for an answer. */
  get isEmpty(): boolean {
    return this.#waiting.length === 0 && this.#proposed.size === 0 && this.#committed.size === 0;
  }

  /** Whether somebody here waits for what applying the entry at `index` returns. */
  awaits(index: number): boolean {
    return this.#committed.has(index);
  }

  /** What this node has put into the entry at `index`; undefined if nobody here waits for it. */
  itemsAt(index: number): readonly Item[] | undefined {
    return this.#committed.get(index)?.group.items;
  }

  takeAnswers(): readonly Answer[] {
    const answers = this.#answers;
    this.#answers = [];
    return answers;
  }

  add(write: { readonly id: RequestId; readonly command: Command; readonly nowMs: number }): void {
    const bytes = commandBytes(write.command);
    this.#bytes += bytes;
    this.#waiting.push({
      id: write.id,
      command: write.command,
      bytes,
      arrivedMs: write.nowMs,
      answered: false,
    });
  }

  /** Ends a write that was never taken in. */
  refuse(id: RequestId, result: WriteResult): void {
    this.#answers.push({ id, result });
  }

  /** Takes waiting writes, in order, into one entry; at least one. */
  propose(elapsedMs: number, bytesMax: number, nowMs: number): ProposedEntry {
    assert(this.#waiting.length > 0, "writes: an entry holds at least one write");
    const combiner = new Combiner();
    let taken = 0;
    const writes: Group["writes"][number][] = [];
    for (const write of this.#waiting) {
      if (taken > 0 && combiner.bytes + write.bytes > bytesMax) break;
      writes.push({ write, ticket: combiner.add(write.command) });
      taken++;
    }
    this.#gathering.proposed(taken === this.#waiting.length ? taken : 0, nowMs);
    this.#waiting = taken === this.#waiting.length ? [] : this.#waiting.slice(taken);
    const payload = combiner.take(elapsedMs);
    const data = encodePayload(payload);
    const id = ++this.#proposals;
    this.#proposed.set(id, { proposal: id, items: payload.items, writes });
    return { id, data, crc: crc32c(data), commands: taken };
  }

  /** A proposal's fate is known. */
  settle(outcome: ProposalOutcome): void {
    if (this.#abandoned.delete(outcome.id)) return;
    const group = defined(this.#proposed.get(outcome.id), "writes: each proposal ends exactly once");
    this.#proposed.delete(outcome.id);
    switch (outcome.kind) {
      case "committed":
        this.#committed.set(outcome.at.index, { group, at: outcome.at });
        return;
      case "unknown":
        return this.#answerGroup(group, unknown("the entry is hidden behind a snapshot"));
      case "rejected":
        if (outcome.reason === "overloaded") return this.#answerGroup(group, overloaded("writes"));
        // It has not happened and never will: these writes wait for a leader again, before all later ones.
        this.#waiting = [...group.writes.map(({ write }) => write).filter(isOpen), ...this.#waiting];
    }
  }

  /** The entry at `index`, which is committed, gives `outcomes`: the state machine has said so, or it was foretold. */
  gave(index: number, outcomes: readonly ItemOutcome[]): void {
    const found = this.#committed.get(index);
    if (found === undefined) return;
    this.#committed.delete(index);
    const { at, group } = found;
    for (const { write, ticket } of group.writes) {
      const outcome = outcomeOf(outcomes, ticket);
      this.#answer(write, { kind: "applied", outcome, index: at.index, term: at.term });
    }
  }

  /** The entry at `index` was applied, but to a state that is known to be wrong. */
  diverged(index: number): void {
    const found = this.#committed.get(index);
    this.#committed.delete(index);
    if (found !== undefined) this.#answerGroup(found.group, unknown("the state of this node is wrong"));
  }

  /** A snapshot replaced the state up to `index`: what was committed below it is not applied here any more. */
  restored(index: number): void {
    for (const [at, { group }] of this.#committed) {
      if (at > index) continue;
      this.#committed.delete(at);
      this.#answerGroup(
        group,
        unknown("a snapshot replaced this node's state before it had applied the write"),
      );
    }
  }

  /** Ends all writes that are in no log. */
  answerWaiting(result: WriteResult): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const write of waiting) this.#answer(write, result);
  }

  /** Ends what has waited too long: refused if it is in no log, unknown otherwise. */
  expire(nowMs: number, limits: { readonly holdMs: number; readonly writeMs: number }): void {
    const late = (write: PendingWrite, ms: number): boolean => nowMs - write.arrivedMs >= ms;
    if (this.#waiting.some((write) => late(write, limits.holdMs))) {
      const waiting = this.#waiting;
      this.#waiting = waiting.filter((write) => !late(write, limits.holdMs));
      for (const write of waiting)
        if (late(write, limits.holdMs)) this.#answer(write, noLeader(limits.holdMs));
    }
    const groups = [...this.#proposed.values(), ...[...this.#committed.values()].map(({ group }) => group)];
    for (const { writes } of groups) {
      for (const { write } of writes) {
        // The entry stays where it is, and may still be applied: only the caller stops waiting.
        if (late(write, limits.writeMs))
          this.#answer(write, unknown("no majority has confirmed the write in time"));
      }
    }
  }

  /** Ends everything: the node stops. */
  abandon(): void {
    this.answerWaiting(stopping());
    for (const group of this.#proposed.values()) this.#answerGroup(group, unknown("the node stopped"));
    for (const { group } of this.#committed.values()) this.#answerGroup(group, unknown("the node stopped"));
    for (const id of this.#proposed.keys()) this.#abandoned.add(id);
    this.#proposed.clear();
    this.#committed.clear();
  }

  #answerGroup(group: Group, result: WriteResult): void {
    for (const { write } of group.writes) this.#answer(write, result);
  }

  #answer(write: PendingWrite, result: WriteResult): void {
    if (write.answered) return;
    write.answered = true;
    this.#bytes -= write.bytes;
    this.#answers.push({ id: write.id, result });
  }
}

function isOpen(write: PendingWrite): boolean {
  return !write.answered;
}

/** What a waiting command weighs, roughly: its strings at two bytes a unit, and what surrounds them. */
export function commandBytes({ operation }: Command): number {
  switch (operation.kind) {
    case "add":
    case "set":
    case "delete":
      return (
        200 + 2 * operation.key.length + (operation.kind === "add" ? 2 * (operation.once?.length ?? 0) : 0)
      );
    case "batch":
      return operation.changes.reduce(
        (sum, change) => sum + commandBytes({ operation: change }),
        200 + 2 * (operation.places?.length ?? 0),
      );
    case "openSession":
      return 200;
  }
}

function unknown(why: string): NodeRefusal {
  return {
    kind: "failed",
    code: "OUTCOME_UNKNOWN",
    detail: `The write may or may not have been applied: ${why}. Retry with the same Idempotency-Key.`,
    retryAfterMs: 500,
  };
}
