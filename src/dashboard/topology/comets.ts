/** Messages between nodes, as dots that travel along the edges: a bounded sample of what pictures tell. */

import type { ClusterView, NodeView } from "../model/view.ts";

/** What a message is about; several kinds of the core look the same. */
export type Subject = "append" | "answer" | "heartbeat" | "vote" | "read" | "snapshot";

/** One dot. */
export interface Comet {
  readonly from: string;
  readonly to: string;
  readonly subject: Subject;
  /** Whether it is lost on the way, as far as the sender knows. */
  readonly lost: boolean;
  /** When it leaves, ms from now. */
  readonly delayMs: number;
}

/** Messages between two nodes in both directions, per second; for whoever wants no motion. */
export type Rates = ReadonlyMap<string, number>;

/** Dots of one kind from one node to another for one picture. */
const PER_KIND_MAX = 3;
/** The time over which a picture's messages are spread, ms. */
const SPREAD_MS = 250;

const SUBJECTS: Readonly<Record<string, Subject>> = {
  append: "append",
  appendResponse: "answer",
  heartbeat: "heartbeat",
  heartbeatResponse: "answer",
  requestPreVote: "vote",
  preVoteResponse: "vote",
  requestVote: "vote",
  voteResponse: "vote",
  timeoutNow: "vote",
  readIndex: "read",
  readIndexResponse: "read",
  snapshot: "snapshot",
};

export function subjectOf(kind: string): Subject {
  return SUBJECTS[kind] ?? "answer";
}

interface Seen {
  readonly pictures: number;
  readonly atMs: number;
}

/** Tells which messages are new since it was asked last. */
export class Traffic {
  readonly #seen = new Map<string, Seen>();
  readonly #rates = new Map<string, number>();

  /** The dots for what is new in `view`; none for a node whose picture is the first, or is old. */
  comets(view: ClusterView): readonly Comet[] {
    const ids = new Set(view.nodes.map(({ id }) => id));
    const comets = view.nodes.flatMap((node) => this.#of(node, ids));
    for (const id of this.#seen.keys()) if (!ids.has(id)) this.#seen.delete(id);
    return comets;
  }

  /** By "from to". */
  rates(): Rates {
    return this.#rates;
  }

  #of(node: NodeView, ids: ReadonlySet<string>): readonly Comet[] {
    const { picture } = node;
    const seen = this.#seen.get(node.id);
    if (picture === undefined) return [];
    if (seen?.pictures === node.pictures && node.fresh) return [];
    this.#seen.set(node.id, { pictures: node.pictures, atMs: picture.atMs });
    for (const key of this.#rates.keys()) if (key.startsWith(`${node.id} `)) this.#rates.delete(key);
    if (!node.fresh || seen === undefined) return [];
    const seconds = Math.max(SPREAD_MS, picture.atMs - seen.atMs) / 1_000;
    const missed = new Set(picture.status.peers.filter(({ reachable }) => !reachable).map(({ id }) => id));
    const sent = picture.messages.filter(({ to }) => ids.has(to) && to !== node.id);
    for (const { to, count } of sent) {
      const key = `${node.id} ${to}`;
      this.#rates.set(key, (this.#rates.get(key) ?? 0) + count / seconds);
    }
    return sent.flatMap(({ to, kind, count }) => {
      const way = { from: node.id, to, lost: missed.has(to) };
      return sample(way, subjectOf(kind), count);
    });
  }
}

/**
 * At most {@link PER_KIND_MAX} dots, evenly over the time that the picture covers. Answers leave half a step later, and
 * so do heartbeats, which would lie on the entries that leave with them.
 */
function sample(way: Pick<Comet, "from" | "to" | "lost">, subject: Subject, count: number): readonly Comet[] {
  const dots = Math.min(PER_KIND_MAX, Math.max(0, Math.floor(count)));
  const step = SPREAD_MS / Math.max(1, dots);
  const shift = subject === "answer" || subject === "heartbeat" ? step / 2 : 0;
  return Array.from({ length: dots }, (_, at) => ({ ...way, subject, delayMs: at * step + shift }));
}
