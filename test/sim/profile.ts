/** What a seed draws: sizes, settings, and which faults happen how often. */

import type { Prng } from "../../src/base/index.ts";
import { LIMITS, type Limits } from "../../src/counter/index.ts";
import type { NodeSettings } from "../../src/node/index.ts";
import type { RaftSettings } from "../../src/raft/index.ts";
import { drawNode, drawRaft } from "./profile-settings.ts";
import { drawSwarm, type Feature } from "./swarm.ts";

/**
 * `short`: a few seconds full of faults. `long`: many of them, under faults that cut leaders off all the time, because
 * some bugs need an alignment that a short run does not reach. `calm`: minutes with faults seconds apart.
 */
export const RUN_LENGTHS = ["short", "long", "calm"] as const;
export type RunLength = (typeof RUN_LENGTHS)[number];

export interface Profile {
  /** How long the run is, and how dense its faults are. */
  readonly length: RunLength;
  readonly nodes: number;
  readonly clients: number;
  /** A client waits up to this long between two operations, ms. */
  readonly thinkMs: number;
  readonly keys: number;
  /** How often a node counts time, ms of its own clock. */
  readonly tickMs: number;
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
  /** Chance that with a message one arrives again that was sent long ago. */
  readonly replayOld: number;
  /** Whether messages go through the bytes of the real transport. */
  readonly codec: boolean;
  /** Whether the states are in SQLite, which is the slower way. */
  readonly sqlite: boolean;
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
  /** Links hold back what they carry, and let it all through later. */
  readonly clogEveryMs: number;
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
  /** Whether the clocks of the nodes go at different rates. */
  readonly drift: boolean;
  /** Mean ms between two clocks that stand still for a while, and between two that are set. */
  readonly freezeEveryMs: number;
  readonly wallClockEveryMs: number;
  /** Chance that a process dies when a snapshot has arrived, or while it is being installed. */
  readonly dieInstalling: number;
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
  /** A node that was removed so long ago is switched off for good, ms; 0: it goes on for ever. */
  readonly retireMs: number;
  /** Mean ms between two disks that are wiped. */
  readonly wipeEveryMs: number;
  readonly limits: Limits;
  readonly raft: RaftSettings;
  readonly node: NodeSettings;
}

/** What says how long an election timeout is. */
export type Timing = Pick<Profile, "raft" | "tickMs">;

/** Memory for retries so small that windows end and capacities are reached within seconds. */
const TIGHT: Limits = { windowMs: 1_500, floorMs: 300, capacity: 8, sessionsMax: 2, sessionPendingMax: 4 };

/** How often a node counts time, ms: as the product does, and in calm runs, most of which is ticks, also less often. */
const TICKS_MS = { usual: 10, calm: [10, 20, 20, 40] } as const;
/** How long nodes go on that were removed, ms. */
const RETIRE_CALM_MS = [5_000, 20_000, 60_000] as const;

const CHANCE_OF_SQLITE = 0.03;

/** How much further apart the faults of a calm run are. */
const CALM_FACTOR = 50;

/** @param length drawn as well, if left out. */
export function drawProfile(prng: Prng, length: RunLength = drawLength(prng)): Profile {
  const swarm = drawSwarm(prng);
  const isCalm = length === "calm";
  const diskMs = prng.pick(isCalm ? [0.5, 3, 10] : [0.5, 3, 20, 60]);
  const tickMs = isCalm ? prng.pick(TICKS_MS.calm) : TICKS_MS.usual;
  const nodes = Math.min(drawNodes(prng, swarm.has("membership")), isCalm ? 3 : 7);
  const profile: Profile = {
    length,
    nodes,
    ...drawLoad(prng, length),
    ...drawLinks(prng, swarm, isCalm),
    ...drawEvery(prng, swarm, isCalm ? CALM_FACTOR : 1),
    diskMs,
    stall: swarm.has("stall") ? 0.015 : 0,
    stallMs: prng.pick([200, 800, 3_000]),
    dieRecovering: swarm.has("recovery") ? 0.2 : 0,
    dieInstalling: swarm.has("install") ? 0.2 : 0,
    drift: swarm.has("drift"),
    sqlite: length === "short" && nodes <= 5 && prng.chance(CHANCE_OF_SQLITE),
    retireMs: isCalm ? prng.pick(RETIRE_CALM_MS) : 0,
    segmentBytes: prng.pick([700, 4_000, 60_000, 1_000_000]),
    snapshotFails: swarm.has("transfer") ? 0.3 : 0,
    snapshotLost: swarm.has("transfer") ? 0.2 : 0,
    snapshotMs: prng.pick([2, 50, 400]),
    operators: swarm.has("membership") ? prng.pick([1, 2, 3]) : 0,
    interrupt: swarm.has("interrupt") ? 0.3 : 0,
    announce: swarm.has("announce") ? 0.5 : 0,
    limits: prng.chance(0.3) ? TIGHT : LIMITS,
    tickMs,
    raft: drawRaft(prng, isCalm, tickMs),
    node: drawNode(prng, diskMs),
  };
  if (length === "long") return exposed(prng, profile);
  const changing = withAutoremove(prng, profile);
  return changing.changeEveryMs > 0 && !isCalm && prng.chance(0.2) ? withLongSuffixes(changing) : changing;
}

