/** The rows of the state machine in memory: for the simulator and for tests. */

import { assert, digestAdd, type Hash52 } from "../base/index.ts";
import { digestOfRows, memberRowHash } from "./digest.ts";
import { EMPTY_TOTALS } from "./limits.ts";
import type { CounterRow, RememberedOutcome, SessionRow, Table, Totals } from "./types.ts";

/** A map that copies share until one of them writes. */
class SharedMap<K, V> {
  #map: Map<K, V>;
  #shared = false;

  constructor(map: Map<K, V> = new Map()) {
    this.#map = map;
  }

  get read(): ReadonlyMap<K, V> {
    return this.#map;
  }

  /** The map to write to, which is nobody else's from now on. */
  get write(): Map<K, V> {
    if (this.#shared) {
      this.#map = new Map(this.#map);
      this.#shared = false;
    }
    return this.#map;
  }

  share(): SharedMap<K, V> {
    const copy = new SharedMap(this.#map);
    copy.#shared = true;
    this.#shared = true;
    return copy;
  }
}

/** Members of one key, and the table that may add to this very set; others copy it first. */
interface MemberSet {
  readonly owner: object;
  readonly members: Set<string>;
}

/**
 * A table in memory. A copy costs nothing until either side writes; then, once, as much as the kinds of rows
 * that are written.
 */
export class MemoryTable implements Table {
  #counters: SharedMap<string, CounterRow> = new SharedMap();
  #members: SharedMap<string, MemberSet> = new SharedMap();
  /** Marks the sets that only this table has, since it was last copied. */
  #owner: object = {};
  /** In order of serial, since serials only rise. */
  #outcomes: SharedMap<string, RememberedOutcome> = new SharedMap();
  /** In order of use, since log time only rises. */
  #sessions: SharedMap<number, SessionRow> = new SharedMap();
  #totals: Totals = EMPTY_TOTALS;

  /** A copy that no longer follows this one: a snapshot. */
  clone(): MemoryTable {
    const copy = new MemoryTable();
    copy.#counters = this.#counters.share();
    copy.#members = this.#members.share();
    copy.#outcomes = this.#outcomes.share();
    copy.#sessions = this.#sessions.share();
    copy.#totals = this.#totals;
    this.#owner = {};
    return copy;
  }

  counter(key: string): CounterRow | undefined {
    return this.#counters.read.get(key);
  }

  putCounter(row: CounterRow): void {
    this.#counters.write.set(row.key, row);
  }

  deleteCounter(key: string, _revision?: number): void {
    this.#counters.write.delete(key);
  }

  /** All counters, in no particular order. */
  counters(): Iterable<CounterRow> {
    return this.#counters.read.values();
  }

  hasMember(key: string, member: string): boolean {
    return this.#members.read.get(key)?.members.has(member) === true;
  }

  addMember(key: string, member: string): void {
    assert(!this.hasMember(key, member), "table: a member is added once");
    const present = this.#members.read.get(key);
    if (present?.owner === this.#owner) present.members.add(member);
    else this.#members.write.set(key, { owner: this.#owner, members: new Set(present?.members).add(member) });
  }

  deleteMembers(key: string): Hash52 {
    const present = this.#members.read.get(key);
    if (present === undefined) return 0;
    let sum = 0;
    for (const member of present.members) sum = digestAdd(sum, memberRowHash(key, member));
    this.#members.write.delete(key);
    return sum;
  }

  outcome(key: string): RememberedOutcome | undefined {
    return this.#outcomes.read.get(key);
  }

  putOutcome(row: RememberedOutcome): void {
    assert(!this.#outcomes.read.has(row.key), "table: an outcome is remembered once");
    this.#outcomes.write.set(row.key, row);
  }

  oldestOutcome(): RememberedOutcome | undefined {
    const [oldest] = this.#outcomes.read.values();
    return oldest;
  }

  deleteOutcome({ key }: RememberedOutcome): void {
    this.#outcomes.write.delete(key);
  }

  session(id: number): SessionRow | undefined {
    return this.#sessions.read.get(id);
  }

  putSession(row: SessionRow): void {
    const sessions = this.#sessions.write;
    sessions.delete(row.id);
    sessions.set(row.id, row);
  }

  deleteSession(id: number): void {
    this.#sessions.write.delete(id);
  }

  oldestSession(): SessionRow | undefined {
    let oldest: SessionRow | undefined;
    for (const row of this.#sessions.read.values()) {
      if (oldest !== undefined && row.usedAt > oldest.usedAt) break;
      if (oldest === undefined || row.id < oldest.id) oldest = row;
    }
    return oldest;
  }

  sessionsUsedSince(): number {
    return this.oldestSession()?.usedAt ?? this.#totals.logTime;
  }

  totals(): Totals {
    return this.#totals;
  }

  putTotals(totals: Totals): void {
    this.#totals = totals;
  }

  /** The digest as the rows themselves give it; equal to that of the totals, unless something is wrong. */
  digestOfRows(): Hash52 {
    return digestOfRows({
      counters: this.counters(),
      members: this.#allMembers(),
      outcomes: this.#outcomes.read.values(),
      sessions: this.#sessions.read.values(),
    });
  }

  *#allMembers(): Generator<readonly [string, string]> {
    for (const [key, { members }] of this.#members.read) {
      for (const member of members) yield [key, member];
    }
  }
}
