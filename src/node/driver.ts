/**
 * Joins the reducer to the world: the clock, the disk, the network, and those who wait. Every event goes through
 * `#feed`, every effect through `#carryOut`; what happens within one turn of the event loop is drained together,
 * so that it shares an entry, a flush and a round.
 */

import { InvariantViolation } from "../base/index.ts";
import type { Command, Totals } from "../counter/index.ts";
import { index, type NodeId, type RaftStatus, type SnapshotMeta } from "../raft/index.ts";
import type { Applied, NodeStore, Query, StateDigest } from "../store/index.ts";
import type { Packet, SnapshotOffer, Transport } from "../transport/index.ts";
import type { Effects, NodeEvent, NodeTrace, RequestId, Response } from "./events.ts";
import type { NodeReducer } from "./reducer.ts";
import { SnapshotTransfers } from "./snapshot-transfers.ts";
import type { Consistency, NodeRefusal, ReadResult, WriteResult } from "./types.ts";

export interface DriverOptions {
  readonly clusterId: string;
  readonly reducer: NodeReducer;
  readonly store: NodeStore;
  readonly transport: Transport;
  readonly totals: Totals;
  /** Digests of this node's state from before it was started, oldest first. */
  readonly digests?: readonly StateDigest[];
  /** Length of a tick, ms. */
  readonly tickMs: number;
  readonly onTrace: (trace: NodeTrace) => void;
  /** Something broke that is final: a failed disk, a broken invariant. Called once. */
  readonly onFatal: (error: Error) => void;
}

const STOPPED: NodeRefusal = {
  kind: "failed",
  code: "SHUTTING_DOWN",
  detail: "This node has stopped. Nothing was applied; ask another node.",
  retryAfterMs: 1_000,
};

/** More ticks than this are not made up for: a process that was paused must not think that ages have passed. */
const CATCH_UP_TICKS = 3;

export class NodeDriver {
  readonly #reducer: NodeReducer;
  readonly #store: NodeStore;
  readonly #transport: Transport;
  readonly #snapshots: SnapshotTransfers;
  readonly #options: DriverOptions;
  readonly #waiting: Map<RequestId, (result: never) => void> = new Map();
  #lastRequest = 0;
  #drainScheduled = false;
  #timer: NodeJS.Timeout | undefined;
  #tickedMs = performance.now();
  #failed = false;
  #closed = false;
  #totals: Totals;
  readonly #reachable: Set<NodeId> = new Set();
  /** Of this node's own state. */
  #latestDigest: StateDigest | undefined;
  /** Snapshots held for the log that is to begin with them. */
  #installing: SnapshotMeta[] = [];
  /** Ends the wait of whoever waits for the node to come to rest. */
  #endDrain: (() => void) | undefined;

