/** What every kind of fault may touch. */

import type { NodeId } from "../../src/raft/index.ts";
import type { Announcer } from "./announcer.ts";
import type { Courier } from "./courier.ts";
import type { Coverage } from "./coverage.ts";
import type { EventQueue } from "./event-queue.ts";
import type { Fault, Faults } from "./faults.ts";
import type { Network } from "./network.ts";
import type { Operator } from "./operator.ts";
import type { Profile } from "./profile.ts";
import type { Roster } from "./roster.ts";
import type { SimNode } from "./sim-node.ts";
import type { Standing } from "./standing.ts";

export interface Hurt {
  readonly faults: Faults;
  readonly queue: EventQueue;
  readonly profile: Profile;
  readonly network: Network;
  readonly courier: Courier;
  readonly coverage: Coverage;
  readonly standing: Standing;
  readonly roster: Roster;
  readonly operator: Operator;
  readonly announcer: Announcer;
  /** Nodes on whose disks a bit has changed, and through which fault. */
  readonly rotten: Map<SimNode, Fault>;
  /** Makes clients ask much of one node. */
  readonly burst: (node: SimNode, fault: Fault) => void;
  /** Whether everything has healed for good: what was to follow from a fault does not, and nobody is hurt any more. */
  readonly isOver: () => boolean;
  /** The process dies within one of its next drains that do anything: after so many of them, 0 for the next. */
  readonly doom: (node: SimNode, fault: Fault, after: number) => void;
}

/** The leader with this chance, otherwise any node. */
export function leaderOrAny({ standing, roster }: Hurt, { prng }: Fault, chanceOfLeader: number): SimNode {
  const { leader } = standing;
  return leader !== undefined && prng.chance(chanceOfLeader) ? leader : prng.pick(roster.nodes);
}

/** It starts again, often so soon that answers to the process before are still on their way. */
export function restartLater(hurt: Hurt, fault: Fault, node: SimNode): void {
  const { queue, roster } = hurt;
  const { prng, note } = fault;
  const downMs = prng.chance(0.5) ? 1 + 5 * prng.real() : 5 - Math.log(1 - prng.real()) * 200;
  queue.after(downMs, () => {
    if (node.isUp || roster.isLost(node) || roster.isRetired(node)) return;
    note(`${node.id} starts again`);
    node.start();
    makeLinks(hurt, fault, node);
  });
}

/** Now and then the others notice that a link broke. */
export function breakLinks(hurt: Hurt, { prng }: Fault, to: NodeId): void {
  const { queue, coverage, roster } = hurt;
  for (const other of roster.nodes) {
    if (other.id === to || !prng.chance(0.5)) continue;
    queue.after(prng.real() * 20, () => {
      coverage.count("links that broke");
      other.feed({ kind: "unreachable", peer: to });
    });
  }
}

/** Links between a process that has started and some others stand, to their knowledge or to its own. */
function makeLinks({ queue, coverage, roster }: Hurt, { prng }: Fault, node: SimNode): void {
  for (const other of roster.nodes) {
    if (other.id === node.id) continue;
    for (const [at, peer] of [
      [node, other.id],
      [other, node.id],
    ] as const) {
      if (!prng.chance(0.5)) continue;
      queue.after(prng.real() * 50, () => {
        coverage.count("links made");
        at.feed({ kind: "linked", peer, outdated: false });
      });
    }
  }
}
