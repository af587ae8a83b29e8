/**
 * One simulated process: the real reducer on a simulated disk, network and clock. It does what the driver of
 * `src/node` does, and can be killed (also between two effects), paused, stopped and started again at any moment.
 */

import { defined, type Prng } from "../../src/base/index.ts";
import type { Limits } from "../../src/counter/index.ts";
import {
  type Effects,
  type NodeEvent,
  NodeReducer,
  type NodeSettings,
  type Response,
} from "../../src/node/index.ts";
import type { Message, NodeId, RaftSettings, SnapshotMeta } from "../../src/raft/index.ts";
import { CorruptionError, type StateDigest } from "../../src/store/index.ts";
import type { EventQueue } from "./event-queue.ts";
import { LogBytes } from "./log-bytes.ts";
import type { Attempt, Observer } from "./observer.ts";
import type { Perils } from "./perils.ts";
import { SimClock } from "./sim-clock.ts";
import { CLUSTER_ID, type Crash, type Recovered, SimDisk, type StateAt } from "./sim-disk.ts";
import { SimMachine } from "./sim-machine.ts";
import { SimWriter, type Trouble } from "./sim-writer.ts";
import { MemoryState, SqliteState } from "./state-table.ts";
import { actBy } from "./wall-clock.ts";

const TICK: NodeEvent = { kind: "tick" };
/** So many ticks are made up for after a pause, as by the driver. */
const CATCH_UP_TICKS = 3;

export interface SimNodeOptions {
  readonly id: NodeId;
  /** What its data directory drew when it was made. */
  readonly incarnation: string;
  readonly initial: SnapshotMeta;
  readonly raft: RaftSettings;
  readonly node: NodeSettings;
  readonly limits: Limits;
  readonly queue: EventQueue;
  readonly prng: Prng;
  readonly observer: Observer;
  /** How often it counts time, ms of its own clock. */
  readonly tickMs: number;
  /** How long a flush and an apply take at most, ms. */
  readonly diskMs: number;
  /** How long a segment of the log gets, bytes. */
  readonly segmentBytes: number;
  /** Whether its state is in SQLite. */
  readonly sqlite: boolean;
  /** Ms that its clock counts for each ms that passes. */
  readonly clockRate: number;
  readonly perils: Perils;
  readonly send: (from: SimNode, message: Message) => void;
  readonly sendDigest: (from: SimNode, digest: StateDigest) => void;
  readonly sendSnapshot: (from: SimNode, to: NodeId, snapshot: StateAt) => void;
}

type Ask = (id: number) => Attempt["event"];

export class SimNode {
  readonly id: NodeId;
  readonly incarnation: string;
  readonly disk: SimDisk;
  readonly #options: SimNodeOptions;
  readonly clock: SimClock;
  readonly #machine: SimMachine;
  readonly #writer: SimWriter;
  reducer: NodeReducer | undefined;
  /** Counts the starts of the process; what was under way in an earlier one is void. */
  boot = 0;
  #drainScheduled = false;
  /** Drains, if the process that is running now still is. */
  #drainDue: () => void = () => undefined;
  /** While paused everything that happens to the process waits here. */
  #paused: (() => void)[] | undefined;
  #pausedSince = 0;
  #pausedMs = 0;
  #missedTicks = 0;
  readonly #waiting: Map<number, { readonly attempt: Attempt; readonly respond: (result: unknown) => void }> =
    new Map();
  #requests = 0;

