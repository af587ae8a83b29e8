/**
 * What the state machine was asked to apply and has not answered: bounded, and watched for a stall.
 *
 * Where nobody waits for the state, as on most followers most of the time, what is committed within one tick is
 * applied together, in one transaction. A transaction for each entry instead cost a node on a shared machine as
 * much as its log did. On a leader the same holds for what could be foretold.
 */

import type { Entry } from "../raft/index.ts";
import type { Applied } from "../store/index.ts";
import type { Effects } from "./events.ts";
import { Foretelling, type WaitingWrites } from "./foretelling.ts";

/**
 * Applies that may be under way: one at work, and one so that it need not wait for the event loop. What was kept may come
 * as a third.
 */
const ASKED_MAX = 2;

export interface HandOut {
  readonly nowMs: number;
  /** Whether what this state gives is believed. */
  readonly isSound: boolean;
  /** Whether entries of which it is known what they give may wait for the next ones: nobody waits for the state itself. */
  readonly mayKeep: boolean;
}

export class MachineQueue {
  /** Oldest first: the entries of commands in each apply, and when it was asked for. */
  readonly #asked: { readonly commands: readonly number[]; readonly atMs: number }[] = [];
  #handedOut: number;
  /** Whether a tick has passed since something was handed out. */
  #due = true;
  /** Entries that nobody waits for, because what they give is known: the state machine has them with the next ones. */
  #kept: readonly Entry[] = [];
  #isLookedAt = false;
  readonly #writes: WaitingWrites;
  readonly #foretelling: Foretelling;

  /** @param applied how far the state machine had applied at the start. */
  constructor(applied: number, writes: WaitingWrites) {
    this.#handedOut = applied;
    this.#writes = writes;
    this.#foretelling = new Foretelling(applied, writes);
  }

  /** Entries and snapshots up to here have been handed to the state machine. */
  get handedOut(): number {
    return this.#handedOut;
  }

  tick(): void {
    this.#due = true;
  }

  /** Somebody is about to look at the state from elsewhere: it has to have all that was answered. */
  lookedAt(): void {
    this.#isLookedAt = true;
  }

  /** Whether more may be handed out now. @param awaited whether anyone waits for what it will do. */
  hasRoom(awaited: boolean): boolean {
    return this.#asked.length < ASKED_MAX && (awaited || this.#due);
  }

  /**
   * Takes entries that are committed. Whoever waits for one of which it is known what it gives is answered now.
   * @returns what the state machine is to apply now, if anything.
   */
  handOut(entries: readonly Entry[], { nowMs, isSound, mayKeep }: HandOut): Effects["apply"] {
    if (isSound) this.#foretelling.foretell(entries);
    else this.#foretelling.forget();
    const all = this.#kept.length === 0 ? entries : [...this.#kept, ...entries];
    const last = all.at(-1)?.index;
    if (last === undefined) return undefined;
    if (mayKeep && this.#foretelling.isKnownUpTo(last) && !this.#isLookedAt && !this.#due) {
      this.#kept = all;
      return undefined;
    }
    this.#kept = [];
    const commands = all.filter(({ kind }) => kind === "command").map(({ index }) => index);
    this.#push(last, commands, nowMs);
    const wantOutcomes =
      this.#foretelling.asked(last) || commands.some((index) => this.#writes.awaits(index));
    return { entries: all, wantOutcomes };
  }

  /** The state machine is asked to take over a snapshot that reaches up to `last`, past all that is kept here. */
  askedToRestore(last: number, nowMs: number): void {
    this.#kept = [];
    this.#push(last, [], nowMs);
    this.#foretelling.askedToRestore();
  }

  /** The oldest request is carried out. Returns the entries of commands in it. */
  answered(applied: Applied): readonly number[] {
    const commands = this.#asked.shift()?.commands ?? [];
    this.#foretelling.answered(applied, commands);
    return commands;
  }

  #push(last: number, commands: readonly number[], nowMs: number): void {
    this.#handedOut = last;
    this.#due = false;
    this.#isLookedAt = false;
    this.#asked.push({ commands, atMs: nowMs });
  }

  /** How long the oldest request has been waiting, ms. */
  waitingMs(nowMs: number): number {
    const oldest = this.#asked[0];
    return oldest === undefined ? 0 : nowMs - oldest.atMs;
  }
}
