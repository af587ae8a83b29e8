/**
 * What a node tells of itself while it works (`LiveSource`): hooked into its store, its transport and its trace, so that
 * neither the reducer nor the driver knows of it. It costs a few operations for each entry and each message, and an
 * addition or two for each request; percentiles are kept only while somebody watches.
 */

import { randomUUID } from "node:crypto";
import { assert, defined } from "../base/index.ts";
import type { LogWrite, NodeId, RaftStatus, SnapshotMeta } from "../raft/index.ts";
import type { Applied, SnapshotManifest, StateDigest } from "../store/index.ts";
import type { Packet } from "../transport/index.ts";
import { Canvass } from "./canvass.ts";
import type { NodeTrace, Response } from "./events.ts";
import { Counting } from "./live-counting.ts";
import { SpaceWatch } from "./live-disk.ts";
import { type Happening, happeningOf, sizeText, snapshotHappening } from "./live-events.ts";
import { CommitClock, LogTail } from "./live-log.ts";
import type { StoreObserver } from "./live-store.ts";
import {
  type ClusterEvent,
  type DiskSpace,
  type LiveCounts,
  type LiveObserver,
  type LiveSource,
  type NodePicture,
  type PictureViewer,
  SLOW_WRITE_MS,
  type Tally,
  type Traffic,
} from "./live-types.ts";
import { type Measure, Viewer } from "./live-viewer.ts";
import type { Check, NodeStatus } from "./types.ts";

/** Events that are remembered. */
const EVENTS_KEPT = 200;
/** Digests of this node's state that a picture shows. */
const DIGESTS_SHOWN = 8;
/** How often it is looked whether a write to the log takes too long, ms. */
const LOOK_MS = 100;
/** How often it is measured how late the event loop is, while somebody watches, ms. */
const LOOP_MS = 20;
const NO_TRAFFIC: Traffic = { log: { batches: 0, entries: 0, bytes: 0 }, peers: new Map() };

/** Where the parts of a picture come from. */
export interface LiveParts {
  readonly status: () => NodeStatus;
  readonly checks: () => readonly Check[];
  /** Undefined while the node is starting. */
  readonly running?: {
    readonly raft: () => RaftStatus;
    /** Length of a tick, ms. */
    readonly tickMs: number;
    readonly diskBytes: () => Promise<number>;
    readonly traffic: () => Traffic;
    /** The data directory. */
    readonly directory: string;
    readonly revision: number;
    readonly digests: readonly StateDigest[];
    readonly tail: LogTail;
  };
}

/** A write to the log that is not durable yet. */
interface OpenWrite {
  readonly beganMs: number;
  told: boolean;
}

export class Live implements LiveSource, StoreObserver {
  readonly run: string = randomUUID();
  readonly #self: NodeId;
  #parts: LiveParts | undefined;
  readonly #counting = new Counting();
  readonly #canvass = new Canvass();
  #seq = 0;
  #events: ClusterEvent[] = [];
  readonly #observers: Set<LiveObserver> = new Set();
  readonly #viewers: Set<Viewer> = new Set();
  /** Peers that it has reached before. */
  readonly #met: Set<NodeId> = new Set();
  #tail = new LogTail();
  readonly #commits = new CommitClock();
  #digests: readonly StateDigest[] = [];
  #role = "follower";
  #term = 0;
  #ballot: { readonly term: number; readonly from: Set<NodeId> } = { term: 0, from: new Set() };
  #writing: OpenWrite[] = [];
  readonly #space = new SpaceWatch();
  #lookTimer: NodeJS.Timeout | undefined;
  #loopTimer: NodeJS.Timeout | undefined;

  constructor(self: NodeId) {
    this.#self = self;
  }

  /** What is told from now on is about `parts`. */
  attach(parts: LiveParts): void {
    this.#parts = parts;
    const { running } = parts;
    if (running === undefined) return;
    const raft = running.raft();
    this.#tail = running.tail;
    this.#role = raft.role;
    this.#term = raft.term;
    this.#digests = running.digests.slice(-DIGESTS_SHOWN);
    this.#counting.tally.revisionAtStart = running.revision;
    this.#space.watch(running.directory);
    this.#lookTimer = setInterval(() => this.#lookAtWrites(), LOOK_MS).unref();
    const held = `${raft.last} entries of the log, ${raft.committed} of them known to be committed`;
    this.happened({
      kind: "started",
      peer: undefined,
      text: `${this.#self} takes part, in term ${raft.term} with ${held}`,
    });
    this.#changed();
  }

