/**
 * Reducers joined by hand: nothing happens unless a test says so. Disks, state machines and links can be held
 * back, and every answer is kept, so that a second one to the same request would be seen.
 */

import { defined } from "../../src/base/index.ts";
import { applyPayload, type Command, decodePayload, LIMITS, MemoryTable } from "../../src/counter/index.ts";
import {
  type Consistency,
  type Effects,
  type MembershipRequest,
  type MembershipResult,
  NODE_SETTINGS,
  type NodeEvent,
  NodeReducer,
  type NodeSettings,
  type NodeTrace,
  type ReadResult,
  type TransferResult,
  type WriteResult,
} from "../../src/node/index.ts";
import {
  type Entry,
  initialMeta,
  type LogWrite,
  type Message,
  NO_CONFIGURATION,
  type NodeId,
  nodeId,
  type RaftSettings,
  type SnapshotMeta,
} from "../../src/raft/index.ts";
import {
  type Applied,
  answerScan,
  isScanQuery,
  type Query,
  type StateDigest,
} from "../../src/store/index.ts";
import { memorySource } from "../store/memory-source.ts";

export const TICK_MS = 10;

export const RAFT: RaftSettings = {
  electionTicks: 10,
  heartbeatTicks: 2,
  commitNewsTicks: 0,
  messageBytesMax: 1_048_576,
  inflightMessagesMax: 64,
  inflightBytesMax: 1_048_576,
  uncommittedBytesMax: 1_048_576,
  trailingEntriesMax: 0,
  trailingBytesMax: 0,
  retainedBytesMax: 1,
  snapshotTicks: 100,
};

export interface Setup {
  readonly raft?: Partial<RaftSettings>;
  readonly node?: Partial<NodeSettings>;
}

/** A command that adds 1 to `key`, once if `once` is given. */
export function add(key: string, once?: string): Command {
  const operation = { kind: "add", key, by: 1n } as const;
  return once === undefined ? { operation } : { operation, once: { kind: "key", key: once } };
}

type Result = WriteResult | ReadResult;
type Operated = MembershipResult | TransferResult;

function only<T>(id: number, all: readonly T[] = []): T | undefined {
  if (all.length > 1) throw new Error(`request ${id} was answered ${all.length} times`);
  return all[0];
}

export class Member {
  readonly id: NodeId;
  readonly reducer: NodeReducer;
  readonly table: MemoryTable = new MemoryTable();
  position: SnapshotMeta;
  /** Writes begun and not durable yet, oldest first. */
  readonly writing: LogWrite[] = [];
  /** What the state machine has been asked for and not done yet, oldest first. */
  readonly machine: (() => NodeEvent)[] = [];
  holdDisk = false;
  holdMachine = false;
  /** Every answer to each request, in order. */
  readonly answers: Map<number, Result[]> = new Map();
  /** Every answer to each request that concerns the cluster, in order. */
  readonly operated: Map<number, Operated[]> = new Map();
  readonly sent: Message[] = [];
  readonly trace: NodeTrace[] = [];
  readonly digests: StateDigest[] = [];
  /** Entries of commands that this node has appended to its log, in order. */
  readonly appended: Entry[] = [];
  snapshotsAsked = 0;
  /** How often the state machine was handed entries. */
  applies = 0;
  #requests = 0;

  constructor(id: NodeId, initial: SnapshotMeta, setup: Setup, seed: number) {
    this.id = id;
    this.position = initial;
    this.reducer = new NodeReducer({
      raft: {
        self: id,
        seed,
        hardState: { term: initial.term, vote: undefined, commit: initial.index },
        base: initial,
        snapshot: undefined,
        entries: [],
        applied: initial.index,
        settings: { ...RAFT, ...setup.raft },
      },
      settings: { ...NODE_SETTINGS, ...setup.node },
    });
  }

  nextRequest(): number {
    return ++this.#requests;
  }

  /** The one answer to a request; undefined while it waits. */
  answer(id: number): Result | undefined {
    return only(id, this.answers.get(id));
  }

  /** The one answer to a change of the membership, or of the leader; undefined while it waits. */
  outcome(id: number): Operated | undefined {
    return only(id, this.operated.get(id));
  }
}

export class Cluster {
  readonly members: Member[];
  nowMs = 0;
  /** Neither hear nor are heard. */
  readonly cut: Set<NodeId> = new Set();
  readonly #initial: SnapshotMeta;
  readonly #setup: Setup;

