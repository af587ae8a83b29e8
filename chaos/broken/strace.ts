/** Kills and errors at exact system calls of the real program, by strace: nothing of ours is inside the process. */

import { spawnSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { Cluster } from "../cluster.ts";
import { type Act, type Stage, served } from "../scenario.ts";

/** How long a node may take to come by the call, ms. */
const PATIENCE_MS = 60_000;

interface Injection {
  readonly name: string;
  readonly calls: string;
  /** As strace says it. */
  readonly what: "signal=SIGKILL" | "error=EIO" | "error=ENOSPC";
  /** Calls of one thread before it, at most. All of the log's are made by one (UV_THREADPOOL_SIZE). */
  readonly nthMax: number;
}

const PLAN: readonly Injection[] = [
  { name: "killed before a write", calls: "pwrite64", what: "signal=SIGKILL", nthMax: 30 },
  { name: "killed before a sync", calls: "fsync,fdatasync", what: "signal=SIGKILL", nthMax: 1 },
  { name: "a write fails", calls: "pwrite64", what: "error=EIO", nthMax: 30 },
  { name: "a sync fails", calls: "fsync,fdatasync", what: "error=EIO", nthMax: 1 },
  { name: "no room for a write", calls: "pwrite64", what: "error=ENOSPC", nthMax: 30 },
];

/** How many faults a run has. */
export const STRACED: number = PLAN.length;

/** For `Scenario.lacks`. */
export async function needsStrace(): Promise<string | undefined> {
  const probe = strace({ name: "", calls: "pwrite64", what: "error=EIO", nthMax: 1 }, 1_000);
  const [command = "", ...args] = [...probe, "true"];
  const { error, status } = spawnSync(command, args, { stdio: "ignore" });
  if (error !== undefined) return "needs strace";
  return status === 0 ? undefined : "needs the right to trace a child with strace";
}

/** A command that becomes the program, with strace as its grandchild (-D), so that signals reach the program. */
function strace({ calls, what }: Injection, nth: number): readonly string[] {
  const inject = ["-e", `trace=${calls}`, "-e", `inject=${calls}:${what}:when=${nth}`];
  // With --seccomp-bpf the program is faster, and strace 6.1 forgets a signal that is not for the first call.
  const faster = what.startsWith("signal") ? [] : ["--seccomp-bpf"];
  return ["strace", "-D", "-f", ...faster, "-qq", "-o", "/dev/null", ...inject];
}

export async function stageStrace(): Promise<Stage> {
  const under = new Map<string, readonly string[]>();
  const cluster = await Cluster.start({
    launch: (id) => ({ under: under.get(id) ?? [], env: { UV_THREADPOOL_SIZE: "1" } }),
  });
  return { cluster, run: (act) => injectAll(cluster, under, act) };
}

async function injectAll(cluster: Cluster, under: Map<string, readonly string[]>, act: Act): Promise<void> {
  const { load, faults, random, say } = act;
  for (const injection of PLAN) {
    await served(load, 50);
    const id = random.pick(cluster.nodes).id;
    const nth = 1 + random.below(injection.nthMax);
    await cluster.kill(id);
    under.set(id, strace(injection, nth));
    cluster.spawn(id);
    const until = performance.now() + PATIENCE_MS;
    while (cluster.isRunning(id) && performance.now() < until) await sleep(10);
    under.delete(id);
    const ended = !cluster.isRunning(id);
    if (!ended) await cluster.kill(id);
    const { signal, exitCode } = await cluster.ended(id);
    const died = injection.what.startsWith("signal")
      ? signal === "SIGKILL"
      : exitCode === 1 || exitCode === 2;
    const detail = `${injection.name} (${injection.calls}, number ${nth} of a thread) on ${id}: ${signal ?? exitCode}`;
    if (ended && !died) throw new Error(`${id} did not stop as it should: ${detail}`);
    faults.once("strace", [id], { effective: ended && died, detail });
    say(`${ended ? "" : "DID NOT COME BY: "}${detail}`);
    await cluster.startAll();
  }
  await served(load, 200);
}
