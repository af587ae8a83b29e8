/** What a seed draws: sizes, settings, and which faults happen how often ("swarm": each is on or off by seed). */

import type { Prng } from "../../src/base/index.ts";
import { LIMITS, type Limits } from "../../src/counter/index.ts";
import { NODE_SETTINGS, type NodeSettings } from "../../src/node/index.ts";
import type { RaftSettings } from "../../src/raft/index.ts";

export interface Profile {
  readonly nodes: number;
  readonly clients: number;
  /** A client waits up to this long between two operations, ms. */
  readonly thinkMs: number;
  readonly keys: number;
  /** Virtual ms with faults, before everything heals. */
  readonly faultyMs: number;
  /** Chance that a message is lost. */
  readonly loss: number;
  /** Chance that a message arrives twice, the second time up to `replayMs` later. */
  readonly duplicate: number;
  readonly replayMs: number;
  /** Delay of a message: at least `delayMs`, exponential beyond it. Unequal delays reorder. */
  readonly delayMs: number;
  /** Chance that a message takes up to `replayMs` longer: answers from an earlier reign. */
  readonly tail: number;
  /** Whether messages go through the bytes of the real transport. */
  readonly codec: boolean;
  /** How long a segment of the log gets, bytes. */
  readonly segmentBytes: number;
  /** How long a flush takes at most, ms. */
  readonly diskMs: number;
  /** Chance that a flush takes up to `stallMs` longer. */
  readonly stall: number;
  readonly stallMs: number;
  /** Mean ms between two faults of each kind; 0 for never. */
  readonly partitionEveryMs: number;
  /** The leader is cut off with work in its hands, and comes back about when there is another. */
  readonly churnEveryMs: number;
  readonly crashEveryMs: number;
  readonly pauseEveryMs: number;
  readonly transferEveryMs: number;
  readonly stopEveryMs: number;
  /** Mean ms between two processes that die while they carry out what one drain asked for. */
  readonly dieEveryMs: number;
  /** Chance that a process that starts dies on the way. */
  readonly dieRecovering: number;
  /** Mean ms between two disks that are slow, hang, fail or are full for a while. */
  readonly troubleEveryMs: number;
  /** Mean ms between two bits that change. */
  readonly rotEveryMs: number;
  /** Chance that a transfer of a snapshot fails, and that nothing is ever heard of it. */
  readonly snapshotFails: number;
  readonly snapshotLost: number;
  /** How long a transfer of a snapshot takes at most, ms; unequal times let an older one arrive after a newer. */
  readonly snapshotMs: number;
  /** Mean ms between two changes of the membership; 0 for never. */
  readonly changeEveryMs: number;
  /** So many people change it at the same time. */
  readonly operators: number;
  /** Chance that a leader is struck while a configuration that it has just appended is on its way. */
  readonly interrupt: number;
  /** Chance that a node that joins asks for a vote by itself, and that one that starts again has moved. */
  readonly announce: number;
  /** Mean ms between two nodes that are cut off for so long that the cluster changes without them. */
  readonly awayEveryMs: number;
  /** Mean ms between two disks that are wiped. */
  readonly wipeEveryMs: number;
  readonly limits: Limits;
  readonly raft: RaftSettings;
  readonly node: NodeSettings;
}

/** Memory for retries so small that windows end and capacities are reached within seconds. */
const TIGHT: Limits = { windowMs: 1_500, floorMs: 300, capacity: 8, sessionsMax: 2, sessionPendingMax: 4 };

export function drawProfile(prng: Prng): Profile {
  const diskMs = prng.pick([0.5, 3, 20, 60]);
  const on = (): boolean => prng.chance(0.5);
  const every = (chance: number, low: number, high: number): number =>
    prng.chance(chance) ? prng.between(low, high) : 0;
  const fixed = {
    nodes: prng.pick([1, 2, 3, 3, 3, 3, 3, 5, 5, 5]),
    clients: prng.pick([3, 6, 10, 24]),
    thinkMs: prng.pick([1, 5, 30]),
    keys: prng.between(1, 4),
    faultyMs: prng.between(2_000, 5_000),
    loss: on() ? prng.real() * 0.3 : 0,
    duplicate: on() ? prng.real() * 0.3 : 0,
    replayMs: prng.pick([20, 300, 2_000]),
    delayMs: on() ? prng.real() * 20 : prng.real() * 2,
    tail: on() ? prng.real() * 0.15 : 0,
    codec: prng.chance(0.1),
    diskMs,
    stall: on() ? 0.015 : 0,
    stallMs: prng.pick([200, 800, 3_000]),
    partitionEveryMs: every(0.7, 100, 900),
    churnEveryMs: every(0.5, 150, 600),
    crashEveryMs: every(0.6, 150, 1_200),
    pauseEveryMs: every(0.5, 150, 1_000),
    transferEveryMs: every(0.4, 60, 500),
    stopEveryMs: every(0.3, 300, 1_500),
    dieEveryMs: every(0.5, 200, 1_500),
    dieRecovering: on() ? 0.2 : 0,
    troubleEveryMs: every(0.5, 300, 2_000),
    rotEveryMs: every(0.4, 300, 2_000),
    segmentBytes: prng.pick([700, 4_000, 60_000, 1_000_000]),
    snapshotFails: on() ? 0.3 : 0,
    snapshotLost: on() ? 0.2 : 0,
    snapshotMs: prng.pick([2, 50, 400]),
    limits: prng.chance(0.3) ? TIGHT : LIMITS,
    raft: drawRaft(prng),
    node: drawNode(prng, diskMs),
  };
  const changing = { ...fixed, ...drawMembership(prng, fixed.nodes) };
  if (changing.changeEveryMs > 0 && changing.wipeEveryMs === 0 && prng.chance(0.7)) {
    changing.node = {
      ...changing.node,
      autoremoveMs: prng.pick([120, 300, 800]),
      wantedVoters: prng.between(1, 3),
    };
  }
  return changing.changeEveryMs > 0 && prng.chance(0.15) ? withLongSuffixes(changing) : changing;
}

