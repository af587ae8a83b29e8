/** `raftally cluster`: a whole cluster on this machine, each node a process of its own. */

import type { ChildNode, Started } from "./child-node.ts";
import { refuseUnstartable } from "./cluster-checks.ts";
import { type ClusterPlan, planCluster, savePlan } from "./cluster-file.ts";
import { announce } from "./cluster-report.ts";
import { EXIT } from "./commands.ts";
import { type Local, prepareLocal } from "./local/launch.ts";
import type { Terminal } from "./output.ts";
import { buildPageIfMissing } from "./page.ts";
import type { Parsed } from "./parse.ts";
import { restartAll } from "./rolling-restart.ts";
import { type Control, openControl, type Restart } from "./rolling-restart-control.ts";
import { onStopSignal } from "./signals.ts";
import { survey } from "./status.ts";

/** Ctrl-C has to end everything within 3 s. */
const KILL_AFTER_MS = 2_200;
/** A node that is to be restarted ends by itself after its stop timeout; this is for one that cannot even do that. */
const RESTART_KILL_AFTER_MS = 10_000;
/** Nodes without one of theirs that have elected no leader by then are too few to go on. */
const GO_ON_WAIT_MS = 5_000;
const POLL_MS = 100;

/** Runs until a signal stops it. Throws StartRefusal if it cannot start. */
export async function cluster(parsed: Parsed, terminal: Terminal): Promise<number> {
  const { data } = parsed.values;
  const plan = planCluster(parsed);
  await refuseUnstartable(plan, data);
  if (!plan.existed) savePlan(data, plan);
  await buildPageIfMissing((sentence) => terminal.error(sentence));
  const running = new AbortController();
  const local = await prepareLocal(plan, parsed, { terminal, signal: running.signal });
  const { nodes } = local;
  const children = (): readonly ChildNode[] => nodes.all.map(({ child }) => child);
  let exitCode: number = EXIT.done;
  const stopped = new Promise<void>((resolve) => {
    running.signal.addEventListener("abort", () => resolve());
  });
  const ignore = onStopSignal(() => {
    // Whoever asks twice does not want to wait.
    if (running.signal.aborted) for (const child of children()) child.kill();
    running.abort();
  });
  let control: Control | undefined;
  try {
    for (const child of children()) child.start();
    const failed = await firstFailure(children(), stopped);
    if (failed === undefined || (await goOnWithout(failed, local, running.signal, terminal))) {
      nodes.founded();
      control = await controlFor(local, data, running.signal, terminal);
      local.ready();
      await announce({ nodes, data, more: local.hints }, running.signal, terminal);
      const alone = nodes.allGone.then(() => EXIT.refused);
      exitCode = await Promise.race([stopped.then(() => EXIT.done), alone]);
    } else if (failed !== "stopped") {
      terminal.error(`raftally: ${failed.id}: ${failed.why}`);
      exitCode = failed.exitCode;
    }
  } finally {
    running.abort();
    await Promise.all(children().map((child) => child.stop(KILL_AFTER_MS)));
    await Promise.all([control?.close(), local.close()]);
    ignore();
  }
  if (exitCode === EXIT.done) terminal.out("Stopped. Every count is kept: start again to go on.");
  return exitCode;
}

type Failed = Extract<Started, { kind: "failed" }>;

/** The first node that cannot start; undefined once all answer. */
async function firstFailure(
  nodes: readonly ChildNode[],
  stopped: Promise<void>,
): Promise<Failed | "stopped" | undefined> {
  const first = new Promise<Failed>((resolve) => {
    for (const node of nodes) void node.started.then((how) => how.kind === "failed" && resolve(how));
  });
  const all = Promise.all(nodes.map((node) => node.started));
  const failedOfAll = all.then((list) => list.find((how) => how.kind === "failed"));
  return Promise.race([first, failedOfAll, stopped.then(() => "stopped" as const)]);
}

/**
 * Whether a cluster that was there before goes on although a node cannot start: its disk is lost, or it was removed
 * and its directory deleted. That is what the others are for, as long as they are enough to elect a leader.
 */
async function goOnWithout(
  failed: Failed | "stopped",
  { nodes }: Local,
  stopping: AbortSignal,
  terminal: Terminal,
): Promise<boolean> {
  const { plan, all } = nodes;
  if (failed === "stopped" || !plan.existed || all.length === 1) return false;
  if (!(await othersLead(plan, stopping))) return false;
  for (const {
    child: { id, started },
  } of all) {
    void started.then((how) => {
      if (how.kind !== "failed") return;
      terminal.error(`${id} does not start, and the others go on without it: ${how.why}`);
    });
  }
  return true;
}

async function othersLead({ members }: ClusterPlan, stopping: AbortSignal): Promise<boolean> {
  const urls = members.map(({ api }) => api);
  const until = performance.now() + GO_ON_WAIT_MS;
  while (performance.now() < until && !stopping.aborted) {
    const seen = await survey(urls, 500);
    if (seen.some(({ view }) => view?.leader !== undefined)) return true;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return false;
}

/** Lets `raftally rolling-restart` and `raftally local` reach this launcher; what is done is said here too. */
function controlFor(
  { nodes, control }: Local,
  data: string,
  stopping: AbortSignal,
  terminal: Terminal,
): Promise<Control> {
  const restart: Restart = async (tell, gone) => {
    const restartable = nodes.all.map(({ member: { id, api }, child }) => ({
      ...{ id, api },
      restart: () => child.restart(RESTART_KILL_AFTER_MS),
    }));
    const say = (line: string): void => {
      tell(line);
      terminal.error(`rolling restart: ${line}`);
    };
    const refusal = await restartAll({
      nodes: restartable,
      say,
      signal: AbortSignal.any([stopping, gone]),
    });
    if (refusal !== undefined) terminal.error(`rolling restart: ${refusal}`);
    return refusal;
  };
  return openControl(data, restart, control);
}
