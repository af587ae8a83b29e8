/**
 * What the state machine was asked to apply and has not answered: bounded, and watched for a stall.
 *
 * Where nobody waits for the state, as on most followers most of the time, what is committed within one tick is
 * applied together, in one transaction. A transaction for each entry instead cost a node on a shared machine as
 * much as its log did.
 */

/** Applies that may be under way: one at work, and one so that it need not wait for the event loop. */
const ASKED_MAX = 2;

export class MachineQueue {
  /** Oldest first: the entries of commands in each apply, and when it was asked for. */
  readonly #asked: { readonly commands: readonly number[]; readonly atMs: number }[] = [];
  #handedOut: number;
  /** Whether a tick has passed since something was handed out. */
  #due = true;

  /** @param applied how far the state machine had applied at the start. */
  constructor(applied: number) {
    this.#handedOut = applied;
  }

  /** Entries and snapshots up to here have been handed to the state machine. */
  get handedOut(): number {
    return this.#handedOut;
  }

  tick(): void {
    this.#due = true;
  }

  /** Whether more may be handed out now. @param awaited whether anyone waits for what it will do. */
  hasRoom(awaited: boolean): boolean {
    return this.#asked.length < ASKED_MAX && (awaited || this.#due);
  }

  /** The state machine was asked to apply (or restore) up to `last`. */
  asked(last: number, commands: readonly number[], nowMs: number): void {
    this.#handedOut = last;
    this.#due = false;
    this.#asked.push({ commands, atMs: nowMs });
  }

  /** The oldest request is answered. Returns the entries of commands in it. */
  answered(): readonly number[] {
    return this.#asked.shift()?.commands ?? [];
  }

  /** How long the oldest request has been waiting, ms. */
  waitingMs(nowMs: number): number {
    const oldest = this.#asked[0];
    return oldest === undefined ? 0 : nowMs - oldest.atMs;
  }
}
