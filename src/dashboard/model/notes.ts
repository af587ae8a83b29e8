/** What is to be said of single nodes, and of changes under way. */

import { ago, listed, numbered } from "./phrases.ts";
import { linked, lives, reaches, type Standing } from "./standing.ts";
import type { ClusterView, NodeView } from "./view.ts";

export interface Note {
  readonly text: string;
  /** Whether somebody should look; otherwise it ends well by itself. */
  readonly serious: boolean;
  readonly concerns: readonly string[];
}

type Seen = Pick<ClusterView, "nodes" | "configuration" | "leader" | "home">;

/** A node that was never heard, and of which nobody says that it is missing, is waited for so long, ms. */
const PATIENCE_MS = 4_000;
/** A disk whose slowest fsyncs of late took longer than this is slow, ms. */
const FSYNC_SLOW_MS = 250;

/** Most urgent first. */
export function notesOf(seen: Seen, standing: Standing): readonly Note[] {
  const { nodes } = seen;
  return [
    ...nodes.flatMap((node) => absence(node, nodes)),
    ...isolations(nodes),
    ...strangers(nodes),
    ...nodes.flatMap((node) => lateness(node)),
    ...slowDisks(nodes),
    ...nodes.flatMap((node) => unready(node)),
    ...change(seen, standing),
  ];
}

function absence(node: NodeView, nodes: readonly NodeView[]): readonly Note[] {
  const { id, fresh, reachedBy, ageMs, link, membership, served } = node;
  if (fresh || isAwaited(node)) return [];
  const concerns = [id];
  if (lives(node)) {
    if (link === "blocked") {
      const text = `${id} joined after this page was loaded, which may not speak to it: load the page again to see it too.`;
      return [{ text, serious: false, concerns }];
    }
    const hear = reachedBy.length === 1 ? "does" : "do";
    return [
      { text: `This page does not hear ${id}, but ${listed(reachedBy)} ${hear}.`, serious: true, concerns },
    ];
  }
  const since = ageMs === undefined ? "" : `; it was last heard ${ago(ageMs)}`;
  const rest = nodes.filter((other) => other.fresh).map((other) => other.id);
  const text =
    served && rest.length > 0
      ? `${id}, which this page came from, does not answer${since}. The page goes on with ${listed(rest)}.`
      : `${id} does not answer${since}.`;
  // A node that leaves may stop as soon as it knows.
  return [{ text, serious: membership !== "leaving", concerns }];
}

/** Asked a moment ago for the first time: the page was just loaded, or the node has just joined. */
function isAwaited({ picture, askedMs, missedBy, membership, link }: NodeView): boolean {
  if (picture !== undefined || askedMs >= PATIENCE_MS || link === "blocked") return false;
  // Of a learner it is known before its links stand.
  return missedBy.length === 0 || membership === "learner";
}

/** A node that runs, and that no other node heard just now has a link with. */
function isCutOff(node: NodeView, nodes: readonly NodeView[]): boolean {
  if (!node.fresh || node.picture?.status.state !== "running") return false;
  const words = nodes.filter((other) => other.id !== node.id).map((other) => linked(node, other));
  return words.length > 0 && words.includes(false) && !words.includes(true);
}

function isolations(nodes: readonly NodeView[]): readonly Note[] {
  const cut = nodes.filter((node) => isCutOff(node, nodes));
  const heard = nodes.filter(({ fresh }) => fresh);
  if (cut.length > 1 && cut.length === heard.length) {
    const ids = cut.map(({ id }) => id);
    const text = `${listed(ids)} run, the page hears them, and the links between them are cut.`;
    return [{ text, serious: true, concerns: ids }];
  }
  // Of one that is all that is heard it is said already that the others do not answer.
  const worthSaying = cut.filter(({ served }) => served || heard.length > 1);
  return worthSaying.map((node) => ({
    text: isolation(node, nodes, heard.length > 1),
    serious: true,
    concerns: [node.id],
  }));
}

/** @param othersHeard whether the page hears another node. */
function isolation(node: NodeView, nodes: readonly NodeView[], othersHeard: boolean): string {
  const { id, served } = node;
  if (served && !othersHeard) {
    return `${id}, which this page came from, reaches no other node, and neither does the page.`;
  }
  const others = nodes.filter((other) => other !== node);
  const speaks = others.some((other) => reaches(node, other) === true);
  const hears = others.some((other) => reaches(other, node) === true);
  const who = served ? `${id}, which this page came from,` : id;
  if (hears && !speaks) return `${who} hears the others, and what it says does not reach them.`;
  if (speaks && !hears) return `${who} reaches the others, and hears none of them.`;
  return served
    ? `${who} is cut off from the others; the page listens to all of them.`
    : `${id} runs and is cut off: it reaches no other node.`;
}