  constructor(size: number, setup: Setup = {}) {
    const ids = Array.from({ length: size }, (_, at) => nodeId(`n${at + 1}`));
    const members = ids.map((id) => ({
      id,
      incarnation: "0".repeat(32),
      peer: `${id}:1`,
      api: `http://${id}`,
    }));
    this.#initial = initialMeta({ voters: ids, outgoing: [], learners: [], members, removed: [] });
    this.#setup = setup;
    this.members = ids.map((id, at) => new Member(id, this.#initial, setup, at + 1));
  }

  /** A fresh member of the same name that knows nothing: another process of it. */
  another(at: number, seed: number): Member {
    return new Member(this.at(at).id, this.#initial, this.#setup, seed);
  }

  /** A fresh node that is in nobody's configuration and knows none: it can be added under this id. */
  newcomer(id: string): Member {
    const member = new Member(
      nodeId(id),
      initialMeta(NO_CONFIGURATION),
      this.#setup,
      this.members.length + 1,
    );
    this.members.push(member);
    return member;
  }

  /** The member n`at`. */
  at(at: number): Member {
    return defined(this.members[at - 1], "test: there is such a member");
  }

  /** Tells one member something and lets it act. */
  step(member: Member, event: NodeEvent): void {
    member.reducer.step(event, this.nowMs);
  }

  write(member: Member, command: Command): number {
    const id = member.nextRequest();
    this.step(member, { kind: "write", id, command });
    return id;
  }

  read(
    member: Member,
    query: Query,
    consistency: Consistency = "linearizable",
    minIndex: number = 0,
  ): number {
    const id = member.nextRequest();
    this.step(member, { kind: "read", id, query, consistency, minIndex });
    return id;
  }

  /** Asks one member for a change of the membership. */
  change(member: Member, request: MembershipRequest): number {
    const id = member.nextRequest();
    this.step(member, { kind: "membership", id, request });
    return id;
  }

  /** Asks one member to hand over. */
  transfer(member: Member, to?: NodeId, from?: NodeId): number {
    const id = member.nextRequest();
    this.step(member, { kind: "transfer", id, to, from });
    return id;
  }

  /** Lets everyone act until nobody has anything left to do, but for what is held back. */
  settle(): void {
    for (let round = 0; round < 1_000; round++) {
      let quiet = true;
      for (const member of this.members) if (this.act(member)) quiet = false;
      if (quiet) return;
    }
    throw new Error("the cluster does not come to rest");
  }

  /** Drains one member, carries out what it wants, and lets its disk and state machine work. Says if any did. */
  act(member: Member): boolean {
    const effects = member.reducer.drain(this.nowMs);
    this.#carryOut(member, effects);
    let busy = effects.send.length > 0 || effects.responses.length > 0;
    if (!member.holdDisk && member.writing.length > 0) {
      busy = true;
      this.flush(member);
    }
    if (!member.holdMachine && member.machine.length > 0) {
      busy = true;
      this.work(member);
    }
    return busy || effects.write !== undefined || effects.apply !== undefined || effects.queries.length > 0;
  }

  /** The disk of a member flushes all that it was given. */
  flush(member: Member): void {
    for (const { seq } of member.writing.splice(0)) this.step(member, { kind: "persisted", seq });
  }

  /** The state machine of a member does all that it was asked for. */
  work(member: Member): void {
    for (const job of member.machine.splice(0)) this.step(member, job());
  }

  /** Time passes for some members, or for all. */
  tick(times: number, members: readonly Member[] = this.members): void {
    for (let at = 0; at < times; at++) {
      this.nowMs += TICK_MS;
      for (const member of members) this.step(member, { kind: "tick" });
      this.settle();
    }
  }

  /** Lets time pass for this member alone until it leads. */
  elect(member: Member): void {
    this.settle();
    for (let at = 0; at < 100 && member.reducer.status().role !== "leader"; at++) this.tick(1, [member]);
    this.tick(2);
  }

  #carryOut(member: Member, effects: Effects): void {
    const { write, send, restore, apply, queries, responses, digests, takeSnapshot, trace } = effects;
    if (write !== undefined) {
      member.writing.push(write);
      member.appended.push(...write.append.filter((entry) => entry.kind === "command"));
    }
    member.sent.push(...send);
    for (const message of send) this.#deliver(message);
    if (restore !== undefined) throw new Error("test: restores are done by hand");
    if (apply !== undefined) {
      member.applies += 1;
      member.machine.push(() => ({ kind: "applied", applied: this.#apply(member, apply) }));
    }
    for (const { ticket, queries: asked } of queries) {
      member.machine.push(() => {
        const answers = asked.map((query) => {
          if (isScanQuery(query))
            return answerScan(query, memorySource(member.table.counters()), () => false);
          if (query.kind !== "get") throw new Error(`${query.kind} is not asked here`);
          return { kind: "get" as const, row: member.table.counter(query.key) };
        });
        const { index, term } = member.position;
        return { kind: "queried", ticket, answers: { answers, index, term } };
      });
    }
    for (const response of responses) {
      const { id } = response;
      if (response.kind === "write" || response.kind === "read") {
        member.answers.set(id, [...(member.answers.get(id) ?? []), response.result]);
      } else member.operated.set(id, [...(member.operated.get(id) ?? []), response.result]);
    }
    member.digests.push(...digests);
    if (takeSnapshot) member.snapshotsAsked++;
    member.trace.push(...trace);
  }

  #deliver(message: Message): void {
    if (this.cut.has(message.from) || this.cut.has(message.to)) return;
    const to = this.members.find(({ id }) => id === message.to);
    if (to !== undefined) this.step(to, { kind: "receive", message });
  }

  #apply(member: Member, { entries, wantOutcomes }: NonNullable<Effects["apply"]>): Applied {
    const outcomes = entries.flatMap((entry) =>
      entry.kind === "command" ? [applyPayload(member.table, decodePayload(entry.data), LIMITS)] : [],
    );
    const { index, term, chain } = defined(entries.at(-1), "test: an apply has entries");
    member.position = { ...member.position, index, term, chain };
    return { index, outcomes: wantOutcomes ? outcomes : [], digests: [], totals: member.table.totals() };
  }
}
