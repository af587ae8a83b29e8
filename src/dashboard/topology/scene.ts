/** What the picture shows, as data: how each node looks, and how each link stands. The same is said in words. */

import type { ClusterView, NodeView } from "../model/view.ts";

/**
 * How a node is drawn; each has a shape of its own. `down`: its process does not answer at all. `silent`: connected or
 * lost, and it says nothing: paused, hung, or cut off from this page. `unheard`: there never was a picture of it.
 */
export type Look =
  | "leader"
  | "formerLeader"
  | "follower"
  | "candidate"
  | "learner"
  | "joining"
  | "down"
  | "silent"
  | "unheard";

export interface SceneNode {
  readonly id: string;
  readonly look: Look;
  /** The role in words. */
  readonly role: string;
  /** "term 7", or how long nothing has been heard. */
  readonly second: string;
  /** What is left of the election timer, 0 to 1; undefined where none runs. */
  readonly timer: number | undefined;
  /** The replica's state is not to be trusted. */
  readonly alarm: boolean;
  /** All of this in one sentence. */
  readonly words: string;
}

/**
 * `cut`: both ends are heard and neither has a link to the other. `halfCut`: only one of them says so. `gone`: an end
 * is not heard and the other has no link to it. `unknown`: nobody heard tells of it.
 */
export type EdgeState = "open" | "cut" | "halfCut" | "gone" | "unknown";

export interface SceneEdge {
  readonly key: string;
  readonly from: string;
  readonly to: string;
  readonly state: EdgeState;
  /** Of an edge that is `halfCut`: whose words do not reach the other end. */
  readonly unheard: string | undefined;
  /** The shorter of what its ends measured, ms. */
  readonly roundTripMs: number | undefined;
  /** Whether an end leads: in a big cluster only these are labelled. */
  readonly ofLeader: boolean;
}

export interface Scene {
  readonly nodes: readonly SceneNode[];
  readonly edges: readonly SceneEdge[];
}

/** How far a picture's timer has run on when the next one comes, ms. */
const PICTURE_MS = 250;

export function sceneOf(view: ClusterView): Scene {
  const edges = edgesOf(view.nodes);
  const nodes = view.nodes.map((node) => sceneNode(node, edges));
  return { nodes, edges };
}

function sceneNode(node: NodeView, edges: readonly SceneEdge[]): SceneNode {
  const look = lookOf(node);
  const role = roleText(node, look);
  const { picture } = node;
  const age = node.ageMs === undefined ? "" : `for ${ageText(node.ageMs)}`;
  const second = node.fresh && picture !== undefined ? `term ${picture.status.term}` : age;
  return {
    id: node.id,
    look,
    role,
    second,
    timer: node.fresh ? timerOf(node) : undefined,
    alarm: node.fresh && picture?.status.alarm !== undefined,
    words: nodeWords(node, look, edges),
  };
}

export function lookOf(node: NodeView): Look {
  const { picture } = node;
  if (picture === undefined) return "unheard";
  if (!node.fresh) return node.link === "connecting" ? "down" : "silent";
  const { status } = picture;
  if (status.state !== "running") return "joining";
  switch (status.role) {
    case "leader":
      return node.leads ? "leader" : "formerLeader";
    case "preCandidate":
    case "candidate":
      return "candidate";
    case "learner":
      return "learner";
    case "follower":
      return "follower";
  }
}

function roleText(node: NodeView, look: Look): string {
  const status = node.picture?.status;
  switch (look) {
    case "formerLeader":
      return "old leader";
    case "candidate":
      return status?.role === "preCandidate" ? "pre-candidate" : "candidate";
    case "joining":
      return status?.state ?? "joining";
    case "down":
      return "no answer";
    case "silent":
      return "silent";
    case "unheard":
      return node.link === "blocked" ? "not shown" : "not heard yet";
    default:
      return look;
  }
}

/** What is left of the election timer when the next picture is due. */
function timerOf({ picture }: NodeView): number | undefined {
  const election = picture?.election;
  if (election === undefined || election.timeoutMs <= 0) return undefined;
  // Where no heartbeat came since the last picture, none will come before the next one either, as far as one knows.
  const runsDown = election.elapsedMs > PICTURE_MS;
  const elapsed = election.elapsedMs + (runsDown ? PICTURE_MS : 0);
  return Math.max(0, Math.min(1, 1 - elapsed / election.timeoutMs));
}

function edgesOf(nodes: readonly NodeView[]): readonly SceneEdge[] {
  return nodes.flatMap((from, at) => nodes.slice(at + 1).map((to) => edgeOf(from, to)));
}

