/**
 * Everything that may be true of one counter at one moment of a history: Lowe's just-in-time linearization of Wing and
 * Gong's search. A configuration is a value, which of the operations under way have already taken effect, and which adds
 * and sets of unknown outcome have been used for it. The frontier holds every configuration that the answers until now
 * allow; when an operation ends, those in which it has taken effect, or can be made to, remain.
 *
 * Three things keep it small without losing anything. What changes no value takes effect as soon as it can: that never
 * takes a possibility away. Of two configurations that differ only in that one has used more operations of unknown
 * outcome, the other can do all that it can. And what all configurations have used is taken out of all of them, so
 * that at a moment when nothing is under way and all agree there is nothing left to remember but the value.
 */

import type { Move } from "./effect.ts";
import type { Exact } from "./exact.ts";

/** One thing that may be true. Lists are sorted. */
interface Configuration {
  readonly value: Exact;
  /** Operations under way that have taken effect, by their slot. */
  readonly done: readonly number[];
  /** Kinds of operations of unknown outcome that were used, as often as each was. */
  readonly used: readonly number[];
  /** Values it once had, of those that a stale read will still answer. */
  readonly had: readonly Exact[];
}

/** Operations of unknown outcome that do the same, and so stand for each other. */
interface Kind {
  readonly move: Move;
  /** How many have begun and are not used in every configuration. */
  free: number;
}

export interface Limits {
  /** How many configurations may be kept in mind when one operation ends. */
  readonly budget: number;
  /** How many may be found for one counter in all. */
  readonly total: number;
  /**
   * How many more operations of unknown outcome a way may use than the way that uses fewest, to what comes next. With
   * infinite slack nothing is overlooked; with little, what is found is right and what is not found may yet be.
   */
  readonly slack: number;
}

export class Frontier {
  readonly #budget: number;
  readonly #total: number;
  readonly #slack: number;
  /** Operations under way, by slot. */
  readonly #underWay: Map<number, Move> = new Map();
  /** Those of which some are free. */
  readonly #kinds: Map<number, Kind> = new Map();
  readonly #kindOf: Map<string, number> = new Map();
  /** How many stale reads that are not over answer each value. */
  readonly #awaited: Map<Exact, number>;
  /** Awaited values that the counter once had in every configuration. */
  readonly #certain: Set<Exact> = new Set();
  #configurations: readonly Configuration[];
  #spent = 0;
  #isExhausted = false;

  /**
   * @param start the first value.
   * @param awaited the answers of all stale reads.
   */
  constructor(start: Exact, awaited: Iterable<Exact>, { budget, total, slack }: Limits) {
    this.#budget = budget;
    this.#total = total;
    this.#slack = slack;
    this.#awaited = new Map();
    for (const value of awaited) this.#awaited.set(value, (this.#awaited.get(value) ?? 0) + 1);
    this.#configurations = [this.#settled({ value: start, done: [], used: [], had: [] })];
  }

  /** Whether more configurations would have to be looked at than allowed. */
  get isExhausted(): boolean {
    return this.#isExhausted;
  }