  constructor(options: DriverOptions) {
    this.#options = options;
    this.#reducer = options.reducer;
    this.#store = options.store;
    this.#transport = options.transport;
    this.#totals = options.totals;
    this.#snapshots = new SnapshotTransfers({
      clusterId: options.clusterId,
      store: options.store,
      transport: options.transport,
      onReceived: (snapshot) => this.#feed({ kind: "snapshotReceived", snapshot }),
      onSent: (to, ok) => this.#feed({ kind: "snapshotSent", to, ok }),
      onProgress: (to) => this.#feed({ kind: "snapshotProgress", to }),
      onDoubt: (snapshot, peer) => this.#retake(snapshot, peer),
      onFatal: (error) => this.fail(error),
    });
  }

  /** Starts the clock. */
  start(): void {
    // A state that was found wrong before must not be served until the next index that is compared.
    const { digests = [] } = this.#options;
    for (const digest of digests) this.#feed({ kind: "digest", from: this.#reducer.self, digest });
    this.#latestDigest = digests.at(-1);
    this.#tickedMs = performance.now();
    this.#timer = setInterval(() => this.#tick(), this.#options.tickMs);
    this.#schedule();
  }

  write(command: Command): Promise<WriteResult> {
    return this.#request((id) => ({ kind: "write", id, command }));
  }

  read(query: Query, consistency: Consistency): Promise<ReadResult> {
    return this.#request((id) => ({ kind: "read", id, query, consistency }));
  }

  status(): RaftStatus {
    return this.#reducer.status();
  }

  /** As of the last apply. */
  get totals(): Totals {
    return this.#totals;
  }

  get reachable(): ReadonlySet<NodeId> {
    return this.#reachable;
  }

  /** A packet from an authenticated peer. */
  receive(from: NodeId, packet: Packet): void {
    switch (packet.kind) {
      case "raft":
        return this.#feed({ kind: "receive", message: packet.message });
      case "digest": {
        const digest = { index: index(packet.index), digest: packet.digest };
        return this.#feed({ kind: "digest", from, digest });
      }
      case "snapshotOffer":
        return this.#offered(from, packet.offer);
      case "snapshotProgress":
        return this.#snapshots.progress(from);
      case "snapshotResult":
        return this.#snapshots.result(from, packet.meta, packet.ok);
    }
  }

  /** Only what is news, and only from whom this node follows: a late offer must not end a transfer that is wanted. */
  #offered(from: NodeId, offer: SnapshotOffer): void {
    const { leader, committed } = this.#reducer.status();
    if (leader === from && offer.meta.index > committed) return this.#snapshots.offered(from, offer);
    this.#snapshots.refuse(from, offer);
  }

  /** A snapshot that a peer could not use, again and again: is its file still what it was? A new one is another file. */
  #retake(doubtful: SnapshotMeta, peer: NodeId): void {
    this.#await(this.#store.verifySnapshot(doubtful), (sound) => {
      const what = `The snapshot at index ${doubtful.index}`;
      const text = sound
        ? `${what} was sent to ${peer} several times in vain, although its file is sound here. Check the disk of ${peer}.`
        : `${what} was damaged on this node's disk and is taken again. Check the disk.`;
      this.#options.onTrace({ kind: "alarm", text });
      const taken = this.#store.takeSnapshot();
      this.#await(taken, ({ meta }) => this.#feed({ kind: "snapshotTaken", snapshot: meta }));
    });
  }

  linked(peer: NodeId): void {
    this.#reachable.add(peer);
    const digest = this.#latestDigest;
    // It may have been down when all were told.
    if (digest !== undefined) this.#transport.send(peer, { kind: "digest", ...digest });
    this.#snapshots.reachable(peer);
  }

  unlinked(peer: NodeId): void {
    this.#reachable.delete(peer);
    this.#snapshots.unreachable(peer);
    this.#feed({ kind: "unreachable", peer });
  }

  /**
   * Hands leadership over, takes no more writes and waits until nobody waits here any more, at most `graceMs`.
   * Then everything that is left is answered honestly.
   */
  async drain(graceMs: number): Promise<void> {
    if (this.#closed || this.#failed) return;
    this.#feed({ kind: "stop" });
    if (this.#failed) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, graceMs);
      this.#endDrain = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#respond(this.#reducer.abandon());
  }

  /** Stops the clock and all work, and ends every request that still waits. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#timer);
    this.#snapshots.close();
    this.#respond(this.#reducer.abandon());
  }

  /** Ends everything at once: the disk or an invariant broke. Pending writes end as unknown. */
  fail(error: Error): void {
    if (this.#failed || this.#closed) return;
    this.#failed = true;
    this.close();
    this.#options.onFatal(error);
    this.#endDrain?.();
  }

  #request<R extends WriteResult | ReadResult>(event: (id: RequestId) => NodeEvent): Promise<R> {
    const id = ++this.#lastRequest;
    return new Promise<R>((resolve) => {
      if (this.#closed || this.#failed) return resolve(STOPPED as R);
      this.#waiting.set(id, resolve as (result: never) => void);
      this.#feed(event(id));
    });
  }

  #feed(event: NodeEvent): void {
    if (this.#closed || this.#failed) return;
    try {
      this.#reducer.step(event, performance.now());
    } catch (error) {
      return this.fail(asError(error));
    }
    this.#schedule();
  }

  /** After the events of this turn: they share what comes of them. */
  #schedule(): void {
    if (this.#drainScheduled) return;
    this.#drainScheduled = true;
    setImmediate(() => {
      this.#drainScheduled = false;
      this.#drainNow();
    });
  }

  #drainNow(): void {
    if (this.#closed || this.#failed) return;
    try {
      this.#carryOut(this.#reducer.drain(performance.now()));
    } catch (error) {
      return this.fail(asError(error));
    }
    if (this.#endDrain !== undefined && this.#reducer.isDrained && this.#waiting.size === 0) this.#endDrain();
  }

  /** Time in whole ticks; what a pause swallowed is not made up for. */
  #tick(): void {
    const now = performance.now();
    const due = Math.floor((now - this.#tickedMs) / this.#options.tickMs);
    if (due < 1) return;
    this.#tickedMs = due > CATCH_UP_TICKS ? now : this.#tickedMs + due * this.#options.tickMs;
    for (let tick = 0; tick < Math.min(due, CATCH_UP_TICKS); tick++) this.#feed({ kind: "tick" });
  }

  #carryOut(effects: Effects): void {
    const { write, restore, apply } = effects;
    if (write !== undefined) {
      const { seq, install } = write;
      if (install !== undefined) this.#holdUntilRestored(install);
      this.#await(this.#store.write(write), () => this.#feed({ kind: "persisted", seq }));
    }
    for (const message of effects.send) this.#transport.send(message.to, { kind: "raft", message });
    if (restore !== undefined) this.#restore(restore);
    if (apply !== undefined) {
      const done = this.#store.apply(apply.entries, apply.wantOutcomes);
      this.#await(done, (applied) => this.#applied(applied));
    }
    for (const { ticket, queries } of effects.queries) {
      this.#await(this.#store.query(queries), (answers) => this.#feed({ kind: "queried", ticket, answers }));
    }
    this.#respond(effects.responses);
    for (const digest of effects.digests) this.#tellDigest(digest);
    if (effects.takeSnapshot) {
      const taken = this.#store.takeSnapshot();
      this.#await(taken, ({ meta }) => this.#feed({ kind: "snapshotTaken", snapshot: meta }));
    }
    for (const { to, snapshot } of effects.sendSnapshot) this.#snapshots.send(to, snapshot);
    for (const trace of effects.trace) {
      if (trace.kind === "role" && trace.role !== "leader") this.#snapshots.endSending();
      this.#options.onTrace(trace);
    }
  }

  /**
   * The log is to begin with this snapshot. Its file must outlast a newer one that arrives before the state has
   * been replaced: while the log's record is being flushed the core says nothing of the file yet.
   */
  #holdUntilRestored(install: SnapshotMeta): void {
    if (this.#store.holdSnapshot(install) !== undefined) this.#installing.push(install);
  }

  #restore(meta: SnapshotMeta): void {
    this.#await(this.#store.restore(meta), (applied) => {
      // An install that a newer one has overtaken is never restored; its file goes with this one.
      const done = this.#installing.filter((held) => held.index <= meta.index);
      this.#installing = this.#installing.filter((held) => held.index > meta.index);
      for (const held of done) this.#store.releaseSnapshot(held);
      this.#applied(applied);
    });
  }

  #applied(applied: Applied): void {
    this.#totals = applied.totals;
    this.#feed({ kind: "applied", applied });
  }

  #tellDigest(digest: StateDigest): void {
    // An old one is told again as an answer to a peer that lags.
    if (digest.index >= (this.#latestDigest?.index ?? 0)) this.#latestDigest = digest;
    const packet: Packet = { kind: "digest", ...digest };
    for (const { id } of this.#reducer.configuration.members) {
      if (id !== this.#reducer.self) this.#transport.send(id, packet);
    }
  }

  /** A promise of the store that is never left alone: if it rejects, the node is finished (P12). */
  #await<T>(promise: Promise<T>, then: (value: T) => void): void {
    promise.then(then).catch((error: unknown) => this.fail(asError(error)));
  }

  #respond(responses: readonly Response[]): void {
    for (const { id, result } of responses) {
      const resolve = this.#waiting.get(id);
      this.#waiting.delete(id);
      resolve?.(result as never);
    }
  }
}

function asError(error: unknown): Error {
  return error instanceof Error
    ? error
    : new InvariantViolation(`something that is no error was thrown: ${String(error)}`);
}
