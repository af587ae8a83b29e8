/**
 * Changes of the membership from their arrival to their answer.
 *
 *   waiting    in no log: it can still be refused or redirected and has changed nothing
 *   proposed   in this node's log, fate open
 *   taking     committed; the answer comes when the configuration is not joint any more
 *
 * Each request leaves exactly once, through an answer. What this node itself wants (a learner promoted, a silent
 * member removed) goes the same way and is answered to nobody.
 */

import { assert, defined } from "../base/index.ts";
import type { Configuration, EntryId, ProposalId, ProposalOutcome } from "../raft/index.ts";
import type { RequestId } from "./events.ts";
import { isSo, refusedByCore } from "./membership-plan.ts";
import { noLeader, stopping } from "./refusals.ts";
import type { MembershipRefusal, MembershipRequest, MembershipResult, NodeRefusal } from "./types.ts";

/** One request. */
export interface PendingChange {
  /** Undefined for what this node itself wants. */
  readonly id: RequestId | undefined;
  readonly request: MembershipRequest;
  readonly arrivedMs: number;
}

/** What is known of the configurations when an answer is due. */
export interface Reached {
  /** Of the log that this node holds. */
  readonly committedIndex: number;
  /** The committed configuration. */
  readonly committed: Configuration;
  /** Where the configuration in force was appended. */
  readonly configurationIndex: number;
}

export interface MembershipAnswer {
  readonly id: RequestId;
  readonly result: MembershipResult;
}

export class MembershipQueue {
  #waiting: PendingChange[] = [];
  readonly #proposed: Map<ProposalId, PendingChange> = new Map();
  #taking: { readonly change: PendingChange; readonly at: number }[] = [];
  /** Answered as unknown while in the log: their proposals still end. */
  readonly #late: Set<PendingChange> = new Set();
  /** Answered by {@link abandon} while in the log: the core goes on for a moment, and their proposals still end. */
  readonly #abandoned: Set<ProposalId> = new Set();
  #answers: MembershipAnswer[] = [];
  /** Counted down, so that no id is that of a write. */
  #proposals = 0;

  get waiting(): readonly PendingChange[] {
    return this.#waiting;
  }

  /** Whether anything waits for an answer. */
  get isEmpty(): boolean {
    return this.#waiting.length === 0 && this.#proposed.size === 0 && this.#taking.length === 0;
  }

  /** Whether a proposal of this queue is on its way through the log. */
  get isChanging(): boolean {
    return this.#proposed.size > 0;
  }

  add(change: PendingChange): void {
    this.#waiting.push(change);
  }

  takeAnswers(): readonly MembershipAnswer[] {
    const answers = this.#answers;
    this.#answers = [];
    return answers;
  }

  /** Ends a request that waits. */
  refuse(change: PendingChange, result: MembershipResult): void {
    this.#stopWaiting(change);
    this.#answer(change, result);
  }

  /** The request is about to be proposed under the returned id. */
  propose(change: PendingChange): ProposalId {
    this.#stopWaiting(change);
    const id = --this.#proposals;
    this.#proposed.set(id, change);
    return id;
  }

  /** What was asked for stands in the log at `at` already, by whomever: it counts once that is committed. */
  standsAt(change: PendingChange, at: number): void {
    this.#stopWaiting(change);
    this.#taking.push({ change, at });
  }

  owns(id: ProposalId): boolean {
    return this.#proposed.has(id) || this.#abandoned.has(id);
  }

