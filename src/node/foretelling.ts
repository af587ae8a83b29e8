/**
 * Answers plain adds as soon as they are committed. What they give is decided by then: it follows from the log before
 * them, and this leader has heard from its state machine what that gave (foresight.ts). So the caller need not wait until
 * the state machine has done it too, which takes a turn of its thread and one of this one. Reads do wait for that.
 *
 * The state machine is held against what was foretold: against the revision where all of a request was, and against every
 * value now and then, and wherever only a part of a request was. A difference stops the process, for then one of
 * the two is wrong.
 */

import { assert, defined } from "../base/index.ts";
import { Foresight, type Item, type ItemOutcome } from "../counter/index.ts";
import type { Entry } from "../raft/index.ts";
import type { Applied } from "../store/index.ts";

/** Of so many requests that were foretold, all outcomes of one are compared. */
const PROOF_EVERY = 16;

/** The writes that wait for what entries give. */
export interface WaitingWrites {
  /** Whether somebody here waits for what applying the entry at `index` returns. */
  awaits(index: number): boolean;
  /** What this node has put into the entry at `index`; undefined if nobody here waits for it. */
  itemsAt(index: number): readonly Item[] | undefined;
  /** The entry at `index` gives `outcomes`. */
  gave(index: number, outcomes: readonly ItemOutcome[]): void;
}

/** What the state machine will say of a request, as far as that has been foretold. */
interface Foretold {
  /** The revision that it leads to; undefined if not all of it was foretold. */
  readonly revision: number | undefined;
  /** Of its first entries of commands, as many as are compared. */
  readonly outcomes: Outcomes;
}

/** Of each entry of commands, what becomes of its items. */
type Outcomes = readonly (readonly ItemOutcome[])[];

export class Foretelling {
  readonly #foresight = new Foresight();
  readonly #writes: WaitingWrites;
  /** Of all entries up to here it is known what they gave. */
  #upTo: number;
  /** What was foretold of entries that the state machine has not been asked for. */
  #told: (readonly ItemOutcome[])[] = [];
  /** For each request to the state machine, oldest first. */
  readonly #expected: Foretold[] = [];
  #foretold = 0;

  /** @param applied how far the state machine had applied at the start. */
  constructor(applied: number, writes: WaitingWrites) {
    this.#upTo = applied;
    this.#writes = writes;
  }

  /** The state machine will be asked to apply `entries` next: answers whoever waits for one that can be foretold. */
  foretell(entries: readonly Entry[]): void {
    for (const { index, kind } of entries) {
      if (index !== this.#upTo + 1) return;
      const items = kind === "command" ? this.#writes.itemsAt(index) : [];
      const outcomes = items === undefined ? undefined : this.#foresight.foretell(items);
      if (outcomes === undefined) return;
      this.#upTo = index;
      if (kind === "command") this.#told.push(outcomes);
      this.#writes.gave(index, outcomes);
    }
  }

  /** Whether it is known what all entries up to `index` give: foretold, or told by the state machine. */
  isKnownUpTo(index: number): boolean {
    return this.#upTo >= index;
  }

  /** What is to come is not to be told: this state is not believed any more. */
  forget(): void {
    this.#foresight.forget();
  }

  /** The state machine is asked to take over another state. */
  askedToRestore(): void {
    this.forget();
    this.#told = [];
    this.#expected.push({ revision: undefined, outcomes: [] });
  }

  /**
   * The state machine is asked to go on up to the entry at `last`.
   * @returns whether the outcomes are wanted although nobody waits for them.
   */
  asked(last: number): boolean {
    const told = this.#told;
    this.#told = [];
    if (last !== this.#upTo) {
      this.#expected.push({ revision: undefined, outcomes: told });
      return told.length > 0;
    }
    this.#foretold += 1;
    const isProof = this.#foretold % PROOF_EVERY === 0;
    this.#expected.push({ revision: this.#foresight.revision, outcomes: isProof ? told : [] });
    return isProof;
  }

  /**
   * The oldest request has been carried out. To be called before those who wait for its entries are answered.
   * @param commands the indexes of its entries of commands.
   * @throws {InvariantViolation} if the state machine gave anything else than what was foretold.
   */
  answered({ index, outcomes, totals }: Applied, commands: readonly number[]): void {
    const expected = defined(this.#expected.shift(), "foretelling: what is answered was asked for");
    compare(expected.outcomes, outcomes.slice(0, expected.outcomes.length));
    if (expected.revision !== undefined) {
      assert(expected.revision === totals.revision, "foretelling: the revision is the one that was foretold");
      return;
    }
    for (const [at, command] of commands.entries()) {
      if (command <= this.#upTo) continue;
      const items = this.#writes.itemsAt(command);
      const given = outcomes[at];
      if (items === undefined || given === undefined) this.#foresight.forget();
      else this.#foresight.learn(items, given);
    }
    this.#foresight.reached(totals.revision);
    this.#upTo = index;
  }
}

function compare(expected: Outcomes, given: Outcomes): void {
  const text = (outcomes: Outcomes): string => outcomes.map((of) => of.map(runText).join(" ")).join("; ");
  assert(text(expected) === text(given), "foretelling: the outcomes are those that were foretold");
}

function runText(outcome: ItemOutcome): string {
  if (outcome.kind !== "run") return outcome.kind;
  const { first, applied } = outcome;
  return applied === 0 ? "nothing" : `${applied} from ${first.key} ${first.value} ${first.revision}`;
}