function drawLength(prng: Prng): RunLength {
  const dice = prng.real();
  if (dice < 0.03) return "long";
  return dice < 0.05 ? "calm" : "short";
}

/** From any size to any other where the cluster changes; mostly three and five where it does not. */
function drawNodes(prng: Prng, changes: boolean): number {
  if (changes) return prng.pick([1, 1, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 7]);
  return prng.pick([1, 2, 3, 3, 3, 3, 3, 4, 5, 5, 5, 7]);
}

function drawLoad(prng: Prng, length: RunLength): Pick<Profile, "clients" | "thinkMs" | "keys" | "faultyMs"> {
  const keys = prng.between(1, 4);
  if (length === "calm") {
    return {
      keys,
      clients: prng.pick([2, 3]),
      thinkMs: prng.pick([500, 2_000]),
      faultyMs: prng.between(200_000, 500_000),
    };
  }
  const clients = prng.pick([3, 6, 10, 24]);
  const thinkMs = prng.pick([1, 5, 30]);
  return { keys, clients, thinkMs, faultyMs: prng.between(2_000, 5_000) };
}

function drawLinks(
  prng: Prng,
  swarm: ReadonlySet<Feature>,
  isCalm: boolean,
): Pick<Profile, "loss" | "duplicate" | "replayMs" | "delayMs" | "tail" | "replayOld" | "codec"> {
  return {
    loss: swarm.has("loss") ? prng.real() * (isCalm ? 0.03 : 0.3) : 0,
    duplicate: swarm.has("duplicate") ? prng.real() * (isCalm ? 0.03 : 0.3) : 0,
    replayMs: prng.pick([20, 300, 2_000]),
    delayMs: swarm.has("delay") ? prng.real() * 20 : prng.real() * 2,
    tail: swarm.has("tail") ? prng.real() * (isCalm ? 0.02 : 0.15) : 0,
    replayOld: swarm.has("replay") ? 0.003 : 0,
    codec: prng.chance(0.1),
  };
}

type Timed = Extract<keyof Profile, `${string}EveryMs`>;

/** Bounds of the mean ms between two of them, and the feature that they are. */
const EVERY: Readonly<Record<Timed, readonly [Feature, number, number]>> = {
  partitionEveryMs: ["partition", 100, 900],
  churnEveryMs: ["churn", 150, 600],
  clogEveryMs: ["clog", 150, 900],
  crashEveryMs: ["crash", 150, 1_200],
  pauseEveryMs: ["pause", 150, 1_000],
  transferEveryMs: ["handover", 60, 500],
  stopEveryMs: ["stop", 300, 1_500],
  dieEveryMs: ["death", 200, 1_500],
  troubleEveryMs: ["trouble", 300, 2_000],
  freezeEveryMs: ["freeze", 300, 2_000],
  wallClockEveryMs: ["wallClock", 100, 1_000],
  changeEveryMs: ["membership", 10, 400],
  awayEveryMs: ["away", 300, 1_500],
  wipeEveryMs: ["wipe", 300, 2_000],
  rotEveryMs: ["rot", 300, 2_000],
};

function drawEvery(prng: Prng, swarm: ReadonlySet<Feature>, factor: number): Pick<Profile, Timed> {
  const drawn = Object.entries(EVERY).map(([name, [feature, low, high]]) => {
    const everyMs = factor * prng.between(low, high);
    return [name, swarm.has(feature) ? everyMs : 0];
  });
  return Object.fromEntries(drawn) as Pick<Profile, Timed>;
}

/** Members that are silent are removed. Then nobody's disk is lost: who would know whom the cluster removes next? */
function withAutoremove(prng: Prng, profile: Profile): Profile {
  const mayLoseDisks = profile.wipeEveryMs > 0 || profile.rotEveryMs > 0;
  if (profile.changeEveryMs === 0 || mayLoseDisks || !prng.chance(0.7)) return profile;
  const autoremoveMs = prng.pick([120, 300, 800]);
  return { ...profile, node: { ...profile.node, autoremoveMs, wantedVoters: prng.between(1, 3) } };
}

/**
 * Leaders are cut off again and again while reads and late answers reach them: what shows an answer to an old round of
 * a read being taken for one to a new round.
 */
function exposed(prng: Prng, profile: Profile): Profile {
  return {
    ...profile,
    nodes: prng.pick([3, 3, 5]),
    clients: prng.pick([10, 24]),
    thinkMs: prng.pick([5, 30]),
    faultyMs: prng.between(10_000, 20_000),
    duplicate: 0.1 + prng.real() * 0.2,
    tail: 0.05 + prng.real() * 0.1,
    replayMs: 1_000,
    partitionEveryMs: prng.between(300, 700),
    pauseEveryMs: prng.between(300, 1_000),
    diskMs: prng.pick([0.5, 3]),
  };
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
