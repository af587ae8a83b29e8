/** What a node has to be told to start. */

import type { RaftSettings } from "../raft/index.ts";
import type { NodeSettings, NodeTrace } from "./events.ts";
import type { Live } from "./live.ts";
import type { NodeNotice } from "./notices.ts";
import type { NodeParts } from "./parts.ts";

/** A member as it is named on a command line. */
export interface MemberAddress {
  /** 1 to 32 of `a-z 0-9 -`. */
  readonly id: string;
  /** host:port for its peers. */
  readonly peer: string;
  /** The URL that clients are sent to, without a trailing slash. */
  readonly api: string;
}

/** How a fresh node finds the cluster that it is to become a member of. */
export interface JoinOptions {
  /** host:port of peers to ask; called before each round, so that what a name stands for may change. */
  readonly seeds: () => Promise<readonly string[]>;
  /**
   * `wait`: only look whether somebody has added this node. `learner`: ask to be added, without a vote. `voter`:
   * ask to be added, and for a vote once it has caught up.
   */
  readonly as: "wait" | "learner" | "voter";
}

/** What is known of a node that does not take part yet. */
export interface Beginning {
  readonly state: "joining" | "forming";
  readonly incarnation: string;
  /** Undefined while a node that joins has not learnt it. */
  readonly clusterId: string | undefined;
}

export interface NodeOptions {
  readonly id: string;
  /** Undefined only with `join`: a node that joins learns it, and is refused by another cluster if it is given. */
  readonly clusterId: string | undefined;
  /**
   * A new cluster: all initial members, the same on every node. With `join`, and on a node that belongs to a cluster
   * already, this node's own row counts: where that differs from what the cluster knows, the node says that it moved.
   * The other rows are then hints: members that the cluster knows and cannot reach are looked for there as well.
   */
  readonly members: readonly MemberAddress[];
  /** On an empty data directory: become a member of a cluster that runs already. Later on only `as: "voter"` counts. */
  readonly join?: JoinOptions;
  /**
   * How long the first start of a new cluster listens for members of an older one of the same name, which would know
   * this node otherwise, ms; 0 by default, for a cluster whose id was drawn just now.
   */
  readonly foundingMs?: number;
  /** While this node leads: removes a member that was not heard of for this long, ms. Never, by default. */
  readonly autoremoveMs?: number;
  /** Voters that the cluster is to have: it is never made smaller than this by itself. 3 by default. */
  readonly wantedVoters?: number;
  readonly directory: string;
  readonly listenPeer: { readonly host: string; readonly port: number };
  /** Where to connect instead of some addresses of peers, host:port to host:port: for links, snapshots and joining. */
  readonly detours?: ReadonlyMap<string, string>;
  /** Shared by all nodes; may be empty only if every peer address is loopback. */
  readonly secret: string;
  readonly version: string;
  readonly settings?: { readonly raft?: Partial<RaftSettings>; readonly node?: Partial<NodeSettings> };
  /** Tells of the node while it works; that of the `StartingService`, if there is one. */
  readonly live?: Live;
  /** In the place of the real disk and network. */
  readonly parts?: NodeParts;
  readonly onNotice: (notice: NodeNotice) => void;
  /** Hears who this node is as soon as its data directory has said so, for `StartingService.began`. */
  readonly onBeginning?: (beginning: Beginning) => void;
  /** Every transition of the core and the node, for metrics and events. */
  readonly onTrace?: (trace: NodeTrace) => void;
  /**
   * Something happened that is final: something broke, the node was removed ({@link RemovedFromCluster}), or it founds
   * a second time a cluster that knows it already ({@link RefusedByPeer}). The process has to exit with an error.
   * Called at most once.
   */
  readonly onFatal: (error: Error) => void;
  /** Stops a start that still waits for other members. */
  readonly signal?: AbortSignal;
}
