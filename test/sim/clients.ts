/**
 * Clients and what they were promised. Each works alone: one operation at a time, tried again with the same
 * idempotency key until its outcome is known, often at a node that does not lead.
 */

import type { Prng } from "../../src/base/index.ts";
import type { ReadResult, WriteResult } from "../../src/node/index.ts";
import type { Reference } from "./checkers/states-agree.ts";
import type { EventQueue } from "./event-queue.ts";
import { Violation } from "./observer.ts";
import type { Profile } from "./profile.ts";
import type { SimNode } from "./sim-node.ts";

/** Tallies per counter of writes without a key, whose outcome may stay unknown. */
interface Plain {
  acknowledged: number;
  unknown: number;
}

export interface ClientCounts {
  acknowledged: number;
  unknown: number;
  refused: number;
  reads: number;
  retried: number;
}

/** How long a client waits before it gives an attempt up as unanswered, ms. */
const PATIENCE_MS = 2_500;

export class Clients {
  readonly #queue: EventQueue;
  readonly #prng: Prng;
  readonly #profile: Profile;
  readonly #nodes: readonly SimNode[];
  readonly #reference: Reference;
  readonly counts: ClientCounts = { acknowledged: 0, unknown: 0, refused: 0, reads: 0, retried: 0 };
  readonly #plain: Map<string, Plain> = new Map();
  /** Acknowledged writes with a key: counter, and what the first acknowledgement said. */
  readonly #keyed: Map<string, { readonly counter: string; readonly value: bigint; readonly revision: number }> =
    new Map();
  readonly #given = new Set<string>();
  /** The highest index that any answer has shown so far. */
  #shown = 0;
  #stopping = false;
  #busy = 0;
  #operations = 0;

  constructor(parts: {
    queue: EventQueue;
    prng: Prng;
    profile: Profile;
    nodes: readonly SimNode[];
    reference: Reference;
  }) {
    this.#queue = parts.queue;
    this.#prng = parts.prng;
    this.#profile = parts.profile;
    this.#nodes = parts.nodes;
    this.#reference = parts.reference;
  }

