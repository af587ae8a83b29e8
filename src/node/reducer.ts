/**
 * One member of the cluster as a synchronous reducer: the core, the requests that wait on it, and when to take a
 * snapshot. Events in (`step`), effects out (`drain`); no clock, no I/O: the simulator runs this very class.
 *
 * Group commit: what arrives while an entry is on its way to this node's disk becomes the next one, with one flush.
 */

import {
  type Configuration,
  type Message,
  type NodeId,
  Raft,
  type RaftOptions,
  type RaftStatus,
  type Ready,
} from "../raft/index.ts";
import type { Applied, StateDigest } from "../store/index.ts";
import { Contact } from "./contact.ts";
import type { Effects, NodeEvent, NodeSettings, NodeTrace, Response } from "./events.ts";
import { HeldMessages } from "./held-messages.ts";
import { LogTime } from "./log-time.ts";
import { MachineQueue } from "./machine-queue.ts";
import { Operations } from "./operations.ts";
import { ReadQueue } from "./read-queue.ts";
import { diverged, overloaded, stopping } from "./refusals.ts";
import { SnapshotTrigger } from "./snapshot-trigger.ts";
import { Soundness } from "./soundness.ts";
import type { MembershipRequest, PlanResult, WriteResult } from "./types.ts";
import { WriteQueue } from "./write-queue.ts";

export interface ReducerOptions {
  readonly raft: RaftOptions;
  readonly settings: NodeSettings;
}

export class NodeReducer {
  readonly #raft: Raft;
  readonly #settings: NodeSettings;
  readonly #self: NodeId;
  readonly #writes: WriteQueue;
  readonly #reads = new ReadQueue();
  readonly #contact = new Contact();
  readonly #soundness: Soundness;
  readonly #operations: Operations;
  readonly #held = new HeldMessages();
  /** The write that carries the latest entry of commands; the next entry waits for it. */
  #entrySeq = 0;
  readonly #machine: MachineQueue;
  readonly #snapshots: SnapshotTrigger;
  readonly #logTime = new LogTime();
  #leader: NodeId | undefined;
  #stopping = false;
  /** Reads that failed are asked again at the next tick, not at once. */
  #askReads = true;
  #trace: NodeTrace[] = [];

