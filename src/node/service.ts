/** What the HTTP API sees of a running node. */

import type { Command } from "../counter/index.ts";
import type { Query } from "../store/index.ts";
import type { Transport } from "../transport/index.ts";
import type { NodeDriver } from "./driver.ts";
import type { NodeReducer } from "./reducer.ts";
import type { MemberAddress } from "./start.ts";
import type {
  Check,
  Consistency,
  NodeService,
  NodeStatus,
  PeerStatus,
  ReadResult,
  WriteResult,
} from "./types.ts";

/** A node that has applied less than what it knows to be committed, by more entries than this, is not ready. */
const LAG_ENTRIES_MAX = 1_000;

interface Parts {
  readonly driver: NodeDriver;
  readonly reducer: NodeReducer;
  readonly transport: Transport;
  readonly clusterId: string;
  readonly incarnation: string;
  /** This node's addresses, as it was told. */
  readonly own: MemberAddress | undefined;
  readonly version: string;
}

export class Service implements NodeService {
  readonly #parts: Parts;
  readonly #startedMs = performance.now();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  write(command: Command): Promise<WriteResult> {
    return this.#parts.driver.write(command);
  }

  read(query: Query, consistency: Consistency): Promise<ReadResult> {
    return this.#parts.driver.read(query, consistency);
  }

  status(): NodeStatus {
    const { driver, reducer, clusterId, incarnation, own, version } = this.#parts;
    const raft = driver.status();
    const { totals } = driver;
    const leader = raft.configuration.members.find(({ id }) => id === raft.leader);
    return {
      id: raft.self,
      incarnation,
      clusterId,
      peerAddress: own?.peer ?? "",
      apiUrl: own?.api ?? "",
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
    return [
      {
        name: "leader",
        ok: leader !== undefined,
        detail: leader === undefined ? `no leader is known in term ${term}` : `${leader} leads term ${term}`,
      },
      { name: "applied", ok: lag <= LAG_ENTRIES_MAX, detail: `${lag} committed entries are not applied` },
      { name: "state", ok: !reducer.diverged, detail: reducer.alarm ?? "agrees with the other nodes" },
      {
        name: "serving",
        ok: !reducer.stopping,
        detail: reducer.stopping ? "shutting down" : "not shutting down",
      },
    ];
  }
}

/** Milliseconds without digits that mean nothing. */
function microseconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(ms * 1_000) / 1_000;
}
