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
import type { StateDigest } from "../../src/store/index.ts";
import type { EventQueue } from "./event-queue.ts";
import type { Fault } from "./faults.ts";
import type { Attempt, Observer } from "./observer.ts";
import { SimDisk, type StateAt } from "./sim-disk.ts";
import { SimMachine } from "./sim-machine.ts";

export const TICK_MS = 10;

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
  /** How long a flush and an apply take at most, ms. */
  readonly diskMs: number;
  /** How long this restore of a snapshot takes, ms. */
  readonly restoreMs: () => number;
  /** How much longer this flush takes, ms. */
  readonly stall: () => number;
  /** Of so many effects, after how many the process dies, and through which fault; undefined to live. */
  readonly diesAfter: (
    node: SimNode,
    effects: number,
  ) => { readonly effects: number; readonly fault: Fault } | undefined;
  /** The process has died in the middle of its effects. */
  readonly onDeath: (node: SimNode, fault: Fault) => void;
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
  readonly #machine: SimMachine;
  reducer: NodeReducer | undefined;
  /** Counts the starts of the process; what was under way in an earlier one is void. */
  boot = 0;
  #drainScheduled = false;
  #diskFreeAt = 0;
  /** While paused everything that happens to the process waits here. */
  #paused: (() => void)[] | undefined;
  #pausedSince = 0;
  #pausedMs = 0;
  readonly #waiting: Map<number, { readonly attempt: Attempt; readonly respond: (result: unknown) => void }> =
    new Map();
  #requests = 0;

  constructor(options: SimNodeOptions) {
    this.id = options.id;
    this.incarnation = options.incarnation;
    this.#options = options;
    this.disk = new SimDisk(options.initial);
    this.#machine = new SimMachine({
      disk: this.disk,
      limits: options.limits,
      queue: options.queue,
      prng: options.prng,
      diskMs: options.diskMs,
      restoreMs: options.restoreMs,
      later: (delayMs, happen) => this.#later(delayMs, happen),
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

  /** How long this process has been paused so far, ms. */
  get pausedMs(): number {
    const ongoing = this.#paused === undefined ? 0 : this.#options.queue.now - this.#pausedSince;
    return this.#pausedMs + ongoing;
  }

  start(): void {
    const { disk, id } = this;
    const { synced, snapshot, state } = disk;
    this.boot++;
    const { queue, prng, observer } = this.#options;
    this.#diskFreeAt = queue.now;
    this.#machine.restart();
    this.#drainScheduled = false;
    this.#pausedMs = 0;
    observer.recovering(this);
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
    observer.started(this);
    this.#tick(this.boot);
  }

  /**
   * The process dies; what its disk has not flushed may be lost. Says whether anything was.
   * @param prng decides what survives; that of the fault, so that no other one is moved by it.
   */
  crash(prng: Prng): { readonly lost: boolean; readonly older: boolean } {
    this.#options.observer.crashing(this);
    this.reducer = undefined;
    this.#paused = undefined;
    this.#waiting.clear();
    return this.disk.crash(prng);
  }

  pause(): void {
    if (this.#paused !== undefined) return;
    this.#paused = [];
    this.#pausedSince = this.#options.queue.now;
  }

  resume(): void {
    if (this.#paused === undefined) return;
    const waited = this.#paused;
    this.#paused = undefined;
    this.#pausedMs += this.#options.queue.now - this.#pausedSince;
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
      this.disk.sync(Number.POSITIVE_INFINITY);
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
      const attempt: Attempt = { event, askedMs: this.#options.queue.now, pausedMs: this.#pausedMs };
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
    if (event.kind === "receive") this.#options.observer.received(this, event.message);
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
    // What is not carried out because the process dies first, has not left it: nobody has seen it.
    const duties = this.#dutiesOf(effects);
    this.#write(effects);
    observer.drained(this, effects);
    const dies = this.#options.diesAfter(this, duties.length);
    for (const duty of duties.slice(0, dies?.effects)) duty();
    if (dies === undefined) return;
    this.crash(dies.fault.prng);
    this.#options.onDeath(this, dies.fault);
  }

  /** Everything a drain asks for but its write, in order, as the driver carries it out. */
  #dutiesOf({
    send,
    restore,
    apply,
    queries,
    responses,
    digests,
    takeSnapshot,
    sendSnapshot,
  }: Effects): (() => void)[] {
    const machine = this.#machine;
    return [
      ...send.map((message) => () => this.#options.send(this, message)),
      ...(restore === undefined ? [] : [() => machine.restore(restore)]),
      ...(apply === undefined ? [] : [() => machine.apply(apply.entries, apply.wantOutcomes)]),
      ...queries.map((one) => () => machine.query(one.ticket, one.queries)),
      ...responses.map((response) => () => this.#respond([response])),
      ...digests.map((digest) => () => this.#options.sendDigest(this, digest)),
      ...(takeSnapshot ? [() => machine.takeSnapshot()] : []),
      ...sendSnapshot.map(
        ({ to }) =>
          () =>
            this.#sendSnapshot(to),
      ),
    ];
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
    const { snapshot } = this.disk;
    if (snapshot === undefined) this.feed({ kind: "snapshotSent", to, ok: false });
    else this.#options.sendSnapshot(this, to, snapshot);
  }

  #write({ write }: Effects): void {
    if (write === undefined) return;
    const { queue, prng, diskMs, stall } = this.#options;
    if (write.install !== undefined) this.disk.hold(write.install.index);
    this.disk.write(write);
    this.#diskFreeAt = Math.max(this.#diskFreeAt, queue.now) + prng.real() * diskMs + stall();
    this.#later(this.#diskFreeAt - queue.now, () => {
      this.disk.sync(write.seq);
      this.#options.observer.synced(this);
      this.#step({ kind: "persisted", seq: write.seq });
    });
  }
}
