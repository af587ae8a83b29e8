/** What the HTTP API answers while a node is still starting: the process lives, and serves nothing yet. */

import { nodeId } from "../raft/index.ts";
import { Live } from "./live.ts";
import type { LiveSource } from "./live-types.ts";
import type { Beginning, MemberAddress } from "./options.ts";
import type { NodeRefusal, NodeService, NodeStatus } from "./types.ts";

export interface StartingOptions {
  readonly id: string;
  readonly clusterId: string | undefined;
  readonly members: readonly MemberAddress[];
  readonly version: string;
}

/**
 * The service of a node that is not there yet. On the first start of a cluster that can take long: until all
 * initial members have met. `become` puts the real one in its place.
 */
export class StartingService implements NodeService {
  readonly #options: StartingOptions;
  readonly #startedMs: number = performance.now();
  #real: NodeService | undefined;
  #beginning: Beginning | undefined;
  /** Give it to the node that is started, so that whoever watches goes on watching. */
  readonly early: Live;

  constructor(options: StartingOptions) {
    this.#options = options;
    this.early = new Live(nodeId(options.id));
    this.early.attach({ status: () => this.status(), checks: () => this.checks() });
  }

  get live(): LiveSource {
    return this.#real?.live ?? this.early;
  }

  /** The data directory has said who this node is: what `NodeOptions.onBeginning` hears. */
  began(beginning: Beginning): void {
    this.#beginning = beginning;
  }

  /** From now on `real` answers everything. */
  become(real: NodeService): void {
    this.#real = real;
  }

  write: NodeService["write"] = (command) => this.#real?.write(command) ?? Promise.resolve(this.#refusal());

  read: NodeService["read"] = (query, consistency, minIndex) =>
    this.#real?.read(query, consistency, minIndex) ?? Promise.resolve(this.#refusal());

  checks: NodeService["checks"] = () =>
    this.#real?.checks() ?? [{ name: "started", ok: false, detail: this.#refusal().detail }];

  status: NodeService["status"] = () => this.#real?.status() ?? this.#startingStatus();

  members: NodeService["members"] = () => this.#real?.members() ?? [];

  changeMembership: NodeService["changeMembership"] = (request) =>
    this.#real?.changeMembership(request) ?? Promise.resolve(this.#refusal());

  planMembership: NodeService["planMembership"] = (request) =>
    this.#real?.planMembership(request) ?? this.#refusal();

  transferLeadership: NodeService["transferLeadership"] = (to, from) =>
    this.#real?.transferLeadership(to, from) ?? Promise.resolve(this.#refusal());

  backup: NodeService["backup"] = () => this.#real?.backup() ?? Promise.resolve(this.#refusal());

  #refusal(): NodeRefusal {
    return this.#beginning?.state === "joining" ? JOINING : STARTING;
  }

  #startingStatus(): NodeStatus {
    const { id, clusterId, members, version } = this.#options;
    const own = members.find((member) => member.id === id);
    const others = members.filter((member) => member.id !== id);
    return {
      id: nodeId(id),
      incarnation: this.#beginning?.incarnation ?? "",
      clusterId: this.#beginning?.clusterId ?? clusterId ?? "",
      peerAddress: own?.peer ?? "",
      apiUrl: own?.api ?? "",
      state: this.#beginning?.state ?? "forming",
      version,
      role: "follower",
      term: 0,
      leader: undefined,
      commit: 0,
      applied: 0,
      last: 0,
      first: 1,
      snapshot: 0,
      revision: 0,
      counters: 0,
      digest: 0,
      rememberedKeys: 0,
      idempotencyWindowMs: 0,
      configuration: { voters: [], outgoing: [], learners: [], members: [], removed: [] },
      peers: others.map((member) => ({
        id: nodeId(member.id),
        api: member.api,
        peer: member.peer,
        reachable: false,
        roundTripMs: undefined,
        match: undefined,
        state: undefined,
      })),
      alarm: undefined,
      uptimeMs: Math.round(performance.now() - this.#startedMs),
    };
  }
}

const STARTING: NodeRefusal = {
  kind: "failed",
  code: "NO_LEADER",
  detail: "this node is still starting; on the first start of a cluster it waits for all members",
  retryAfterMs: 500,
};

const JOINING: NodeRefusal = {
  kind: "failed",
  code: "NO_LEADER",
  detail: "this node is not a member of a cluster yet; it asks to join, or waits until somebody adds it",
  retryAfterMs: 1_000,
};
