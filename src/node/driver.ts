/**
 * Joins the reducer to the world: the clock, the disk, the network, and those who wait. Every event goes through
 * `#feed`, every effect through `#carryOut`; what happens within one turn of the event loop is drained together,
 * so that it shares an entry, a flush and a round.
 */

import type { Command, Totals } from "../counter/index.ts";
import { index, type Member, type NodeId, type RaftStatus, type SnapshotMeta } from "../raft/index.ts";
import type { Applied, NodeStore, Query, StateDigest } from "../store/index.ts";
import type { Packet, SnapshotOffer, Transport } from "../transport/index.ts";
import { CatchUp, type CatchUpProgress, learnersBehind } from "./catch-up.ts";
import { Chores } from "./chores.ts";
import { asError, RemovedFromCluster, removedSentence } from "./errors.ts";
import type { Effects, NodeEvent, NodeTrace, RequestId, Response } from "./events.ts";
import { Neighbours } from "./neighbours.ts";
import type { NodeReducer } from "./reducer.ts";
import { diverged, NOTHING_YET, STOPPED } from "./refusals.ts";
import { SnapshotKeeper } from "./snapshot-keeper.ts";
import { SnapshotTransfers } from "./snapshot-transfers.ts";
import type {
  BackupResult,
  Consistency,
  MembershipRequest,
  MembershipResult,
  ReadResult,
  TransferResult,
  WriteResult,
} from "./types.ts";

export interface DriverOptions {
  readonly clusterId: string;
  /** This node as it should stand in the configuration. */
  readonly own: Member;
  /** Whether it wants to vote, should it be a learner. */
  readonly wantsVote: boolean;
  /** Where other members may be as well, host:port. */
  readonly hints?: ReadonlyMap<NodeId, string>;
  readonly reducer: NodeReducer;
  readonly store: NodeStore;
  readonly transport: Transport;
  readonly totals: Totals;
  /** Digests of this node's state from before it was started, oldest first. */
  readonly digests?: readonly StateDigest[];
  /** Length of a tick, ms. */
  readonly tickMs: number;
  readonly onTrace: (trace: NodeTrace) => void;
  /** A request is about to be answered. */
  readonly onResponse?: (response: Response) => void;
  /** Something happened that is final: a failed disk, a broken invariant, or the node was removed. Called once. */
  readonly onFatal: (error: Error) => void;
}

/** More ticks than this are not made up for: a process that was paused must not think that ages have passed. */
const CATCH_UP_TICKS = 3;
/** How often a node says what the configuration should say of it, ms. */
const ANNOUNCE_MS = 1_000;
/** How often a peer that is not reachable is looked for at another address, ms. */
const SEEK_MS = 2_000;
/** How often it is looked how far learners are, ms. */
const SAMPLE_MS = 250;
/** How long a node that was removed still answers those that wait, ms. */
const LEAVE_MS_MAX = 2_000;

export class NodeDriver {
  readonly #reducer: NodeReducer;
  readonly #store: NodeStore;
  readonly #transport: Transport;
  readonly #snapshots: SnapshotTransfers;
  readonly #keeper: SnapshotKeeper;
  readonly #neighbours: Neighbours;
  readonly #catchUp = new CatchUp();
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
  readonly #chores: Chores;
  #removedMs: number | undefined;
  /** Ends the wait of whoever waits for the node to come to rest. */
  #endDrain: (() => void) | undefined;

