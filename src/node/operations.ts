/**
 * The part of the reducer that changes the cluster: requests for the membership and for leadership, what members
 * announce of themselves, and whom a leader removes by itself. No clock, no I/O.
 */

import {
  index as indexOf,
  type Member,
  memberOf,
  type NodeId,
  type ProposalOutcome,
  type Raft,
  type RaftStatus,
} from "../raft/index.ts";
import { Autoremove } from "./autoremove.ts";
import type { NodeSettings, NodeTrace, RequestId, Response } from "./events.ts";
import { Heard } from "./heard.ts";
import { isSameMember, judge, judgeAsked, planOf, type Standing } from "./membership-plan.ts";
import { MembershipQueue, type PendingChange } from "./membership-queue.ts";
import { stopping } from "./refusals.ts";
import { TransferQueue, type TransferWish } from "./transfer-queue.ts";
import type { MembershipRequest, NodeRefusal, PlanResult } from "./types.ts";

const NO_LEADER_NOW: NodeRefusal = {
  kind: "failed",
  code: "NO_LEADER",
  detail: "No leader is known now, and only a leader can tell. Try again when a majority of voters is up.",
  retryAfterMs: 1_000,
};

export interface OperationsOptions {
  readonly raft: Raft;
  readonly self: NodeId;
  readonly settings: NodeSettings;
  /** A peer that was silent for longer counts as out of reach. */
  readonly reachableTicks: number;
  /** Ticks between two heartbeats. */
  readonly heartbeatTicks: number;
}

export class Operations {
  readonly #raft: Raft;
  readonly #self: NodeId;
  readonly #settings: NodeSettings;
  readonly #changes = new MembershipQueue();
  readonly #transfers = new TransferQueue();
  readonly #heard: Heard;
  readonly #autoremove: Autoremove;
  readonly #reachableTicks: number;
  readonly #heartbeatTicks: number;
  /** Ticks that this node has led for without a break. */
  #officeTicks = 0;
  /** A node that stops takes nothing new into its log. */
  #stopping = false;
  #trace: NodeTrace[] = [];
  /** Peers whose link went down, and of which nothing was heard since. */
  readonly #unlinked: Set<NodeId> = new Set();
  /** Peers that could not be sent a configuration when they were last linked, and whether they are linked now. */
  readonly #outdated: Map<NodeId, boolean> = new Map();

  constructor({ raft, self, settings, reachableTicks, heartbeatTicks }: OperationsOptions) {
    this.#raft = raft;
    this.#self = self;
    this.#settings = settings;
    this.#reachableTicks = reachableTicks;
    this.#heartbeatTicks = heartbeatTicks;
    this.#heard = new Heard(reachableTicks);
    this.#autoremove = new Autoremove(settings, this.#heard);
  }

  /** Whether anything waits for an answer. */
  get isEmpty(): boolean {
    return this.#changes.isEmpty && this.#transfers.isEmpty;
  }

  change(id: RequestId, request: MembershipRequest, nowMs: number): void {
    this.#changes.add({ id, request, arrivedMs: nowMs });
  }

  transfer(id: RequestId, { to, from }: TransferWish, nowMs: number): void {
    this.#transfers.add({ id, to, from, nowMs });
  }

  /** Whether a member was heard of lately; true for this node. */
  readonly isReachable = (id: NodeId): boolean => id === this.#self || this.#heard.isReachable(id);

  /** The same, and its link has not gone down since: a process that has died was heard of a moment ago. */
  readonly #isAtHand = (id: NodeId): boolean => this.isReachable(id) && !this.#unlinked.has(id);

