/**
 * A cluster of `Raft` instances in one process, in which nothing happens by itself: each test says which message
 * arrives, which write becomes durable, what is applied and who crashes. No time; no randomness but the seeds.
 *
 * Every step is checked against the rules of order (P2 to P5) and the safety properties of the paper (figure 3);
 * see `checks.ts`. `settle` plays the quiet world: all disks answer, all messages arrive, until nothing is left.
 */

import { crc32c, defined } from "../../src/base/index.ts";
import {
  type Configuration,
  type Event,
  type Message,
  NO_CONFIGURATION,
  type NodeId,
  nodeId,
  Raft,
  type RaftSettings,
  type RaftStatus,
  type Ready,
  type SnapshotMeta,
} from "../../src/raft/index.ts";
import { Checks } from "./checks.ts";
import { type Disk, emptyDisk } from "./disk.ts";
import type { ClusterSetup, Filter, Node, NodeSetup, Packet, Transfer } from "./shape.ts";
import { buildLog, type Change, changeOf, configurationOf, metaOf } from "./words.ts";

export const SETTINGS: RaftSettings = {
  electionTicks: 10,
  heartbeatTicks: 2,
  commitNewsTicks: 0,
  messageBytesMax: 1_024,
  inflightMessagesMax: 4,
  inflightBytesMax: 65_536,
  uncommittedBytesMax: 65_536,
  trailingEntriesMax: 0,
  trailingBytesMax: 65_536,
  retainedBytesMax: 1,
  snapshotTicks: 20,
};

export class Cluster {
  readonly settings: RaftSettings;
  readonly configuration: Configuration;
  readonly nodes: Map<string, Node> = new Map<string, Node>();
  readonly checks: Checks;
  wire: Packet[] = [];
  transfers: Transfer[] = [];
  /** Told of everything that a core hands out, in order. */
  observer: ((node: Node, ready: Ready) => void) | undefined;
  readonly #seed: number;
  #packets = 0;
  #ids = 0;

  constructor(setup: ClusterSetup) {
    this.settings = { ...SETTINGS, ...setup.settings };
    this.#seed = setup.seed ?? 1;
    this.configuration = configurationOf(setup.voters, setup.learners ?? [], setup.outgoing ?? []);
    this.checks = new Checks(this);
    for (const { id } of this.configuration.members) {
      this.#addNode(id, setup.nodes?.[id] ?? {}, this.configuration);
    }
    for (const node of this.nodes.values()) this.start(node.id);
  }

  /** A node with a fresh disk, which knows nobody: it waits until a leader speaks to it. */
  join(id: string): void {
    this.#addNode(nodeId(id), {}, NO_CONFIGURATION);
    this.start(id);
  }

