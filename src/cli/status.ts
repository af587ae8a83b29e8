/** `raftally status`: every node of a cluster in one table. */

import { type Json, type NodeView, printExact, RaftallyClient, RaftallyError } from "../client/index.ts";
import { EXIT } from "./commands.ts";
import { showCatchUp, showChangeAndWayOut } from "./membership.ts";
import { type Column, printExplanation, type Terminal, table } from "./output.ts";
import type { Parsed } from "./parse.ts";

/** One node's answer, or why there is none. */
export type Seen =
  | { readonly url: string; readonly view: NodeView }
  | { readonly url: string; readonly view: undefined; readonly reason: string };

/** Asks the nodes at these URLs, and those that their answers name. */
export async function survey(urls: readonly string[], timeoutMs: number): Promise<readonly Seen[]> {
  const seen = await Promise.all(urls.map((url) => look(url, timeoutMs)));
  const reached = seen.flatMap(({ view }) => view ?? []);
  const named = reached.flatMap((view) => view.peers.map((peer) => peer.api));
  const known = new Set([...urls, ...reached.map(ownUrl)]);
  const others = [...new Set(named)].filter((url) => !known.has(url));
  // A node that was asked by one name may be known to the others by another: it is shown once.
  const found = [...seen, ...(await Promise.all(others.map((url) => look(url, timeoutMs))))];
  const ids = new Set<string>();
  return found.filter(({ view }) => {
    if (view === undefined) return true;
    const first = !ids.has(`${view.clusterId}/${view.id}`);
    ids.add(`${view.clusterId}/${view.id}`);
    return first;
  });
}

/** The URL by which the other nodes know this one, if it says so itself; else the one that was asked. */
function ownUrl(view: NodeView): string {
  return view.leader?.id === view.id ? view.leader.url : view.url;
}

async function look(url: string, timeoutMs: number): Promise<Seen> {
  try {
    const client = new RaftallyClient({ urls: [url], timeoutMs, attemptTimeoutMs: timeoutMs });
    return { url, view: await client.status() };
  } catch (error) {
    if (!(error instanceof RaftallyError)) throw error;
    return { url, view: undefined, reason: error.attempts.at(-1)?.result ?? error.message };
  }
}

export async function status(parsed: Parsed, terminal: Terminal): Promise<number> {
  const { url, timeout, json } = parsed.values;
  // Nodes that are down must not take the whole time: a second is long for an answer from memory.
  const seen = await survey(url, Math.min(timeout, 1_000));
  const views = seen.flatMap(({ view }) => view ?? []);
  const led = views.some((view) => view.leader !== undefined);
  if (json) terminal.out(printExact(seen.map(asJson), 2));
  else if (views.length > 0) {
    printStatus(seen, views, terminal);
    for (const line of await changesOf(views, timeout)) terminal.out(line);
  }
  if (views.length === 0 && !json) {
    const why = seen.map((node) => `${node.url}: ${node.view === undefined ? node.reason : "up"}`).join("; ");
    const advice = "raftally cluster starts a cluster here; --url or RAFTALLY_URL names one elsewhere";
    printExplanation(terminal, { what: "No node answered.", why, try: advice, exitCode: EXIT.failed });
  }
  return led ? EXIT.done : EXIT.failed;
}

/** What is under way in the membership, from the leader, or where nobody knows one from any node that answers. */
async function changesOf(views: readonly NodeView[], timeoutMs: number): Promise<readonly string[]> {
  const led = views.some((view) => view.leader !== undefined);
  const leader = views.find((view) => view.leader?.id === view.id);
  const asked = led ? leader : views.find((view) => view.state === "running");
  if (asked === undefined) return [];
  try {
    const client = new RaftallyClient({ urls: [asked.url], timeoutMs: Math.min(timeoutMs, 1_000) });
    const { members } = await client.members();
    const changes = showChangeAndWayOut(members, led);
    // Only a leader knows how far a newcomer is.
    if (!led) return changes;
    return [
      ...changes,
      ...members.flatMap((member) => (member.reachable ? (showCatchUp(member) ?? []) : [])),
    ];
  } catch (error) {
    if (error instanceof RaftallyError) return [];
    throw error;
  }
}

const COLUMNS: readonly Column[] = [
  { title: "node" },
  { title: "role" },
  { title: "url" },
  { title: "term", align: "right" },
  { title: "applied", align: "right" },
  { title: "behind", align: "right" },
  { title: "counters", align: "right" },
  { title: "up", align: "right" },
];

function printStatus(seen: readonly Seen[], views: readonly NodeView[], terminal: Terminal): void {
  const commit = Math.max(...views.map((view) => view.commit));
  const rows = seen.map((node) => {
    if (node.view === undefined) return ["?", `down: ${node.reason}`, node.url];
    const { id, state, term, applied, counters, uptimeMs } = node.view;
    const role = state === "running" ? node.view.role : state;
    const numbers = [term, applied, Math.max(0, commit - applied), counters].map(String);
    return [id, role, node.url, ...numbers, showUptime(uptimeMs)];
  });
  for (const line of table(COLUMNS, rows.toSorted(byFirstCell))) terminal.out(line);
  if (views.every((view) => view.leader === undefined)) {
    terminal.error("No leader: a majority of the nodes must be up and connected.");
  }
  for (const view of views)
    if (view.alarm !== undefined) terminal.error(`ALARM from ${view.id}: ${view.alarm}`);
}

/** Nodes by name, those that did not answer last. */
function byFirstCell([a = ""]: readonly string[], [b = ""]: readonly string[]): number {
  if ((a === "?") !== (b === "?")) return a === "?" ? 1 : -1;
  return a.localeCompare(b, "en", { numeric: true });
}

function showUptime(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours}h` : `${Math.floor(hours / 24)}d`;
}

function asJson(seen: Seen): Json {
  if (seen.view === undefined) return { url: seen.url, error: seen.reason };
  const { peers, leader, ...rest } = seen.view;
  const shown = peers.map((peer) => ({ ...peer }));
  return { ...rest, leader: leader === undefined ? null : { ...leader }, peers: shown };
}
