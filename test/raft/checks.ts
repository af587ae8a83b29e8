/**
 * The safety properties of the paper's figure 3, the rules of order P2 to P5 and those of configurations (I8, I12),
 * checked at every step of the kit against the disks as they are at that moment. A violation throws at the step that
 * made it. Quorums are judged by the configuration that was in force on the node when the step began.
 */

import { assert } from "../../src/base/index.ts";
import {
  type Configuration,
  type Entry,
  type Index,
  isQuorum,
  type LogWrite,
  type Message,
  type NodeId,
  type Ready,
} from "../../src/raft/index.ts";
import { type Disk, describeEntry } from "./disk.ts";
import { WrittenLog } from "./written-log.ts";

interface NodeView {
  readonly id: NodeId;
  readonly disk: Disk;
  readonly raft:
    | {
        readonly term: number;
        readonly isLeader: boolean;
        readonly committed: Index;
        readonly configuration: Configuration;
        readonly committedConfiguration: Configuration;
      }
    | undefined;
  readonly starts: number;
}

interface World {
  readonly nodes: ReadonlyMap<string, NodeView>;
}

export class Checks {
  readonly #world: World;
  /** Who led each term: node and start. */
  readonly #leaders = new Map<number, string>();
  /** The chain hash at each (index, term) ever written by anyone: the hash covers all that comes before. */
  readonly #chains = new Map<string, number>();
  /** What has been committed, by index. */
  readonly #committed = new Map<number, { readonly term: number; readonly chain: number }>();
  #commitMax = 0;
  #trusting = false;
  /** What has been applied, by index. */
  readonly #applied: string[] = [];
  /** The log as each node's core sees it, by its writes: durable or not. */
  readonly #logs = new Map<string, WrittenLog>();

  constructor(world: World) {
    this.#world = world;
  }

  /** For a test that makes up answers by hand: elections and commitments are not compared with the disks. */
  trustMessages(): void {
    this.#trusting = true;
  }

  get commitMax(): number {
    return this.#commitMax;
  }

  /** Every applied entry in order, as any node applied it. */
  get history(): readonly string[] {
    return this.#applied;
  }

  started({ id, disk }: NodeView): void {
    this.#logs.set(id, new WrittenLog(disk));
    for (const entry of disk.entries) this.#meet(entry);
  }

  crashed({ id }: NodeView): void {
    this.#logs.delete(id);
  }

