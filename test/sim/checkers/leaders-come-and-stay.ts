/**
 * What a cluster does for its availability, tried out on a healthy one at the end of each run.
 *
 * I16: a node that hears nobody asks for votes in vain, and comes back without deposing anyone: pre-vote keeps it in
 * its term, and the others protect their leader.
 * The same holds of whoever was removed and does not know it.
 * I20: a leader that is cut off notices, and the others have a new one within a few election timeouts.
 */

import type { NodeId } from "../../../src/raft/index.ts";
import { Violation } from "../observer.ts";
import type { SimNode } from "../sim-node.ts";

export interface Trial {
  /** The voters. */
  readonly nodes: readonly SimNode[];
  /** An election timeout, ms. */
  readonly electionMs: number;
  /** Lets virtual time pass. */
  readonly pass: (ms: number) => void;
  readonly cut: (from: NodeId, to: NodeId) => void;
  readonly heal: () => void;
}

/** @throws {Violation} if a node that hears nobody disturbs the others. */
export function tryDeafNode({ nodes, electionMs, pass, cut, heal }: Trial): void {
  const leader = leaderOf(nodes);
  const deaf = nodes.find((node) => node !== leader);
  if (leader === undefined || deaf === undefined || nodes.length < 3) return;
  const terms = (): string => nodes.map((node) => node.reducer?.status().term).join(" ");
  const before = terms();
  for (const { id } of nodes) cut(id, deaf.id);
  pass(5 * electionMs);
  heal();
  pass(3 * electionMs);
  if (terms() === before && leaderOf(nodes) === leader) return;
  const what = `${deaf.id} heard nobody, and terms went from ${before} to ${terms()}`;
  throw new Violation("I16 a healthy leader stays", what);
}

/** @throws {Violation} if nodes that were removed, and are still there, disturb the members. */
export function tryRemovedNodes({ nodes, electionMs, pass }: Trial): void {
  const leader = leaderOf(nodes);
  const terms = (): string => nodes.map((node) => node.reducer?.status().term).join(" ");
  const before = terms();
  pass(6 * electionMs);
  if (terms() === before && leaderOf(nodes) === leader) return;
  const what = `nodes that were removed are there, and terms went from ${before} to ${terms()}`;
  throw new Violation("I16 a healthy leader stays", what);
}

/** @throws {Violation} if a leader that is cut off is not replaced, or goes on leading. */
export function tryLostLeader({ nodes, electionMs, pass, cut, heal }: Trial): void {
  const lost = leaderOf(nodes);
  if (lost === undefined || nodes.length < 3) return;
  for (const { id } of nodes) {
    cut(id, lost.id);
    cut(lost.id, id);
  }
  // Split votes may take a few rounds.
  let next: SimNode | undefined;
  for (let round = 0; round < 20 && next === undefined; round++) {
    pass(2 * electionMs);
    next = leaderOf(nodes.filter((node) => node !== lost));
  }
  if (next === undefined) throw new Violation("I20 liveness", `nobody leads since ${lost.id} was cut off`);
  pass(2 * electionMs);
  if (lost.reducer?.status().role === "leader") {
    throw new Violation("I20 liveness", `${lost.id} goes on leading though it hears nobody`);
  }
  heal();
  pass(3 * electionMs);
  if (leaderOf(nodes) === undefined)
    throw new Violation("I20 liveness", `${lost.id} came back, and nobody leads`);
}

/** The leader of the highest term. */
function leaderOf(nodes: readonly SimNode[]): SimNode | undefined {
  const leaders = nodes.filter(({ reducer }) => reducer?.status().role === "leader");
  return leaders.sort((a, b) => (b.reducer?.status().term ?? 0) - (a.reducer?.status().term ?? 0))[0];
}
