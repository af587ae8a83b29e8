/** The state machine's worker: apply, restore and query happen in order; snapshots are copied beside them. */

import type { Prng } from "../../src/base/index.ts";
import {
  applyPayload,
  decodePayload,
  type ItemOutcome,
  type Limits,
  type Table,
} from "../../src/counter/index.ts";
import type { NodeEvent } from "../../src/node/index.ts";
import type { Entry, SnapshotMeta } from "../../src/raft/index.ts";
import { type Applied, CorruptionError, type Query, type StateDigest } from "../../src/store/index.ts";
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
  /** A snapshot that the log begins with cannot be read: the process cannot go on. */
  readonly damaged: (reason: CorruptionError) => void;
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
      const { disk, damaged } = this.#options;
      try {
        disk.restore(meta.index);
      } catch (error) {
        if (error instanceof CorruptionError) return damaged(error);
        throw error;
      }
      disk.release(meta.index);
      const { position, table } = disk.state;
      this.#done({ index: position.index, outcomes: [], digests: [], totals: table.totals() });
    });
  }

  query(ticket: number, queries: readonly Query[]): void {
    this.#inTurn(() => {
      const { position, table } = this.#options.disk.state;
      const answers = queries.map((query) => table.answer(query));
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
        // Its size would only postpone the next one, and here they are to be many.
        step({ kind: "snapshotTaken", snapshot: copy.position, bytes: 0 });
      });
    });
  }

  #inTurn(happen: () => void): void {
    const { queue, prng, diskMs, later } = this.#options;
    this.#freeAt = Math.max(this.#freeAt, queue.now) + prng.real() * diskMs * 0.3;
    later(this.#freeAt - queue.now, happen);
  }

  #apply(entries: readonly Entry[], wantOutcomes: boolean): void {
    const { disk, prng } = this.#options;
    const { table } = disk.state;
    if (prng.chance(0.1)) disk.keepState();
    const outcomes: (readonly ItemOutcome[])[] = [];
    const digests: StateDigest[] = [];
    let { position } = disk.state;
    table.transact((rows) => {
      for (const entry of entries) {
        const returned = this.#applyEntry(rows, entry);
        if (wantOutcomes && returned !== undefined) outcomes.push(returned);
        position = positionAfter(position, entry);
        if (entry.index % DIGEST_EVERY !== 0) continue;
        digests.push({ index: entry.index, digest: rows.totals().digest });
      }
      return position;
    });
    disk.state = { position, table };
    this.#done({ index: position.index, outcomes, digests, totals: table.totals() });
  }

  #applyEntry(rows: Table, entry: Entry): ItemOutcome[] | undefined {
    const { limits, applied } = this.#options;
    const isCommand = entry.kind === "command";
    const outcomes = isCommand ? applyPayload(rows, decodePayload(entry.data), limits) : undefined;
    applied(entry, rows.totals().digest);
    return outcomes;
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
}

function positionAfter(before: SnapshotMeta, entry: Entry): SnapshotMeta {
  const { index, term, chain } = entry;
  const { configuration, configurationIndex } = before;
  if (entry.kind !== "configuration") return { index, term, chain, configuration, configurationIndex };
  return { index, term, chain, configuration: entry.configuration, configurationIndex: index };
}
