/** One rule of the paper as one test, and ways to look at a cluster that the tests of several sections share. */

import { it } from "vitest";
import type { MessageKind, MessageOf } from "../../src/raft/index.ts";
import type { Cluster } from "../raft/kit.ts";
import type { Filter } from "../raft/shape.ts";
import { termsOf } from "../raft/words.ts";

/** `sentence` is what the extended version of the paper says, in its words or close to them. */
export function rule(section: string, sentence: string, test: () => void): void {
  it(`§${section}: ${sentence}`, test);
}

/** The messages of one kind on the wire. */
export function onWire<K extends MessageKind>(
  cluster: Cluster,
  kind: K,
  filter: Filter = {},
): MessageOf<K>[] {
  return cluster.packets({ ...filter, kind }).map(({ message }) => message as MessageOf<K>);
}

/** The terms of the entries on a node's disk. */
export function logOf(cluster: Cluster, id: string): readonly number[] {
  return termsOf(cluster.node(id).disk.entries);
}

/** The commands that a node's state machine has applied. */
export function applied(cluster: Cluster, id: string): readonly string[] {
  return cluster.node(id).disk.machine.history.map((line) => line.split(" ")[1] ?? "");
}
