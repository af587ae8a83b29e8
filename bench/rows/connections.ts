/**
 * Where each write takes long because the disk or the network does: the same work with more and more callers. What waits
 * while a batch is under way goes together in the next one, so the rate should grow with the callers.
 */

import { increments, openSessions, probeRaftally } from "../contenders/raftally.ts";
import { type Raftally, startRaftally } from "../contenders/raftally-cluster.ts";
import { type Availability, type Contender, contender, type WorkloadOf, type World } from "../types.ts";

const MANY: readonly number[] = [1, 64, 256, 1_024];

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
    run: (raftally, timing) => increments(raftally, { connections, keys: 1 }, timing),
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
      return await increments(raftally, { connections, keys: 1, numbered }, timing);
    },
  };
}

export const SLOW_WORLD: Contender = contender<Raftally>({
  id: "raftally-slow",
  name: "Raftally where disks or networks are slow",
  about: "three nodes; how batching makes up for it",
  packages: [],
  probe: slowOnly,
  start: (context) => startRaftally(context, 3),
  stop: ({ cluster }) => cluster.stop(),
  workloads: [...MANY.map(hotKey), ...MANY.map(sessions)],
});