  constructor(options: ReducerOptions) {
    this.#raft = new Raft(options.raft);
    this.#settings = options.settings;
    this.#self = options.raft.self;
    this.#operations = new Operations({
      raft: this.#raft,
      self: options.raft.self,
      settings: options.settings,
      reachableTicks: options.raft.settings.electionTicks,
      heartbeatTicks: options.raft.settings.heartbeatTicks,
    });
    this.#writes = new WriteQueue(options.settings.gatherFrom);
    this.#soundness = new Soundness(options.raft.self);
    this.#machine = new MachineQueue(options.raft.applied, this.#writes);
    this.#snapshots = new SnapshotTrigger(options.settings, options.raft.snapshot?.index ?? 0);
  }

  /**
   * Takes in one event.
   * @param nowMs this node's monotonic clock, in ms; never goes back.
   * @throws {InvariantViolation} when an invariant is broken; the process has to exit.
   */
  step(event: NodeEvent, nowMs: number): void {
    switch (event.kind) {
      case "tick":
        this.#raft.step(event);
        this.#machine.tick();
        this.#writes.expire(nowMs, this.#settings);
        this.#reads.expire(nowMs, this.#settings.readMs, this.#raft);
        this.#operations.tick(nowMs);
        this.#askReads = true;
        // Whoever must not lead may still be elected: it hands over again as often as that happens.
        if (this.#mustNotLead(nowMs)) this.#raft.step({ kind: "transfer", to: undefined });
        return;
      case "write":
        return this.#write(event, nowMs);
      case "read":
        return this.#read(event, nowMs);
      case "receive":
        return this.#receive(event.message, nowMs);
      case "digest":
        return this.#compare(event.from, event.digest);
      case "persisted":
        this.#held.persisted(event.seq);
        return this.#raft.step(event);
      case "applied":
        return this.#applied(event.applied);
      case "stateLookedAt":
        return this.#machine.lookedAt();
      case "queried":
        return this.#reads.queried(event.ticket, event.answers);
      case "snapshotTaken":
        this.#snapshots.taken(event.snapshot, event.bytes);
        return this.#compact();
      case "snapshotReceived":
      case "snapshotProgress":
      case "snapshotSent":
        return this.#raft.step(event);
      case "unreachable":
        this.#operations.unlinked(event.peer);
        return this.#raft.step(event);
      case "linked":
        this.#operations.linked(event.peer, event.outdated);
        return this.#raft.step({ kind: "reachable" });
      case "membership":
        return this.#operations.change(event.id, event.request, nowMs);
      case "announce":
        if (event.member.id === event.from) this.#operations.announced(event.member, event.wantsVote, nowMs);
        return;
      case "transfer":
        if (event.id !== undefined) return this.#operations.transfer(event.id, event, nowMs);
        return this.#raft.step({ kind: "transfer", to: event.to });
      case "stop":
        this.#stopping = true;
        this.#operations.stop();
        return this.#raft.step({ kind: "transfer", to: undefined });
    }
  }

  /** Everything to be done now. Called after one event or after several, which then share entries and rounds. */
  drain(nowMs: number): Effects {
    this.#steer();
    this.#ask();
    this.#operations.advance();
    const proposed = this.#propose(nowMs);
    const ready = this.#raft.ready(
      this.#machine.hasRoom(this.#isStateAwaited) ? this.#settings.applyBytesMax : 0,
    );
    if (proposed && ready.write !== undefined) this.#entrySeq = ready.write.seq;
    for (const outcome of ready.outcomes) {
      if (!this.#operations.settle(outcome)) this.#writes.settle(outcome);
    }
    const apply = this.#handOut(ready, nowMs);
    const queries = this.#reads.takeQueries(this.#machine.handedOut, () => this.ageMs(nowMs));
    const trace: NodeTrace[] = [...this.#trace, ...this.#operations.takeTrace(), ...ready.trace];
    this.#trace = [];
    return {
      write: ready.write,
      send: this.#held.release(ready),
      restore: ready.restore,
      apply,
      queries,
      responses: this.#responses(),
      digests: this.#soundness.takeDigests(),
      takeSnapshot: this.mayTakeSnapshot && this.#snapshots.maybeBegin(this.#raft.applied),
      sendSnapshot: this.#soundSnapshots(ready.sendSnapshot),
      trace,
    };
  }

  get self(): NodeId {
    return this.#self;
  }

  status(): RaftStatus {
    return this.#raft.status();
  }

  get configuration(): Configuration {
    return this.#raft.configuration;
  }

  /** The configuration that cannot be undone any more. */
  get committedConfiguration(): Configuration {
    return this.#raft.committedConfiguration;
  }

  /** Whether this node has a state that a snapshot can be taken of. */
  get mayTakeSnapshot(): boolean {
    return !this.#soundness.diverged && this.#raft.mayTakeSnapshot;
  }

  /** What a change of the membership would mean. */
  plan(request: MembershipRequest): PlanResult {
    return this.#operations.plan(request);
  }

  /** What is known of replicas that differ, in a sentence. */
  get alarm(): string | undefined {
    return this.#soundness.alarm;
  }

  /** Whether this node's state is known to be wrong. */
  get diverged(): boolean {
    return this.#soundness.diverged;
  }

  get stopping(): boolean {
    return this.#stopping;
  }

  /** Bytes of commands that wait for an answer. */
  get pendingBytes(): number {
    return this.#writes.bytes;
  }

  /** Whether nobody waits for an answer and leadership is handed over, so that stopping hurts nobody. */
  get isDrained(): boolean {
    const handedOver = !this.#raft.isLeader || !this.#hasSuccessor;
    return this.#writes.isEmpty && this.#reads.isEmpty && this.#operations.isEmpty && handedOver;
  }

  /** How old a stale read's answer may be, ms; undefined before the first contact with a leader. */
  ageMs(nowMs: number): number | undefined {
    return this.#contact.ageMs(nowMs, {
      leads: this.#raft.isLeader,
      self: this.#self,
      configuration: this.configuration,
    });
  }

  /** Ends every request that still waits: the process is about to exit. */
  abandon(): readonly Response[] {
    this.#writes.abandon();
    this.#operations.abandon();
    this.#reads.refuseAll(stopping());
    return this.#responses();
  }

  #receive(message: Message, nowMs: number): void {
    this.#contact.heard(message.from, nowMs);
    this.#operations.heard(message.from);
    const leads = message.kind === "append" || message.kind === "heartbeat";
    if (leads && message.term >= this.#raft.term) {
      const committed = message.kind === "append" ? message.commit : message.leaderCommit;
      this.#contact.leaderCommitted(committed, nowMs, this.#raft.applied);
    }
    // A state machine that is slower than the log: the leader sends this again, as if it had been lost.
    if (message.kind === "append" && message.entries.length > 0 && this.#isFull) return;
    this.#raft.step({ kind: "receive", message });
  }

  /** Whether memory is full of entries that are committed and wait for the state machine. */
  get #isFull(): boolean {
    const { unappliedBytes, applied, committed } = this.#raft;
    return unappliedBytes >= this.#settings.unappliedBytesMax && applied < committed;
  }

  /** Whether anyone would notice if what is committed were applied later, by a tick at most. */
  get #isStateAwaited(): boolean {
    const piledUp = this.#raft.unappliedBytes >= this.#settings.applyBytesMax;
    return this.#raft.isLeader || !this.#writes.isEmpty || !this.#reads.isEmpty || piledUp;
  }

  /** A node that stops, is wrong, or whose state machine hangs can commit, but it cannot answer. */
  #mustNotLead(nowMs: number): boolean {
    const stalled = this.#machine.waitingMs(nowMs) >= this.#settings.applyStallMs;
    return this.#stopping || this.#soundness.diverged || stalled;
  }

  /** What is wrong must not spread: a node whose state differs from the majority's sends it to nobody. */
  #soundSnapshots(wanted: Ready["sendSnapshot"]): Ready["sendSnapshot"] {
    if (!this.#soundness.diverged) return wanted;
    for (const { to } of wanted) this.#raft.step({ kind: "snapshotSent", to, ok: false });
    return [];
  }

  #write(event: NodeEvent & { kind: "write" }, nowMs: number): void {
    const refusal = this.#writeRefusal();
    if (refusal !== undefined) return this.#writes.refuse(event.id, refusal);
    this.#writes.add({ id: event.id, command: event.command, nowMs });
  }

  #writeRefusal(): WriteResult | undefined {
    if (this.#soundness.diverged) return diverged(this.alarm);
    if (this.#writes.bytes >= this.#settings.pendingBytesMax || this.#isFull) return overloaded("writes");
    return undefined;
  }

  #read(event: NodeEvent & { kind: "read" }, nowMs: number): void {
    const { id, query, minIndex = 0 } = event;
    if (this.#soundness.diverged) return this.#reads.refuse(id, diverged(this.alarm));
    if (this.#reads.size >= this.#settings.pendingReadsMax)
      return this.#reads.refuse(id, overloaded("reads"));
    const read = { id, query, nowMs, minIndex };
    if (event.consistency === "stale") return this.#reads.addStale(read);
    this.#reads.addLinearizable(read);
  }

  /** Whether somebody else could lead. */
  get #hasSuccessor(): boolean {
    return this.configuration.voters.some((id) => id !== this.#self);
  }

  /** Sends waiting writes to the leader if that is another node; lets reads try again when a leader is found. */
  #steer(): void {
    const leader = this.#raft.leader;
    if (leader !== this.#leader) {
      this.#leader = leader;
      this.#askReads = true;
    }
    if (leader === undefined || !this.#writes.hasWaiting) return;
    if (leader !== this.#self) return this.#redirect(leader);
    // A leader that stops and has nobody to hand over to cannot take the write, and nobody else can.
    if (this.#stopping && !this.#hasSuccessor) this.#writes.answerWaiting(stopping());
  }

  #redirect(leader: NodeId): void {
    const member = this.configuration.members.find(({ id }) => id === leader);
    // A leader that is not in our configuration yet will be, once its entries arrive.
    if (member === undefined) return;
    this.#writes.answerWaiting({ kind: "redirect", leader, url: member.api });
  }

  /** Begins one attempt for all linearizable reads that wait. */
  #ask(): void {
    if (!this.#askReads || this.#leader === undefined) return;
    const id = this.#reads.ask();
    if (id !== undefined) this.#raft.step({ kind: "read", id });
  }

  /** Makes the waiting writes an entry, if the previous one is on this node's disk and enough have gathered. */
  #propose(nowMs: number): boolean {
    if (!this.#raft.isLeader || !this.#writes.hasWaiting || this.#stopping) return false;
    if (this.#entrySeq > this.#held.persistedSeq || this.#raft.transferring) return false;
    if (this.#writes.isGathering(nowMs)) return false;
    const elapsed = this.#logTime.elapsed(this.#raft.term, nowMs);
    const entry = this.#writes.propose(elapsed, this.#settings.entryBytesMax, nowMs);
    this.#trace.push({ kind: "entry", commands: entry.commands, bytes: entry.data.length });
    this.#raft.step({ kind: "propose", id: entry.id, data: entry.data, crc: entry.crc });
    return true;
  }

  #handOut(ready: Ready, nowMs: number): Effects["apply"] {
    for (const { id, index } of ready.reads) this.#reads.confirm(id, index);
    for (const id of ready.readsFailed) this.#reads.fail(id);
    if (ready.readsFailed.length > 0) this.#askReads = false;
    if (ready.restore !== undefined) {
      this.#writes.restored(ready.restore.index);
      this.#snapshots.restored(ready.restore.index);
      this.#machine.askedToRestore(ready.restore.index, nowMs);
    }
    this.#snapshots.handedOut(ready.apply);
    const [isSound, mayKeep] = [!this.#soundness.diverged, this.#reads.isEmpty && !this.#stopping];
    return this.#machine.handOut(ready.apply, { nowMs, isSound, mayKeep });
  }

  #applied(applied: Applied): void {
    const indexes = this.#machine.answered(applied);
    if (this.#soundness.diverged) {
      // What a wrong state answers would be wrong; the write itself counts at the others.
      for (const index of indexes) this.#writes.diverged(index);
    } else if (applied.outcomes.length > 0) {
      for (const [at, index] of indexes.entries()) this.#writes.gave(index, applied.outcomes[at] ?? []);
    }
    this.#raft.step({ kind: "applied", index: applied.index });
    this.#contact.applied(applied.index);
    this.#compact();
    for (const digest of applied.digests) {
      this.#soundness.tell(digest);
      this.#compare(this.#self, digest);
    }
  }

  #compact(): void {
    const snapshot = this.#snapshots.takeUsable(this.#raft.applied);
    if (snapshot !== undefined) this.#raft.step({ kind: "snapshotTaken", snapshot });
  }

  #compare(from: NodeId, digest: StateDigest): void {
    const { alarm, wrong } = this.#soundness.compare(from, digest, this.configuration);
    if (alarm !== undefined) this.#trace.push({ kind: "alarm", text: alarm });
    if (!wrong) return;
    this.#writes.answerWaiting(diverged(this.alarm));
    this.#reads.refuseAll(diverged(this.alarm));
    this.#raft.step({ kind: "transfer", to: undefined });
  }

  #responses(): readonly Response[] {
    const writes = this.#writes.takeAnswers();
    const reads = this.#reads.takeAnswers();
    const others = this.#operations.takeResponses();
    return [
      ...others,
      ...writes.map(({ id, result }): Response => ({ kind: "write", id, result })),
      ...reads.map(({ id, result }): Response => ({ kind: "read", id, result })),
    ];
  }
}