  /** A proposal's fate is known. */
  settle(outcome: ProposalOutcome): void {
    if (this.#abandoned.delete(outcome.id)) return;
    const change = defined(this.#proposed.get(outcome.id), "membership: each proposal ends exactly once");
    this.#proposed.delete(outcome.id);
    if (this.#late.delete(change)) return;
    switch (outcome.kind) {
      case "committed":
        return this.#committed(change, outcome.at);
      case "unknown":
        return this.#answer(change, unknown("its entry is hidden behind a snapshot"));
      case "rejected":
        return this.#rejected(change, outcome.reason);
    }
  }

  #committed(change: PendingChange, at: EntryId): void {
    this.#taking.push({ change, at: at.index });
  }

  #rejected(change: PendingChange, reason: (ProposalOutcome & { kind: "rejected" })["reason"]): void {
    switch (reason) {
      case "changing":
      case "behind":
      case "invalid":
        return this.#answer(change, refusedByCore(reason));
      case "notLeader":
      case "transferring":
      case "notOpened":
      case "superseded":
        // It has not happened and never will: it waits for a leader again. What this node wanted, it wants anew.
        if (change.id !== undefined) this.#waiting.unshift(change);
        return;
      case "overloaded":
        assert(false, "membership: a change is not refused for its weight");
    }
  }

  /** Answers what has come about. */
  resolve({ committedIndex, committed, configurationIndex }: Reached): void {
    if (this.#taking.length === 0 || committed.outgoing.length > 0) return;
    const open = [];
    for (const one of this.#taking) {
      const { change, at } = one;
      if (at > committedIndex) open.push(one);
      else if (isSo(committed, change.request)) {
        const index = configurationIndex <= committedIndex ? configurationIndex : at;
        this.#answer(change, { kind: "changed", configuration: committed, index });
      } else if (change.id !== undefined) {
        // It stood in a log that gave way to another, or has been taken back since: judged anew.
        this.#waiting.push(change);
      }
    }
    this.#taking = open;
  }

  /** Ends what has waited too long: refused if it is in no log, unknown otherwise. */
  expire(nowMs: number, limits: { readonly holdMs: number; readonly writeMs: number }, leads: boolean): void {
    for (const change of [...this.#waiting]) {
      if (nowMs - change.arrivedMs < limits.holdMs) continue;
      this.refuse(change, leads ? notYet(limits.holdMs) : noLeader(limits.holdMs));
    }
    const isLate = ({ arrivedMs }: PendingChange): boolean => nowMs - arrivedMs >= limits.writeMs;
    const why = "no majority has confirmed it in time";
    for (const change of this.#proposed.values()) {
      if (!isLate(change) || this.#late.has(change)) continue;
      this.#late.add(change);
      this.#answer(change, unknown(why));
    }
    for (const { change } of this.#taking) if (isLate(change)) this.#answer(change, unknown(why));
    this.#taking = this.#taking.filter(({ change }) => !isLate(change));
  }

  /** Ends everything: the node stops. */
  abandon(): void {
    for (const change of [...this.#waiting]) this.refuse(change, stopping());
    const open = [...this.#proposed.values(), ...this.#taking.map(({ change }) => change)];
    for (const change of open) {
      if (!this.#late.has(change)) this.#answer(change, unknown("the node stopped"));
    }
    for (const id of this.#proposed.keys()) this.#abandoned.add(id);
    this.#proposed.clear();
    this.#taking = [];
    this.#late.clear();
  }

  #stopWaiting(change: PendingChange): void {
    this.#waiting = this.#waiting.filter((one) => one !== change);
  }

  #answer({ id }: PendingChange, result: MembershipResult): void {
    if (id !== undefined) this.#answers.push({ id, result });
  }
}

function unknown(why: string): NodeRefusal {
  return {
    kind: "failed",
    code: "OUTCOME_UNKNOWN",
    detail: `The membership may or may not be changed: ${why}. Look at "raftally member list", or ask for the same again, which does no harm.`,
    retryAfterMs: 500,
  };
}

/** This node leads and could not begin with it. */
function notYet(heldMs: number): MembershipRefusal {
  const detail = `This leader could not begin with the change for ${heldMs} ms, because it has only just taken office, hands over, or hears too seldom of the member concerned. Nothing was changed; try again.`;
  return { kind: "failed", code: "ALREADY_CHANGING", detail, retryAfterMs: 1_000 };
}
