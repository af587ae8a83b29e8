/** What the HTTP API answers while a node is still starting: the process lives, and serves nothing yet. */

import { nodeId } from "../raft/index.ts";
import type { MemberAddress } from "./start.ts";
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

  constructor(options: StartingOptions) {
    this.#options = options;
  }

  /** From now on `real` answers everything. */
  become(real: NodeService): void {
    this.#real = real;
  }

  write: NodeService["write"] = (command) => this.#real?.write(command) ?? Promise.resolve(STARTING);

  read: NodeService["read"] = (query, consistency) =>
    this.#real?.read(query, consistency) ?? Promise.resolve(STARTING);

  checks: NodeService["checks"] = () =>
    this.#real?.checks() ?? [{ name: "started", ok: false, detail: STARTING.detail }];

  status: NodeService["status"] = () => this.#real?.status() ?? this.#startingStatus();

  #startingStatus(): NodeStatus {
    const { id, clusterId, members, version } = this.#options;
    const own = members.find((member) => member.id === id);
    const others = members.filter((member) => member.id !== id);
    return {
      id: nodeId(id),
      incarnation: "",
      clusterId: clusterId ?? "",
      peerAddress: own?.peer ?? "",
      apiUrl: own?.api ?? "",
      state: "forming",
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
