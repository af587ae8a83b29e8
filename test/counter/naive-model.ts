/**
 * The state machine as one would tell it: one command after the other, copies of everything, whole lists
 * searched. Slow, and so short that it can be checked by reading; the real one has to agree with it.
 */

import {
  type Batch,
  type Change,
  type Changed,
  type Command,
  INT64_MAX,
  INT64_MIN,
  type Item,
  type ItemOutcome,
  type Limits,
  type Operation,
  type Outcome,
  outcomeOf,
  type RefusalCode,
  type Ticket,
} from "../../src/counter/index.ts";
import { told } from "./commands.ts";

interface Counter {
  value: bigint;
  revision: number;
  readonly members: string[];
}

interface Memory {
  readonly operation: string;
  readonly outcome: Outcome;
}

/**
 * An outcome without the wording of a refusal: the model knows which refusals, not how they are put. And without the
 * number of changes, which is right where it is said.
 */
export type Bare = Omit<Extract<Outcome, { kind: "refused" }>, "detail"> | Extract<Outcome, { kind: "done" }>;

export function bare(outcome: Outcome): Bare {
  if (outcome.kind === "done") return told(outcome);
  const { detail: _, ...rest } = outcome;
  return rest;
}

/** What each command of a payload got, a run counting as its adds. */
export function bareOutcomes(items: readonly Item[], outcomes: readonly ItemOutcome[]): Bare[] {
  return items.flatMap((item, at) =>
    Array.from({ length: item.kind === "run" ? item.count : 1 }, (_, offset) =>
      bare(outcomeOf(outcomes, { ...ticketOf(item, at), offset })),
    ),
  );
}

export class NaiveModel {
  counters: Map<string, Counter> = new Map();
  revision = 0;
  now = 0;
  readonly keys: { key: string; at: number; memory: Memory }[] = [];
  readonly sessions: { id: number; usedAt: number; first: number; seqs: Map<number, Memory> }[] = [];
  opened = 0;
  /** The revision of each counter that the present command has changed. */
  readonly #changedNow: Map<string, number> = new Map();
  readonly #limits: Limits;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  applyPayload(elapsed: number, items: readonly Item[]): Bare[] {
    this.now += elapsed;
    drop(this.keys, (one) => this.now - one.at > this.#limits.windowMs);
    drop(this.sessions, (one) => this.now - one.usedAt > this.#limits.windowMs);
    return items.flatMap((item) => {
      if (item.kind === "command") return [bare(this.#command(item.command))];
      const one: Command = { operation: { kind: "add", key: item.key, by: item.by } };
      return Array.from({ length: item.count }, () => bare(this.#command(one)));
    });
  }

  #command({ operation, once }: Command): Outcome {
    if (once === undefined) return this.#perform(operation);
    const text = asText(operation);
    if (once.kind === "key") return this.#keyed(once.key, text, operation);
    const session = this.sessions.find((one) => one.id === once.session);
    if (session === undefined) return refusal("SESSION_EXPIRED");
    const first = Math.max(session.first, once.firstUnanswered);
    if (once.seq < first) return refusal("SESSION_EXPIRED");
    if (once.seq >= first + this.#limits.sessionPendingMax) return refusal("IDEMPOTENCY_CAPACITY");
    const memory = session.seqs.get(once.seq);
    if (memory !== undefined && memory.operation !== text) return refusal("IDEMPOTENCY_KEY_REUSED");
    session.usedAt = this.now;
    session.first = first;
    for (const seq of [...session.seqs.keys()]) if (seq < first) session.seqs.delete(seq);
    if (memory !== undefined) return { ...memory.outcome, replayed: true };
    const outcome = this.#perform(operation);
    if (!isFull(outcome)) session.seqs.set(once.seq, { operation: text, outcome });
    return outcome;
  }

  #keyed(key: string, text: string, operation: Operation): Outcome {
    const known = this.keys.find((one) => one.key === key);
    if (known !== undefined && known.memory.operation !== text) return refusal("IDEMPOTENCY_KEY_REUSED");
    if (known !== undefined) return { ...known.memory.outcome, replayed: true };
    if (this.keys.length === this.#limits.capacity) {
      if (this.now - (this.keys[0]?.at ?? 0) <= this.#limits.floorMs) return refusal("IDEMPOTENCY_CAPACITY");
      this.keys.shift();
    }
    const outcome = this.#perform(operation);
    if (!isFull(outcome)) this.keys.push({ key, at: this.now, memory: { operation: text, outcome } });
    return outcome;
  }

  #perform(operation: Operation): Outcome {
    if (operation.kind === "openSession") return this.#open();
    const before = { counters: structuredClone(this.counters), revision: this.revision };
    this.#changedNow.clear();
    const results: Changed[] = [];
    for (const change of oneByOne(operation)) {
      const result = this.#change(change);
      if (typeof result === "string") {
        Object.assign(this, before);
        return { ...refusal(result), position: results.length };
      }
      results.push(result);
    }
    return { kind: "done", results, replayed: false };
  }

  #open(): Outcome {
    if (this.sessions.length === this.#limits.sessionsMax) {
      const byUse = [...this.sessions].sort((a, b) => a.usedAt - b.usedAt || a.id - b.id);
      const oldest = byUse[0];
      if (oldest === undefined || this.now - oldest.usedAt <= this.#limits.floorMs) {
        return refusal("IDEMPOTENCY_CAPACITY");
      }
      drop(this.sessions, (one) => one === oldest);
    }
    this.opened++;
    this.sessions.push({ id: this.opened, usedAt: this.now, first: 0, seqs: new Map() });
    return { kind: "done", results: [], session: this.opened, replayed: false };
  }

  #change(change: Change): Changed | RefusalCode {
    const { key } = change;
    const counter = this.counters.get(key);
    const value = counter?.value ?? 0n;
    const same = { key, value, revision: counter?.revision ?? 0, changed: false };
    if (change.kind === "add" && change.saturate === true) {
      const { saturate: _, ...plain } = change;
      if (plain.once !== undefined && counter?.members.includes(plain.once)) return { ...same, applied: 0n };
      const by = amountThatFits(value, plain);
      if (by === "COUNTER_OVERFLOW") return by;
      if (by === undefined || (by === 0n && change.by !== 0n)) return { ...same, applied: 0n };
      const result = this.#change({ ...plain, by });
      if (typeof result === "string") throw new Error("what fits is not refused");
      return { ...result, applied: result.changed ? by : 0n };
    }
    if (change.kind === "add") {
      const isNew = change.once !== undefined && counter?.members.includes(change.once) !== true;
      if (change.once !== undefined && !isNew) return same;
      const sum = value + change.by;
      if (change.max !== undefined && sum > change.max) return "LIMIT_REACHED";
      if (change.min !== undefined && sum < change.min) return "LIMIT_REACHED";
      if (sum > INT64_MAX || sum < INT64_MIN) return "COUNTER_OVERFLOW";
      if (change.by === 0n && !isNew) return same;
      const members = [...(counter?.members ?? []), ...(change.once === undefined ? [] : [change.once])];
      return this.#write(key, { value: sum, revision: this.#next(key), members });
    }
    if (change.ifRevision === "any" && counter === undefined) return "REVISION_MISMATCH";
    const expected = change.ifRevision ?? "any";
    if (expected !== "any" && expected !== same.revision) return "REVISION_MISMATCH";
    if (change.kind === "set") {
      if (counter?.value === change.value) return same;
      return this.#write(key, {
        value: change.value,
        revision: this.#next(key),
        members: counter?.members ?? [],
      });
    }
    if (counter === undefined) return same;
    const revision = this.#next(key);
    this.counters.delete(key);
    return { key, value: 0n, revision, changed: true };
  }

