/** The shapes in which a network can fall apart: which links fail, in which direction. */

import type { Prng } from "../../src/base/index.ts";
import type { NodeId } from "../../src/raft/index.ts";
import type { Counted } from "./coverage.ts";

export interface Partition {
  readonly counted: Counted;
  readonly words: string;
  readonly isCut: (from: NodeId, to: NodeId) => boolean;
}

/** Some nodes are on one side, the others on the other. @param side those of the one. */
export function split(side: ReadonlySet<NodeId>): Partition {
  return {
    counted: "partitions in two",
    words: `cut off: ${[...side].join(" ")}`,
    isCut: (from, to) => side.has(from) !== side.has(to),
  };
}

/** The same, but only in one direction. */
export function oneWay(side: ReadonlySet<NodeId>, isHeard: boolean): Partition {
  return {
    counted: "partitions one way",
    words: `cut off one way, ${isHeard ? "hearing nobody" : "heard by nobody"}: ${[...side].join(" ")}`,
    isCut: (from, to) => side.has(from) !== side.has(to) && side.has(isHeard ? to : from),
  };
}

/** A shape in which the links do not fall into two sides. */
export function crooked(prng: Prng, ids: readonly NodeId[]): Partition {
  const order = [...ids].sort(() => prng.real() - 0.5);
  const place = new Map(order.map((id, at) => [id, at]));
  const at = (id: NodeId): number => place.get(id) ?? 0;
  const dice = prng.real();
  if (dice < 0.35) return bridge(order, at);
  if (dice < 0.65) return ring(order, at);
  const chance = prng.pick([0.2, 0.35, 0.6]);
  const cut = new Set(
    ids.flatMap((from) => ids.filter(() => prng.chance(chance)).map((to) => `${from} ${to}`)),
  );
  return {
    counted: "partitions of random links",
    words: `links cut: ${[...cut].join(", ")}`,
    isCut: (from, to) => cut.has(`${from} ${to}`),
  };
}

/** Two sides that hear each other through one node only. */
function bridge(order: readonly NodeId[], at: (id: NodeId) => number): Partition {
  const middle = Math.floor(order.length / 2);
  return {
    counted: "partitions with a bridge",
    words: `only ${order[middle]} hears both sides of ${order.join(" ")}`,
    isCut: (from, to) => (at(from) - middle) * (at(to) - middle) < 0,
  };
}

/** Each hears a majority, and no two hear the same one. */
function ring(order: readonly NodeId[], at: (id: NodeId) => number): Partition {
  const { length } = order;
  const reach = Math.max(1, Math.floor(length / 4));
  return {
    counted: "partitions as a ring",
    words: `each hears only its neighbours in the ring ${order.join(" ")}`,
    isCut: (from, to) => {
      const distance = Math.abs(at(from) - at(to));
      return Math.min(distance, length - distance) > reach;
    },
  };
}