  start(): void {
    for (let client = 0; client < this.#profile.clients; client++) this.#next();
  }

  /** No new operations; those under way go on to their end. */
  stop(): void {
    this.#stopping = true;
  }

  get idle(): boolean {
    return this.#busy === 0;
  }

  #next(): void {
    if (this.#stopping) return;
    this.#busy++;
    this.#queue.after(this.#prng.real() * 30, () => {
      const counter = `k${this.#prng.between(1, this.#profile.keys)}`;
      const done = (): void => {
        this.#busy--;
        this.#next();
      };
      const dice = this.#prng.real();
      if (dice < 0.35) this.#read(counter, done);
      else this.#increment(counter, dice < 0.75 ? `op-${++this.#operations}` : undefined, done);
    });
  }

  #anyNode(): SimNode {
    return this.#prng.pick(this.#nodes);
  }

  /** The node that `id` names: where a redirect leads. */
  #node(id: string): SimNode {
    return this.#nodes.find((node) => node.id === id) ?? this.#anyNode();
  }

  /** Asks one node; `answer` gets undefined if nothing came back in time. */
  #ask<R>(node: SimNode, event: Parameters<SimNode["request"]>[0], answer: (result: R | undefined) => void): void {
    let over = false;
    const end = (result: R | undefined): void => {
      if (over) return;
      over = true;
      answer(result);
    };
    this.#queue.after(PATIENCE_MS, () => end(undefined));
    // A request and its answer take a moment each; a dead node refuses the connection.
    this.#queue.after(this.#prng.real(), () => {
      if (!node.isUp) return this.#queue.after(1, () => end(undefined));
      node.request(event, (result) => this.#queue.after(this.#prng.real(), () => end(result as R)));
    });
  }

  #increment(counter: string, key: string | undefined, done: () => void): void {
    const invokedAfter = this.#shown;
    const plain = this.#tally(counter);
    const attempt = (node: SimNode, tries: number): void => {
      const command = {
        operation: { kind: "add" as const, key: counter, by: 1n },
        ...(key === undefined ? {} : { once: { kind: "key" as const, key } }),
      };
      if (key !== undefined) this.#given.add(`${counter} ${key}`);
      this.#ask<WriteResult>(node, (id) => ({ kind: "write", id, command }), (result) => {
        if (result?.kind === "applied") {
          this.#acknowledged({ counter, key, result, invokedAfter, first: tries === 0 });
          return done();
        }
        const definite =
          result?.kind === "redirect" || (result?.kind === "failed" && result.code !== "OUTCOME_UNKNOWN");
        if (key === undefined && !definite) {
          plain.unknown++;
          this.counts.unknown++;
          return done();
        }
        if (result?.kind === "failed" && definite) this.counts.refused++;
        if (this.#stopping && tries > 40) {
          throw new Violation("liveness", `a write was not accepted in ${tries} tries after everything healed`);
        }
        this.counts.retried++;
        const next = result?.kind === "redirect" ? this.#node(result.leader) : this.#anyNode();
        this.#queue.after(5 + this.#prng.real() * 50, () => attempt(next, tries + 1));
      });
    };
    attempt(this.#anyNode(), 0);
  }

  #tally(counter: string): Plain {
    const tally = this.#plain.get(counter) ?? { acknowledged: 0, unknown: 0 };
    this.#plain.set(counter, tally);
    return tally;
  }

  #acknowledged(write: {
    counter: string;
    key: string | undefined;
    result: WriteResult & { kind: "applied" };
    invokedAfter: number;
    first: boolean;
  }): void {
    const { counter, key, result, invokedAfter } = write;
    const { outcome, index } = result;
    if (outcome.kind !== "done") throw new Violation("outcomes", `an increment of ${counter} was refused`);
    const changed = outcome.results[0];
    if (changed === undefined) throw new Violation("outcomes", "an increment without a result");
    this.counts.acknowledged++;
    if (key === undefined) this.#tally(counter).acknowledged++;
    else {
      const known = this.#keyed.get(key);
      if (known !== undefined && (known.value !== changed.value || known.revision !== changed.revision)) {
        throw new Violation("exactly once", `the retry of ${key} was told another outcome`);
      }
      this.#keyed.set(key, { counter, value: changed.value, revision: changed.revision });
    }
    // A write takes effect after everything that was shown to anyone before it began (several may share an entry).
    if (!outcome.replayed && index < invokedAfter) {
      throw new Violation("linearizable", `a write at ${index} was invoked after ${invokedAfter} was shown`);
    }
    this.#shown = Math.max(this.#shown, index);
  }

  #read(counter: string, done: () => void): void {
    const query = { kind: "get" as const, key: counter };
    const attempt = (): void => {
      const invokedAfter = this.#shown;
      this.#ask<ReadResult>(
        this.#anyNode(),
        (id) => ({ kind: "read", id, query, consistency: "linearizable" }),
        (result) => {
          if (result?.kind === "answer" && result.answer.kind === "get") {
            this.#checkRead(counter, result.answer.row?.value, { index: result.index, invokedAfter });
            return done();
          }
          if (this.#stopping) return done();
          this.#queue.after(5 + this.#prng.real() * 50, attempt);
        },
      );
    };
    attempt();
  }

  #checkRead(counter: string, value: bigint | undefined, at: { index: number; invokedAfter: number }): void {
    this.counts.reads++;
    if (at.index < at.invokedAfter) {
      throw new Violation("linearizable", `stale read: index ${at.index}, but ${at.invokedAfter} was shown before`);
    }
    const expected = this.#reference.valueAt(counter, at.index);
    if (value !== expected) {
      throw new Violation("linearizable", `${counter} read ${value} at index ${at.index}, but it was ${expected}`);
    }
    this.#shown = Math.max(this.#shown, at.index);
  }

  /** I14: each counter is the sum of what was acknowledged, and of some of what stayed unknown. */
  checkSums(lastIndex: number): void {
    for (const [counter, { acknowledged, unknown }] of this.#plain) {
      let keyed = 0;
      for (const given of this.#given) {
        const [of, key] = given.split(" ") as [string, string];
        if (of === counter) keyed += this.#reference.executions.get(key) ?? 0;
      }
      for (const [key, known] of this.#keyed) {
        if (known.counter === counter && this.#reference.executions.get(key) !== 1) {
          throw new Violation("no acknowledged increment is lost", `${key} was acknowledged and never carried out`);
        }
      }
      const value = Number(this.#reference.valueAt(counter, lastIndex) ?? 0n);
      const plain = value - keyed;
      if (plain < acknowledged || plain > acknowledged + unknown) {
        throw new Violation(
          "the sum is what was acknowledged",
          `${counter} is ${value}: ${keyed} with a key, ${acknowledged} acknowledged, ${unknown} unknown`,
        );
      }
    }
  }
}