/** A leader that is cut off gathers a long suffix, and snapshots come so often that they are installed over it. */
function withLongSuffixes(profile: Profile): Profile {
  const { raft, node } = profile;
  return {
    ...profile,
    nodes: Math.max(3, profile.nodes),
    clients: 3,
    thinkMs: 30,
    churnEveryMs: 250,
    snapshotMs: 2,
    raft: { ...raft, trailingEntriesMax: 0, retainedBytesMax: 1, uncommittedBytesMax: 1_048_576 },
    node: { ...node, entryBytesMax: 1, snapshotEntries: 3, pendingBytesMax: 1_048_576 },
  };
}

/** On every other seed the cluster changes, from any size to any other. */
function drawMembership(
  prng: Prng,
  nodes: number,
): Pick<
  Profile,
  "nodes" | "changeEveryMs" | "operators" | "interrupt" | "announce" | "awayEveryMs" | "wipeEveryMs"
> {
  if (prng.chance(0.5))
    return {
      nodes,
      changeEveryMs: 0,
      operators: 0,
      interrupt: 0,
      announce: 0,
      awayEveryMs: 0,
      wipeEveryMs: 0,
    };
  return {
    nodes: prng.pick([1, 1, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 7]),
    changeEveryMs: prng.pick([10, 50, 200, 400]),
    operators: prng.pick([1, 2, 3]),
    interrupt: prng.chance(0.5) ? 0.3 : 0,
    announce: prng.chance(0.5) ? 0.5 : 0,
    awayEveryMs: prng.chance(0.5) ? prng.between(300, 1_500) : 0,
    wipeEveryMs: prng.chance(0.6) ? prng.between(300, 2_000) : 0,
  };
}

function drawRaft(prng: Prng): RaftSettings {
  return {
    electionTicks: prng.pick([10, 15, 30]),
    heartbeatTicks: prng.pick([1, 2, 3]),
    commitNewsTicks: prng.pick([0, 1, 3]),
    messageBytesMax: prng.pick([1, 300, 4_000, 1_048_576]),
    inflightMessagesMax: prng.pick([1, 2, 8, 64]),
    inflightBytesMax: prng.pick([1, 1_000, 1_048_576]),
    uncommittedBytesMax: prng.pick([200, 10_000, 1_048_576, 1_048_576]),
    trailingEntriesMax: prng.pick([0, 3, 50]),
    trailingBytesMax: prng.pick([0, 1_000, 1_048_576]),
    retainedBytesMax: prng.pick([1, 1_000, 1_048_576]),
    snapshotTicks: prng.pick([20, 100]),
  };
}

function drawNode(prng: Prng, diskMs: number): NodeSettings {
  return {
    ...NODE_SETTINGS,
    wantedVoters: 1,
    holdMs: prng.pick([200, 1_000, 3_000]),
    // Never shorter than a write takes on a healthy cluster.
    writeMs: prng.pick([100, 400, 2_000]) + 8 * diskMs,
    readMs: prng.pick([200, 1_000]),
    applyBytesMax: prng.pick([1, 1_000, 4_194_304]),
    unappliedBytesMax: prng.pick([3_000, 67_108_864, 67_108_864]),
    pendingBytesMax: prng.pick([900, 1_048_576, 1_048_576, 1_048_576]),
    entryBytesMax: prng.pick([1, 500, 1_048_576]),
    snapshotEntries: prng.pick([3, 10, 30, 1_000]),
    snapshotBytes: prng.pick([500, 10_000, 1_048_576]),
  };
}