  /** Ends all timers. */
  close(): void {
    this.#space.close();
    clearInterval(this.#lookTimer);
    clearInterval(this.#loopTimer);
    this.#loopTimer = undefined;
  }

  /** What this node is, and in which term; undefined until it takes part. */
  get standing(): { readonly term: number; readonly role: string } | undefined {
    return this.#parts?.running === undefined ? undefined : { term: this.#term, role: this.#role };
  }

  // What is told.

  get tally(): Tally {
    return this.#counting.tally;
  }

  get counts(): LiveCounts {
    return this.#counting.counts;
  }

  get proposalsPending(): number {
    return this.#commits.pending;
  }

  get traffic(): Traffic {
    return this.#parts?.running?.traffic() ?? NO_TRAFFIC;
  }

  get diskSpace(): DiskSpace | undefined {
    return this.#space.space;
  }

  /** How long the oldest write to the log has been waiting for the disk, ms; 0 if none is. */
  get writeAgeMs(): number {
    const oldest = this.#writing[0];
    return oldest === undefined ? 0 : performance.now() - oldest.beganMs;
  }

  diskBytes(): Promise<number> {
    return this.#parts?.running?.diskBytes() ?? Promise.resolve(0);
  }

  observe(observer: LiveObserver): () => void {
    this.#observers.add(observer);
    return () => this.#observers.delete(observer);
  }

  events(afterSeq: number): { readonly events: readonly ClusterEvent[]; readonly first: number } {
    const first = this.#events[0]?.seq ?? this.#seq + 1;
    return { events: this.#events.filter(({ seq }) => seq > afterSeq), first };
  }

  viewer(): PictureViewer {
    const viewer = new Viewer(this.#counting.sent, (closed) => {
      this.#viewers.delete(closed);
      if (this.#viewers.size > 0) return;
      clearInterval(this.#loopTimer);
      this.#loopTimer = undefined;
    });
    this.#viewers.add(viewer);
    this.#loopTimer ??= this.#measureLoop();
    return viewer;
  }

  /** @throws {InvariantViolation} before there is a node, or if `viewer` is not from {@link viewer}. */
  picture(viewer: PictureViewer): NodePicture {
    assert(viewer instanceof Viewer, "live: a picture is taken by a viewer of the same source");
    const { status, checks, running } = defined(this.#parts, "live: there is a node to take a picture of");
    const raft = running?.raft();
    const election = raft?.election;
    return {
      status: status(),
      atMs: Date.now(),
      checks: checks(),
      election:
        election === undefined || running === undefined
          ? undefined
          : { elapsedMs: election.ticks * running.tickMs, timeoutMs: election.timeout * running.tickMs },
      tail: this.#tail.entries,
      stable: raft?.durable ?? 0,
      commitLatency: viewer.take("commit"),
      fsync: viewer.take("fsync"),
      apply: viewer.take("apply"),
      eventLoopDelay: viewer.take("loop"),
      messages: viewer.takeMessages(this.#counting.sent),
      digests: this.#digests,
      tally: { ...this.#counting.tally },
      memoryBytes: process.memoryUsage.rss(),
    };
  }

  // What is heard.

  /** Numbers an event, remembers it and tells it. */
  happened(happening: Happening): void {
    this.#seq += 1;
    const event: ClusterEvent = {
      seq: this.#seq,
      atMs: Date.now(),
      node: this.#self,
      term: this.#term,
      ...happening,
    };
    this.#events.push(event);
    if (this.#events.length > EVENTS_KEPT) this.#events.shift();
    for (const observer of this.#observers) observer.event?.(event);
  }

  trace(trace: NodeTrace): void {
    if (trace.kind === "commit") {
      const tookMs = this.#commits.committed(trace.index, performance.now());
      for (const ms of tookMs) this.#measured("commit", ms);
      return;
    }
    const happening = happeningOf(trace, {
      self: this.#self,
      role: this.#role,
      term: this.#term,
      votes: this.#ballot.term === termOf(trace) ? this.#ballot.from.size : 1,
      voters: this.#voters(),
    });
    this.#follow(trace);
    if (this.#canvass.isNews(trace, performance.now()) && happening !== undefined) this.happened(happening);
    if (trace.kind === "role" || trace.kind === "leader") this.#changed();
  }

  /** A packet came in from a peer. */
  received(from: NodeId, packet: Packet): void {
    if (packet.kind === "snapshotResult") return this.#snapshotResult(from, packet.meta, packet.ok);
    if (packet.kind !== "raft" || packet.message.kind !== "voteResponse") return;
    const { granted, term } = packet.message;
    if (!granted) return;
    if (this.#ballot.term < term) this.#ballot = { term, from: new Set([this.#self]) };
    if (this.#ballot.term === term) this.#ballot.from.add(from);
  }

  /** A packet leaves for a peer. */
  sent(packet: Packet): void {
    if (packet.kind === "raft") this.#counting.send(packet.message.to, packet.message.kind);
  }

  linked(peer: NodeId): void {
    this.#met.add(peer);
    this.happened({ kind: "link", peer, text: `${this.#self} reaches ${peer}` });
  }

  unlinked(peer: NodeId): void {
    const since = this.#met.has(peer) ? " any more" : "";
    this.happened({ kind: "link", peer, text: `${this.#self} does not reach ${peer}${since}` });
  }

  /** A peer will not have a link to this node. */
  refused(peer: NodeId, detail: string): void {
    this.happened({ kind: "alarm", peer, text: `${peer} refuses ${this.#self}: ${detail}` });
  }

  /** The node is about to stop. */
  stopping(): void {
    this.happened({ kind: "stopping", peer: undefined, text: `${this.#self} stops` });
    this.#changed();
  }

  /** A request has ended. */
  answered(response: Response): void {
    this.#counting.answer(response);
  }

  writing(write: LogWrite): () => void {
    const beganMs = performance.now();
    this.#tail.write(write);
    if (this.#role === "leader") this.#commits.proposed(write.append, beganMs);
    const open: OpenWrite = { beganMs, told: false };
    this.#writing.push(open);
    return () => {
      this.#writing.splice(this.#writing.indexOf(open), 1);
      const ms = performance.now() - beganMs;
      this.#measured("fsync", ms);
      if (ms > SLOW_WRITE_MS) this.#slowWrite(ms);
    };
  }

  applied({ digests, totals }: Applied, entries: number, ms: number): void {
    for (const viewer of this.#viewers) viewer.record("apply", ms);
    if (digests.length > 0) this.#digests = [...this.#digests, ...digests].slice(-DIGESTS_SHOWN);
    for (const observer of this.#observers) {
      observer.apply?.(ms, entries);
      observer.revision?.(totals.revision);
    }
  }

  snapshotTaken({ meta, bytes }: SnapshotManifest): void {
    this.#counting.counts.snapshotsTaken += 1;
    this.happened(
      snapshotHappening(`${this.#self} has taken a snapshot at entry ${meta.index} (${sizeText(bytes)})`),
    );
  }

  restored({ index }: SnapshotMeta, { totals, digests }: Applied): void {
    this.#counting.counts.snapshotsInstalled += 1;
    this.#digests = digests.slice(-DIGESTS_SHOWN);
    const text = `${this.#self} has replaced its counters by the snapshot at entry ${index}`;
    this.happened(snapshotHappening(text));
    for (const observer of this.#observers) observer.revision?.(totals.revision);
  }

  #follow(trace: NodeTrace): void {
    if (trace.kind === "role") {
      this.#role = trace.role;
      this.#term = trace.term;
      if (trace.role === "candidate") this.#counting.counts.elections += 1;
      if (trace.role !== "leader") this.#commits.forget();
    } else if (trace.kind === "leader") {
      this.#term = trace.term;
      this.#counting.leader(trace.leader, trace.term);
    }
  }

  #voters(): number {
    const { voters = [], outgoing = [] } = this.#parts?.status().configuration ?? {};
    return new Set([...voters, ...outgoing]).size;
  }

  #snapshotResult(peer: NodeId, { index }: SnapshotMeta, ok: boolean): void {
    const { counts } = this.#counting;
    if (ok) counts.snapshotsSent += 1;
    else counts.snapshotsFailed += 1;
    const text = ok
      ? `${peer} has received the snapshot at entry ${index} from ${this.#self}`
      : `${peer} could not use the snapshot at entry ${index} of ${this.#self}`;
    this.happened(snapshotHappening(text, peer));
  }

  #slowWrite(ms: number): void {
    this.#counting.counts.slowWrites += 1;
    const text = `a write to the log of ${this.#self} took ${(ms / 1_000).toFixed(1)} s`;
    this.happened({ kind: "disk", peer: undefined, text });
  }

  /** A disk that hangs is told of while it does. */
  #lookAtWrites(): void {
    const [oldest] = this.#writing;
    const ms = this.writeAgeMs;
    if (oldest === undefined || oldest.told || ms <= SLOW_WRITE_MS) return;
    oldest.told = true;
    const text = `a write to the log of ${this.#self} has been waiting for the disk for ${(ms / 1_000).toFixed(1)} s`;
    this.happened({ kind: "disk", peer: undefined, text });
  }

  #measureLoop(): NodeJS.Timeout {
    let dueMs = performance.now() + LOOP_MS;
    const timer = setInterval(() => {
      const now = performance.now();
      for (const viewer of this.#viewers) viewer.record("loop", Math.max(0, now - dueMs));
      dueMs = now + LOOP_MS;
    }, LOOP_MS);
    return timer.unref();
  }

  #measured(measure: Extract<Measure, "commit" | "fsync">, ms: number): void {
    for (const viewer of this.#viewers) viewer.record(measure, ms);
    for (const observer of this.#observers) observer[measure]?.(ms);
  }

  #changed(): void {
    for (const observer of this.#observers) observer.changed?.();
  }
}

function termOf(trace: NodeTrace): number | undefined {
  return trace.kind === "role" ? trace.term : undefined;
}
