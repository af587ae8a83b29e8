/**
 * `raftally rolling-restart`: every node of a local cluster, one after the other, while the others serve.
 *
 * Whoever asks for it is another process than the one that runs the nodes: the launcher does the work (here
 * {@link restartAll}), and the command (here {@link rollingRestart}) asks it over rolling-restart-control.ts.
 */

import { setTimeout as sleep } from "node:timers/promises";
import type { NodeView } from "../client/index.ts";
import { failedByItself, type Restarted } from "./child-node.ts";
import { storedPlan } from "./cluster-file.ts";
import { EXIT } from "./commands.ts";
import type { Terminal } from "./output.ts";
import type { Parsed } from "./parse.ts";
import { StartRefusal } from "./refusal.ts";
import { askLauncher } from "./rolling-restart-control.ts";
import { survey } from "./status.ts";

/** A node as far as restarting it goes. */
export interface Restartable {
  readonly id: string;
  /** Where it answers clients. */
  readonly api: string;
  /** Resolves when it answers again, or will not. */
  restart(): Promise<Restarted>;
}

export interface RollingRestart {
  readonly nodes: readonly Restartable[];
  /** A line of progress, for people. */
  readonly say: (line: string) => void;
  /** Ends it: a node under way is waited for, and no other is touched. */
  readonly signal: AbortSignal;
}

/** An answer from memory; but every process of the machine may be busy. */
const LOOK_MS = 2_000;
const POLL_MS = 50;
/** A cluster that has just elected a leader is given this long to be well before it is refused. */
const SETTLE_MS = 2_000;
/** Between two nodes: one that dies meanwhile is started again by the launcher. */
const RECOVER_MS = 15_000;
/** A wait this long is explained, and then again each time it has lasted as much longer. */
const EXPLAIN_MS = 5_000;

/** What the members of the cluster say at one moment. */
interface Survey {
  /** Why no node must be stopped now, in a sentence; undefined if all is well. */
  readonly problem: string | undefined;
  readonly views: readonly NodeView[];
  /** As the node with the highest term sees it. */
  readonly leader: NodeView | undefined;
}

/** Runs until the launcher has restarted every node, or says why it will not. */
export async function rollingRestart(parsed: Parsed, terminal: Terminal): Promise<number> {
  const { data } = parsed.values;
  if (storedPlan(data) === undefined) {
    throw new StartRefusal(`${data} holds no local cluster: name the directory of one with --data.`);
  }
  const refusal = await askLauncher(data, (line) => terminal.out(line));
  if (refusal === undefined) return EXIT.done;
  terminal.error(`raftally: ${refusal}`);
  return EXIT.failed;
}

/**
 * Restarts all nodes, the leader last, each only while every member of the cluster is up, ready and caught up.
 * @returns undefined when all have been restarted, or a sentence that says why not.
 */
export async function restartAll(asked: RollingRestart): Promise<string | undefined> {
  const { say, signal } = asked;
  const began = performance.now();
  const before = await settled(asked, SETTLE_MS);
  if (before.problem !== undefined) {
    return `${before.problem} No node is stopped while another is missing: see raftally status, and try again.`;
  }
  const rolling = { ...asked, nodes: members(asked.nodes, before.views, say) };
  let left = rolling.nodes;
  const count = left.length;
  // Members that were started elsewhere count too.
  const size = membersOf(before.views).size;
  if (size < 3) say(`A cluster of ${size} cannot spare a node: requests wait while each restarts.`);
  while (left.length > 0) {
    const seen = await settled(rolling, RECOVER_MS);
    const done = `${count - left.length} of ${count} nodes were restarted.`;
    if (signal.aborted) return `stopped as asked: ${done}`;
    if (seen.problem !== undefined) return `${seen.problem} It ends here: ${done}`;
    // The leader last: each restart of a leader costs a change of leader.
    const next = left.find(({ id }) => id !== seen.leader?.id) ?? left[0];
    if (next === undefined) break;
    left = left.filter((node) => node !== next);
    const failure = await restartOne(next, seen, rolling);
    if (failure !== undefined) return `${next.id}: ${failure} It ends here: ${done}`;
  }
  const all = count === 1 ? "1 node was restarted" : `All ${count} nodes were restarted, one after the other`;
  say(`${all}, in ${seconds(performance.now() - began)}.`);
  return undefined;
}