  /** Log matching (§5.3): the same index and term mean the same log up to there. */
  #meet(entry: Entry): void {
    const key = `${entry.index}/${entry.term}`;
    const known = this.#chains.get(key);
    assert(known === undefined || known === entry.chain, "check: log matching (figure 3)");
    this.#chains.set(key, entry.chain);
  }

  /** All that a core hands out after one step. */
  collected(node: NodeView, ready: Ready): void {
    const log = this.#logs.get(node.id);
    assert(log !== undefined, "check: the node was started");
    const inForce = log.configuration;
    if (ready.write !== undefined) this.#written(node, log, ready.write);
    for (const event of ready.trace) {
      if (event.kind === "role" && event.role === "leader") this.#elected(node, event.term, inForce);
      if (event.kind === "commit") {
        this.#reached(node, event.index, event.byLeader ? { term: event.term, inForce } : undefined);
      }
    }
    this.#configured(node, log);
  }

  #written(node: NodeView, log: WrittenLog, write: LogWrite): void {
    if (write.install !== undefined) this.#commit(write.install.index, write.install);
    if (write.truncateFrom !== undefined) {
      assert(node.raft?.isLeader !== true, "check: leader append-only (figure 3)");
    }
    const goes = ({ index: at, chain }: Entry): void => {
      assert(this.#committed.get(at)?.chain !== chain, "check: a committed entry is never truncated (I7)");
    };
    log.take(write, goes, (entry) => this.#meet(entry));
  }

  /** What is in force is the last configuration in the log, and all before it are committed (I12). */
  #configured({ raft }: NodeView, log: WrittenLog): void {
    assert(raft !== undefined, "check: the node is up");
    assert(
      raft.configuration === log.configuration ||
        JSON.stringify(raft.configuration) === JSON.stringify(log.configuration),
      "check: the configuration in force is the last one in the log (I12)",
    );
    const open = log.appended.filter((one) => this.#committed.get(one.index)?.chain !== one.chain);
    assert(open.length <= 1, "check: a log holds one uncommitted configuration at the most (I12)");
  }

  /** Election safety (§5.2), leader completeness (§5.4), and votes counted by the configuration in force (§6). */
  #elected(node: NodeView, term: number, inForce: Configuration): void {
    const who = `${node.id}#${node.starts}`;
    assert((this.#leaders.get(term) ?? who) === who, "check: election safety (figure 3)");
    this.#leaders.set(term, who);
    assert(node.disk.hardState.term >= term, "check: a leader's own vote is durable (P3)");
    const voted = (id: string): boolean => {
      const on = this.#world.nodes.get(id)?.disk.hardState;
      return on !== undefined && (on.term > term || (on.term === term && on.vote === node.id));
    };
    assert(
      this.#trusting || isQuorum(inForce, voted),
      "check: a leader has the votes of a quorum (§5.2, §6)",
    );
    for (let at = node.disk.base.index + 1; at <= this.#commitMax; at++) {
      const known = this.#committed.get(at);
      if (known === undefined) continue;
      const here = this.#logs.get(node.id)?.get(at);
      assert(here?.chain === known.chain, "check: leader completeness (figure 3)");
    }
    assert(node.disk.base.index <= this.#commitMax, "check: nothing but committed entries is compacted");
  }

  #reached(
    node: NodeView,
    to: number,
    leader: { readonly term: number; readonly inForce: Configuration } | undefined,
  ): void {
    const log = this.#logs.get(node.id);
    for (let at = to; at > 0; at--) {
      const entry = log?.get(at);
      if (entry === undefined) break;
      const known = this.#committed.get(at);
      if (known !== undefined) {
        assert(known.chain === entry.chain, "check: a committed entry never changes (I7)");
        if (at < to) break;
        continue;
      }
      if (at === to && leader !== undefined) this.#leaderCommits(entry, leader.term, leader.inForce);
      this.#commit(at, entry);
    }
    if (leader === undefined) assert(to <= this.#commitMax, "check: only a leader commits what is new");
  }

  /** At the moment of commitment the entry is on the disks of a quorum, and of the leader's term (I8, §5.4.2). */
  #leaderCommits(entry: Entry, term: number, inForce: Configuration): void {
    assert(entry.term === term, "check: a leader commits by counting only entries of its term (§5.4.2)");
    if (this.#trusting) return;
    const holds = (id: string): boolean => this.#world.nodes.get(id)?.disk.holds(entry) === true;
    assert(isQuorum(inForce, holds), "check: what is committed is on the disks of a quorum (I8)");
  }

  #commit(at: number, entry: { readonly term: number; readonly chain: number }): void {
    const known = this.#committed.get(at);
    assert(known === undefined || known.chain === entry.chain, "check: a committed entry never changes (I7)");
    this.#committed.set(at, { term: entry.term, chain: entry.chain });
    this.#commitMax = Math.max(this.#commitMax, at);
  }

  /** State machine safety (§5.4.3): nobody ever applies something else at the same index. */
  applied({ disk }: NodeView): void {
    const { history, applied } = disk.machine;
    assert(history.length === applied, "check: each entry is applied once");
    for (let at = Math.min(history.length, this.#applied.length) - 1; at >= 0; at--) {
      assert(history[at] === this.#applied[at], "check: state machine safety (figure 3)");
    }
    this.#applied.push(...history.slice(this.#applied.length));
    const last = disk.entries[applied - disk.base.index - 1];
    assert(applied <= disk.last.index, "check: nothing is applied that is not durable here (P7)");
    if (last !== undefined)
      assert(history.at(-1) === describeEntry(last), "check: what is applied is in the log");
  }

  /** The rules of order, against the sender's disk at the moment of sending (I11). */
  leaves({ id, disk }: NodeView, message: Message): void {
    const ahead =
      message.kind === "requestPreVote" || (message.kind === "preVoteResponse" && message.granted);
    if (ahead) return;
    assert(disk.hardState.term >= message.term, "check: a message's term is durable before it leaves (P2)");
    if (disk.hardState.term > message.term) return;
    if (message.kind === "requestVote") {
      assert(disk.hardState.vote === id, "check: a candidate's own vote is durable before it asks (P3)");
      assert(disk.holds(message.last), "check: a candidate's log is durable before it asks (P3)");
    }
    if (message.kind === "voteResponse" && message.granted) {
      assert(disk.hardState.vote === message.to, "check: a vote is durable before it is given (P4)");
    }
    if (message.kind === "appendResponse" && message.ok) {
      assert(
        disk.last.index >= message.match,
        "check: entries are durable before they are acknowledged (P5)",
      );
    }
  }

  /** The members of the latest committed configuration, of those nodes that are there. */
  get members(): readonly NodeId[] {
    const ahead = [...this.#world.nodes.values()].flatMap(({ raft }) => (raft === undefined ? [] : [raft]));
    const [latest] = ahead.toSorted((a, b) => b.committed - a.committed);
    return (latest?.committedConfiguration.members ?? []).map(({ id }) => id);
  }

  /** After a quiet spell the logs of all members agree up to what is committed, and so do their states. */
  converged(): void {
    const members = new Set(this.members);
    for (const { id, disk } of this.#world.nodes.values()) {
      if (!members.has(id)) continue;
      for (const entry of disk.entries) {
        const known = this.#committed.get(entry.index);
        assert(known === undefined || known.chain === entry.chain, "check: the logs agree");
      }
      assert(disk.machine.history.length === this.#applied.length, "check: everyone has applied everything");
    }
  }
}
