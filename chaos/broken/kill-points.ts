/** Kills at exact points of a node's work, by an entry point of its own that has a fuse in its store and transport. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Cluster } from "../cluster.ts";
import {
  FAULTY_NODE,
  FUSE_VARIABLE,
  Fuse,
  NODE_POINTS,
  type NodePoint,
  SMALL_VARIABLE,
} from "../faulty/index.ts";
import type { Random } from "../random.ts";
import { type Act, type Stage, served } from "../scenario.ts";
import { stagedWith } from "./staged.ts";
import { type Role, spring, type Trap, type Way } from "./trap.ts";

/** A snapshot after so many entries, and no more in the log behind it. */
export const SMALL = 50;
/** Entries after which a node that missed them needs a snapshot, wherever the last one was taken. */
export const LAG: number = 4 * SMALL;

interface Planned {
  readonly roles: readonly Role[];
  readonly way: Way;
  /** Which time a node comes by is its last: 1 to so many. */
  readonly nthMax: number;
}

const BOTH: readonly Role[] = ["leader", "follower"];
const OFTEN = { way: "load", nthMax: 40 } as const;
const SELDOM = { way: "load", nthMax: 2 } as const;

const PLAN: Readonly<Record<NodePoint, Planned>> = {
  beforeWrite: { roles: BOTH, ...OFTEN },
  afterWrite: { roles: BOTH, ...OFTEN },
  afterVoteWrite: { roles: ["follower"], way: "election", nthMax: 1 },
  beforeAcknowledging: { roles: ["follower"], ...OFTEN },
  afterSendingAppend: { roles: ["leader"], ...OFTEN },
  beforeApply: { roles: BOTH, ...OFTEN },
  afterApply: { roles: BOTH, ...OFTEN },
  afterSnapshot: { roles: BOTH, ...SELDOM },
  afterCompacting: { roles: BOTH, ...SELDOM },
  whileReceiving: { roles: ["follower"], way: "lag", nthMax: 1 },
  afterReceiving: { roles: ["follower"], way: "lag", nthMax: 1 },
  afterInstallWrite: { roles: ["follower"], way: "lag", nthMax: 1 },
  afterRestore: { roles: ["follower"], way: "lag", nthMax: 1 },
  afterRecovery: { roles: BOTH, way: "start", nthMax: 1 },
};

/** How often each point is visited in each role. */
const TIMES = 2;

/** How many deaths a whole run has. */
export const KILL_POINTS: number =
  TIMES * Object.values(PLAN).reduce((sum, { roles }) => sum + roles.length, 0);

export async function stageKillPoints(): Promise<Stage> {
  const directory = mkdtempSync(join(tmpdir(), "raftally-fuses-"));
  const cleanUp = (): void => rmSync(directory, { recursive: true, force: true });
  const fuses = new Map<string, Fuse>();
  const fuse = (id: string): Fuse => {
    const found = fuses.get(id) ?? new Fuse(join(directory, id));
    fuses.set(id, found);
    return found;
  };
  try {
    const cluster = await Cluster.start({
      launch: (id) => ({
        program: FAULTY_NODE,
        env: { [FUSE_VARIABLE]: fuse(id).path, [SMALL_VARIABLE]: String(SMALL) },
      }),
    });
    return { cluster: stagedWith(cluster, directory, cleanUp), run: (act) => visitAll(cluster, act, fuse) };
  } catch (error) {
    cleanUp();
    throw error;
  }
}

async function visitAll(cluster: Cluster, act: Act, fuse: (id: string) => Fuse): Promise<void> {
  for (let round = 0; round < TIMES; round++) {
    for (const trap of act.random.shuffled(trapsOf(fuse, act.random)))
      await spring(trap, { cluster, act, lag: LAG });
  }
  await served(act.load, 200);
}

function trapsOf(fuse: (id: string) => Fuse, random: Random): readonly Trap[] {
  return Object.entries(PLAN).flatMap(([name, { roles, way, nthMax }]) => {
    const point = name as NodePoint;
    return roles.map(
      (role): Trap => ({
        name: `${point} (${NODE_POINTS[point]})`,
        role,
        way,
        arm: (id) => fuse(id).arm(point, 1 + random.below(nthMax)),
        disarm: (id) => fuse(id).disarm(),
        isSprung: (id) => fuse(id).isBlown,
      }),
    );
  });
}
