/** The state machine as it has to be: the committed log applied once, in order, with all that came of it. */

import { assertNever } from "../../../src/base/index.ts";
import {
  applyPayload,
  type Command,
  type CounterRow,
  changesOf,
  decodePayload,
  type ItemOutcome,
  type Limits,
  MemoryTable,
  type Outcome,
  outcomeOf,
  type Payload,
} from "../../../src/counter/index.ts";
import type { Entry } from "../../../src/raft/index.ts";
import { Violation } from "../observer.ts";
import type { CommittedLog } from "./committed-log.ts";

/** One command of the committed log and what came of it. */
export interface Execution {
  readonly index: number;
  readonly term: number;
  /** The command in words: two are the same if and only if these are equal. */
  readonly text: string;
  readonly command: Command;
  readonly outcome: Outcome;
  /** Log time when it was applied: the sum of what the entries carry, ms. */
  readonly logTime: number;
  /** Whether an answer to a client has been matched with it. */
  claimed: boolean;
}

/** Is told of each payload as it is applied for the first time. */
export type Watcher = (payload: Payload, executions: readonly Execution[], entry: Entry) => void;

export class Reference {
  readonly table: MemoryTable = new MemoryTable();
  readonly #log: CommittedLog;
  readonly #limits: Limits;
  readonly #watchers: readonly Watcher[];
  readonly #digests: number[] = [0];
  /** What each key held after each index at which it changed. */
  readonly #rows: Map<string, { readonly index: number; readonly row: CounterRow | undefined }[]> = new Map();
  readonly #executions: Map<number, readonly Execution[]> = new Map();
  #logTime = 0;

  constructor(log: CommittedLog, limits: Limits, watchers: readonly Watcher[] = []) {
    this.#log = log;
    this.#limits = limits;
    this.#watchers = watchers;
  }

  /** The digest after `index`, which is committed. */
  digestAt(index: number): number {
    while (this.#digests.length <= index) this.#applyNext();
    return this.#digests[index] as number;
  }

  /** What a key holds after `index`. */
  rowAt(key: string, index: number): CounterRow | undefined {
    this.digestAt(index);
    return this.#rows.get(key)?.findLast((change) => change.index <= index)?.row;
  }

  /** All counters after `index`, in the order of their keys, which are ASCII. */
  rowsAt(index: number): readonly CounterRow[] {
    const rows = [...this.#rows.keys()].sort().map((key) => this.rowAt(key, index));
    return rows.filter((row) => row !== undefined);
  }

  /** What the entry at `index` did. */
  executionsAt(index: number): readonly Execution[] {
    this.digestAt(index);
    return this.#executions.get(index) ?? [];
  }

  /** Everything that was ever done, in order. */
  *executions(): Iterable<Execution> {
    for (let index = 1; index <= this.#log.last; index++) yield* this.executionsAt(index);
  }

  #applyNext(): void {
    const index = this.#digests.length;
    const committed = this.#log.at(index);
    if (committed === undefined)
      throw new Violation("I9 only committed entries are applied", `index ${index}`);
    const { entry } = committed;
    if (entry.kind === "command") this.#applyCommands(entry);
    this.#digests.push(this.table.totals().digest);
  }

  #applyCommands(entry: Entry & { kind: "command" }): void {
    const payload = decodePayload(entry.data);
    this.#logTime += payload.elapsed;
    const outcomes = applyPayload(this.table, payload, this.#limits);
    const executions = this.#executionsOf(entry, payload, outcomes);
    this.#executions.set(entry.index, executions);
    for (const key of new Set(executions.flatMap(({ command }) => keysOf(command)))) {
      const changes = this.#rows.get(key) ?? [];
      this.#rows.set(key, changes);
      const row = this.table.counter(key);
      if (changes.at(-1)?.row !== row) changes.push({ index: entry.index, row });
    }
    for (const watch of this.#watchers) watch(payload, executions, entry);
  }

  #executionsOf({ index, term }: Entry, payload: Payload, outcomes: readonly ItemOutcome[]): Execution[] {
    const at = { index, term, logTime: this.#logTime };
    return payload.items.flatMap((item, place) => {
      const command: Command =
        item.kind === "command" ? item.command : { operation: { kind: "add", key: item.key, by: item.by } };
      const text = textOf(command);
      return Array.from({ length: item.kind === "run" ? item.count : 1 }, (_, offset) => {
        const { operation } = command;
        const ticket = { item: place, offset, ...(operation.kind === "batch" ? { batch: operation } : {}) };
        const outcome = outcomeOf(outcomes, ticket);
        return { ...at, text, command, outcome, claimed: false };
      });
    });
  }
}

function keysOf({ operation }: Command): string[] {
  return changesOf(operation).map(({ key }) => key);
}

/** A command in words, whatever the order in which its fields were written. */
export function textOf({ operation, once }: Command): string {
  const changes = operation.kind === "openSession" ? [operation] : changesOf(operation);
  const words = changes.map((change) => {
    switch (change.kind) {
      case "add":
        return `add ${change.key} ${change.by} ${change.min} ${change.max} ${change.saturate} ${change.once}`;
      case "set":
        return `set ${change.key} ${change.value} ${change.ifRevision}`;
      case "delete":
        return `delete ${change.key} ${change.ifRevision}`;
      case "openSession":
        return "open";
      default:
        return assertNever(change);
    }
  });
  return `${words.join("; ")} | ${onceText(once)}`;
}

function onceText(once: Command["once"]): string {
  if (once === undefined) return "";
  if (once.kind === "key") return once.key;
  return `${once.session} ${once.seq} ${once.firstUnanswered}`;
}

/** Whether two outcomes say the same. */
export function sameOutcome(one: Outcome, other: Outcome): boolean {
  if (one.replayed !== other.replayed) return false;
  if (one.kind === "refused") {
    return other.kind === "refused" && one.code === other.code && one.position === other.position;
  }
  if (other.kind !== "done" || one.session !== other.session) return false;
  return (
    one.results.length === other.results.length &&
    one.results.every((result, at) => {
      const { key, value, revision, changed, applied } = other.results[at] ?? {};
      return (
        key === result.key &&
        value === result.value &&
        revision === result.revision &&
        changed === result.changed &&
        applied === result.applied
      );
    })
  );
}
