/**
 * Collects the commands that will share an entry, and combines adds into runs.
 *
 * An add joins the open run of its key although commands on other keys have come between. No caller can tell:
 * all commands of an entry are under way at the same time, so any order of them is an order in which they may
 * have happened. Commands on one key keep their order, because every other command that names a key ends
 * its run. Only the numbers of revisions are dealt out in another order, and they still rise with each key.
 */

import { assert, defined } from "../base/index.ts";
import type { Item, ItemOutcome, Payload } from "./outcomes.ts";
import { isPlain, resultsOf } from "./series.ts";
import type { Add, Batch, Change, Command, Outcome } from "./types.ts";
import { utf8Bytes } from "./validate.ts";

/** Where the outcome of a command will be found: in which item, and for a run which of its adds, from 0. */
export interface Ticket {
  readonly item: number;
  readonly offset: number;
  /** The batch, if it was one: what became of its changes is told by what they are. */
  readonly batch?: Batch;
}

interface OpenRun {
  readonly kind: "run";
  readonly key: string;
  readonly by: bigint;
  readonly item: number;
  count: number;
}

/** What an item or a change takes beside its strings: tags, integers and lengths, at their longest. */
const ITEM_BYTES = 48;

/** The commands of the next entry. */
export class Combiner {
  #items: (OpenRun | Extract<Item, { readonly kind: "command" }>)[] = [];
  /** The run that an add of the same key may still join. */
  readonly #open: Map<string, OpenRun> = new Map();
  #bytes = 0;
  #commands = 0;

  /** Adds a command, after all before it. */
  add(command: Command): Ticket {
    this.#commands++;
    const { operation, once } = command;
    if (once === undefined && operation.kind === "add" && isPlain(operation)) {
      return this.#addToRun(operation);
    }
    if (operation.kind === "batch") for (const change of operation.changes) this.#open.delete(change.key);
    else if (operation.kind !== "openSession") this.#open.delete(operation.key);
    this.#bytes += commandBytes(command);
    this.#items.push({ kind: "command", command });
    const ticket = { item: this.#items.length - 1, offset: 0 };
    return operation.kind === "batch" ? { ...ticket, batch: operation } : ticket;
  }

  /** An upper bound for the bytes of the payload, but for a few that every payload has. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Commands collected, each add of a run counted. */
  get commands(): number {
    return this.#commands;
  }

  get isEmpty(): boolean {
    return this.#items.length === 0;
  }

  /**
   * What has been collected, as one payload; the combiner is empty afterwards.
   * @param elapsed whole milliseconds on the leader's monotonic clock since its previous entry, rounded down with
   * the rest carried over, so that log time never runs ahead; 0 for the first entry of a term.
   */
  take(elapsed: number): Payload {
    const items = this.#items.map((item): Item => {
      if (item.kind === "command") return item;
      return { kind: "run", key: item.key, by: item.by, count: item.count };
    });
    this.#items = [];
    this.#open.clear();
    this.#bytes = 0;
    this.#commands = 0;
    return { elapsed, items };
  }

  #addToRun({ key, by }: Add): Ticket {
    const open = this.#open.get(key);
    if (open !== undefined && open.by === by) {
      open.count++;
      return { item: open.item, offset: open.count - 1 };
    }
    const run: OpenRun = { kind: "run", key, by, item: this.#items.length, count: 1 };
    this.#items.push(run);
    this.#open.set(key, run);
    this.#bytes += ITEM_BYTES + utf8Bytes(key);
    return { item: run.item, offset: 0 };
  }
}

/** What a command's own outcome is, given those of the items of its payload. */
export function outcomeOf(itemOutcomes: readonly ItemOutcome[], ticket: Ticket): Outcome {
  const found = defined(itemOutcomes[ticket.item], "combiner: every item has an outcome");
  if (found.kind === "command") return found.outcome;
  if (found.kind === "series") {
    const batch = defined(ticket.batch, "combiner: a series is the outcome of a batch");
    // Made when they are looked at: those of all batches of an entry at once would have to survive together.
    return {
      kind: "done",
      get results() {
        return resultsOf(found, batch);
      },
      changed: batch.places?.length ?? batch.changes.length,
      replayed: false,
    };
  }
  const { first, by, applied, refusal } = found;
  if (ticket.offset < applied) {
    const value = first.value + by * BigInt(ticket.offset);
    const result = { key: first.key, value, revision: first.revision + ticket.offset, changed: true };
    return { kind: "done", results: [result], replayed: false };
  }
  assert(refusal !== undefined, "combiner: the adds of a run are done or refused");
  return { kind: "refused", ...refusal, position: 0, replayed: false };
}

function commandBytes({ operation, once }: Command): number {
  let bytes = ITEM_BYTES + (once?.kind === "key" ? utf8Bytes(once.key) : 0);
  if (operation.kind === "batch") {
    for (const change of operation.changes) bytes += changeBytes(change);
    bytes += 2 * (operation.places?.length ?? 0);
  } else if (operation.kind !== "openSession") bytes += changeBytes(operation);
  return bytes;
}

function changeBytes(change: Change): number {
  const member = change.kind === "add" && change.once !== undefined ? utf8Bytes(change.once) : 0;
  return ITEM_BYTES + utf8Bytes(change.key) + member;
}