  /** The values that the counter may have now. */
  get values(): readonly Exact[] {
    return [...new Set(this.#configurations.map(({ value }) => value))];
  }

  /** Operations under way. */
  get underWay(): readonly Move[] {
    return [...this.#underWay.values()];
  }

  /** An operation begins whose answer is known. */
  begin(slot: number, move: Move): void {
    this.#underWay.set(slot, move);
    if (move.isStill) this.#configurations = this.#configurations.map((one) => this.#settled(one));
  }

  /** An operation begins whose outcome nobody will know. @param identity the same for operations that do the same. */
  beginUnknown(identity: string, move: Move): void {
    if (move.isStill) return;
    const number = this.#kindOf.get(identity) ?? this.#kindOf.size;
    this.#kindOf.set(identity, number);
    const kind = this.#kinds.get(number);
    if (kind === undefined) this.#kinds.set(number, { move, free: 1 });
    else kind.free++;
  }

  /** An operation ended: it has taken effect. False if that cannot be; then nothing has changed. */
  end(slot: number): boolean {
    const remaining = this.#reach(({ done }) => done.includes(slot));
    if (remaining.length === 0) return false;
    this.#underWay.delete(slot);
    this.#keep(remaining.map((one) => ({ ...one, done: one.done.filter((other) => other !== slot) })));
    return true;
  }

  /** A stale read ended: the counter once had this value. False if it cannot have had it; then nothing has changed. */
  endStale(value: Exact): boolean {
    const hadIt = (one: Configuration): boolean => one.had.includes(value);
    const remaining = this.#certain.has(value) ? this.#configurations : this.#reach(hadIt);
    if (remaining.length === 0) return false;
    this.#awaited.set(value, (this.#awaited.get(value) ?? 1) - 1);
    this.#keep(remaining);
    return true;
  }

  /** Makes as many operations take effect as it takes to get to what is wanted, in every way. */
  #reach(isWanted: (one: Configuration) => boolean): readonly Configuration[] {
    const wanted: Configuration[] = [];
    const seen = new Seen();
    // By how many operations of unknown outcome were used: those that used fewer come first, so that they rule.
    const queues: Configuration[][] = [];
    const before = this.#spent;
    const enqueue = (one: Configuration): void => {
      this.#spent++;
      for (let size = queues.length; size <= one.used.length; size++) queues.push([]);
      queues[one.used.length]?.push(one);
    };
    for (const one of this.#configurations) enqueue(one);
    let largest = Number.POSITIVE_INFINITY;
    for (let size = 0; size < queues.length && size <= largest; size++) {
      const queue = queues[size] ?? [];
      for (let one = queue.pop(); one !== undefined; one = queue.pop()) {
        if (!seen.adds(one)) continue;
        this.#isExhausted = this.#spent > this.#total || this.#spent - before > this.#budget;
        if (this.#isExhausted) return [];
        if (isWanted(one)) wanted.push(one);
        else this.#expand(one, enqueue);
      }
      if (wanted.length > 0) largest = Math.min(largest, size + this.#slack);
    }
    return wanted;
  }

  /** Everything that may happen next. */
  #expand({ value, done, used, had }: Configuration, found: (one: Configuration) => void): void {
    for (const [slot, { effect, isStill }] of this.#underWay) {
      if (isStill || done.includes(slot)) continue;
      const after = effect(value);
      if (after !== undefined) found(this.#settled({ value: after, done: inserted(done, slot), used, had }));
    }
    for (const [kind, { move, free }] of this.#kinds) {
      if (timesIn(used, kind) >= free) continue;
      const after = move.effect(value);
      if (after === undefined || after === value) continue;
      found(this.#settled({ value: after, done, used: inserted(used, kind), had }));
    }
  }

  /** What changes no value takes effect at once where it can, and what stale reads await is remembered. */
  #settled({ value, done, used, had }: Configuration): Configuration {
    let all = done;
    for (const [slot, { effect, isStill }] of this.#underWay) {
      if (isStill && !all.includes(slot) && effect(value) !== undefined) all = inserted(all, slot);
    }
    const isAwaited =
      (this.#awaited.get(value) ?? 0) > 0 && !this.#certain.has(value) && !had.includes(value);
    return { value, done: all, used, had: isAwaited ? [...had, value].sort(ascending) : had };
  }

  /** These remain; what all of them share is remembered once. */
  #keep(remaining: readonly Configuration[]): void {
    const [first, ...others] = remaining;
    if (first === undefined) return;
    const shared = others.reduce((used, one) => common(used, one.used), first.used);
    for (const number of shared) {
      const kind = this.#kinds.get(number);
      if (kind !== undefined && --kind.free === 0) this.#kinds.delete(number);
    }
    for (const value of first.had) {
      if (others.every(({ had }) => had.includes(value))) this.#certain.add(value);
    }
    this.#configurations = remaining.map(({ value, done, used, had }) => ({
      value,
      done,
      used: shared.length === 0 ? used : without(used, shared),
      had: had.filter((one) => !this.#certain.has(one) && (this.#awaited.get(one) ?? 0) > 0),
    }));
  }
}

/** Which configurations have been looked at. */
class Seen {
  /** What was used, by everything else. */
  readonly #used: Map<string, (readonly number[])[]> = new Map();

  /** False if one was looked at that differs at most in that it has used less. */
  adds({ value, done, used, had }: Configuration): boolean {
    const rest = `${value}|${done.join()}|${had.join()}`;
    const known = this.#used.get(rest);
    if (known === undefined) {
      this.#used.set(rest, [used]);
      return true;
    }
    if (known.some((less) => isPart(less, used))) return false;
    known.push(used);
    return true;
  }
}

function ascending(a: Exact, b: Exact): number {
  return a < b ? -1 : Number(a > b);
}

function inserted(sorted: readonly number[], item: number): readonly number[] {
  const at = sorted.findIndex((other) => other > item);
  return at < 0 ? [...sorted, item] : [...sorted.slice(0, at), item, ...sorted.slice(at)];
}

function timesIn(sorted: readonly number[], item: number): number {
  let times = 0;
  for (const other of sorted) if (other === item) times++;
  return times;
}

/** What two sorted lists share, as often as both hold it. */
function common(a: readonly number[], b: readonly number[]): readonly number[] {
  const shared: number[] = [];
  let at = 0;
  for (const item of a) {
    while ((b[at] ?? Number.POSITIVE_INFINITY) < item) at++;
    if (b[at] !== item) continue;
    shared.push(item);
    at++;
  }
  return shared;
}

function isPart(part: readonly number[], whole: readonly number[]): boolean {
  return part.length <= whole.length && common(part, whole).length === part.length;
}

/** A sorted list without the items of another that is part of it, each once. */
function without(whole: readonly number[], part: readonly number[]): readonly number[] {
  let at = 0;
  return whole.filter((item) => {
    if (part[at] !== item) return true;
    at++;
    return false;
  });
}
