/**
 * The counters that one entry touches, kept aside until its end: each is read once and written once, however
 * many commands of the entry change it, and a batch can be taken back.
 */

import { assert, digestAdd, digestRemove } from "../base/index.ts";
import { counterRowHash, memberRowHash } from "./digest.ts";
import type { CounterRow, Table, Totals } from "./types.ts";

/** Totals while an entry is being applied. */
export type OpenTotals = { -readonly [Field in keyof Totals]: Totals[Field] };

/** One counter as the commands so far have left it. Changed only by {@link Cells}. */
export interface Cell {
  readonly key: string;
  /** What the table holds; undefined if nothing. */
  readonly stored: CounterRow | undefined;
  exists: boolean;
  /** 0 if the counter does not exist. */
  value: bigint;
  /** Of the latest change, a deletion included; 0 if this entry found no counter and has made no change. */
  revision: number;
  /** Whether the members in the table are gone. */
  cleared: boolean;
  /** Members that the table does not have yet. */
  added: Set<string> | undefined;
}

/** How to take one step back. */
type Undo =
  | { readonly kind: "row"; readonly cell: Cell; readonly before: Cell }
  | { readonly kind: "member"; readonly cell: Cell; readonly member: string };

/** The counters of one entry. */
export class Cells {
  readonly #table: Table;
  readonly #cells: Map<string, Cell> = new Map();
  /** Only while a batch runs. */
  #journal: Undo[] | undefined;

  constructor(table: Table) {
    this.#table = table;
  }

  /** The counter with this key, which need not exist. */
  at(key: string): Cell {
    const known = this.#cells.get(key);
    if (known !== undefined) return known;
    const stored = this.#table.counter(key);
    const cell: Cell = {
      key,
      stored,
      exists: stored !== undefined,
      value: stored?.value ?? 0n,
      revision: stored?.revision ?? 0,
      cleared: false,
      added: undefined,
    };
    this.#cells.set(key, cell);
    return cell;
  }

  /** Gives the counter a value, and makes it exist. */
  write(cell: Cell, value: bigint, revision: number): void {
    assert(revision > 0, "counter: a change has a revision");
    this.#journal?.push({ kind: "row", cell, before: { ...cell } });
    cell.exists = true;
    cell.value = value;
    cell.revision = revision;
  }

  /** Removes the counter and all its members. */
  remove(cell: Cell, revision: number): void {
    assert(cell.exists, "counter: only what exists is removed");
    this.#journal?.push({ kind: "row", cell, before: { ...cell } });
    cell.exists = false;
    cell.value = 0n;
    cell.revision = revision;
    cell.cleared = true;
    // A new set, not an emptied one: the journal holds the old.
    cell.added = undefined;
  }

  hasMember(cell: Cell, member: string): boolean {
    if (cell.added?.has(member) === true) return true;
    return !cell.cleared && cell.stored !== undefined && this.#table.hasMember(cell.key, member);
  }

  /** Adds a member that is not there, to a counter that exists. */
  addMember(cell: Cell, member: string): void {
    assert(cell.exists, "counter: a member belongs to a counter that exists");
    this.#journal?.push({ kind: "member", cell, member });
    if (cell.added === undefined) cell.added = new Set();
    cell.added.add(member);
  }

  /** Does all that `act` does, or nothing of it if it returns false. */
  atomically(act: () => boolean): boolean {
    assert(this.#journal === undefined, "counter: batches do not nest");
    const journal: Undo[] = [];
    this.#journal = journal;
    const kept = act();
    this.#journal = undefined;
    if (!kept) for (let at = journal.length - 1; at >= 0; at--) undo(journal[at] as Undo);
    return kept;
  }

  /** Writes to the table what has changed, and brings the digest and the number of counters along. */
  flush(totals: OpenTotals): void {
    for (const cell of this.#cells.values()) {
      this.#flushMembers(cell, totals);
      this.#flushRow(cell, totals);
    }
  }

  #flushMembers(cell: Cell, totals: OpenTotals): void {
    if (cell.cleared && cell.stored !== undefined) {
      totals.digest = digestRemove(totals.digest, this.#table.deleteMembers(cell.key));
    }
    for (const member of cell.added ?? []) {
      this.#table.addMember(cell.key, member);
      totals.digest = digestAdd(totals.digest, memberRowHash(cell.key, member));
    }
  }

  #flushRow({ key, stored, exists, value, revision }: Cell, totals: OpenTotals): void {
    // Every change has a revision of its own: an equal revision is an untouched counter.
    if ((stored?.revision ?? 0) === revision) return;
    if (stored !== undefined) {
      totals.digest = digestRemove(totals.digest, counterRowHash(stored));
      totals.counters--;
    }
    if (!exists) {
      this.#table.deleteCounter(key, revision);
      return;
    }
    const row: CounterRow = { key, value, revision };
    this.#table.putCounter(row);
    totals.digest = digestAdd(totals.digest, counterRowHash(row));
    totals.counters++;
  }
}

function undo(step: Undo): void {
  if (step.kind === "member") step.cell.added?.delete(step.member);
  else Object.assign(step.cell, step.before);
}
