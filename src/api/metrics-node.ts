/** Numbers of the node for Prometheus: names, meanings, and where each comes from. */

import { performance } from "node:perf_hooks";
import type { Check, DiskSpace, LiveSource, NodeStatus } from "../node/index.ts";

/** Everything that one collection reads, taken at one moment. */
export interface Moment {
  readonly status: NodeStatus;
  readonly checks: readonly Check[];
  readonly live: LiveSource;
  readonly diskBytes: number;
  readonly space: DiskSpace | undefined;
}

/** A number, or several with labels. */
type Reading = number | readonly { readonly labels: Labels; readonly value: number }[];
type Labels = Readonly<Record<string, string>>;

export interface NodeMetric {
  /** Without `raftally_`. Counters end with `_total`. */
  readonly name: string;
  readonly type: "gauge" | "counter";
  readonly help: string;
  readonly labels?: readonly string[];
  readonly read: (moment: Moment) => Reading;
}

function gauge(name: string, help: string, read: NodeMetric["read"], labels?: readonly string[]): NodeMetric {
  return { name, type: "gauge", help, read, ...(labels === undefined ? {} : { labels }) };
}

function counter(
  name: string,
  help: string,
  read: NodeMetric["read"],
  labels?: readonly string[],
): NodeMetric {
  return { name: `${name}_total`, type: "counter", help, read, ...(labels === undefined ? {} : { labels }) };
}

function bit(value: boolean): number {
  return value ? 1 : 0;
}

/** As etcd names and means them, without its prefixes. */
const AS_IN_ETCD: readonly NodeMetric[] = [
  gauge("has_leader", "Whether this node knows a leader.", ({ status }) => bit(status.leader !== undefined)),
  gauge("is_leader", "Whether this node leads.", ({ status }) => bit(status.role === "leader")),
  gauge("is_learner", "Whether this node is a learner.", ({ status }) => bit(status.role === "learner")),
  counter(
    "leader_changes_seen",
    "How often this node learnt of another leader or of a new term of the same.",
    (m) => m.live.counts.leaderChanges,
  ),
  counter(
    "proposals_committed",
    "The index of the last entry that this node knows to be committed.",
    ({ status }) => status.commit,
  ),
  counter(
    "proposals_applied",
    "The index of the last entry that this node has applied.",
    ({ status }) => status.applied,
  ),
  gauge(
    "proposals_pending",
    "Entries of this leader that are not committed yet.",
    ({ live }) => live.proposalsPending,
  ),
  counter(
    "proposals_failed",
    "Writes that this node refused or could not tell the outcome of, other than by the rules of counters.",
    ({ live }) => live.counts.writesFailed,
  ),
];

const RAFT: readonly NodeMetric[] = [
  gauge("raft_term", "The term that this node is in.", ({ status }) => status.term),
  gauge(
    "raft_commit_index",
    "The last entry that this node knows to be committed.",
    ({ status }) => status.commit,
  ),
  gauge(
    "raft_applied_index",
    "The last entry that is in this node's counters.",
    ({ status }) => status.applied,
  ),
  gauge("raft_last_index", "The last entry of this node's log.", ({ status }) => status.last),
  gauge(
    "raft_first_index",
    "The first entry that is still in this node's log.",
    ({ status }) => status.first,
  ),
  gauge(
    "raft_snapshot_index",
    "The entry that this node's latest snapshot was taken at; 0 if there is none.",
    ({ status }) => status.snapshot,
  ),
  counter("raft_elections", "Elections that this node stood for.", ({ live }) => live.counts.elections),
  counter(
    "raft_messages_sent",
    "Messages that this node sent to its peers.",
    ({ live }) => live.counts.messagesSent,
  ),
  gauge(
    "raft_follower_lag_entries",
    "Entries of the log that a follower or learner is not known to hold. On the leader only.",
    followerLag,
    ["peer"],
  ),
  gauge("voters", "Voters of the configuration that is in force.", ({ status }) => votersOf(status).length),
  gauge(
    "voters_reachable",
    "Voters that this node has a link to, itself included if it is one.",
    votersReachable,
  ),
  gauge(
    "learners",
    "Learners of the configuration that is in force.",
    ({ status }) => status.configuration.learners.length,
  ),
  gauge("peer_reachable", "Whether this node has a link to a peer.", peerReachable, ["peer"]),
  gauge(
    "peer_round_trip_seconds",
    "The last round trip to a peer; absent while there is no link.",
    peerRoundTrip,
    ["peer"],
  ),
];

const COUNTERS: readonly NodeMetric[] = [
  gauge("counters", "Counters that exist.", ({ status }) => status.counters),
  gauge("revision", "The number of the last change of a counter.", ({ status }) => status.revision),
  counter(
    "writes",
    "Writes that this node answered: done, refused (nothing changed), or of unknown outcome.",
    writes,
    ["outcome"],
  ),
  counter("reads", "Reads that this node answered: done or refused.", reads, ["outcome"]),
  counter(
    "changes_acknowledged",
    "Changes of counters in the writes that this node acknowledged, without replays.",
    ({ live }) => live.tally.acknowledgedChanges,
  ),
  counter(
    "idempotency_replays",
    "Writes that were answered from an earlier attempt: duplicates that did not count twice.",
    ({ live }) => live.tally.replays,
  ),
  gauge("idempotency_keys", "Idempotency keys that are remembered.", ({ status }) => status.rememberedKeys),
  gauge(
    "idempotency_window_seconds",
    "How long an idempotency key is remembered at least.",
    ({ status }) => status.idempotencyWindowMs / 1_000,
  ),
];

