/**
 * One member of the cluster.
 *
 *     const node = await startNode({ id, clusterId, members, directory, listenPeer, secret, … })
 *     await node.service.write({ operation: { kind: "add", key: "visits", by: 1n } })
 *     await node.service.read({ kind: "get", key: "visits" }, "linearizable")
 *     await node.drain(2_500); await node.close()
 *
 *     await node.service.changeMembership({ kind: "replace", id: "n3", by: "n4" })
 *
 * Two halves, with one door between them (`events.ts`):
 *
 *   reducer.ts       decides. Raft, the requests that wait on it, snapshots, digests: events in, effects out, no
 *                    clock, no I/O. write-queue.ts and read-queue.ts follow each request from its arrival to its
 *                    one answer; contact.ts knows how old the state may be; soundness.ts compares replicas.
 *                    operations.ts is its part for changing the cluster: membership-queue.ts and transfer-queue.ts
 *                    follow the requests, membership-plan.ts judges them, autoremove.ts adds its own.
 *   driver.ts        acts. Feeds what happened, carries out what is asked for, and gathers everything of one turn
 *                    of the event loop, so that it shares an entry, a flush of the disk and a round of heartbeats.
 *                    neighbours.ts keeps the transport to the configuration of the log.
 *
 * Around them: start.ts brings a node up and down, formation.ts holds the first start of a cluster until all
 * members have met, join.ts asks a running cluster to take this node in, and join-desk.ts answers who asks;
 * snapshot-transfers.ts moves snapshot files beside the links, snapshot-keeper.ts takes them, service.ts is what the
 * HTTP API sees, starting.ts what it sees before that.
 * live.ts tells of all this while it happens (pictures, events, counts), for the dashboard and for metrics; it listens to
 * the trace, and to the store and the transport through live-store.ts and live-transport.ts.
 * parts.ts names what a node opens of the world, for those who put something else there.
 */
/** The nouns in which members are named, for whoever reads them from a request. */
export { type Configuration, isNodeId, type Member, type NodeId, nodeId } from "../raft/index.ts";
/** Backups, and what the command line does with a data directory while no node runs on it. */
export {
  type BackupManifest,
  type BackupStream,
  type DirectoryReport,
  holdsNothing,
  inspectDirectory,
  isInUse,
  type Recovery,
  type RecoveryOutlook,
  type Restored,
  readBackup,
  recoverDirectory,
  recoveryOutlook,
  restoreBackup,
  writeBackup,
} from "../store/index.ts";
export { RefusedByPeer, RemovedFromCluster } from "./errors.ts";
export {
  type Effects,
  NODE_SETTINGS,
  type NodeEvent,
  type NodeSettings,
  type NodeTrace,
  type RequestId,
  type Response,
} from "./events.ts";
export { Live, type LiveParts } from "./live.ts";
export {
  type ClusterEvent,
  type ClusterEventKind,
  type DiskSpace,
  type LiveCounts,
  type LiveObserver,
  type LiveSource,
  type MessageCount,
  type NodePicture,
  type PictureViewer,
  SLOW_WRITE_MS,
  type Spread,
  type TailEntry,
  type Tally,
  type Traffic,
} from "./live-types.ts";
export type { NodeNotice } from "./notices.ts";
export type { Beginning, JoinOptions, MemberAddress, NodeOptions } from "./options.ts";
export { type NodeParts, REAL_PARTS } from "./parts.ts";
export { NodeReducer, type ReducerOptions } from "./reducer.ts";
export { RAFT_SETTINGS, type RunningNode, startNode, TICK_MS } from "./start.ts";
export { type StartingOptions, StartingService } from "./starting.ts";
export type {
  Backup,
  BackupResult,
  Check,
  ClusterOperations,
  Consistency,
  FaultTolerance,
  MemberStatus,
  MembershipPlan,
  MembershipRefusal,
  MembershipRequest,
  MembershipResult,
  NodeRefusal,
  NodeService,
  NodeStatus,
  PeerStatus,
  PlanResult,
  ReadResult,
  TransferResult,
  WriteResult,
} from "./types.ts";
