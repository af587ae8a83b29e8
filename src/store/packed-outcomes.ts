/**
 * Outcomes ready to cross between threads. Structured cloning takes a third of a millisecond for the outcomes of one
 * full batch, object by object; in columns they take a tenth of that. Only the few that have no common form cross as
 * they are.
 */

import { assert, defined } from "../base/index.ts";
import type { Changed, ItemOutcome } from "../counter/index.ts";

/** Fewer results than this cross sooner as they are. */
const RESULTS_MIN = 8;

/* Below 0: a series of so many rows, which have no keys. */

/** A run that was applied whole, in two places of each column: its first add; and `by`, with how many there were. */
const RUN = 0;
/** An outcome that stands in `others`. */
const OTHER = 1;
/** From here on: a command that was done, with so many results less this. */
const DONE = 2;

export interface OutcomeColumns {
  /** How many items each entry has. */
  readonly entries: readonly number[];
  /** One for each item. */
  readonly kinds: Int32Array<ArrayBuffer>;
  /** In order, whatever is not a run or a plain success. */
  readonly others: readonly ItemOutcome[];
  /** Of each result, in order: the keys, one after the other, and where each of them ends. */
  readonly keys: string;
  readonly ends: Int32Array<ArrayBuffer>;
  readonly values: BigInt64Array<ArrayBuffer>;
  readonly revisions: Float64Array<ArrayBuffer>;
  readonly changed: Uint8Array<ArrayBuffer>;
}

export type PackedOutcomes = OutcomeColumns | { readonly plain: readonly (readonly ItemOutcome[])[] };

/** For each entry, what became of each of its items. */
export function packOutcomes(outcomes: readonly (readonly ItemOutcome[])[]): PackedOutcomes {
  const results = outcomes.reduce(
    (sum, items) => sum + items.reduce((count, item) => count + rowsOf(item), 0),
    0,
  );
  if (results < RESULTS_MIN) return { plain: outcomes };
  const packer = new Packer(results);
  const kinds = outcomes.flatMap((items) => items.map((item) => packer.add(item)));
  return packer.take(
    outcomes.map(({ length }) => length),
    kinds,
  );
}

/** What {@link packOutcomes} packed. */
export function unpackOutcomes(packed: PackedOutcomes): readonly (readonly ItemOutcome[])[] {
  if ("plain" in packed) return packed.plain;
  const rows = new Rows(packed);
  let item = 0;
  return packed.entries.map((length) => {
    const items: ItemOutcome[] = [];
    for (let at = 0; at < length; at++) {
      items.push(rows.outcome(defined(packed.kinds[item], "outcomes: each item has a kind")));
      item++;
    }
    return items;
  });
}

/** How many places of the columns an outcome takes. */
function rowsOf(item: ItemOutcome): number {
  if (item.kind === "run") return item.refusal === undefined ? 2 : 0;
  if (item.kind === "series") return item.rows.length;
  return isPlain(item) ? item.outcome.results.length : 0;
}

type Plain = { readonly outcome: { readonly results: readonly Changed[] } };

function isPlain(item: Extract<ItemOutcome, { kind: "command" }>): item is typeof item & Plain {
  const { outcome } = item;
  if (outcome.kind !== "done" || outcome.replayed || outcome.session !== undefined) return false;
  return outcome.results.every(({ applied }) => applied === undefined);
}

class Packer {
  #keys = "";
  readonly #others: ItemOutcome[] = [];
  readonly #ends: Int32Array<ArrayBuffer>;
  readonly #values: BigInt64Array<ArrayBuffer>;
  readonly #revisions: Float64Array<ArrayBuffer>;
  readonly #changed: Uint8Array<ArrayBuffer>;
  #row = 0;

  constructor(results: number) {
    this.#ends = new Int32Array(results);
    this.#values = new BigInt64Array(results);
    this.#revisions = new Float64Array(results);
    this.#changed = new Uint8Array(results);
  }

  /** Its kind. */
  add(item: ItemOutcome): number {
    if (item.kind === "run" && item.refusal === undefined) {
      const { first, by, applied } = item;
      this.#addRow(first);
      this.#addRow({ key: "", value: by, revision: applied, changed: false });
      return RUN;
    }
    if (item.kind === "series") {
      for (const { value, revision } of item.rows) this.#addRow({ key: "", value, revision, changed: true });
      return -item.rows.length;
    }
    if (item.kind === "command" && isPlain(item)) {
      for (const result of item.outcome.results) this.#addRow(result);
      return DONE + item.outcome.results.length;
    }
    this.#others.push(item);
    return OTHER;
  }

  take(entries: readonly number[], kinds: readonly number[]): OutcomeColumns {
    assert(this.#row === this.#values.length, "outcomes: every place of the columns is taken");
    return {
      entries,
      kinds: Int32Array.from(kinds),
      others: this.#others,
      keys: this.#keys,
      ends: this.#ends,
      values: this.#values,
      revisions: this.#revisions,
      changed: this.#changed,
    };
  }

  #addRow({ key, value, revision, changed }: Changed): void {
    const at = this.#row++;
    this.#keys += key;
    this.#ends[at] = this.#keys.length;
    this.#values[at] = value;
    this.#revisions[at] = revision;
    this.#changed[at] = changed ? 1 : 0;
  }
}

/** The columns, read from the top. */
class Rows {
  readonly #columns: OutcomeColumns;
  #row = 0;
  #keyStart = 0;
  #other = 0;

  constructor(columns: OutcomeColumns) {
    this.#columns = columns;
  }

  outcome(kind: number): ItemOutcome {
    if (kind === RUN) {
      const first = this.#next();
      const { value: by, revision: applied } = this.#next();
      return { kind: "run", first, by, applied, refusal: undefined };
    }
    if (kind === OTHER)
      return defined(this.#columns.others[this.#other++], "outcomes: each other one is here");
    if (kind < 0) {
      const rows: Changed[] = [];
      for (let left = -kind; left > 0; left--) rows.push(this.#next());
      return { kind: "series", rows: rows.map(({ value, revision }) => ({ value, revision })) };
    }
    const results: Changed[] = [];
    for (let left = kind - DONE; left > 0; left--) results.push(this.#next());
    return { kind: "command", outcome: { kind: "done", results, replayed: false } };
  }

  #next(): Changed {
    const { keys, ends, values, revisions, changed } = this.#columns;
    const at = this.#row++;
    const start = this.#keyStart;
    this.#keyStart = ends[at] ?? start;
    return {
      key: keys.slice(start, this.#keyStart),
      value: values[at] ?? 0n,
      revision: revisions[at] ?? 0,
      changed: changed[at] === 1,
    };
  }
}