/** How much of each a request costs: divided by `changes_acknowledged`, of the leader. */
const TRAFFIC: readonly NodeMetric[] = [
  counter(
    "wal_writes",
    "Writes of the log to this node's disk, each made durable once; what comes close together shares one.",
    ({ live }) => live.traffic.log.batches,
  ),
  counter(
    "wal_entries",
    "Entries in those writes, also those that were replaced later.",
    ({ live }) => live.traffic.log.entries,
  ),
  counter("wal_written_bytes", "Bytes in those writes.", ({ live }) => live.traffic.log.bytes),
  counter(
    "peer_sent_bytes",
    "Bytes that left over the link to a peer; snapshots go another way.",
    ({ live }) => [...live.traffic.peers].map(([peer, value]) => ({ labels: { peer }, value })),
    ["peer"],
  ),
];

/** One thread reads all requests and writes all answers: the busier it is, the nearer the node is to what it can do. */
const LOOP: readonly NodeMetric[] = [
  counter(
    "event_loop_active_seconds",
    "Time that the event loop has worked or waited for a core, but not for events, since the process started.",
    () => performance.eventLoopUtilization().active / 1_000,
  ),
  // Older Node.js does not know it.
  ...("threadCpuUsage" in process
    ? [counter("event_loop_cpu_seconds", "CPU that the thread of the event loop has used.", loopCpuSeconds)]
    : []),
];

function loopCpuSeconds(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1e6;
}

const HEALTH: readonly NodeMetric[] = [
  gauge(
    "build_info",
    "1, with what runs here.",
    ({ status }) => [
      { labels: { version: status.version, node: status.id, cluster: status.clusterId }, value: 1 },
    ],
    ["version", "node", "cluster"],
  ),
  gauge(
    "uptime_seconds",
    "Time since this node began to take part.",
    ({ status }) => status.uptimeMs / 1_000,
  ),
  gauge("ready", "Whether every check of /readyz passes.", ({ checks }) => bit(checks.every(({ ok }) => ok))),
  gauge(
    "check_ok",
    "Whether one check of /readyz passes.",
    ({ checks }) => checks.map(({ name, ok }) => ({ labels: { check: name }, value: bit(ok) })),
    ["check"],
  ),
  gauge("state_alarm", "Whether the digests of replicas differ, as far as this node knows.", ({ status }) =>
    bit(status.alarm !== undefined),
  ),
  counter(
    "snapshots_taken",
    "Snapshots that this node took of its state.",
    ({ live }) => live.counts.snapshotsTaken,
  ),
  counter(
    "snapshots_installed",
    "Snapshots of other nodes that replaced this node's state.",
    ({ live }) => live.counts.snapshotsInstalled,
  ),
  counter(
    "snapshots_sent",
    "Snapshots that a peer has received from this node.",
    ({ live }) => live.counts.snapshotsSent,
  ),
  counter(
    "snapshots_failed",
    "Snapshots of this node that a peer did not get whole or could not use.",
    ({ live }) => live.counts.snapshotsFailed,
  ),
  counter(
    "slow_disk_writes",
    "Writes to the log that took longer than half a second.",
    ({ live }) => live.counts.slowWrites,
  ),
  gauge("disk_used_bytes", "Log, state and snapshots of this node on disk.", ({ diskBytes }) => diskBytes),
  gauge(
    "disk_free_bytes",
    "Room on the file system of the data directory.",
    ({ space }) => space?.freeBytes ?? [],
  ),
  gauge(
    "disk_size_bytes",
    "Size of the file system of the data directory.",
    ({ space }) => space?.totalBytes ?? [],
  ),
];

export const NODE_METRICS: readonly NodeMetric[] = [
  ...AS_IN_ETCD,
  ...RAFT,
  ...COUNTERS,
  ...TRAFFIC,
  ...LOOP,
  ...HEALTH,
];

function followerLag({ status }: Moment): Reading {
  return status.peers.flatMap(({ id, match }) =>
    match === undefined ? [] : [{ labels: { peer: id }, value: Math.max(0, status.last - match) }],
  );
}

function votersOf({ configuration }: NodeStatus): readonly string[] {
  return [...new Set([...configuration.voters, ...configuration.outgoing])];
}

function votersReachable({ status }: Moment): number {
  const reachable = new Set<string>(status.peers.filter((peer) => peer.reachable).map(({ id }) => id));
  reachable.add(status.id);
  return votersOf(status).filter((id) => reachable.has(id)).length;
}

function peerReachable({ status }: Moment): Reading {
  return status.peers.map(({ id, reachable }) => ({ labels: { peer: id }, value: bit(reachable) }));
}

function peerRoundTrip({ status }: Moment): Reading {
  return status.peers.flatMap(({ id, roundTripMs }) =>
    roundTripMs === undefined ? [] : [{ labels: { peer: id }, value: roundTripMs / 1_000 }],
  );
}

function writes({ live }: Moment): Reading {
  const { acknowledgedWrites, refused, unknown } = live.tally;
  return [
    { labels: { outcome: "done" }, value: acknowledgedWrites },
    { labels: { outcome: "refused" }, value: refused },
    { labels: { outcome: "unknown" }, value: unknown },
  ];
}

function reads({ live }: Moment): Reading {
  return [
    { labels: { outcome: "done" }, value: live.tally.reads },
    { labels: { outcome: "refused" }, value: live.counts.readsRefused },
  ];
}
