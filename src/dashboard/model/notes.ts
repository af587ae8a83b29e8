/** What is to be said of single nodes, and of changes under way. */

import { listed, numbered, span } from "./phrases.ts";
import { linked, lives, type Standing } from "./standing.ts";
import type { ClusterView, NodeView } from "./view.ts";

export interface Note {
  readonly text: string;
  /** Whether somebody should look; otherwise it ends well by itself. */
  readonly serious: boolean;
  readonly concerns: readonly string[];
}

type Seen = Pick<ClusterView, "nodes" | "configuration" | "leader" | "home">;

/** A disk whose slowest fsyncs of late took longer than this is slow, ms. */
const FSYNC_SLOW_MS = 250;

/** Most urgent first. */
export function notesOf(seen: Seen, standing: Standing): readonly Note[] {
  const { nodes } = seen;
  return [
    ...nodes.flatMap((node) => absence(node)),
    ...nodes.flatMap((node) => isolation(node, nodes)),
    ...strangers(nodes),
    ...nodes.flatMap((node) => lateness(node)),
    ...slowDisks(nodes),
    ...nodes.flatMap((node) => unready(node)),
    ...change(seen, standing),
  ];
}

function absence(node: NodeView): readonly Note[] {
  const { id, fresh, reachedBy, ageMs, link } = node;
  if (fresh) return [];
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
  const since = ageMs === undefined ? "" : `; it was last heard ${span(ageMs)} ago`;
  return [{ text: `${id} does not answer${since}.`, serious: true, concerns }];
}

/** A node that runs, and that no other node heard just now has a link with. */
function isCutOff(node: NodeView, nodes: readonly NodeView[]): boolean {
  if (!node.fresh || node.picture?.status.state !== "running") return false;
  const words = nodes.filter((other) => other.id !== node.id).map((other) => linked(node, other));
  return words.length > 0 && words.includes(false) && !words.includes(true);
}

function isolation(node: NodeView, nodes: readonly NodeView[]): readonly Note[] {
  if (!isCutOff(node, nodes)) return [];
  const { id, served } = node;
  const heard = nodes.filter((other) => other.id !== id && other.fresh);
  const what = served
    ? heard.length > 0
      ? `${id}, which this page came from, is cut off from the others; the page listens to all of them.`
      : `${id}, which this page came from, reaches no other node, and neither does the page.`
    : `${id} runs and is cut off: it reaches no other node.`;
  return [{ text: what, serious: true, concerns: [id] }];
}

/** Two nodes that both run, and do not reach each other although each reaches somebody. */
function strangers(nodes: readonly NodeView[]): readonly Note[] {
  const whole = nodes.filter((node) => node.fresh && !isCutOff(node, nodes));
  return whole.flatMap((a, at) =>
    whole.slice(at + 1).flatMap((b) => {
      if (linked(a, b) !== false) return [];
      const text = `${a.id} and ${b.id} do not reach each other.`;
      return [{ text, serious: true, concerns: [a.id, b.id] }];
    }),
  );
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