/** Nodes that run, and do not reach each other although each reaches somebody: by sides, where there are such. */
function strangers(nodes: readonly NodeView[]): readonly Note[] {
  const whole = nodes.filter((node) => node.fresh && !isCutOff(node, nodes));
  const missed = (node: NodeView): readonly NodeView[] =>
    whole.filter((other) => other !== node && linked(node, other) === false);
  const told = new Set<NodeView>();
  return whole.flatMap((node) => {
    if (told.has(node)) return [];
    told.add(node);
    const others = missed(node).filter((other) => !told.has(other));
    const [first] = others;
    if (first === undefined) return [];
    const own = missed(first);
    const isSplit =
      own.every((one) => sameNodes(missed(one), others)) &&
      others.every((one) => sameNodes(missed(one), own));
    if (!isSplit || (own.length === 1 && others.length === 1)) {
      return others.map((other) => note(strange(node, other), [node, other]));
    }
    for (const one of own) told.add(one);
    return [note(split(own, others), [...own, ...others])];
  });
}

function sameNodes(some: readonly NodeView[], others: readonly NodeView[]): boolean {
  return some.length === others.length && some.every((node) => others.includes(node));
}

function note(text: string, nodes: readonly NodeView[]): Note {
  return { text, serious: true, concerns: nodes.map(({ id }) => id) };
}

function split(some: readonly NodeView[], others: readonly NodeView[]): string {
  const [one, two] = [some, others].map((side) => listed(side.map(({ id }) => id)));
  if (some.length === 1) return `${one} does not reach ${two}.`;
  if (others.length === 1) return `${two} does not reach ${one}.`;
  return `No link stands between ${one} on the one side and ${two} on the other.`;
}

function strange(a: NodeView, b: NodeView): string {
  const [there, back] = [reaches(a, b), reaches(b, a)];
  if (there === true) return `What ${b.id} says does not reach ${a.id}.`;
  if (back === true) return `What ${a.id} says does not reach ${b.id}.`;
  return `${a.id} and ${b.id} do not reach each other.`;
}

function lateness({ id, behind, lag = 0, membership }: NodeView): readonly Note[] {
  if (!behind || membership === "learner" || membership === "outside") return [];
  return [{ text: `${id} is ${entries(lag)} behind.`, serious: true, concerns: [id] }];
}

/** In one sentence: nodes that share a disk are slow together. */
function slowDisks(nodes: readonly NodeView[]): readonly Note[] {
  const slow = nodes.filter(({ fresh, fsyncWorstMs = 0 }) => fresh && fsyncWorstMs > FSYNC_SLOW_MS);
  if (slow.length === 0) return [];
  const ids = slow.map(({ id }) => id);
  const ms = Math.round(Math.max(...slow.map(({ fsyncWorstMs = 0 }) => fsyncWorstMs)));
  const text =
    slow.length === 1
      ? `The disk of ${ids[0]} is slow: it took ${numbered(ms)} ms to make a write durable.`
      : `The disks of ${listed(ids)} are slow: they took up to ${numbered(ms)} ms to make a write durable.`;
  return [{ text, serious: true, concerns: ids }];
}

/** Conditions of readiness that these sentences say better than the node does. */
const SAID_ALREADY: ReadonlySet<string> = new Set([
  "leader",
  "lag",
  "digest",
  "caught-up",
  "applied",
  "quorum",
]);

function unready({ id, fresh, picture }: NodeView): readonly Note[] {
  if (!fresh) return [];
  const failed = (picture?.checks ?? []).filter(({ ok, name }) => !ok && !SAID_ALREADY.has(name));
  return failed.map(({ name, detail }) => ({
    text: `${id} is not ready: ${detail === "" ? name : detail}.`,
    serious: true,
    concerns: [id],
  }));
}

/** Learners, and voters that come and go. */
function change({ nodes, configuration, leader }: Seen, { halves }: Standing): readonly Note[] {
  const { voters = [], outgoing = [], learners = [] } = configuration ?? {};
  const notes: Note[] = [];
  if (halves.length > 1) {
    const come = voters.filter((id) => !outgoing.includes(id));
    const go = outgoing.filter((id) => !voters.includes(id));
    const parts = [
      ...(come.length === 0 ? [] : [`${listed(come)} ${come.length === 1 ? "gets" : "get"} a vote`]),
      ...(go.length === 0 ? [] : [`${listed(go)} ${go.length === 1 ? "leaves" : "leave"}`]),
    ];
    const text = `The voters are being changed: ${parts.join(", ")}.`;
    notes.push({ text, serious: false, concerns: [...come, ...go] });
  }
  for (const id of learners) {
    const lag = learnerLag(id, nodes, leader);
    const rest = lag === undefined || lag === 0 ? "" : `; ${entries(lag)} to go`;
    notes.push({
      text: `${id} is a learner: it follows without a vote${rest}.`,
      serious: false,
      concerns: [id],
    });
  }
  return notes;
}

/** By its own word, or by the leader's. */
function learnerLag(
  id: string,
  nodes: readonly NodeView[],
  leader: NodeView | undefined,
): number | undefined {
  const node = nodes.find((one) => one.id === id);
  if (node?.fresh === true) return node.behind ? node.lag : 0;
  const status = leader?.picture?.status;
  const match = status?.peers.find((peer) => peer.id === id)?.match;
  return status === undefined || match === undefined ? undefined : Math.max(0, status.commit - match);
}

function entries(count: number): string {
  return `${numbered(count)} ${count === 1 ? "entry" : "entries"}`;
}
