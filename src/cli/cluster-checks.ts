/** What keeps a local cluster from being started, told before anything is. */

import { createServer } from "node:net";
import { join } from "node:path";
import { holdsNothing, isInUse } from "../node/index.ts";
import { type ClusterPlan, portOf } from "./cluster-file.ts";
import { StartRefusal } from "./refusal.ts";

/** @throws {StartRefusal} with the first thing that is wrong. */
export async function refuseUnstartable(plan: ClusterPlan, data: string): Promise<void> {
  refuseRunning(plan, data);
  await refuseLost(plan, data);
  await refuseBusyPorts(plan);
}

/** The launcher has no lock of its own: its nodes hold one on each of their directories, as long as they live. */
function refuseRunning(plan: ClusterPlan, data: string): void {
  if (!plan.existed || !plan.members.some(({ id }) => isInUse(join(data, id)))) return;
  const status = `raftally status --url ${plan.members[0]?.api ?? ""}`;
  throw new StartRefusal(
    `the cluster in ${data} is already running: use that one (${status} shows it), ` +
      "stop it with Ctrl-C where it was started, or choose another --data and --port.",
  );
}

/** Nodes that were there and are gone, all of them: nobody has their counts, and the launcher begins nothing anew. */
async function refuseLost({ existed, founding, members }: ClusterPlan, data: string): Promise<void> {
  if (!existed || founding) return;
  const directories = members.map(({ id }) => join(data, id));
  const lost = await Promise.all(directories.map((each) => holdsNothing(each).catch(() => false)));
  if (lost.includes(false)) return;
  throw new StartRefusal(
    `${directories.join(", ")}: no node of the cluster in ${data} is there any more. Bring the data back if it was moved ` +
      "or is not mounted; if the disk is lost, so are the counts, unless there is a backup, which raftally restore makes " +
      "a node of. To begin with no counts, choose another --data.",
  );
}

/** Better said before anything is started than found in three logs. */
async function refuseBusyPorts(plan: ClusterPlan): Promise<void> {
  const ports = plan.members.flatMap((member) => [portOf(member), Number(member.peer.split(":").at(-1))]);
  const checks = await Promise.all(ports.map(async (port) => ({ port, problem: await listenProblem(port) })));
  const busy = checks.find(({ problem }) => problem !== undefined);
  if (busy === undefined) return;
  const inUse = busy.problem === "EADDRINUSE";
  const why = inUse ? "is in use by another program" : `cannot be listened on (${busy.problem})`;
  const choice = plan.existed
    ? "this cluster needs it, so end that program"
    : "end that program, or choose --port";
  throw new StartRefusal(
    `port ${busy.port} of 127.0.0.1 ${why}: ${choice} (raftally status shows whether a cluster runs already).`,
  );
}

/** Why a port cannot be listened on: the system's error code, or undefined if it can. */
function listenProblem(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host: "127.0.0.1", port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}
