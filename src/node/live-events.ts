/** Transitions of a node as sentences for a person who watches it. */

import type { Configuration, NodeId } from "../raft/index.ts";
import type { NodeTrace } from "./events.ts";
import type { ClusterEvent } from "./live-types.ts";

/** An event before it has a number and a time. */
export type Happening = Pick<ClusterEvent, "kind" | "peer" | "text">;

/** What has to be known of a node to speak of it. */
export interface Situation {
  readonly self: NodeId;
  /** Before what happened. */
  readonly role: string;
  /** Before what happened. */
  readonly term: number;
  /** Votes that this node was given in the election that it won, its own included. */
  readonly votes: number;
  readonly voters: number;
}

/** The event for one transition; undefined if it is not worth one. */
export function happeningOf(trace: NodeTrace, situation: Situation): Happening | undefined {
  const { self } = situation;
  switch (trace.kind) {
    case "role":
      return roleHappening(trace, situation);
    case "leader":
      // The winner is spoken of as it takes office.
      if (trace.leader === undefined || trace.leader === self) return undefined;
      return {
        kind: "leader",
        peer: trace.leader,
        text: `${self} follows ${trace.leader}, the leader of term ${trace.term}`,
      };
    case "configuration":
      return {
        kind: "configuration",
        peer: undefined,
        text: `${self} knows ${membersSentence(trace.configuration)} (entry ${trace.index})`,
      };
    case "autoremove": {
      const seconds = Math.round(trace.silentMs / 1_000);
      const text = `${self} removes ${trace.peer}, which was not heard of for ${seconds} s`;
      return { kind: "configuration", peer: trace.peer, text };
    }
    case "install":
      return snapshotHappening(`${self} puts a snapshot at entry ${trace.index} in the place of its log`);
    case "transfer":
      if (trace.ended) return undefined;
      return { kind: "role", peer: trace.to, text: `${self} hands its leadership over to ${trace.to}` };
    case "progress":
      if (trace.state !== "snapshot") return undefined;
      return snapshotHappening(`${trace.peer} is so far behind that ${self} sends it a snapshot`, trace.peer);
    case "alarm":
      return { kind: "alarm", peer: undefined, text: trace.text };
    default:
      return undefined;
  }
}

export function snapshotHappening(text: string, peer?: NodeId): Happening {
  return { kind: "snapshot", peer, text };
}

type RoleTrace = Extract<NodeTrace, { kind: "role" }>;

function roleHappening(
  trace: RoleTrace,
  { self, role, term, votes, voters }: Situation,
): Happening | undefined {
  const about = { peer: undefined };
  switch (trace.role) {
    case "leader": {
      const text = `${self} won the election of term ${trace.term} with ${votes} of ${voters} votes`;
      return { ...about, kind: "leader", text };
    }
    case "candidate":
      return {
        ...about,
        kind: "election",
        text: `${self} stands for election in term ${trace.term}: ${trace.why}`,
      };
    case "preCandidate": {
      const next = trace.term + 1;
      return {
        ...about,
        kind: "election",
        text: `${self} asks who would vote for it in term ${next}: ${trace.why}`,
      };
    }
    case "follower":
    case "learner":
      return restHappening(trace, { self, role, term });
  }
}

/** A follower that only learns whom it follows is spoken of by that. */
function restHappening(
  trace: RoleTrace,
  { self, role, term }: Pick<Situation, "self" | "role" | "term">,
): Happening | undefined {
  const about = { kind: "role", peer: undefined } as const;
  if (role !== trace.role) {
    return { ...about, text: `${self} becomes a ${trace.role} in term ${trace.term}: ${trace.why}` };
  }
  if (trace.term > term) return { ...about, text: `${self} enters term ${trace.term}: ${trace.why}` };
  return undefined;
}

function membersSentence({ voters, outgoing, learners }: Configuration): string {
  const parts = [`the voters ${voters.join(", ")}`];
  if (outgoing.length > 0) parts.push(`until the change is through also ${outgoing.join(", ")}`);
  if (learners.length > 0) parts.push(`the learners ${learners.join(", ")}`);
  return parts.join("; ");
}

/** Bytes as a person says them, in powers of ten. */
export function sizeText(bytes: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB", "PB"];
  let value = bytes;
  let unit = 0;
  // What three digits would round up to 1,000 is one of the next.
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toPrecision(3)} ${units[unit] ?? ""}`;
}
