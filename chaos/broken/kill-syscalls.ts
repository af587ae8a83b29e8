/** Kills between two system calls, and takes the power of that machine as well half of the time. Needs the shim. */

import { FAULTY_NODE, FUSE_VARIABLE, SMALL_VARIABLE } from "../faulty/index.ts";
import type { Random } from "../random.ts";
import { type Act, served } from "../scenario.ts";
import type { ShimPoint } from "../shim/control-page.ts";
import { LAG, SMALL } from "./kill-points.ts";
import { Machines } from "./machines.ts";
import { type Role, spring, type Trap, type Way } from "./trap.ts";

interface Planned {
  readonly name: string;
  readonly point: ShimPoint;
  /** Part of the path that it is about. */
  readonly pattern: string;
  readonly roles: readonly Role[];
  readonly way: Way;
  readonly nthMax: number;
}

const BOTH: readonly Role[] = ["leader", "follower"];
const FOLLOWER: readonly Role[] = ["follower"];

const LOG = { pattern: ".wal", roles: BOTH, way: "load", nthMax: 40 } as const;
const SNAPSHOT = { pattern: "/snapshots/", roles: BOTH, way: "load" } as const;
const INSTALL = { roles: FOLLOWER, way: "lag" } as const;
const RECOVERY = { pattern: "", roles: FOLLOWER, way: "start" } as const;

const PLAN: readonly Planned[] = [
  { name: "the log: appended and not synced", point: "afterWrite", ...LOG },
  { name: "the log: synced, and nobody was told", point: "afterSync", ...LOG },
  { name: "a snapshot: a part is copied", point: "afterWrite", nthMax: 6, ...SNAPSHOT },
  { name: "a snapshot: a file is synced", point: "afterSync", nthMax: 3, ...SNAPSHOT },
  { name: "a snapshot: before a name changes", point: "beforeName", nthMax: 6, ...SNAPSHOT },
  { name: "a snapshot: after a name changed", point: "afterName", nthMax: 6, ...SNAPSHOT },
  {
    name: "the state: a page is written",
    point: "afterWrite",
    pattern: "state.db",
    roles: BOTH,
    way: "load",
    nthMax: 40,
  },
  { name: "an install: a part has arrived", point: "afterWrite", pattern: ".part", nthMax: 1, ...INSTALL },
  {
    name: "an install: the copy is half made",
    point: "afterWrite",
    pattern: "state.db.new",
    nthMax: 1,
    ...INSTALL,
  },
  {
    name: "an install: before a name changes",
    point: "beforeName",
    pattern: "state.db",
    nthMax: 3,
    ...INSTALL,
  },
  {
    name: "an install: after a name changed",
    point: "afterName",
    pattern: "state.db",
    nthMax: 3,
    ...INSTALL,
  },
  { name: "recovery: something is written", point: "afterWrite", nthMax: 3, ...RECOVERY },
  { name: "recovery: before a sync", point: "beforeSync", nthMax: 2, ...RECOVERY },
  { name: "recovery: after a sync", point: "afterSync", nthMax: 2, ...RECOVERY },
];

/** How many deaths a run has. */
export const KILLED_SYSCALLS: number = PLAN.reduce((sum, { roles }) => sum + roles.length, 0);

/** Machines whose nodes take snapshots often. */
export function restlessMachines(): Promise<Machines> {
  // The fuse of the entry point is never armed here: it is used for its settings.
  const env = { [FUSE_VARIABLE]: "unarmed.fuse", [SMALL_VARIABLE]: String(SMALL) };
  return Machines.start(() => ({ program: FAULTY_NODE, env }));
}

export async function killSyscalls(machines: Machines, act: Act): Promise<void> {
  const { cluster } = machines;
  const { random, load } = act;
  const whenDead = (id: string): string => {
    if (random.chance(0.5)) return "";
    const { takenBack, torn } = machines.disk(id).losePower(random);
    return `its power too: ${takenBack} writes lost, ${torn} of them torn`;
  };
  for (const trap of random.shuffled(trapsOf(machines, random)))
    await spring(trap, { cluster, act, lag: LAG, whenDead });
  await served(load, 200);
  machines.checkModel();
}

function trapsOf(machines: Machines, random: Random): readonly Trap[] {
  return PLAN.flatMap(({ name, point, pattern, roles, way, nthMax }) =>
    roles.map(
      (role): Trap => ({
        name,
        role,
        way,
        arm: (id) => machines.disk(id).control.killAt(point, { nth: 1 + random.below(nthMax), pattern }),
        disarm: (id) => machines.disk(id).control.disarm(),
        isSprung: (id) => !machines.disk(id).control.killIsArmed,
      }),
    ),
  );
}