function edgeOf(from: NodeView, to: NodeView): SceneEdge {
  const there = linkSeen(from, to.id);
  const back = linkSeen(to, from.id);
  const said = [there, back].filter((link) => link !== undefined);
  const state = edgeState(from, to, said);
  const trips = said
    .filter(({ reachable }) => reachable)
    .map(({ roundTripMs }) => roundTripMs)
    .filter((ms) => ms !== undefined);
  return {
    key: `${from.id} ${to.id}`,
    from: from.id,
    to: to.id,
    state,
    unheard: state !== "halfCut" ? undefined : there?.reachable === false ? from.id : to.id,
    roundTripMs: trips.length === 0 ? undefined : Math.min(...trips),
    ofLeader: from.leads || to.leads,
  };
}

interface LinkSeen {
  readonly reachable: boolean;
  readonly roundTripMs?: number | undefined;
}

/** What a node that is heard says of its link to `peer`. */
function linkSeen(node: NodeView, peer: string): LinkSeen | undefined {
  if (!node.fresh) return undefined;
  return node.picture?.status.peers.find(({ id }) => id === peer);
}

function edgeState(from: NodeView, to: NodeView, said: readonly LinkSeen[]): EdgeState {
  if (said.length === 0) return "unknown";
  const missing = said.filter(({ reachable }) => !reachable).length;
  if (missing === 0) return "open";
  if (!from.fresh || !to.fresh) return "gone";
  return missing === said.length ? "cut" : "halfCut";
}

/** "3 s", "2 min", "1 h"; never a fraction, so that it changes once a second at most. */
export function ageText(ms: number): string {
  const seconds = Math.max(1, Math.round(ms / 1_000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}

/** "0.4 ms", "12 ms". */
export function tripText(ms: number): string {
  return ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
}

function nodeWords(node: NodeView, look: Look, edges: readonly SceneEdge[]): string {
  const sentences = [`${node.id} ${lookWords(node, look)}.`];
  const alarm = node.fresh ? node.picture?.status.alarm : undefined;
  if (alarm !== undefined) sentences.push(`Its state is not to be trusted: ${alarm.replace(/\.$/, "")}.`);
  if (node.fresh && node.lag !== undefined && node.lag > 0) {
    sentences.push(`It is ${node.lag.toLocaleString("en")} ${node.lag === 1 ? "entry" : "entries"} behind.`);
  }
  const links = node.fresh ? linkWords(node.id, edges) : "";
  if (links !== "") sentences.push(links);
  return sentences.join(" ");
}

function lookWords(node: NodeView, look: Look): string {
  const status = node.picture?.status;
  const term = status?.term;
  const since = node.ageMs === undefined ? "" : ` for ${ageText(node.ageMs)}`;
  switch (look) {
    case "leader":
      return `leads term ${term}`;
    case "formerLeader":
      return `still thinks that it leads term ${term}, which is over`;
    case "follower":
      return status?.leader === undefined
        ? `is a follower without a leader in term ${term}`
        : `follows ${status.leader.id} in term ${term}`;
    case "candidate":
      return status?.role === "preCandidate"
        ? `asks whether it could win an election after term ${term}`
        : `stands for election in term ${term}`;
    case "learner":
      return `is a learner in term ${term}: it receives the log and has no vote`;
    case "joining":
      return status?.state === "forming"
        ? "waits for the other founding members"
        : "asks to join the cluster";
    case "down":
      return `does not answer${since}: it is down or cannot be reached from here`;
    case "silent":
      return `has said nothing${since}: it is paused, stuck or cut off from this page`;
    case "unheard":
      return node.link === "blocked"
        ? "joined after this page was loaded: reload the page to see it"
        : "has not been heard yet";
  }
}

function linkWords(id: string, edges: readonly SceneEdge[]): string {
  const own = edges.filter(({ from, to }) => from === id || to === id);
  const other = ({ from, to }: SceneEdge): string => (from === id ? to : from);
  const open = own.filter(({ state }) => state === "open").map(other);
  const cut = own.filter(({ state }) => state === "cut").map(other);
  const half = own.filter(({ state }) => state === "halfCut");
  const mute = half.filter(({ unheard }) => unheard === id).map(other);
  const deaf = half.filter(({ unheard }) => unheard !== id).map(other);
  const parts: string[] = [];
  if (open.length > 0) parts.push(`Linked to ${list(open)}.`);
  if (cut.length > 0) parts.push(`The link to ${list(cut)} is cut.`);
  if (mute.length > 0) parts.push(`What it says does not reach ${list(mute)}.`);
  if (deaf.length > 0) parts.push(`It does not hear ${list(deaf)}.`);
  return parts.join(" ");
}

/** "n1", "n1 and n2", "n1, n2 and n3". */
function list(names: readonly string[]): string {
  const last = names.at(-1) ?? "";
  return names.length < 2 ? last : `${names.slice(0, -1).join(", ")} and ${last}`;
}