async function restartOne(
  node: Restartable,
  seen: Survey,
  rolling: RollingRestart,
): Promise<string | undefined> {
  const { say } = rolling;
  const led = seen.leader?.id === node.id;
  const asked = performance.now();
  const restarted = await node.restart();
  if (restarted.kind === "failed") return restarted.sentence;
  const back = await caughtUp(node, rolling);
  const { stopMs, startMs, stop } = restarted;
  const steps = [
    `stopped in ${seconds(stopMs)}`,
    `started in ${seconds(startMs)}`,
    `caught up after ${seconds(performance.now() - asked - stopMs - startMs)}`,
  ];
  const handed = led ? `; ${back.leader?.id ?? "nobody"} leads now` : "";
  const rough = failedByItself(stop) || stop.signal !== undefined ? " It did not stop gracefully." : "";
  say(`${node.id} (${led ? "leader" : "follower"}): ${steps.join(", ")}${handed}.${rough}`);
  return undefined;
}

/** Leaves out whoever was removed from the cluster, and says who is not restarted because others run it. */
function members(
  nodes: readonly Restartable[],
  views: readonly NodeView[],
  say: (line: string) => void,
): readonly Restartable[] {
  const known = membersOf(views);
  for (const { id } of nodes.filter((node) => !known.has(node.id))) say(`${id} is no member any more.`);
  const ours = new Set(nodes.map(({ id }) => id));
  for (const id of known) if (!ours.has(id)) say(`${id} was started elsewhere, and is not restarted.`);
  return nodes.filter(({ id }) => known.has(id));
}

function membersOf(views: readonly NodeView[]): ReadonlySet<string> {
  return new Set(views.flatMap((view) => [view.id, ...view.peers.map((peer) => peer.id)]));
}

/** Waits for the cluster to be well, up to `patienceMs`. */
async function settled(rolling: RollingRestart, patienceMs: number): Promise<Survey> {
  const until = performance.now() + patienceMs;
  for (;;) {
    const seen = await look(rolling.nodes);
    if (seen.problem === undefined || rolling.signal.aborted || performance.now() > until) return seen;
    await sleep(POLL_MS);
  }
}

/** Waits until a node that was restarted holds all that had been committed when it came back, and all is well. */
async function caughtUp(node: Restartable, { nodes, say, signal }: RollingRestart): Promise<Survey> {
  let target: number | undefined;
  let explainAt = performance.now() + EXPLAIN_MS;
  for (;;) {
    const seen = await look(nodes);
    target ??= seen.leader?.commit;
    const applied = seen.views.find(({ id }) => id === node.id)?.applied ?? 0;
    const behind = target === undefined || applied < target;
    if ((seen.problem === undefined && !behind) || signal.aborted) return seen;
    if (performance.now() > explainAt) {
      say(`waiting: ${seen.problem ?? `${node.id} has applied ${applied} of ${target} entries.`}`);
      explainAt += EXPLAIN_MS;
    }
    await sleep(POLL_MS);
  }
}

/** Asks every member whether it is up and ready. */
async function look(nodes: readonly Restartable[]): Promise<Survey> {
  const seen = await survey(
    nodes.map(({ api }) => api),
    LOOK_MS,
  );
  const views = seen.flatMap(({ view }) => view ?? []);
  const known = membersOf(views);
  const leader = views
    .filter(({ role }) => role === "leader")
    .toSorted((a, b) => b.term - a.term)
    .at(0);
  // Whoever was removed from the cluster may well be gone.
  const counts = (id: string | undefined): boolean => id === undefined || known.size === 0 || known.has(id);
  const silent = seen.flatMap((each) => {
    const id = nodes.find(({ api }) => api === each.url)?.id;
    return each.view === undefined && counts(id) ? `${id ?? each.url} does not answer (${each.reason}).` : [];
  });
  const unready = await Promise.all(views.map(unreadiness));
  const problems = [...silent, ...unready, leader === undefined ? "No node leads." : undefined];
  const problem = problems.find((sentence) => sentence !== undefined);
  return { problem, views, leader };
}

/** Why a node is not ready, in a sentence; undefined if it is. */
async function unreadiness({ id, url }: NodeView): Promise<string | undefined> {
  try {
    const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(LOOK_MS) });
    const text = await response.text();
    if (response.status === 200) return undefined;
    const failed = text.split("\n").filter((line) => line.startsWith("[-]"));
    return `${id} is not ready (${failed.map((line) => line.slice(3)).join("; ")}).`;
  } catch {
    return `${id} does not answer.`;
  }
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(2)} s`;
}
