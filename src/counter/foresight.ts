/**
 * What runs of plain adds will give once they are applied. It follows from the values of their counters and the latest
 * revision alone, so whoever has seen what the entries before gave can tell it at once, without the table.
 *
 * Only runs are foretold, and nothing is guessed: of a counter whose value is not known, after an entry whose outcomes are
 * not known, and of every other command, the table has to be asked.
 */

import { assert, defined } from "../base/index.ts";
import type { Cell, Cells } from "./cells.ts";
import { applyRun } from "./change.ts";
import type { Item, ItemOutcome } from "./outcomes.ts";
import type { Operation, Outcome } from "./types.ts";

/** Counters whose values are known, at most: those that were seen first give way. */
const COUNTERS_MAX = 16_384;

export class Foresight {
  readonly #values: Map<string, bigint> = new Map();
  readonly #countersMax: number;
  #revision: number | undefined;

  /** @param countersMax a smaller number of counters to know, for tests. */
  constructor(countersMax: number = COUNTERS_MAX) {
    this.#countersMax = countersMax;
  }

  /** The latest revision after all entries so far, those foretold included; undefined before any was applied. */
  get revision(): number | undefined {
    return this.#revision;
  }

  /**
   * What the next entry will give, if that can be told; then it counts as one of those before. Undefined otherwise, and
   * then nothing can be told of those after it until {@link learn} or {@link forget}.
   */
  foretell(items: readonly Item[]): readonly ItemOutcome[] | undefined {
    if (this.#revision === undefined) return undefined;
    for (const item of items) if (item.kind !== "run" || !this.#values.has(item.key)) return undefined;
    const totals = { revision: this.#revision };
    const cells = new KnownCells(this.#values);
    const outcomes = items.map((item) => {
      assert(item.kind === "run", "foresight: all items are runs");
      return applyRun({ cells, totals }, item.key, item.by, item.count);
    });
    for (const { key, value } of cells.all()) this.#values.set(key, value);
    this.#revision = totals.revision;
    return outcomes;
  }

  /** The next entry was applied, and this became of its items. */
  learn(items: readonly Item[], outcomes: readonly ItemOutcome[]): void {
    assert(items.length === outcomes.length, "foresight: each item has an outcome");
    for (const [at, item] of items.entries()) {
      const outcome = defined(outcomes[at], "foresight: each item has an outcome");
      if (outcome.kind === "run") {
        const { first, by, applied } = outcome;
        if (applied > 0) this.#know(first.key, first.value + by * BigInt(applied - 1));
      } else if (outcome.kind === "command" && item.kind === "command") {
        this.#learnCommand(item.command.operation, outcome.outcome);
      } else this.#values.clear();
    }
  }

  /** Whatever was known of counters may not hold any more: what was applied last was not seen. */
  forget(): void {
    this.#values.clear();
  }

  /** All entries so far have led to this revision. */
  reached(revision: number): void {
    this.#revision = revision;
  }

  #learnCommand({ kind }: Operation, outcome: Outcome): void {
    if (outcome.kind === "refused" || outcome.replayed || kind === "openSession") return;
    // Learning a thousand values would cost more than they are worth.
    if (kind === "batch") return this.#values.clear();
    // A counter that was deleted counts on from 0.
    const { key, value } = defined(outcome.results[0], "foresight: one change has one result");
    this.#know(key, value);
  }

  #know(key: string, value: bigint): void {
    const isNew = !this.#values.has(key);
    this.#values.set(key, value);
    if (!isNew || this.#values.size <= this.#countersMax) return;
    const { value: oldest } = this.#values.keys().next();
    if (oldest !== undefined) this.#values.delete(oldest);
  }
}

/** The counters of one entry, from what is known of them. */
class KnownCells implements Pick<Cells, "at" | "write"> {
  readonly #values: ReadonlyMap<string, bigint>;
  readonly #cells: Map<string, Cell> = new Map();

  constructor(values: ReadonlyMap<string, bigint>) {
    this.#values = values;
  }

  all(): Iterable<Cell> {
    return this.#cells.values();
  }

  at(key: string): Cell {
    const known = this.#cells.get(key);
    if (known !== undefined) return known;
    const value = defined(this.#values.get(key), "foresight: the value is known");
    const rest = { stored: undefined, exists: true, revision: 0, cleared: false, added: undefined };
    const cell: Cell = { key, value, ...rest };
    this.#cells.set(key, cell);
    return cell;
  }

  write(cell: Cell, value: bigint, revision: number): void {
    cell.value = value;
    cell.revision = revision;
  }
}