  #write(key: string, counter: Counter): Changed {
    this.counters.set(key, counter);
    return { key, value: counter.value, revision: counter.revision, changed: true };
  }

  /** A new revision, unless this command has changed the counter already. */
  #next(key: string): number {
    const known = this.#changedNow.get(key);
    if (known !== undefined) return known;
    this.revision++;
    this.#changedNow.set(key, this.revision);
    return this.revision;
  }
}

/**
 * The largest part of `by` that an add with these bounds would take, found by asking the bounds about every value
 * that matters; undefined if it takes none.
 */
function amountThatFits(
  value: bigint,
  { by, min, max }: { readonly by: bigint; readonly min?: bigint; readonly max?: bigint },
): bigint | "COUNTER_OVERFLOW" | undefined {
  const isAllowed = (amount: bigint): boolean =>
    (max === undefined || value + amount <= max) && (min === undefined || value + amount >= min);
  const size = (amount: bigint): bigint => (amount < 0n ? -amount : amount);
  const candidates = [by, 0n, (max ?? value) - value, (min ?? value) - value]
    .filter((amount) => amount === 0n || (amount > 0n === by > 0n && size(amount) <= size(by)))
    .filter(isAllowed)
    .sort((a, b) => (size(a) < size(b) ? 1 : -1));
  const [largest] = candidates;
  if (largest === undefined) return undefined;
  const isOut = value + largest > INT64_MAX || value + largest < INT64_MIN;
  return isOut ? "COUNTER_OVERFLOW" : largest;
}

function ticketOf(item: Item, at: number): Ticket {
  const operation = item.kind === "command" ? item.command.operation : undefined;
  return { item: at, offset: 0, ...(operation?.kind === "batch" ? { batch: operation } : {}) };
}

/** Each change as often as it happens. */
function oneByOne(operation: Change | Batch): readonly Change[] {
  if (operation.kind !== "batch") return [operation];
  const { changes, places } = operation;
  return places === undefined ? changes : [...places].map((place) => changes[place] as Change);
}

function asText(operation: Operation): string {
  const said = operation.kind === "batch" ? oneByOne(operation) : operation;
  return JSON.stringify(said, (_, value: unknown) => (typeof value === "bigint" ? `${value}n` : value));
}

function isFull(outcome: Outcome): boolean {
  return outcome.kind === "refused" && outcome.code === "IDEMPOTENCY_CAPACITY";
}

function refusal(code: RefusalCode): Extract<Outcome, { kind: "refused" }> {
  return { kind: "refused", code, detail: "", position: 0, replayed: false };
}

function drop<T>(list: T[], which: (one: T) => boolean): void {
  for (let at = list.length - 1; at >= 0; at--) if (which(list[at] as T)) list.splice(at, 1);
}
