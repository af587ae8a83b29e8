/**
 * The same work with more and more callers, and what it costs. What waits while an entry is written goes together in the
 * next one: so an increment costs the less the more there are, and where each write takes long because the disk or the
 * network does, the rate grows with the callers. From these figures `model.ts` learns what the steps cost.
 */

import { increments, openSessions, probeRaftally } from "../contenders/raftally.ts";
import { type Raftally, startRaftally } from "../contenders/raftally-cluster.ts";
import {
  type Availability,
  type Contender,
  contender,
  type StartContext,
  type WorkloadOf,
  type World,
} from "../types.ts";
import { withCosts } from "./costs.ts";
import { fastOnly } from "./nodes.ts";

const CALLERS: readonly number[] = [1, 8, 64, 256, 1_024];

async function slowOnly(world: World): Promise<Availability> {
  const isSlow = world.fsyncMs > 0 || world.rttMs > 0;
  return isSlow
    ? await probeRaftally(world)
    : { available: false, reason: "measured with --fsync-ms or --rtt-ms only" };
}

function hotKey(connections: number): WorkloadOf<Raftally> {
  return {
    id: `hot-key-${connections}`,
    about: "increments of one key, to the leader",
    connections,
    keys: 1,
    run: (raftally, timing) =>
      withCosts(raftally, timing, () => increments(raftally, { connections, keys: 1 }, timing)),
  };
}

function sessions(connections: number): WorkloadOf<Raftally> {
  return {
    id: `sessions-${connections}`,
    about: "increments of one key, in client sessions",
    connections,
    keys: 1,
    run: async (raftally, timing) => {
      const numbered = { kind: "session", sessions: await openSessions(raftally, connections) } as const;
      const work = { connections, keys: 1, numbered };
      return await withCosts(raftally, timing, () => increments(raftally, work, timing));
    },
  };
}

const COMMON = {
  packages: [],
  start: (context: StartContext) => startRaftally(context, 3),
  stop: ({ cluster }: Raftally) => cluster.stop(),
};

export const SLOW_WORLD: Contender = contender<Raftally>({
  ...COMMON,
  id: "raftally-slow",
  name: "Raftally where disks or networks are slow",
  about: "three nodes; how batching makes up for it",
  probe: slowOnly,
  workloads: [...CALLERS.map(hotKey), ...CALLERS.map(sessions)],
});

export const MORE_CALLERS: Contender = contender<Raftally>({
  ...COMMON,
  id: "raftally-callers",
  name: "Raftally with more and more callers",
  about: "three nodes; what an increment costs",
  fullOnly: true,
  probe: fastOnly,
  workloads: CALLERS.map(hotKey),
});
