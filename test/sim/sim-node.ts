/**
 * One simulated process: the real reducer on a simulated disk, network and clock. It does what the driver of
 * `src/node` does, and can be killed, paused and started again at any moment.
 */

import { defined, type Prng } from "../../src/base/index.ts";
import { applyPayload, decodePayload, type ItemOutcome, LIMITS } from "../../src/counter/index.ts";
import { type NodeEvent, NodeReducer, type NodeSettings } from "../../src/node/index.ts";
import type { Entry, Message, NodeId, RaftSettings, SnapshotMeta } from "../../src/raft/index.ts";
import type { Applied, QueryAnswers, StateDigest } from "../../src/store/index.ts";
import type { EventQueue } from "./event-queue.ts";
import { SimDisk, type StateAt } from "./sim-disk.ts";
import type { Observer } from "./observer.ts";

export const TICK_MS = 10;

type Effects = ReturnType<NodeReducer["drain"]>;

export interface SimNodeOptions {
  readonly id: NodeId;
  readonly initial: SnapshotMeta;
  readonly raft: RaftSettings;
  readonly node: NodeSettings;
  readonly queue: EventQueue;
  readonly prng: Prng;
  readonly observer: Observer;
  /** How long a flush and an apply take at most, ms. */
  readonly diskMs: number;
  readonly send: (message: Message) => void;
  readonly sendDigest: (from: NodeId, digest: StateDigest) => void;
  readonly sendSnapshot: (from: NodeId, to: NodeId, snapshot: StateAt) => void;
}

export class SimNode {
  readonly id: NodeId;
  readonly disk: SimDisk;
  readonly #options: SimNodeOptions;
  reducer: NodeReducer | undefined;
  /** Counts the starts of the process; what was under way in an earlier one is void. */
  boot = 0;
  #drainScheduled = false;
  #diskFreeAt = 0;
  #machineFreeAt = 0;
  /** While paused everything that happens to the process waits here. */
  #paused: (() => void)[] | undefined;
  readonly #waiting: Map<number, (result: unknown) => void> = new Map();
  #requests = 0;

  constructor(options: SimNodeOptions) {
    this.id = options.id;
    this.#options = options;
    this.disk = new SimDisk(options.initial);
  }

  get isUp(): boolean {
    return this.reducer !== undefined;
  }

  get isPaused(): boolean {
    return this.#paused !== undefined;
  }

  start(): void {
    const { disk, id } = this;
    const { synced, snapshot, state } = disk;
    this.boot++;
    const { queue, prng } = this.#options;
    this.#diskFreeAt = queue.now;
    this.#machineFreeAt = queue.now;
    this.#drainScheduled = false;
    this.#options.observer.recovering(this);
    this.reducer = new NodeReducer({
      raft: {
        self: id,
        seed: prng.next(),
        hardState: synced.hardState,
        base: synced.base,
        snapshot: snapshot?.position,
        entries: synced.entries,
        applied: state.position.index,
        settings: this.#options.raft,
      },
      settings: this.#options.node,
    });
    this.#options.observer.started(this);
    this.#tick(this.boot);
  }