  constructor(options: SimNodeOptions) {
    this.id = options.id;
    this.incarnation = options.incarnation;
    this.#options = options;
    const { incarnation, initial: base, queue, prng, diskMs, segmentBytes } = options;
    const owner = { clusterId: CLUSTER_ID, incarnation };
    const table = options.sqlite ? SqliteState.create(CLUSTER_ID, base) : new MemoryState();
    this.disk = new SimDisk(base, new LogBytes({ owner, base, segmentBytes }), table);
    this.clock = new SimClock(queue, options.clockRate);
    const shared = { disk: this.disk, queue, prng, diskMs };
    const later = (delayMs: number, happen: () => void): void => this.#later(delayMs, happen);
    this.#writer = new SimWriter({
      ...shared,
      later,
      stall: options.perils.stall,
      met: (trouble) => options.perils.onTrouble(this, trouble),
      persisted: (seqs) => this.#persisted(seqs),
      failed: (trouble) => this.#fail(trouble),
    });
    this.#machine = new SimMachine({
      ...shared,
      later,
      limits: options.limits,
      restoreMs: options.perils.restoreMs,
      mayWrite: () => this.#mayWrite(),
      damaged: (reason) => {
        this.#respond(defined(this.reducer, "sim: only a living process fails").abandon());
        this.crash(prng);
        options.perils.onRefusal(this, reason);
      },
      step: (event) => this.#step(event),
      applied: (entry, digest) => options.observer.applied(this, entry, digest),
    });
  }

  get isUp(): boolean {
    return this.reducer !== undefined;
  }

  get isPaused(): boolean {
    return this.#paused !== undefined;
  }

  /** How long this process has been paused so far, ms of its own clock. */
  get pausedMs(): number {
    const ongoing = this.#paused === undefined ? 0 : this.clock.ms - this.#pausedSince;
    return this.#pausedMs + ongoing;
  }

  /** What is wrong with its disk now. */
  get trouble(): Trouble | undefined {
    return this.#writer.trouble;
  }

  /** Something is wrong with its disk from now on, or nothing any more. */
  suffer(trouble: Trouble | undefined): void {
    this.#writer.suffer(trouble);
  }

  /** The process starts, unless it dies on the way or refuses what it finds. */
  start(): void {
    this.boot++;
    const { prng, observer, perils } = this.#options;
    this.#machine.restart();
    this.#drainScheduled = false;
    this.#drainDue = this.#drainsOf(this.boot);
    this.#pausedMs = 0;
    this.#missedTicks = 0;
    observer.recovering(this);
    const dies = perils.diesRecovering();
    let recovered: Recovered | undefined;
    try {
      recovered = this.disk.recover(dies?.before);
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      return perils.onRefusal(this, error);
    }
    if (recovered === undefined) {
      const { fault } = defined(dies, "sim: only a fault ends a recovery");
      this.disk.crash(fault.prng);
      return perils.onDeathInRecovery(this, fault);
    }
    const { hardState, base, snapshot, entries, applied } = recovered;
    this.reducer = new NodeReducer({
      raft: {
        self: this.id,
        seed: prng.next(),
        hardState,
        base,
        snapshot,
        entries,
        applied,
        settings: this.#options.raft,
      },
      settings: this.#options.node,
    });
    perils.onRecovery(this, recovered);
    observer.started(this);
    this.#tick(this.boot);
  }

  /**
   * The process dies; what its disk has not flushed may be lost. Says whether anything was.
   * @param prng decides what survives; that of the fault, so that no other one is moved by it.
   */
  crash(prng: Prng): Crash {
    this.#options.observer.crashing(this);
    this.reducer = undefined;
    this.#paused = undefined;
    this.#waiting.clear();
    return this.disk.crash(prng);
  }

  pause(): void {
    if (this.#paused !== undefined) return;
    this.#paused = [];
    this.#pausedSince = this.clock.ms;
  }

  resume(): void {
    if (this.#paused === undefined) return;
    const waited = this.#paused;
    this.#paused = undefined;
    this.#pausedMs += this.clock.ms - this.#pausedSince;
    const ticks = Math.min(this.#missedTicks, CATCH_UP_TICKS);
    this.#missedTicks = 0;
    for (let tick = 0; tick < ticks; tick++) this.feed(TICK);
    for (const happen of waited) happen();
  }

  /** Stops as on SIGTERM: hands over, waits for what is open, at most `graceMs`, and ends. */
  stop(graceMs: number, prng: Prng, stopped: (drained: boolean) => void): void {
    const until = this.#options.queue.now + graceMs;
    this.feed({ kind: "stop" });
    const look = (): void => {
      const reducer = defined(this.reducer, "sim: only a living process stops");
      const drained = reducer.isDrained && this.#waiting.size === 0;
      if (!drained && this.#options.queue.now < until) return this.#later(5, look);
      this.#respond(reducer.abandon());
      // Closing the log flushes it.
      this.disk.close();
      this.#options.observer.synced(this);
      this.crash(prng);
      stopped(drained);
    };
    this.#later(1, look);
  }

  /** A client's request; `respond` is called at most once, never if the process dies. */
  request(ask: Ask, respond: (result: unknown) => void): void {
    const id = ++this.#requests;
    this.#when(this.boot, () => {
      const event = ask(id);
      const attempt: Attempt = { event, askedMs: this.clock.ms, pausedMs: this.#pausedMs };
      this.#waiting.set(id, { attempt, respond });
      this.#options.observer.asked(this, attempt);
      this.#step(event);
    });
  }

  /** Something happens to this process from outside. */
  feed(event: NodeEvent): void {
    this.#when(this.boot, () => this.#step(event));
  }

  receiveSnapshot(snapshot: StateAt): void {
    this.#when(this.boot, () => {
      const { boot } = this;
      this.disk.addSnapshot(snapshot, "received");
      this.#options.perils.diesReceiving(this);
      if (this.reducer === undefined || this.boot !== boot) return;
      this.#step({ kind: "snapshotReceived", snapshot: snapshot.position });
    });
  }

  /** Somebody could not use its latest snapshot: it looks at the file, and takes another. */
  retakeSnapshot(): void {
    this.#when(this.boot, () => this.#machine.takeSnapshot());
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
    const { queue, tickMs } = this.#options;
    const everyMs = this.clock.virtual(tickMs);
    const tick = (): void => {
      if (this.reducer === undefined || boot !== this.boot) return;
      if (this.#paused !== undefined) this.#missedTicks++;
      else if (!this.clock.isFrozen) this.#step(TICK);
      queue.after(everyMs, tick);
    };
    queue.after(everyMs, tick);
  }

  #drainsOf(boot: number): () => void {
    const drain = (): void => {
      this.#drainScheduled = false;
      this.#drain();
    };
    return () => this.#when(boot, drain);
  }

  #step(event: NodeEvent): void {
    actBy(this.clock);
    if (event.kind === "receive") this.#options.observer.received(this, event.message);
    defined(this.reducer, "sim: only a living process takes events").step(event, this.clock.ms);
    if (this.#drainScheduled) return;
    this.#drainScheduled = true;
    // Events close together are drained together, as in one turn of the event loop.
    this.#options.queue.after(this.#options.prng.real() * 0.3, this.#drainDue);
  }

  #drain(): void {
    const { observer, perils } = this.#options;
    actBy(this.clock);
    const effects = defined(this.reducer, "sim: only a living process acts").drain(this.clock.ms);
    const count = countOf(effects);
    if (count === 0 && effects.write === undefined && effects.trace.length === 0) observer.idled(this);
    else {
      this.#write(effects);
      observer.drained(this, effects);
    }
    const dies = perils.diesAfter(this, count);
    // What is not carried out because the process dies first, has not left it: nobody has seen it.
    if (count > 0) this.#carryOut(effects, dies?.effects ?? Number.POSITIVE_INFINITY);
    if (dies === undefined) return;
    this.crash(dies.fault.prng);
    perils.onDeath(this, dies.fault);
  }

  /** Everything a drain asks for but its write, in order, as the driver carries it out; the first `most` of it. */
  #carryOut(effects: Effects, most: number): void {
    const { restore, apply } = effects;
    const machine = this.#machine;
    let left = most;
    const each = <T>(list: readonly T[], act: (one: T) => void): void => {
      for (const one of list) if (left-- > 0) act(one);
    };
    each(effects.send, (message) => this.#options.send(this, message));
    if (restore !== undefined && left-- > 0) machine.restore(restore);
    if (apply !== undefined && left-- > 0) machine.apply(apply.entries, apply.wantOutcomes);
    each(effects.queries, ({ ticket, queries }) => machine.query(ticket, queries));
    each(effects.responses, (response) => this.#respond([response]));
    each(effects.digests, (digest) => this.#options.sendDigest(this, digest));
    if (effects.takeSnapshot && left-- > 0) machine.takeSnapshot();
    each(effects.sendSnapshot, ({ to }) => this.#sendSnapshot(to));
  }

  #respond(responses: readonly Response[]): void {
    for (const response of responses) {
      const open = this.#waiting.get(response.id);
      this.#waiting.delete(response.id);
      this.#options.observer.answered(this, open?.attempt, response);
      open?.respond(response.result);
    }
  }

  #sendSnapshot(to: NodeId): void {
    this.#options.perils.sendsSnapshot(this);
    const { snapshot } = this.disk;
    if (snapshot === undefined) this.feed({ kind: "snapshotSent", to, ok: false });
    else this.#options.sendSnapshot(this, to, snapshot);
  }

  #write({ write }: Effects): void {
    if (write === undefined) return;
    if (write.install !== undefined) this.disk.hold(write.install.index);
    this.#writer.write(write);
  }

  #persisted(seqs: readonly number[]): void {
    this.#options.observer.synced(this);
    for (const seq of seqs) this.#step({ kind: "persisted", seq });
  }

  /** Whether there is room for a file; the process ends if there is none. */
  #mayWrite(): boolean {
    const { trouble } = this;
    if (trouble?.kind !== "full") return true;
    this.#fail(trouble);
    return false;
  }

  /** As the driver does when the disk has failed: everybody is told what is known, and the process ends (P12). */
  #fail(trouble: Trouble): void {
    const { observer, perils } = this.#options;
    this.#respond(defined(this.reducer, "sim: only a living process fails").abandon());
    observer.failed(this);
    this.crash(trouble.fault.prng);
    perils.onFailure(this, trouble);
  }
}

/** How many things a drain asks for, its write not counted. */
function countOf({
  send,
  restore,
  apply,
  queries,
  responses,
  digests,
  takeSnapshot,
  sendSnapshot,
}: Effects): number {
  const lists = send.length + queries.length + responses.length + digests.length + sendSnapshot.length;
  return lists + Number(restore !== undefined) + Number(apply !== undefined) + Number(takeSnapshot);
}