  /** A link that is down for a moment makes no difference. */
  readonly #isOutdated = (id: NodeId): boolean => {
    const linked = this.#outdated.get(id);
    return linked === true || (linked === false && this.isReachable(id));
  };

  heard(peer: NodeId): void {
    this.#heard.heard(peer);
    this.#unlinked.delete(peer);
  }

  linked(peer: NodeId, outdated: boolean): void {
    this.#unlinked.delete(peer);
    if (outdated) this.#outdated.set(peer, true);
    else this.#outdated.delete(peer);
  }

  unlinked(peer: NodeId): void {
    this.#unlinked.add(peer);
    if (this.#outdated.has(peer)) this.#outdated.set(peer, false);
  }

  stop(): void {
    this.#stopping = true;
  }

  tick(nowMs: number): void {
    this.#heard.tick(nowMs);
    this.#officeTicks = this.#raft.isLeader ? this.#officeTicks + 1 : 0;
    this.#changes.expire(nowMs, this.#settings, this.#raft.isLeader);
    this.#transfers.expire(nowMs, this.#settings);
    if (this.#settings.autoremoveMs === undefined) return;
    this.#autoremove.tick(this.#raft.isLeader ? this.#raft.configuration : undefined);
    this.#removeSilent(nowMs);
  }

  /** A member says what the configuration should say of it. It says so again until that is so. */
  announced(member: Member, wantsVote: boolean, nowMs: number): void {
    const status = this.#freeToChange();
    const known = status === undefined ? undefined : memberOf(status.configuration, member.id);
    if (status === undefined || known?.incarnation !== member.incarnation) return;
    if (!isSameMember(known, member)) this.#want({ kind: "move", member }, nowMs);
    else if (wantsVote && status.caughtUp.includes(member.id)) {
      this.#want({ kind: "promote", id: member.id }, nowMs);
    }
  }

  /** Goes on with what waits: refuses, redirects, proposes. Before the core is asked what to do. */
  advance(): void {
    this.#advanceTransfers();
    const { leader, isLeader } = this.#raft;
    if (this.#changes.waiting.length === 0 || leader === undefined) return;
    if (!isLeader) return this.#redirect(leader);
    const status = this.#raft.status();
    if (this.#stopping) {
      // Whoever takes over takes these; but where nobody can, they end here.
      const others = status.configuration.voters.some((id) => id !== this.#self);
      if (!others) for (const change of this.#changes.waiting) this.#changes.refuse(change, stopping());
      return;
    }
    if (!status.opened || status.transferring) return;
    for (const change of this.#changes.waiting) this.#begin(change);
  }

  #begin(change: PendingChange): void {
    const status = this.#raft.status();
    if (this.#isUncertain(change.request)) return;
    const judgement = judgeAsked(this.#standing(status), change.request);
    switch (judgement.kind) {
      case "done":
        return this.#changes.standsAt(change, status.configurationIndex);
      case "refused":
        if (judgement.refusal.code === "WOULD_LOSE_QUORUM" && !this.#isInformed) return;
        return this.#changes.refuse(change, judgement.refusal);
      case "change": {
        const id = this.#changes.propose(change);
        return this.#raft.step({ kind: "proposeConfiguration", id, change: judgement.change });
      }
    }
  }

  /** Whether a moment will tell if the one whom a request is about runs. */
  #isUncertain(request: MembershipRequest): boolean {
    switch (request.kind) {
      case "move":
        return !this.#isInformed && !this.isReachable(request.member.id);
      case "promote":
        return this.isReachable(request.id) && !this.#isAnswering(request.id);
      case "replace":
        return this.isReachable(request.by) && !this.#isAnswering(request.by);
      default:
        return false;
    }
  }

  /** Whether a peer was heard of within two heartbeats, and a tick for the way. */
  readonly #isAnswering = (id: NodeId): boolean =>
    id === this.#self || this.#heard.isReachable(id, 2 * this.#heartbeatTicks + 1);

  /** Whether this leader has been in office for long enough to have heard of everyone who can be reached. */
  get #isInformed(): boolean {
    return this.#officeTicks > this.#reachableTicks;
  }

  #redirect(leader: NodeId): void {
    const url = memberOf(this.#raft.configuration, leader)?.api;
    // A leader that is not in our configuration yet will be, once its entries arrive.
    if (url === undefined) return;
    for (const change of this.#changes.waiting)
      this.#changes.refuse(change, { kind: "redirect", leader, url });
  }

  #advanceTransfers(): void {
    if (this.#transfers.isEmpty) return;
    const { leader, transferring, configuration } = this.#raft;
    this.#transfers.advance({
      self: this.#self,
      leader,
      transferring,
      configuration,
      reachable: (id) => this.isReachable(id) || !this.#isInformed,
      begin: (to) => {
        this.#raft.step({ kind: "transfer", to });
        return this.#raft.transferring;
      },
    });
  }

  /** Whether a proposal is one of these; if so, its fate is taken in. */
  settle(outcome: ProposalOutcome): boolean {
    if (!this.#changes.owns(outcome.id)) return false;
    this.#changes.settle(outcome);
    return true;
  }

  /** The answers that are due. After the core was asked what to do. */
  takeResponses(): readonly Response[] {
    if (!this.#changes.isEmpty) {
      const { committed, configurationIndex } = this.#raft.status();
      this.#changes.resolve({
        committedIndex: committed,
        committed: this.#raft.committedConfiguration,
        configurationIndex,
      });
    }
    const changes = this.#changes.takeAnswers();
    const transfers = this.#transfers.takeAnswers();
    if (changes.length === 0 && transfers.length === 0) return [];
    return [
      ...changes.map(({ id, result }): Response => ({ kind: "membership", id, result })),
      ...transfers.map(({ id, result }): Response => ({ kind: "transfer", id, result })),
    ];
  }

  takeTrace(): readonly NodeTrace[] {
    const trace = this.#trace;
    this.#trace = [];
    return trace;
  }

  /** Ends everything that waits: the process is about to exit. */
  abandon(): void {
    this.#changes.abandon();
    this.#transfers.abandon();
  }

  /** What a change would mean. */
  plan(request: MembershipRequest): PlanResult {
    const status = this.#raft.status();
    const { leader, configuration } = status;
    if (leader === undefined) return NO_LEADER_NOW;
    // A request would wait while it is uncertain whether somebody runs; a plan tells what it would then find.
    const standing = { ...this.#standing(status), answering: this.isReachable };
    if (leader === this.#self) return { kind: "planned", plan: planOf(standing, request) };
    const url = memberOf(configuration, leader)?.api;
    return url === undefined ? NO_LEADER_NOW : { kind: "redirect", leader, url };
  }

  #standing(status: RaftStatus): Standing {
    const { configuration, configurationIndex, committed, caughtUp, progress, last } = status;
    return {
      configuration,
      settled: configuration.outgoing.length === 0 && configurationIndex <= committed,
      caughtUp,
      reachable: this.#isAtHand,
      answering: this.#isAnswering,
      outdated: this.#isOutdated,
      held: (id) => ({ match: progress.get(id)?.match ?? indexOf(0), last }),
    };
  }

  /** The state of a leader that could change the configuration now; undefined if it cannot. */
  #freeToChange(): RaftStatus | undefined {
    if (!this.#raft.isLeader || this.#stopping || this.#changes.isChanging) return undefined;
    const status = this.#raft.status();
    const settled =
      status.configuration.outgoing.length === 0 && status.configurationIndex <= status.committed;
    return settled && status.opened && !status.transferring ? status : undefined;
  }

  /** Proposes what this node itself wants, if it can be done now. */
  #want(request: MembershipRequest, nowMs: number): boolean {
    const judgement = judge(this.#standing(this.#raft.status()), request);
    if (judgement.kind !== "change") return false;
    const id = this.#changes.propose({ id: undefined, request, arrivedMs: nowMs });
    this.#raft.step({ kind: "proposeConfiguration", id, change: judgement.change });
    return true;
  }

  #removeSilent(nowMs: number): void {
    const due = this.#autoremove.due(this.#raft.configuration, this.#self);
    if (due.length === 0 || this.#freeToChange() === undefined) return;
    for (const { id, silentMs } of due) {
      if (!this.#want({ kind: "remove", id }, nowMs)) continue;
      this.#trace.push({ kind: "autoremove", peer: id, silentMs });
      return;
    }
  }
}
