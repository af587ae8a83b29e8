/** The core: one deterministic object that is told what happened (`step`) and asked what to do (`ready`). */

import { assert, hash52, Prng } from "../base/index.ts";
import { compact } from "./compaction.ts";
import {
  handlePreVoteResponse,
  handleRequestPreVote,
  handleRequestVote,
  handleTimeoutNow,
  handleVoteResponse,
  hasten,
  maybeVoteForSelf,
  mayCampaign,
  preCampaign,
} from "./election.ts";
import type { Event, ProposalOutcome, RaftOptions, RaftSettings, Ready } from "./events.ts";
import {
  forwardRead,
  handleAppend,
  handleHeartbeat,
  handleReadIndexResponse,
  handleSnapshotReceived,
  hearFromLeader,
} from "./follower.ts";
import { checkInvariants } from "./invariants.ts";
import { handleHeartbeatResponse, handleOwnProgress, propose, tickLeader, transfer } from "./leader.ts";
import { Ledger } from "./ledger.ts";
import { RaftLog } from "./log.ts";
import { proposeConfiguration, tendMembership } from "./membership.ts";
import type { Message, MessageOf } from "./messages.ts";
import { Outbox } from "./outbox.ts";
import { Proposals } from "./proposals.ts";
import { isNoConfiguration } from "./quorum.ts";
import { addRead, maybeBeginReads } from "./read-index.ts";
import { ForwardedReads } from "./reads.ts";
import {
  handleAppendResponse,
  handleSnapshotProgress,
  handleSnapshotSent,
  handleUnreachable,
} from "./replication.ts";
import { becomeFollower } from "./roles.ts";
import { drawTimeout, hasLiveLeader, isHandingOver, leaderOf, type State, say } from "./state.ts";
import { type RaftStatus, statusOf } from "./status.ts";
import {
  type Configuration,
  type EntryId,
  type Index,
  index,
  type NodeId,
  type Term,
  term,
} from "./types.ts";

/** @throws {RangeError} naming the first setting that cannot work. */
function validateSettings(settings: RaftSettings): void {
  for (const [name, value] of Object.entries(settings)) {
    const mayBeZero = name.startsWith("trailing") || name === "commitNewsTicks";
    const positive = mayBeZero ? value >= 0 : value >= 1;
    if (!Number.isFinite(value) || !positive) throw new RangeError(`${name} must be a number of at least 1`);
  }
  if (settings.electionTicks < 3 * settings.heartbeatTicks) {
    throw new RangeError("electionTicks must be at least three times heartbeatTicks");
  }
}

/** Where every log begins. */
const NOTHING: EntryId = { index: index(0), term: term(0) };

export class Raft {
  readonly #state: State;
  #outcomes: ProposalOutcome[] = [];
  /** The configuration that was told last. */
  #configuration: Configuration;