  crash(): void {
    this.#options.observer.crashing(this);
    this.reducer = undefined;
    this.#paused = undefined;
    this.#waiting.clear();
    this.disk.crash(this.#options.prng);
  }

  pause(): void {
    this.#paused ??= [];
  }

  resume(): void {
    const waited = this.#paused ?? [];
    this.#paused = undefined;
    for (const happen of waited) happen();
  }

  /** A client's request; `respond` is called at most once, never if the process dies. */
  request(event: (id: number) => NodeEvent, respond: (result: unknown) => void): void {
    const id = ++this.#requests;
    this.#when(this.boot, () => {
      this.#waiting.set(id, respond);
      this.#step(event(id));
    });
  }

  /** Something happens to this process from outside. */
  feed(event: NodeEvent): void {
    this.#when(this.boot, () => this.#step(event));
  }

  receiveSnapshot(snapshot: StateAt): void {
    this.#when(this.boot, () => {
      this.disk.addSnapshot(snapshot);
      this.#step({ kind: "snapshotReceived", snapshot: snapshot.position });
    });
  }

  /** Runs `happen` if this very process still lives; later if it is paused. */
  #when(boot: number, happen: () => void): void {
    if (this.reducer === undefined || boot !== this.boot) return;
    if (this.#paused !== undefined) this.#paused.push(() => this.#when(boot, happen));
    else happen();
  }

  #later(delayMs: number, happen: () => void): void {
    const { boot } = this;
    this.#options.queue.after(delayMs, () => this.#when(boot, happen));
  }

  #tick(boot: number): void {
    this.#options.queue.after(TICK_MS, () => {
      if (this.reducer === undefined || boot !== this.boot) return;
      // A paused process has no clock; the driver does not make up for lost ticks.
      if (this.#paused === undefined) this.#step({ kind: "tick" });
      this.#tick(boot);
    });
  }

  #step(event: NodeEvent): void {
    defined(this.reducer, "sim: only a living process takes events").step(event, this.#options.queue.now);
    if (this.#drainScheduled) return;
    this.#drainScheduled = true;
    // Events close together are drained together, as in one turn of the event loop.
    this.#later(this.#options.prng.real() * 0.3, () => {
      this.#drainScheduled = false;
      this.#drain();
    });
  }

  #drain(): void {
    const { queue, observer } = this.#options;
    const effects = defined(this.reducer, "sim: only a living process acts").drain(queue.now);
    this.#write(effects);
    observer.drained(this, effects);
    for (const message of effects.send) this.#options.send(message);
    this.#machine(effects);
    for (const response of effects.responses) {
      const respond = this.#waiting.get(response.id);
      this.#waiting.delete(response.id);
      respond?.(response.result);
    }
    for (const digest of effects.digests) this.#options.sendDigest(this.id, digest);
    if (effects.takeSnapshot) this.#takeSnapshot();
    for (const { to } of effects.sendSnapshot) {
      const { snapshot } = this.disk;
      if (snapshot === undefined) this.feed({ kind: "snapshotSent", to, ok: false });
      else this.#options.sendSnapshot(this.id, to, snapshot);
    }
  }

  #write({ write }: Effects): void {
    if (write === undefined) return;
    const { queue, prng, diskMs } = this.#options;
    this.disk.write(write);
    this.#diskFreeAt = Math.max(this.#diskFreeAt, queue.now) + prng.real() * diskMs;
    this.#later(this.#diskFreeAt - queue.now, () => {
      this.disk.sync(write.seq);
      this.#options.observer.synced(this);
      this.#step({ kind: "persisted", seq: write.seq });
    });
  }

  /** Apply, restore and query share one worker: they happen in order. */
  #machine({ restore, apply, queries }: Effects): void {
    if (restore !== undefined) this.#inTurn(() => this.#restore(restore));
    if (apply !== undefined) this.#inTurn(() => this.#apply(apply.entries, apply.wantOutcomes));
    for (const { ticket, queries: asked } of queries) {
      this.#inTurn(() => {
        const { table, position } = this.disk.state;
        const answers: QueryAnswers["answers"] = asked.map((query) =>
          query.kind === "get"
            ? { kind: "get", row: table.counter(query.key) }
            : { kind: "list", rows: [], more: false },
        );
        this.#step({ kind: "queried", ticket, answers: { answers, index: position.index, term: position.term } });
      });
    }
  }

  #inTurn(happen: () => void): void {
    const { queue, prng, diskMs } = this.#options;
    this.#machineFreeAt = Math.max(this.#machineFreeAt, queue.now) + prng.real() * diskMs * 0.3;
    this.#later(this.#machineFreeAt - queue.now, happen);
  }

  #apply(entries: readonly Entry[], wantOutcomes: boolean): void {
    const { table } = this.disk.state;
    if (this.#options.prng.chance(0.2)) this.disk.keepState();
    const outcomes: (readonly ItemOutcome[])[] = [];
    const digests: StateDigest[] = [];
    let { position } = this.disk.state;
    for (const entry of entries) {
      if (entry.kind === "command") {
        const returned = applyPayload(table, decodePayload(entry.data), LIMITS);
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
      // More often than the 1,024 of the product, so that short runs compare digests too.
      if (entry.index % 16 === 0) digests.push({ index: entry.index, digest: table.totals().digest });
      this.#options.observer.applied(this, entry, table.totals().digest);
    }
    this.disk.state = { position, table };
    this.#applied({ index: position.index, outcomes, digests, totals: table.totals() });
  }

  #restore(meta: SnapshotMeta): void {
    this.disk.restore(defined(this.disk.snapshotFrom(meta.index), "sim: a snapshot to restore is on disk"));
    const { position, table } = this.disk.state;
    this.#applied({ index: position.index, outcomes: [], digests: [], totals: table.totals() });
  }

  #applied(applied: Applied): void {
    this.#step({ kind: "applied", applied });
  }

  #takeSnapshot(): void {
    const { position, table } = this.disk.state;
    const copy: StateAt = { position, table: table.clone() };
    this.#later(this.#options.prng.real() * this.#options.diskMs * 4, () => {
      this.disk.addSnapshot(copy);
      this.#step({ kind: "snapshotTaken", snapshot: copy.position });
    });
  }
}
