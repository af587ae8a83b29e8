/** The state machine's worker: apply, restore and query happen in order; snapshots are copied beside them. */

import type { Prng } from "../../src/base/index.ts";
import {
  applyPayload,
  type CounterRow,
  decodePayload,
  type ItemOutcome,
  type Limits,
} from "../../src/counter/index.ts";
import type { NodeEvent } from "../../src/node/index.ts";
import type { Entry, SnapshotMeta } from "../../src/raft/index.ts";
import type { Applied, Query, QueryAnswer, StateDigest } from "../../src/store/index.ts";
import type { EventQueue } from "./event-queue.ts";
import type { SimDisk, StateAt } from "./sim-disk.ts";

/** Digests are compared more often than at the 1,024th index of the product, so that short runs do so too. */
const DIGEST_EVERY = 16;

export interface SimMachineOptions {
  readonly disk: SimDisk;
  readonly limits: Limits;
  readonly queue: EventQueue;
  readonly prng: Prng;
  readonly diskMs: number;
  /** How long this restore takes, ms. */
  readonly restoreMs: () => number;
  /** Whether a snapshot can be written; the process has ended if not. */
  readonly mayWrite: () => boolean;
  /** Runs something in this process, unless it has died. */
  readonly later: (delayMs: number, happen: () => void) => void;
  readonly step: (event: NodeEvent) => void;
  readonly applied: (entry: Entry, digest: number) => void;
}

export class SimMachine {
  readonly #options: SimMachineOptions;
  #freeAt = 0;
  #saidAt = 0;

  constructor(options: SimMachineOptions) {
    this.#options = options;
  }

  /** The process has started anew. */
  restart(): void {
    this.#freeAt = this.#options.queue.now;
    this.#saidAt = this.#options.queue.now;
  }

  apply(entries: readonly Entry[], wantOutcomes: boolean): void {
    this.#inTurn(() => this.#apply(entries, wantOutcomes));
  }

  restore(meta: SnapshotMeta): void {
    // A file is copied and opened: longer than any apply, and others queue up behind it.
    this.#freeAt = Math.max(this.#freeAt, this.#options.queue.now) + this.#options.restoreMs();
    this.#inTurn(() => {
      const { disk } = this.#options;
      disk.restore(meta.index);
      disk.release(meta.index);
      const { position, table } = disk.state;
      this.#done({ index: position.index, outcomes: [], digests: [], totals: table.totals() });
    });
  }

  query(ticket: number, queries: readonly Query[]): void {
    this.#inTurn(() => {
      const { position } = this.#options.disk.state;
      const answers = queries.map((query) => this.#answer(query));
      const { index, term } = position;
      this.#say({ kind: "queried", ticket, answers: { answers, index, term } });
    });
  }

  /** A copy of the state as it is when the copying begins, which may be ahead of what the process has been told. */
  takeSnapshot(): void {
    const { disk, prng, diskMs, later, step, mayWrite } = this.#options;
    later(prng.real() * diskMs, () => {
      const { position, table } = disk.state;
      const copy: StateAt = { position, table: table.clone() };
      later(prng.real() * diskMs * 3, () => {
        if (!mayWrite()) return;
        disk.addSnapshot(copy, "taken");
        step({ kind: "snapshotTaken", snapshot: copy.position });
      });
    });
  }

  #inTurn(happen: () => void): void {
    const { queue, prng, diskMs, later } = this.#options;
    this.#freeAt = Math.max(this.#freeAt, queue.now) + prng.real() * diskMs * 0.3;
    later(this.#freeAt - queue.now, happen);
  }

  #apply(entries: readonly Entry[], wantOutcomes: boolean): void {
    const { disk, prng, limits, applied } = this.#options;
    const { table } = disk.state;
    if (prng.chance(0.1)) disk.keepState();
    const outcomes: (readonly ItemOutcome[])[] = [];
    const digests: StateDigest[] = [];
    let { position } = disk.state;
    for (const entry of entries) {
      if (entry.kind === "command") {
        const returned = applyPayload(table, decodePayload(entry.data), limits);
        if (wantOutcomes) outcomes.push(returned);
      }
      const changed = entry.kind === "configuration";
      position = {
        index: entry.index,
        term: entry.term,
        chain: entry.chain,
        configuration: changed ? entry.configuration : position.configuration,
        configurationIndex: changed ? entry.index : position.configurationIndex,
      };
      const { digest } = table.totals();
      if (entry.index % DIGEST_EVERY === 0) digests.push({ index: entry.index, digest });
      applied(entry, digest);
    }
    disk.state = { position, table };
    this.#done({ index: position.index, outcomes, digests, totals: table.totals() });
  }

  #done(applied: Applied): void {
    this.#say({ kind: "applied", applied });
  }

  /** Word from the worker takes a moment to reach the process, and arrives in order. */
  #say(event: NodeEvent): void {
    const { queue, prng, later, step } = this.#options;
    this.#saidAt = Math.max(this.#saidAt, queue.now + prng.real() * 2);
    later(this.#saidAt - queue.now, () => step(event));
  }

  #answer(query: Query): QueryAnswer {
    const { table } = this.#options.disk.state;
    if (query.kind === "get") return { kind: "get", row: table.counter(query.key) };
    const { prefix, after, limit } = query;
    const rows: CounterRow[] = [...table.counters()]
      .filter(({ key }) => key.startsWith(prefix) && (after === undefined || key > after))
      .sort((a, b) => (a.key < b.key ? -1 : 1));
    return { kind: "list", rows: rows.slice(0, limit), more: rows.length > limit };
  }
}
