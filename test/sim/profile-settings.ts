/** The settings of the nodes that a seed draws. */

import type { Prng } from "../../src/base/index.ts";
import { NODE_SETTINGS, type NodeSettings } from "../../src/node/index.ts";
import type { RaftSettings } from "../../src/raft/index.ts";

type Timeouts = Pick<RaftSettings, "electionTicks" | "heartbeatTicks">;

const TIMEOUTS: readonly Timeouts[] = [10, 15, 30].flatMap((electionTicks) =>
  [1, 2, 3].map((heartbeatTicks) => ({ electionTicks, heartbeatTicks })),
);

/** Those of a real cluster, and longer ones, ms. */
const CALM_MS: readonly { readonly election: number; readonly heartbeat: number }[] = [
  { election: 300, heartbeat: 60 },
  { election: 500, heartbeat: 100 },
  { election: 1_000, heartbeat: 200 },
];
/** The ticks that the product counts, ms. */
const USUAL_TICK_MS = 10;

/**
 * @param isCalm also with the long timeouts of a real cluster.
 * @param tickMs the length of a tick: what takes long takes as long, whatever it is counted by.
 */
export function drawRaft(prng: Prng, isCalm: boolean, tickMs: number): RaftSettings {
  const timeouts = isCalm ? calmTimeouts(prng, tickMs) : prng.pick(TIMEOUTS);
  return {
    ...timeouts,
    commitNewsTicks: prng.pick([0, 1, 3]),
    messageBytesMax: prng.pick([1, 300, 4_000, 1_048_576]),
    inflightMessagesMax: prng.pick([1, 2, 8, 64]),
    inflightBytesMax: prng.pick([1, 1_000, 1_048_576]),
    uncommittedBytesMax: prng.pick([200, 10_000, 1_048_576, 1_048_576]),
    trailingEntriesMax: prng.pick([0, 3, 50]),
    trailingBytesMax: prng.pick([0, 1_000, 1_048_576]),
    retainedBytesMax: prng.pick([1, 1_000, 1_048_576]),
    snapshotTicks: (prng.pick([20, 100]) * USUAL_TICK_MS) / tickMs,
  };
}

function calmTimeouts(prng: Prng, tickMs: number): Timeouts {
  const { election, heartbeat } = prng.pick(CALM_MS);
  return { electionTicks: Math.ceil(election / tickMs), heartbeatTicks: Math.ceil(heartbeat / tickMs) };
}

export function drawNode(prng: Prng, diskMs: number): NodeSettings {
  const holdMs = prng.pick([200, 1_000, 3_000]);
  return {
    ...NODE_SETTINGS,
    wantedVoters: 1,
    // Clients here are few: in some runs entries of two gather already. Not drawn, so that older seeds stay what they are.
    gatherFrom: holdMs === 200 ? 2 : NODE_SETTINGS.gatherFrom,
    holdMs,
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