  #addNode(id: NodeId, setup: NodeSetup, configuration: Configuration): void {
    const disk = emptyDisk(configuration);
    disk.entries = [...buildLog(disk.base, setup.log ?? [])];
    disk.hardState = metaOf(setup, disk.last);
    const fresh = { raft: undefined, starts: 0, writes: [], held: [], work: [], trace: [] };
    this.nodes.set(id, { id, disk, ...fresh, outcomes: [], reads: [], readsFailed: [] });
  }

  node(id: string): Node {
    return defined(this.nodes.get(id), "kit: the node exists");
  }

  raft(id: string): Raft {
    return defined(this.node(id).raft, "kit: the node is up");
  }

  status(id: string): RaftStatus {
    return this.raft(id).status();
  }

  isUp(id: string): boolean {
    return this.nodes.get(id)?.raft !== undefined;
  }

  /** Who leads the highest term, of those that are up. */
  get leader(): NodeId | undefined {
    const leading = [...this.nodes.values()].filter(({ raft }) => raft?.isLeader === true);
    return leading.sort((a, b) => (b.raft?.term ?? 0) - (a.raft?.term ?? 0))[0]?.id;
  }

  start(id: string): void {
    const node = this.node(id);
    const { disk } = node;
    disk.recover();
    node.starts++;
    node.raft = new Raft({
      self: node.id,
      seed: this.#seed * 1_000 + [...this.nodes.keys()].indexOf(id) * 100 + node.starts,
      hardState: disk.hardState,
      base: disk.base,
      snapshot: disk.snapshot,
      entries: disk.entries,
      applied: disk.machine.applied,
      settings: this.settings,
    });
    this.checks.started(node);
    this.#collect(node);
  }

  /**
   * The process dies: what is not durable is gone; what has left the node is on the wire still. The first
   * `reached` writes that were under way had become durable without a word of it.
   */
  crash(id: string, reached: number = 0): void {
    const node = this.node(id);
    for (const write of node.writes.slice(0, reached)) node.disk.commit(write);
    node.raft = undefined;
    node.writes = [];
    node.held = [];
    node.work = [];
    this.checks.crashed(node);
  }

  restart(id: string): void {
    if (this.isUp(id)) this.crash(id);
    this.start(id);
  }

  /** Gives one event to a node and takes what it wants done. */
  step(id: string, event: Event): void {
    const node = this.node(id);
    this.raft(id).step(event);
    this.#collect(node);
  }

  /** Gives several events to a node before it is asked what to do. */
  stepAll(id: string, events: readonly Event[]): void {
    for (const event of events) this.raft(id).step(event);
    this.#collect(this.node(id));
  }

  #collect(node: Node): void {
    const raft = defined(node.raft, "kit: the node is up");
    const ready = raft.ready();
    if (ready.write !== undefined) node.writes.push(ready.write);
    this.checks.collected(node, ready);
    for (const message of ready.send) this.#leave(node, message);
    node.held.push(...ready.sendAfter);
    if (ready.restore !== undefined) node.work.push({ kind: "restore", meta: ready.restore });
    if (ready.apply.length > 0) node.work.push({ kind: "apply", entries: ready.apply });
    node.reads.push(...ready.reads);
    node.readsFailed.push(...ready.readsFailed);
    node.outcomes.push(...ready.outcomes);
    node.trace.push(...ready.trace);
    for (const { to, snapshot } of ready.sendSnapshot) this.transfers.push({ from: node.id, to, snapshot });
    this.observer?.(node, ready);
  }

  #leave(node: Node, message: Message): void {
    this.checks.leaves(node, message);
    this.wire.push({ id: ++this.#packets, message });
  }

  /** The next `count` writes become durable (all by default); their messages leave. */
  persist(id: string, count: number = Number.POSITIVE_INFINITY): void {
    const node = this.node(id);
    const done = node.writes.splice(0, count);
    const seq = done.at(-1)?.seq;
    if (seq === undefined) return;
    for (const write of done) {
      node.disk.commit(write);
      const due = node.held.filter((one) => one.seq <= write.seq);
      node.held = node.held.filter((one) => one.seq > write.seq);
      for (const { messages } of due) for (const message of messages) this.#leave(node, message);
    }
    this.step(id, { kind: "persisted", seq });
  }

  /** The state machine does the next `count` pieces of its work (all by default). */
  apply(id: string, count: number = Number.POSITIVE_INFINITY): void {
    const node = this.node(id);
    for (const work of node.work.splice(0, count)) {
      if (work.kind === "restore") node.disk.restore(work.meta);
      else node.disk.apply(work.entries);
      this.checks.applied(node);
      this.step(id, { kind: "applied", index: node.disk.machine.applied });
    }
  }

  /**
   * A snapshot of what is applied, durable at once; the core compacts behind it. Not while one is restored, nor by
   * a node that does not know its configuration yet.
   */
  snapshot(id: string): void {
    const { disk } = this.node(id);
    if (disk.machine.applied < Math.max(1, disk.base.index) || !this.raft(id).mayTakeSnapshot) return;
    const file = disk.takeSnapshot((at) => this.metaAt(id, at));
    this.step(id, { kind: "snapshotTaken", snapshot: file.meta });
  }

  metaAt(id: string, at: number): SnapshotMeta {
    return this.node(id).disk.metaAt(at);
  }

  /** The first transfer (to `to`) ends; without `ok` the file is lost. */
  transfer(ok: boolean, to?: string): void {
    const at = this.transfers.findIndex((one) => to === undefined || one.to === to);
    const [found] = this.transfers.splice(at, at === -1 ? 0 : 1);
    const one = defined(found, "kit: a snapshot is on its way");
    const file = this.node(one.from).disk.files.get(one.snapshot.index);
    const done = ok && file !== undefined && this.isUp(one.to);
    if (done) this.receiveSnapshot(one.to, file);
    if (this.isUp(one.from)) this.step(one.from, { kind: "snapshotSent", to: one.to, ok: done });
  }

  receiveSnapshot(to: string, file: { meta: SnapshotMeta; machine: Disk["machine"] }): void {
    this.node(to).disk.files.set(file.meta.index, file);
    this.step(to, { kind: "snapshotReceived", snapshot: file.meta });
  }

  packets(filter: Filter = {}): readonly Packet[] {
    return this.wire.filter(
      ({ message: { from, to, kind } }) =>
        (filter.from ?? from) === from && (filter.to ?? to) === to && (filter.kind ?? kind) === kind,
    );
  }

  /** Takes a packet off the wire and gives it to its addressee; lost if that is down. */
  deliver(packet: Packet): void {
    this.wire = this.wire.filter(({ id }) => id !== packet.id);
    this.receive(packet.message);
  }

  /** Gives a message to its addressee, whatever is on the wire: a duplicate, or one made by hand. */
  receive(message: Message): void {
    if (!this.isUp(message.to)) return;
    this.step(message.to, { kind: "receive", message });
  }

  /** Delivers what is on the wire now and matches; not what is sent meanwhile. */
  deliverAll(filter: Filter = {}): void {
    for (const packet of this.packets(filter)) this.deliver(packet);
  }

  drop(filter: Filter = {}): readonly Packet[] {
    const gone = new Set(this.packets(filter));
    this.wire = this.wire.filter((packet) => !gone.has(packet));
    return [...gone];
  }

  tick(id: string, count: number = 1): void {
    for (let at = 0; at < count; at++) this.step(id, { kind: "tick" });
  }

  /** A command with this text; its outcome will bear the number returned. */
  propose(id: string, text: string): number {
    const data = new TextEncoder().encode(text);
    this.step(id, { kind: "propose", id: ++this.#ids, data, crc: crc32c(data) });
    return this.#ids;
  }

  /** A change of the configuration; its outcome will bear the number returned. */
  configure(id: string, change: Change): number {
    this.step(id, { kind: "proposeConfiguration", id: ++this.#ids, change: changeOf(change) });
    return this.#ids;
  }

  read(id: string): number {
    this.step(id, { kind: "read", id: ++this.#ids });
    return this.#ids;
  }

  /** All disks answer, all messages and snapshots arrive, until nothing is left to do. */
  settle(except: readonly string[] = []): void {
    for (let round = 0; round < 1_000; round++) {
      let busy = false;
      for (const node of this.nodes.values()) {
        if (node.raft === undefined || except.includes(node.id)) continue;
        busy ||= node.writes.length + node.work.length > 0;
        this.persist(node.id);
        this.apply(node.id);
      }
      for (const packet of this.wire) {
        busy = true;
        if (except.includes(packet.message.to) || except.includes(packet.message.from))
          this.drop({ ...packet.message });
        else this.deliver(packet);
      }
      for (const { to } of this.transfers.filter((one) => !except.includes(one.to))) {
        busy = true;
        this.transfer(true, to);
      }
      if (!busy) return;
    }
    throw new Error("kit: the cluster does not come to rest");
  }

  /** Disks answer and messages arrive, one after the other, until `done`; nothing is applied. */
  until(done: () => boolean, except: readonly string[] = []): void {
    for (let round = 0; round < 50; round++) {
      for (const id of this.nodes.keys()) if (this.isUp(id) && !except.includes(id)) this.persist(id);
      if (done()) return;
      for (const packet of this.wire) {
        const { from, to } = packet.message;
        if (except.includes(from) || except.includes(to)) this.drop({ ...packet.message });
        else this.deliver(packet);
        if (done()) return;
      }
    }
    throw new Error("kit: it does not come to this");
  }

  /** Lets the timer of one node run out, whose disk answers; its requests are on the wire then. */
  campaign(id: string): void {
    this.persist(id);
    const before = this.node(id).trace.length;
    for (let at = 0; at <= 2 * this.settings.electionTicks; at++) {
      const campaigned = this.node(id).trace.slice(before);
      if (campaigned.some((event) => event.kind === "role" && event.role === "preCandidate")) return;
      this.tick(id);
    }
    throw new Error("kit: the node does not campaign");
  }

  /** All of them campaign at once and win their pre-votes: their vote requests are on the wire. */
  stand(...ids: readonly string[]): void {
    for (const id of ids) this.campaign(id);
    for (const from of ids) this.deliverAll({ from, kind: "requestPreVote" });
    for (const to of ids) this.deliverAll({ to, kind: "preVoteResponse" });
    for (const id of ids) this.persist(id);
  }

  /** The nodes lose touch with their leader: they may vote for another, and do not campaign yet. */
  loseLeader(...ids: readonly string[]): void {
    for (const id of ids) {
      const { leader } = this.status(id);
      if (leader !== undefined && leader !== id) this.step(id, { kind: "unreachable", peer: leader });
    }
  }

  /** Makes `id` the leader, in a quiet world without `except`. */
  elect(id: string, except: readonly string[] = []): void {
    this.loseLeader(...[...this.nodes.keys()].filter((one) => this.isUp(one) && !except.includes(one)));
    this.campaign(id);
    this.settle(except);
    if (!this.raft(id).isLeader) throw new Error(`kit: ${id} was not elected`);
  }

  /** The leader's next heartbeat, and all that follows. */
  heartbeat(id: string, except: readonly string[] = []): void {
    this.tick(id, this.settings.heartbeatTicks);
    this.settle(except);
  }

  /** Everyone else, members or not. */
  peers(id: string): readonly NodeId[] {
    return [...this.nodes.values()].map((node) => node.id).filter((one) => one !== nodeId(id));
  }
}