  constructor(options: DriverOptions) {
    this.#options = options;
    this.#reducer = options.reducer;
    this.#store = options.store;
    this.#transport = options.transport;
    this.#totals = options.totals;
    this.#keeper = new SnapshotKeeper(options.store, (snapshot, bytes) =>
      this.#feed({ kind: "snapshotTaken", snapshot, bytes }),
    );
    const { own, wantsVote, transport, hints = new Map() } = options;
    this.#neighbours = new Neighbours({
      transport,
      own,
      wantsVote,
      hints,
      onOwnAnnouncement: (member) => this.#feed({ kind: "announce", from: own.id, member, wantsVote: false }),
    });
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
    const learners = (): ReturnType<typeof learnersBehind> =>
      learnersBehind(this.#reducer.status(), (id) => this.#snapshots.sendingTo(id));
    this.#chores = new Chores(
      [
        { everyMs: ANNOUNCE_MS, run: () => this.#neighbours.announce(this.#reducer.status().leader) },
        { everyMs: SEEK_MS, run: () => this.#neighbours.seek(this.#reachable) },
        { everyMs: SAMPLE_MS, run: (nowMs) => this.#catchUp.sample(learners(), nowMs) },
      ],
      performance.now(),
    );
  }

  /** Starts the clock. */
  start(): void {
    // A state that was found wrong before must not be served until the next index that is compared.
    const { digests = [] } = this.#options;
    for (const digest of digests) this.#feed({ kind: "digest", from: this.#reducer.self, digest });
    this.#latestDigest = digests.at(-1);
    this.#neighbours.follow(this.#reducer);
    this.#tickedMs = performance.now();
    this.#timer = setInterval(() => this.#tick(), this.#options.tickMs);
    this.#schedule();
  }

  write(command: Command): Promise<WriteResult> {
    return this.#request((id) => ({ kind: "write", id, command }));
  }

  read(query: Query, consistency: Consistency, minIndex: number = 0): Promise<ReadResult> {
    return this.#request((id) => ({ kind: "read", id, query, consistency, minIndex }));
  }

  changeMembership(request: MembershipRequest): Promise<MembershipResult> {
    return this.#request((id) => ({ kind: "membership", id, request }));
  }

  transferLeadership(to: NodeId | undefined, from?: NodeId): Promise<TransferResult> {
    return this.#request((id) => ({ kind: "transfer", id, to, from }));
  }

  /** A snapshot of the state as it is now, with all that was answered, held until it is released. @throws {StorageFailure} (rejects) */
  async backup(): Promise<BackupResult> {
    if (this.#closed || this.#failed) return STOPPED;
    if (this.#reducer.diverged) return diverged(this.#reducer.alarm);
    if (!this.#reducer.mayTakeSnapshot) return NOTHING_YET;
    this.#feed({ kind: "stateLookedAt" });
    this.#drainNow();
    if (this.#failed) return STOPPED;
    const backup = this.#keeper.backup();
    backup.catch((error: unknown) => this.fail(asError(error)));
    return await backup;
  }

  status(): RaftStatus {
    return this.#reducer.status();
  }

  /** How far a learner is that has not caught up; known on a leader only. */
  catchUp(learner: NodeId): CatchUpProgress | undefined {
    return this.#catchUp.of(learner);
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
      case "announce": {
        const { member, wantsVote } = packet;
        return this.#feed({ kind: "announce", from, member, wantsVote });
      }
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
    const alarm = (text: string): void => this.#options.onTrace({ kind: "alarm", text });
    this.#await(this.#keeper.retake(doubtful, peer), alarm);
  }

  linked(peer: NodeId, outdated: boolean): void {
    this.#reachable.add(peer);
    this.#feed({ kind: "linked", peer, outdated });
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

  #request<R extends WriteResult | ReadResult | MembershipResult | TransferResult>(
    event: (id: RequestId) => NodeEvent,
  ): Promise<R> {
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
      this.#neighbours.follow(this.#reducer);
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
    this.#tend(now);
  }

  /** What is done now and then. */
  #tend(nowMs: number): void {
    this.#chores.tick(nowMs);
    if (this.#neighbours.isRemoved) this.#leave(nowMs);
  }

  /** This node was removed: once it has answered those that wait, it ends. */
  #leave(nowMs: number): void {
    this.#removedMs ??= nowMs;
    const waits = this.#waiting.size > 0 || this.#reducer.status().role === "leader";
    if (waits && nowMs - this.#removedMs < LEAVE_MS_MAX) return;
    this.fail(new RemovedFromCluster(removedSentence(this.#options.own.id)));
  }

  #carryOut(effects: Effects): void {
    const { write, restore, apply } = effects;
    if (write !== undefined) {
      const { seq, install } = write;
      if (install !== undefined) this.#keeper.holdUntilRestored(install);
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
    if (effects.takeSnapshot) this.#await(this.#keeper.take(), () => undefined);
    for (const { to, snapshot } of effects.sendSnapshot) this.#snapshots.send(to, snapshot);
    for (const trace of effects.trace) {
      if (trace.kind === "role" && trace.role !== "leader") this.#snapshots.endSending();
      this.#options.onTrace(trace);
    }
  }

  #restore(meta: SnapshotMeta): void {
    this.#await(this.#store.restore(meta), (applied) => {
      this.#keeper.restored(meta);
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
    for (const response of responses) {
      const { id, result } = response;
      this.#options.onResponse?.(response);
      const resolve = this.#waiting.get(id);
      this.#waiting.delete(id);
      resolve?.(result as never);
    }
  }
}
