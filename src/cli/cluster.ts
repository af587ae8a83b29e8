/** `raftally cluster`: a whole cluster on this machine, each node a process of its own. */

import { createServer } from "node:net";
import { join } from "node:path";
import { holdsNothing, isInUse } from "../node/index.ts";
import type { MemberAddress } from "./address.ts";
import { showMembers } from "./address.ts";
import { ChildNode, type Started } from "./child-node.ts";
import { type ClusterPlan, planCluster, portOf, savePlan } from "./cluster-file.ts";
import { EXIT } from "./commands.ts";
import { type Column, type Terminal, table } from "./output.ts";
import { buildPageIfMissing } from "./page.ts";
import type { Parsed } from "./parse.ts";
import { StartRefusal } from "./refusal.ts";
import { restartAll } from "./rolling-restart.ts";
import { type Control, openControl } from "./rolling-restart-control.ts";
import { onStopSignal } from "./signals.ts";
import { type Seen, survey } from "./status.ts";
import { version } from "./version.ts";

/** Ctrl-C has to end everything within 3 s. */
const KILL_AFTER_MS = 2_500;
/** A node that is to be restarted ends by itself after its stop timeout; this is for one that cannot even do that. */
const RESTART_KILL_AFTER_MS = 10_000;
/** Without a leader by then, the terminal says so. */
const LEADER_WAIT_MS = 15_000;
/** Nodes without one of theirs that have elected no leader by then are too few to go on. */
const GO_ON_WAIT_MS = 5_000;
const POLL_MS = 100;

/** Runs until a signal stops it. Throws StartRefusal if it cannot start. */
export async function cluster(parsed: Parsed, terminal: Terminal): Promise<number> {
  const { data } = parsed.values;
  const plan = planCluster(parsed);
  refuseRunning(plan, data);
  await refuseLost(plan, data);
  await refuseBusyPorts(plan);
  if (!plan.existed) savePlan(data, plan);
  await buildPageIfMissing((sentence) => terminal.error(sentence));
  const nodes = plan.members.map((member) => childFor(member, plan, parsed, terminal));
  const running = new AbortController();
  let exitCode: number = EXIT.done;
  const stopped = new Promise<void>((resolve) => {
    running.signal.addEventListener("abort", () => resolve());
  });
  const ignore = onStopSignal(() => {
    // Whoever asks twice does not want to wait.
    if (running.signal.aborted) for (const node of nodes) node.kill();
    running.abort();
  });
  let control: Control | undefined;
  try {
    for (const node of nodes) node.start();
    const failed = await firstFailure(nodes, stopped);
    if (
      failed === undefined ||
      (await goOnWithout(failed, { plan, data, nodes }, running.signal, terminal))
    ) {
      if (plan.founding) savePlan(data, { ...plan, founding: false });
      control = await controlFor({ plan, data, nodes }, running.signal, terminal);
      await announce({ plan, data, nodes }, running.signal, terminal);
      const alone = Promise.all(nodes.map((node) => node.givenUp)).then(() => EXIT.refused);
      exitCode = await Promise.race([stopped.then(() => EXIT.done), alone]);
    } else if (failed !== "stopped") {
      terminal.error(`raftally: ${failed.id}: ${failed.why}`);
      exitCode = failed.exitCode;
    }
  } finally {
    running.abort();
    await Promise.all(nodes.map((node) => node.stop(KILL_AFTER_MS)));
    await control?.close();
    ignore();
  }
  if (exitCode === EXIT.done) terminal.out("Stopped. Every count is kept: start again to go on.");
  return exitCode;
}

function childFor(member: MemberAddress, plan: ClusterPlan, parsed: Parsed, terminal: Terminal): ChildNode {
  const { id, peer, api } = member;
  const { data, writes } = parsed.values;
  const { host } = new URL(api);
  return new ChildNode({
    id,
    secret: plan.secret,
    logPath: join(data, `${id}.log`),
    say: (line) => terminal.error(line),
    // A node that has answered once was there, and its directory is lost if it is empty.
    firstArgs: plan.founding ? foundingArgs(plan) : [],
    args: [
      ...["--id", id, "--cluster-id", plan.clusterId, "--members", showMembers(plan.members)],
      ...["--listen", host, "--listen-peer", peer, "--data", join(data, id)],
      ...["--writes", writes],
      // Ctrl-C gives them 2.5 s in all.
      ...["--stop-timeout", "2s", "--log-format", "text"],
    ],
  });
}

/** The cluster's id was drawn for it: there is no older one to look for. */
function foundingArgs({ members }: ClusterPlan): readonly string[] {
  return ["--founding-wait", "0s", ...(members.length === 1 ? ["--new-cluster"] : [])];
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
  { plan, nodes }: Launched,
  stopping: AbortSignal,
  terminal: Terminal,
): Promise<boolean> {
  if (failed === "stopped" || !plan.existed || nodes.length === 1) return false;
  if (!(await othersLead(plan, stopping))) return false;
  for (const { id, started } of nodes) {
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

const COLUMNS: readonly Column[] = [
  { title: "node" },
  { title: "role" },
  { title: "url" },
  { title: "pid", align: "right" },
];

interface Launched {
  readonly plan: ClusterPlan;
  readonly data: string;
  readonly nodes: readonly ChildNode[];
}

/** Lets `raftally rolling-restart` reach this launcher; what it does is said here too. */
function controlFor(
  { plan, data, nodes }: Launched,
  stopping: AbortSignal,
  terminal: Terminal,
): Promise<Control> {
  const restartable = nodes.map((node) => ({
    id: node.id,
    api: plan.members.find(({ id }) => id === node.id)?.api ?? "",
    restart: () => node.restart(RESTART_KILL_AFTER_MS),
  }));
  return openControl(data, async (tell, gone) => {
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
  });
}

/** Waits until everyone knows the leader, then says what there is and what to try. */
async function announce(launched: Launched, signal: AbortSignal, terminal: Terminal): Promise<void> {
  const { plan, data, nodes } = launched;
  const urls = plan.members.map(({ api }) => api);
  const deadline = performance.now() + LEADER_WAIT_MS;
  let seen: readonly Seen[] = [];
  while (performance.now() < deadline) {
    if (signal.aborted) return;
    seen = await survey(urls, 500);
    const settled = (id: string, url: string): boolean =>
      nodes.some((node) => node.id === id && node.hasGivenUp) ||
      seen.some((one) => one.url === url && one.view?.leader !== undefined);
    if (plan.members.every(({ id, api }) => settled(id, api))) break;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  if (signal.aborted) return;
  const rows = plan.members.map(({ id, api }) => {
    const view = seen.find((node) => node.view?.id === id)?.view;
    const node = nodes.find((one) => one.id === id);
    const silent = node?.hasGivenUp === true ? "stopped" : "does not answer";
    return [id, view?.role ?? silent, api, node?.pid === undefined ? "" : String(node.pid)];
  });
  const led = seen.some(({ view }) => view?.leader !== undefined);
  const [first] = urls;
  const lines = [
    `raftally ${version()}: ${plan.existed ? "going on with" : "made"} a cluster of ${urls.length} in ${data}`,
    "",
    ...table(COLUMNS, rows).map((line) => `  ${line}`),
    ...(led ? [] : ["", `No node leads yet; the logs are ${join(data, "*.log")}`]),
    "",
    `Try:   curl -L -X POST ${first}/v1/counters/visits/increment`,
    "Stop:  Ctrl-C",
  ];
  for (const line of lines) terminal.out(line);
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
