/** What a seed draws: sizes, settings, and which faults happen how often ("swarm": each is on or off by seed). */

import type { Prng } from "../../src/base/index.ts";
import { NODE_SETTINGS, type NodeSettings } from "../../src/node/index.ts";
import type { RaftSettings } from "../../src/raft/index.ts";

export interface Profile {
  readonly nodes: number;
  readonly clients: number;
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
  readonly diskMs: number;
  /** Mean ms between two faults of each kind; 0 for never. */
  readonly partitionEveryMs: number;
  readonly crashEveryMs: number;
  readonly pauseEveryMs: number;
  readonly transferEveryMs: number;
  readonly raft: RaftSettings;
  readonly node: NodeSettings;
}

export function drawProfile(prng: Prng): Profile {
  const on = (): boolean => prng.chance(0.5);
  return {
    nodes: prng.pick([1, 3, 3, 3, 3, 5, 5]),
    clients: prng.between(1, 6),
    keys: prng.between(1, 4),
    faultyMs: prng.between(2_000, 5_000),
    loss: on() ? prng.real() * 0.3 : 0,
    duplicate: on() ? prng.real() * 0.2 : 0,
    replayMs: prng.pick([20, 300, 2_000]),
    delayMs: on() ? prng.real() * 20 : prng.real() * 2,
    diskMs: prng.pick([0.5, 2, 20]),
    partitionEveryMs: on() ? prng.between(200, 1_500) : 0,
    crashEveryMs: on() ? prng.between(200, 1_500) : 0,
    pauseEveryMs: on() ? prng.between(300, 2_000) : 0,
    transferEveryMs: prng.chance(0.3) ? prng.between(200, 1_000) : 0,
    raft: {
      electionTicks: prng.pick([10, 15, 30]),
      heartbeatTicks: prng.pick([1, 2, 3]),
      messageBytesMax: prng.pick([1, 300, 4_000, 1_048_576]),
      inflightMessagesMax: prng.pick([1, 2, 8, 64]),
      inflightBytesMax: prng.pick([1, 1_000, 1_048_576]),
      uncommittedBytesMax: prng.pick([100, 10_000, 1_048_576]),
      trailingEntriesMax: prng.pick([0, 3, 50]),
      trailingBytesMax: prng.pick([0, 1_000, 1_048_576]),
      snapshotTicks: prng.pick([20, 100]),
    },
    node: {
      ...NODE_SETTINGS,
      holdMs: prng.pick([500, 3_000]),
      writeMs: prng.pick([300, 2_000]),
      readMs: prng.pick([300, 2_000]),
      pendingBytesMax: prng.pick([600, 1_048_576]),
      entryBytesMax: prng.pick([1, 500, 1_048_576]),
      snapshotEntries: prng.pick([3, 10, 50, 1_000]),
      snapshotBytes: prng.pick([500, 10_000, 1_048_576]),
    },
  };
}
