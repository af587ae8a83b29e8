/** What the HTTP API sees of a running node. */

import type { Command } from "../counter/index.ts";
import type { Configuration, Member, NodeId } from "../raft/index.ts";
import type { Query } from "../store/index.ts";
import type { Transport } from "../transport/index.ts";
import { diskCheck } from "./disk-check.ts";
import type { NodeDriver } from "./driver.ts";
import type { Live } from "./live.ts";
import type { NodeReducer } from "./reducer.ts";
import type {
  BackupResult,
  Check,
  Consistency,
  MemberStatus,
  MembershipRequest,
  MembershipResult,
  NodeService,
  NodeStatus,
  PeerStatus,
  PlanResult,
  ReadResult,
  TransferResult,
  WriteResult,
} from "./types.ts";

/** A node that has applied less than what it knows to be committed, by more entries than this, is not ready. */
const LAG_ENTRIES_MAX = 1_000;

interface Parts {
  readonly driver: NodeDriver;
  readonly reducer: NodeReducer;
  readonly transport: Transport;
  readonly clusterId: string;
  /** This node as it should stand in the configuration. */
  readonly own: Member;
  readonly version: string;
  readonly live: Live;
}

export class Service implements NodeService {
  readonly #parts: Parts;
  readonly #startedMs = performance.now();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  get live(): Live {
    return this.#parts.live;
  }

  write(command: Command): Promise<WriteResult> {
    return this.#parts.driver.write(command);
  }

  read(query: Query, consistency: Consistency, minIndex?: number): Promise<ReadResult> {
    return this.#parts.driver.read(query, consistency, minIndex);
  }

  changeMembership(request: MembershipRequest): Promise<MembershipResult> {
    return this.#parts.driver.changeMembership(request);
  }

  planMembership(request: MembershipRequest): PlanResult {
    return this.#parts.reducer.plan(request);
  }

  transferLeadership(to: NodeId | undefined, from?: NodeId): Promise<TransferResult> {
    return this.#parts.driver.transferLeadership(to, from);
  }

  backup(): Promise<BackupResult> {
    return this.#parts.driver.backup();
  }

  members(): readonly MemberStatus[] {
    const { driver } = this.#parts;
    const { self, role, leader, last, configuration, progress, caughtUp } = driver.status();
    return configuration.members.map((member) => {
      const { id } = member;
      const own = role === "leader" ? last : undefined;
      return {
        ...member,
        role: roleOf(configuration, id),
        leads: id === leader,
        reachable: id === self || driver.reachable.has(id),
        match: id === self ? own : progress.get(id)?.match,
        catchUp: caughtUp.includes(id) ? undefined : driver.catchUp(id),
      };
    });
  }

  status(): NodeStatus {
    const { driver, reducer, clusterId, own, version } = this.#parts;
    const raft = driver.status();
    const { totals } = driver;
    const leader = raft.configuration.members.find(({ id }) => id === raft.leader);
    return {
      id: raft.self,
      incarnation: own.incarnation,
      clusterId,
      peerAddress: own.peer,
      apiUrl: own.api,
      state: "running",
      version,
      role: raft.role,
      term: raft.term,
      leader: leader === undefined ? undefined : { id: leader.id, url: leader.api },
      commit: raft.committed,
      applied: raft.applied,
      last: raft.last,
      first: raft.first,
      snapshot: raft.snapshot ?? 0,
      revision: totals.revision,
      counters: totals.counters,
      digest: totals.digest,
      rememberedKeys: totals.rememberedKeys,
      idempotencyWindowMs: totals.idempotencyWindowMs,
      configuration: raft.configuration,
      peers: this.#peers(),
      alarm: reducer.alarm,
      uptimeMs: Math.round(performance.now() - this.#startedMs),
    };
  }

  #peers(): readonly PeerStatus[] {
    const { driver, transport } = this.#parts;
    const raft = driver.status();
    const roundTrips = transport.roundTrips();
    return raft.configuration.members
      .filter(({ id }) => id !== raft.self)
      .map(({ id, api, peer }) => {
        const progress = raft.progress.get(id);
        return {
          id,
          api,
          peer,
          reachable: driver.reachable.has(id),
          roundTripMs: microseconds(roundTrips.get(id)),
          match: progress?.match,
          state: progress?.state,
        };
      });
  }

  checks(): readonly Check[] {
    const { driver, reducer } = this.#parts;
    const { leader, term, committed, applied } = driver.status();
    const lag = committed - applied;
    // A node that is only being sent what the others hold knows of nothing that it lacks.
    const hasCaughtUp = reducer.ageMs(performance.now()) !== undefined;
    return [
      {
        name: "leader",
        ok: leader !== undefined,
        detail: leader === undefined ? `no leader is known in term ${term}` : `${leader} leads term ${term}`,
      },
      hasCaughtUp
        ? { name: "applied", ok: lag <= LAG_ENTRIES_MAX, detail: `${lag} committed entries are not applied` }
        : { name: "applied", ok: false, detail: "has not caught up with the cluster since it started" },
      diskCheck(this.#parts.live),
      {
        name: "state",
        ok: !reducer.diverged,
        detail: reducer.alarm ?? "no difference to another node was seen",
      },
      {
        name: "serving",
        ok: !reducer.stopping,
        detail: reducer.stopping ? "shutting down" : "not shutting down",
      },
    ];
  }
}

/** What a member is in the configuration, which may be joint. */
function roleOf({ voters, outgoing, learners }: Configuration, id: NodeId): MemberStatus["role"] {
  if (learners.includes(id)) return "learner";
  if (outgoing.length === 0) return "voter";
  if (!outgoing.includes(id)) return "joining";
  return voters.includes(id) ? "voter" : "leaving";
}

/** Milliseconds without digits that mean nothing. */
function microseconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(ms * 1_000) / 1_000;
}
