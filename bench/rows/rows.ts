/** What only concerns Raftally itself: how long it takes to fail over and to start, what it occupies, how it scales. */

import type { Bar, Contender, FigureName, Target } from "../types.ts";
import { MORE_CALLERS, SLOW_WORLD } from "./connections.ts";
import { ENDURANCE } from "./endurance.ts";
import { FAILOVER } from "./failover.ts";
import { FIVE } from "./five.ts";
import { manyKeys, manyKeysAlone } from "./many-keys.ts";
import { START_UP, START_UP_ALONE } from "./start-up.ts";

/** They run after the peers, in this order. */
export const ROW_CONTENDERS: readonly Contender[] = [
  FIVE,
  MORE_CALLERS,
  SLOW_WORLD,
  FAILOVER,
  START_UP,
  START_UP_ALONE,
  manyKeys(),
  manyKeysAlone(),
  ENDURANCE,
];

function atMost(series: string, figure: FigureName, least: number, aim?: number): Bar {
  return { figure: { series, figure }, is: "at most", least, ...(aim === undefined ? {} : { aim }) };
}

/** The rate of a series, at least so many times that of another. */
function keeps(series: string, times: string, least: number, aim: number): Bar {
  return {
    figure: { series, figure: "rate" },
    is: "at least",
    times: { series: times, figure: "rate" },
    least,
    aim,
  };
}

export const ROW_TARGETS: readonly Target[] = [
  {
    id: "leader-killed",
    about: "leader killed under load until the next acknowledgement, 30 kills (5 with --quick)",
    bars: [
      atMost("raftally-failover/leader-killed", "p50", 500, 300),
      atMost("raftally-failover/leader-killed", "max", 1_500, 800),
    ],
  },
  {
    id: "transfer",
    about: "planned leadership transfer under load",
    bars: [atMost("raftally-failover/transfer", "stall", 100, 50)],
  },
  {
    id: "million",
    about: "1,000,000 keys instead of 1,000",
    bars: [keeps("raftally-million/million", "raftally-million/thousand", 0.6, 0.8)],
  },
  {
    id: "five",
    about: "5 nodes instead of 3",
    bars: [
      keeps("raftally-five/hot-key", "raftally/hot-key", 0.6, 0.75),
      keeps("raftally-five/keys-1000", "raftally/keys-1000", 0.6, 0.75),
    ],
  },
  {
    id: "memory",
    about: "memory of a node: idle; after 10 minutes of full load (a moment with --quick)",
    bars: [
      atMost("raftally-endurance/idle", "memoryIdle", 150, 100),
      atMost("raftally-endurance/loaded", "memoryLoaded", 400, 250),
    ],
  },
  {
    id: "start",
    about: "start to ready, empty: three nodes; one",
    bars: [
      atMost("raftally-start/restart", "ready", 1_000, 500),
      atMost("raftally-start-alone/restart", "ready", 1_000, 500),
    ],
  },
  {
    id: "start-million",
    about: "start to ready with 1,000,000 counters, stopped or killed before: three nodes; one",
    bars: [
      atMost("raftally-million/restart", "ready", 2_000, 1_000),
      atMost("raftally-million/restart-killed", "ready", 2_000, 1_000),
      atMost("raftally-million-alone/restart", "ready", 2_000, 1_000),
      atMost("raftally-million-alone/restart-killed", "ready", 2_000, 1_000),
    ],
  },
  {
    id: "disk",
    about:
      "disk of a node after 10 million increments of 1,000 keys (fewer with --quick), and the most meanwhile",
    bars: [
      atMost("raftally-endurance/ten-million", "disk", 64, 32),
      atMost("raftally-endurance/ten-million", "diskMost", 64),
    ],
  },
  {
    id: "loop-delay",
    about:
      "99.9 % of the event loop's delay under full load, snapshots included: for ten minutes, of leader and followers; " +
      "leader with idempotency keys, a million keys, batches, and 1,024 callers",
    bars: [
      atMost("raftally-endurance/loaded", "loopDelay", 20),
      atMost("raftally-endurance/loaded", "loopDelayFollowers", 20),
      atMost("raftally-endurance/keyed", "loopDelay", 20),
      atMost("raftally-million/million", "loopDelay", 20),
      atMost("raftally-endurance/batch", "loopDelay", 20),
      atMost("raftally-callers/hot-key-1024", "loopDelay", 20),
    ],
  },
];
