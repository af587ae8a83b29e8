/**
 * I9: at the same index every replica is in the same state, idempotency records and sessions included.
 * Exactly once: each idempotency key is carried out at most once, wherever and however often it is replayed.
 */

import { applyPayload, decodePayload, type ItemOutcome, LIMITS, MemoryTable } from "../../../src/counter/index.ts";
import type { Entry } from "../../../src/raft/index.ts";
import { type Observer, Violation } from "../observer.ts";
import type { CommittedLog } from "./committed-stays.ts";

/** The state machine as it has to be: the committed log applied once, in order. */
export class Reference {
  readonly table = new MemoryTable();
  readonly #log: CommittedLog;
  readonly #digests: number[] = [0];
  /** Value of each counter after each index at which it changed. */
  readonly #values: Map<string, { readonly index: number; readonly value: bigint }[]> = new Map();
  /** How often the write of each idempotency key was carried out. */
  readonly executions: Map<string, number> = new Map();

  constructor(log: CommittedLog) {
    this.#log = log;
  }

  /** The digest after `index`, which is committed. */
  digestAt(index: number): number {
    while (this.#digests.length <= index) this.#applyNext();
    return this.#digests[index] as number;
  }

  /** The value of a counter after `index`. */
  valueAt(key: string, index: number): bigint | undefined {
    this.digestAt(index);
    return this.#values.get(key)?.findLast((change) => change.index <= index)?.value;
  }

  #applyNext(): void {
    const index = this.#digests.length;
    const committed = this.#log.at(index);
    if (committed === undefined) throw new Violation("I9 only committed entries are applied", `index ${index}`);
    const { entry } = committed;
    if (entry.kind === "command") this.#applyCommands(entry);
    this.#digests.push(this.table.totals().digest);
  }

  #applyCommands(entry: Entry & { kind: "command" }): void {
    const payload = decodePayload(entry.data);
    const outcomes = applyPayload(this.table, payload, LIMITS);
    for (const [at, item] of payload.items.entries()) {
      const outcome = outcomes[at] as ItemOutcome;
      if (item.kind === "command" && item.command.once?.kind === "key" && outcome.kind === "command") {
        if (outcome.outcome.kind === "done" && !outcome.outcome.replayed) this.#execute(item.command.once.key);
      }
    }
    for (const { key, value } of this.table.counters()) {
      const changes = this.#values.get(key) ?? [];
      if (changes.at(-1)?.value !== value) changes.push({ index: entry.index, value });
      this.#values.set(key, changes);
    }
  }

  #execute(key: string): void {
    const times = (this.executions.get(key) ?? 0) + 1;
    this.executions.set(key, times);
    if (times > 1) throw new Violation("exactly once", `the write with key ${key} was carried out ${times} times`);
  }
}

export function statesAgree(reference: Reference): Partial<Observer> {
  return {
    applied(node, entry, digest) {
      if (reference.digestAt(entry.index) === digest) return;
      throw new Violation("I9 states agree", `${node.id} differs from the committed log at index ${entry.index}`);
    },
  };
}
