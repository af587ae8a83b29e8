/**
 * A counter service in a few lines: clients ask, entries of the log carry what they ask, answers come back late or never,
 * requests are repeated. What it records is a right history, with indexes, terms and revisions.
 */

import type { Operation } from "../../../chaos/history.ts";
import { type Call, NEVER, type RecordedOutcome } from "../../../chaos/history-reader.ts";
import type { Prng } from "../../../src/base/index.ts";

export interface Demand {
  readonly operations: number;
  readonly clients: number;
  readonly keys: readonly string[];
  /** How likely it is that a client is never told. */
  readonly unknown: number;
  /** How likely it is that a client asks for a write once more, under the same idempotency key. */
  readonly repeated: number;
  readonly draw: (prng: Prng, key: string) => Operation;
}

interface Counter {
  readonly value: bigint;
  readonly revision: number;
}

/** The counters after one entry. */
interface State {
  readonly index: number;
  readonly term: number;
  readonly counters: ReadonlyMap<string, Counter>;
}

interface Request {
  readonly op: Operation;
  readonly id: string | undefined;
  readonly process: number;
  readonly invoked: number;
  readonly isLost: boolean;
  outcome: RecordedOutcome | undefined;
}

/** How many states a stale read may choose from. */
const STATES_MAX = 1_000;

const NOBODY: Counter = { value: 0n, revision: 0 };

class Service {
  readonly #prng: Prng;
  readonly #demand: Demand;
  readonly #states: State[] = [{ index: 3, term: 1, counters: new Map() }];
  readonly #remembered: Map<string, RecordedOutcome> = new Map();
  readonly #requests: Request[] = [];
  /** Those that nobody will be told of, and that have happened. */
  readonly #lost: Request[] = [];
  /** Clients that wait for an answer. */
  #waiting = 0;
  /** Those that the next entry will carry. */
  #entry: Request[] = [];
  readonly #calls: Call[] = [];
  readonly #asked: Request[] = [];
  #revision = 0;
  #line = 0;
  #processes = 0;

  constructor(prng: Prng, demand: Demand) {
    this.#prng = prng;
    this.#demand = demand;
  }

  /** Every client asks, and at the end every counter is read when nothing else is under way. */
  run(): readonly Call[] {
    const { operations, clients, keys } = this.#demand;
    for (let begun = 0; begun < operations; ) {
      if (this.#waiting < clients && this.#prng.chance(0.6)) {
        this.#begin();
        begun++;
      } else this.#goOn();
    }
    while (this.#waiting > 0) this.#goOn();
    for (const request of [...this.#requests, ...this.#lost]) this.#end(request);
    for (const key of keys) {
      const read = this.#request({ f: "read", key }, undefined, false);
      this.#read(read);
      this.#end(read);
    }
    return this.#calls.sort((a, b) => a.invoked - b.invoked);
  }

  get #state(): State {
    return this.#states.at(-1) ?? { index: 0, term: 0, counters: new Map() };
  }

  #request(op: Operation, id: string | undefined, isLost: boolean): Request {
    const process = this.#processes++;
    return { op, id, process, invoked: this.#line++, isLost, outcome: undefined };
  }

  #begin(): void {
    const { keys, unknown, repeated, draw } = this.#demand;
    const isLost = this.#prng.chance(unknown);
    const again =
      this.#asked.length > 0 && this.#prng.chance(repeated) ? this.#prng.pick(this.#asked) : undefined;
    const op = again?.op ?? draw(this.#prng, this.#prng.pick(keys));
    const id = again?.id ?? (repeated > 0 && op.f !== "read" ? `id-${this.#processes}` : undefined);
    const request = this.#request(op, id, isLost);
    this.#requests.push(request);
    if (!isLost) this.#waiting++;
    if (id !== undefined) this.#asked.push(request);
  }

  /** Something happens: an entry is applied, a request gets into the next one, an answer arrives. */
  #goOn(): void {
    if (this.#entry.length > 0 && this.#prng.chance(0.3)) return this.#apply();
    if (this.#requests.length === 0) return;
    const request = this.#prng.pick(this.#requests);
    if (request.outcome !== undefined) {
      this.#requests.splice(this.#requests.indexOf(request), 1);
      if (request.isLost) this.#lost.push(request);
      else this.#end(request);
      if (!request.isLost) this.#waiting--;
    } else if (request.op.f === "read") this.#read(request);
    else if (!this.#entry.includes(request)) this.#entry.push(request);
    else this.#apply();
  }

  #read(request: Request): void {
    const isStale = request.op.f === "read" && request.op.stale === true;
    const { index, term, counters } = isStale ? this.#prng.pick(this.#states) : this.#state;
    const { value, revision } = counters.get(request.op.key) ?? NOBODY;
    request.outcome = { type: "ok", value: String(value), revision, index, term };
  }

  #apply(): void {
    const last = this.#state;
    const term = last.term + Number(this.#prng.chance(0.05));
    const index = last.index + (term > last.term ? 2 : 1);
    const counters = new Map(last.counters);
    for (const request of this.#entry) request.outcome = this.#do(request, counters, { index, term });
    this.#entry = [];
    this.#states.push({ index, term, counters });
    if (this.#states.length > STATES_MAX) this.#states.splice(0, STATES_MAX / 2);
  }

  #do(
    { op, id }: Request,
    counters: Map<string, Counter>,
    at: { index: number; term: number },
  ): RecordedOutcome {
    const known = id === undefined ? undefined : this.#remembered.get(id);
    if (known?.type === "ok") return { ...known, ...at, replayed: true };
    if (known !== undefined) return known;
    const outcome = this.#change(op, counters, at);
    if (id !== undefined) this.#remembered.set(id, outcome);
    return outcome;
  }

  #change(
    op: Operation,
    counters: Map<string, Counter>,
    at: { index: number; term: number },
  ): RecordedOutcome {
    const { value, revision } = counters.get(op.key) ?? NOBODY;
    const next = op.f === "set" ? BigInt(op.value) : value + BigInt(op.f === "add" ? op.by : 0);
    const bounds: { readonly min?: string; readonly max?: string } = op.f === "add" ? op : {};
    if (
      (bounds.max !== undefined && next > BigInt(bounds.max)) ||
      (bounds.min !== undefined && next < BigInt(bounds.min))
    ) {
      return { type: "fail", error: "LIMIT_REACHED" };
    }
    if (next === value && !(op.f === "set" && revision === 0)) {
      return { type: "ok", value: String(value), revision, ...at, changed: false };
    }
    const changed = { value: next, revision: ++this.#revision };
    counters.set(op.key, changed);
    return { type: "ok", value: String(next), revision: changed.revision, ...at };
  }

  #end({ op, id, process, invoked, isLost, outcome }: Request): void {
    const lost: RecordedOutcome = { type: op.f === "read" ? "fail" : "info", error: "NO_ANSWER" };
    const told = isLost || outcome === undefined ? lost : outcome;
    const ended = told.type === "info" ? NEVER : this.#line++;
    this.#calls.push({
      op,
      process,
      ...(id === undefined ? {} : { id }),
      invoked,
      ended,
      invokedAt: invoked,
      endedAt: ended,
      attempts: 1,
      outcome: told,
    });
  }
}

/** What clients of a service that works were told. */
export function serve(prng: Prng, demand: Demand): readonly Call[] {
  return new Service(prng, demand).run();
}
