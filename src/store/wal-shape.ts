/**
 * The outline of the log: everything but the entries' contents. The writer checks each record against it
 * before it is written, the reader after it was read, so both judge by the same rules.
 */

import { assertNever } from "../base/index.ts";
import {
  before,
  type Entry,
  type HardState,
  type Index,
  index,
  type SnapshotMeta,
  type Term,
  term,
} from "../raft/index.ts";
import type { Last, LogRecord } from "./record.ts";

/** Neighbouring entries of one term in one segment; a run ends where the next begins. */
interface Run {
  readonly first: Index;
  /** Undefined for entries in segments that are gone, of which only the number is known. */
  readonly term: Term | undefined;
  /** 0 for entries in segments that are gone. */
  readonly segment: number;
}

/** What a log holds that nothing was ever written to. */
export function emptyHardState(): HardState {
  return { term: term(0), vote: undefined, commit: index(0) };
}

export class LogShape {
  hardState: HardState = emptyHardState();
  base: SnapshotMeta;
  last: Last;
  /** In order; they cover what lies after `base` up to `last`, and the first may reach below `base`. */
  #runs: Run[] = [];

  constructor(base: SnapshotMeta) {
    this.base = base;
    this.last = { index: base.index, term: base.term };
  }

  /**
   * Takes a record in. Returns what is wrong with it, as a clause, and then is not to be used any more.
   * @param segment where the record is.
   */
  take(record: LogRecord, segment: number): string | undefined {
    switch (record.kind) {
      case "hardState":
        return this.#takeHardState(record.hardState);
      case "truncate":
        return this.#truncate(record.from);
      case "entry":
        return this.#append(record.entry, segment);
      case "install":
        return this.#install(record.base);
      case "compact":
        return this.#compact(record.base);
      case "restate":
        return this.#restate(record);
      case "close":
        return undefined;
      default:
        return assertNever(record);
    }
  }

  /** What must hold whenever a whole write has been taken in; a clause if it does not. */
  complaint(): string | undefined {
    if (this.hardState.commit > this.last.index) {
      return `entries up to ${this.hardState.commit} were committed but the log ends at ${this.last.index}`;
    }
    if (this.last.term !== undefined && this.last.term > this.hardState.term) {
      return `entry ${this.last.index} has term ${this.last.term}, which is after the node's own term ${this.hardState.term}`;
    }
    return undefined;
  }

  /** Entries after the base that are in no segment at hand; undefined if all are there. */
  missing(): { readonly from: Index; readonly to: Index } | undefined {
    const hole = this.#runs[0];
    if (hole === undefined || hole.segment !== 0) return undefined;
    const after = this.#runs[1]?.first;
    return { from: index(this.base.index + 1), to: after === undefined ? this.last.index : before(after) };
  }

  /** The segment of the first entry after the base; undefined if there is none. */
  firstSegment(): number | undefined {
    return this.#runs[0]?.segment;
  }

  /** Everything known, as the record that opens a segment. */
  restatement(): LogRecord {
    return { kind: "restate", last: this.last, base: this.base, hardState: this.hardState };
  }

  /** What a later segment's opening record says differently from the segments before it; a clause if it does. */
  contradiction({ base, last, hardState }: LogRecord & { readonly kind: "restate" }): string | undefined {
    const own = this.hardState;
    if (last.index !== this.last.index) {
      return `it says that the log before it ends at entry ${last.index}, and that log ends at ${this.last.index}`;
    }
    if (base.index !== this.base.index || base.chain !== this.base.chain) {
      return `it says that the log before it begins after entry ${base.index}, and that log begins after ${this.base.index}`;
    }
    if (hardState.term !== own.term || hardState.vote !== own.vote || hardState.commit !== own.commit) {
      return "it restates another term, vote or commit index than the log before it";
    }
    return undefined;
  }

  #takeHardState(given: HardState): string | undefined {
    const { term: heldTerm, vote, commit } = this.hardState;
    if (given.term < heldTerm) return `the term goes back from ${heldTerm} to ${given.term}`;
    if (given.commit < commit) return `the commit index goes back from ${commit} to ${given.commit}`;
    if (given.term === heldTerm && vote !== undefined && given.vote !== vote) {
      return `the vote of term ${heldTerm} changes from ${vote} to ${given.vote ?? "none"}`;
    }
    this.hardState = given;
    return undefined;
  }

  #truncate(from: Index): string | undefined {
    if (from <= this.hardState.commit || from <= this.base.index) {
      return `entries from ${from} on are dropped, though those up to ${this.hardState.commit} are committed`;
    }
    if (from > this.last.index) return undefined;
    const end = before(from);
    this.last = { index: end, term: this.#termAt(end) };
    while ((this.#runs.at(-1)?.first ?? 0) >= from) this.#runs.pop();
    // A run that reached below the base has nothing left above it.
    if (end === this.base.index) this.#runs = [];
    return undefined;
  }

  #append(entry: Entry, segment: number): string | undefined {
    if (entry.index !== this.last.index + 1) return `entry ${entry.index} follows entry ${this.last.index}`;
    if (this.last.term !== undefined && entry.term < this.last.term) {
      return `entry ${entry.index} has term ${entry.term}, before the term ${this.last.term} of the entry before it`;
    }
    const run = this.#runs.at(-1);
    if (run === undefined || run.term !== entry.term || run.segment !== segment) {
      this.#runs.push({ first: entry.index, term: entry.term, segment });
    }
    this.last = { index: entry.index, term: entry.term };
    return undefined;
  }

  #install(base: SnapshotMeta): string | undefined {
    if (base.index < this.hardState.commit) {
      return `a snapshot at ${base.index} replaces the log, though entries up to ${this.hardState.commit} are committed`;
    }
    if (base.index < this.last.index && this.#termAt(base.index) === base.term) {
      return `a snapshot at ${base.index} replaces a log that already holds that entry and what follows it`;
    }
    this.base = base;
    this.last = { index: base.index, term: base.term };
    this.#runs = [];
    return undefined;
  }

  #compact(base: SnapshotMeta): string | undefined {
    if (base.index < this.base.index || base.index > this.last.index) {
      return `the log from ${this.base.index} to ${this.last.index} is compacted to ${base.index}`;
    }
    const held = this.#termAt(base.index);
    if (held !== undefined && held !== base.term) {
      return `the log is compacted to entry ${base.index} of term ${base.term}, and holds one of term ${held} there`;
    }
    this.base = base;
    if (this.last.index === base.index) {
      this.last = { index: base.index, term: base.term };
      this.#runs = [];
      return undefined;
    }
    while ((this.#runs[1]?.first ?? Number.POSITIVE_INFINITY) <= base.index + 1) this.#runs.shift();
    return undefined;
  }

  #restate(record: LogRecord & { readonly kind: "restate" }): string | undefined {
    const { base, last, hardState } = record;
    if (last.index < base.index)
      return `a segment says that the log ends at ${last.index}, before its base ${base.index}`;
    this.base = base;
    this.last = last;
    this.hardState = hardState;
    this.#runs =
      last.index > base.index ? [{ first: index(base.index + 1), term: undefined, segment: 0 }] : [];
    return undefined;
  }

  /** The term at a position from the base on; undefined where it is not known. */
  #termAt(at: Index): Term | undefined {
    if (at === this.base.index) return this.base.term;
    if (at === this.last.index) return this.last.term;
    if (at < this.base.index || at > this.last.index) return undefined;
    return this.#runs.findLast((run) => run.first <= at)?.term;
  }
}