  /**
   * @throws {RangeError} if a setting cannot work.
   * @throws {InvariantViolation} if what was recovered contradicts itself.
   */
  constructor(options: RaftOptions) {
    validateSettings(options.settings);
    const { hardState, base, entries, applied, snapshot } = options;
    const log = new RaftLog(base, entries, { committed: hardState.commit, applied });
    assert(log.last.term <= hardState.term, "raft: the recovered term is not behind the recovered log");
    const follower: State["role"] = {
      kind: "follower",
      leader: undefined,
      ticks: 0,
      timeout: 0,
      hasVoted: false,
      forwarded: new ForwardedReads(),
    };
    this.#state = {
      self: options.self,
      settings: options.settings,
      prng: new Prng(options.seed),
      log,
      ledger: new Ledger(hardState, log.last.index),
      outbox: new Outbox(),
      proposals: new Proposals(),
      term: hardState.term,
      vote: hardState.vote,
      role: follower,
      snapshot,
      uncommittedBytes: 0,
      forwardedBase: hash52([options.seed, "forwarded reads"]),
      reads: [],
      readsFailed: [],
      sendSnapshot: [],
      trace: [],
    };
    this.#configuration = log.configuration;
    follower.timeout = drawTimeout(this.#state);
    // A voter that is alone has nobody to wait for.
    const { voters, outgoing } = log.configuration;
    if (voters.length === 1 && voters[0] === options.self && outgoing.length === 0) follower.timeout = 1;
    checkInvariants(this.#state);
  }

  /** Takes in one event. Never throws but for a broken invariant, which is final. */
  step(event: Event): void {
    const state = this.#state;
    switch (event.kind) {
      case "tick":
        this.#tick();
        break;
      case "receive":
        this.#receive(event.message);
        break;
      case "propose": {
        const reason = propose(state, event);
        if (reason !== undefined) this.#outcomes.push({ id: event.id, kind: "rejected", reason });
        break;
      }
      case "proposeConfiguration": {
        const reason = proposeConfiguration(state, event);
        if (reason !== undefined) this.#outcomes.push({ id: event.id, kind: "rejected", reason });
        break;
      }
      case "read":
        this.#read(event.id);
        break;
      case "transfer":
        if (state.role.kind === "leader") transfer(state, event.to);
        break;
      case "persisted":
        state.ledger.persisted(event.seq);
        maybeVoteForSelf(state);
        if (state.role.kind === "leader") handleOwnProgress(state);
        break;
      case "applied":
        state.log.appliedTo(event.index);
        break;
      case "snapshotTaken":
        compact(state, event.snapshot);
        break;
      case "snapshotReceived":
        handleSnapshotReceived(state, event.snapshot);
        break;
      case "snapshotProgress":
        handleSnapshotProgress(state, event.to);
        break;
      case "snapshotSent":
        handleSnapshotSent(state, event.to, event.ok);
        break;
      case "unreachable":
        this.#unreachable(event.peer);
        break;
      case "reachable":
        hasten(state);
        break;
    }
    if (state.role.kind === "leader") tendMembership(state);
    checkInvariants(state);
  }

  /**
   * What is to be done now. Each thing is handed out once; the caller does all of it, in the order of the
   * fields. Called after one event or after several: what several events ask for is gathered into one write and
   * one round of reads.
   * @param applyBytesMax hand out at most this many bytes of entries to apply, but at least one entry if it is
   *   not 0; the rest comes with a later call. For a state machine that is slower than the log.
   */
  ready(applyBytesMax: number = Number.POSITIVE_INFINITY): Ready {
    const state = this.#state;
    if (state.role.kind === "leader") maybeBeginReads(state);
    const write = state.ledger.take(state);
    const { send, sendAfter } = state.outbox.take(state.ledger);
    const settled = state.proposals.takeSettled(state.log, state.log.committed);
    const outcomes = [...this.#outcomes, ...settled];
    this.#outcomes = [];
    this.#tellConfiguration();
    return {
      write,
      send,
      sendAfter,
      restore: state.ledger.takeInstalled(),
      apply: state.log.takeUnapplied(state.ledger.durable, applyBytesMax),
      reads: state.reads.splice(0),
      readsFailed: state.readsFailed.splice(0),
      outcomes,
      sendSnapshot: state.sendSnapshot.splice(0),
      trace: state.trace.splice(0),
    };
  }

  status(): RaftStatus {
    return statusOf(this.#state);
  }

  /** Cheap parts of {@link status}, for every request. */
  get leader(): NodeId | undefined {
    return leaderOf(this.#state);
  }

  get isLeader(): boolean {
    return this.#state.role.kind === "leader";
  }

  get term(): Term {
    return this.#state.term;
  }

  get applied(): Index {
    return this.#state.log.applied;
  }

  get committed(): Index {
    return this.#state.log.committed;
  }

  /** Bytes of the entries that the state machine has not applied. */
  get unappliedBytes(): number {
    return this.#state.log.unappliedBytes;
  }

  get configuration(): Configuration {
    return this.#state.log.configuration;
  }

  /** The configuration that cannot be undone any more. */
  get committedConfiguration(): Configuration {
    return this.#state.log.committedConfiguration;
  }

  /** Whether a snapshot taken now would know its configuration: not on a node that has only begun to join. */
  get mayTakeSnapshot(): boolean {
    return !isNoConfiguration(this.#state.log.appliedConfiguration);
  }

  /** Whether this node leads and takes no more proposals, because it hands over. */
  get transferring(): boolean {
    return isHandingOver(this.#state);
  }

  /** Says so when another configuration is in force, however that came about. */
  #tellConfiguration(): void {
    const { log, trace } = this.#state;
    if (this.#configuration === log.configuration) return;
    this.#configuration = log.configuration;
    trace.push({ kind: "configuration", index: log.configurationIndex, configuration: log.configuration });
  }

  #tick(): void {
    const state = this.#state;
    const { role } = state;
    state.ledger.tick();
    if (role.kind === "leader") return tickLeader(state);
    role.ticks++;
    if (role.kind === "follower") {
      state.readsFailed.push(...role.forwarded.takeOverdue(2 * state.settings.electionTicks));
    }
    if (role.ticks < role.timeout) return;
    if (mayCampaign(state)) return preCampaign(state);
    // A learner, or a node whose disk hangs, cannot campaign; it just no longer knows a leader.
    if (role.kind !== "follower" || role.leader !== undefined) {
      becomeFollower(state, { term: state.term, leader: undefined, why: "no word from a leader" });
    }
  }

  #read(id: number): void {
    const state = this.#state;
    const { role } = state;
    if (role.kind === "leader") return addRead(state, { id, origin: state.self });
    if (role.kind === "follower") return forwardRead(state, role, id);
    state.readsFailed.push(id);
  }

  /**
   * The link to a peer broke. A follower whose leader is gone does not wait out its timer: its lease on the leader
   * ends, so that it may grant a pre-vote, and it asks soon. If the leader lives, the others refuse.
   */
  #unreachable(peer: NodeId): void {
    const state = this.#state;
    handleUnreachable(state, peer);
    const { role, settings } = state;
    if (role.kind !== "follower" || role.leader !== peer) return;
    const soon = role.timeout - state.prng.between(1, settings.heartbeatTicks + 1);
    role.ticks = Math.max(role.ticks, soon, settings.electionTicks);
  }

  /** The term gate (§5.1), then one handler for each kind. */
  #receive(message: Message): void {
    const state = this.#state;
    assert(message.to === state.self, "raft: a message reaches the node it is meant for");
    if (message.term > state.term && !this.#meetHigherTerm(message)) return;
    if (message.term < state.term) return this.#answerStale(message);
    this.#dispatch(message);
  }

  /** Enters the higher term, unless the message does not call for that; false if it is to be ignored. */
  #meetHigherTerm(message: Message): boolean {
    const state = this.#state;
    switch (message.kind) {
      case "requestPreVote":
        return true;
      case "preVoteResponse":
        if (message.granted) return true;
        break;
      case "requestVote":
        // A node that was cut off or removed must not depose a leader that is well (thesis §4.2.3).
        if (!message.transfer && hasLiveLeader(state) && leaderOf(state) !== message.from) return false;
        break;
      default:
    }
    const leads = message.kind === "append" || message.kind === "heartbeat";
    const why = `${message.from} is in a higher term`;
    becomeFollower(state, { term: message.term, leader: leads ? message.from : undefined, why });
    return true;
  }

  /** A message of an earlier term changes nothing; where the sender must learn of ours, it is told. */
  #answerStale(message: Message): void {
    const state = this.#state;
    switch (message.kind) {
      case "append":
      case "heartbeat": {
        // Also a leader that lags behind our term learns of it, or it could never be replaced (T07). One that leads our
        // term by now, and sent this in an earlier one, must not take it for a refusal of what it asks today.
        return say(state, message.from, {
          kind: "appendResponse",
          ok: false,
          rejected: NOTHING.index,
          hint: NOTHING,
        });
      }
      case "requestPreVote":
        return handleRequestPreVote(state, message);
      case "requestVote":
        return say(state, message.from, { kind: "voteResponse", granted: false });
      default:
    }
  }

  #dispatch(message: Message): void {
    const state = this.#state;
    switch (message.kind) {
      case "requestPreVote":
        return handleRequestPreVote(state, message);
      case "preVoteResponse":
        return handlePreVoteResponse(state, message);
      case "requestVote":
        return handleRequestVote(state, message);
      case "voteResponse":
        return handleVoteResponse(state, message);
      case "append":
        this.#followSender(message);
        return handleAppend(state, message);
      case "heartbeat":
        this.#followSender(message);
        return handleHeartbeat(state, message);
      case "appendResponse":
        return state.role.kind === "leader" ? handleAppendResponse(state, message) : undefined;
      case "heartbeatResponse":
        return state.role.kind === "leader" ? handleHeartbeatResponse(state, message) : undefined;
      case "timeoutNow":
        return handleTimeoutNow(state, message);
      case "readIndex":
        if (state.role.kind === "leader") return addRead(state, { id: message.id, origin: message.from });
        return say(state, message.from, { kind: "readIndexResponse", id: message.id, ok: false });
      case "readIndexResponse":
        return handleReadIndexResponse(state, message);
    }
  }

  /** The sender leads this term: a candidate gives way, a follower's timer begins anew. */
  #followSender(message: MessageOf<"append" | "heartbeat">): void {
    const state = this.#state;
    assert(state.role.kind !== "leader", "raft: two leaders in one term (election safety, §5.2)");
    if (state.role.kind !== "follower") {
      const why = `${message.from} leads this term`;
      becomeFollower(state, { term: state.term, leader: message.from, why });
    }
    hearFromLeader(state, message.from);
  }
}
