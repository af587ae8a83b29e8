/** Why a node that is whole cannot take part. Each message is a sentence that says what to do. */

import { InvariantViolation } from "../base/index.ts";
import type { NodeId } from "../raft/index.ts";

/** This node is not wanted by a member of its cluster: its data directory, or its id, is not one that they take. */
export class RefusedByPeer extends Error {
  override readonly name: string = "RefusedByPeer";
}

/** This node was removed from its cluster, for good. */
export class RemovedFromCluster extends Error {
  override readonly name: string = "RemovedFromCluster";
}

/** What whoever runs a removed node has to know. */
export function removedSentence(id: NodeId): string {
  return `${id} was removed from its cluster and cannot come back: its data directory can be deleted. To let this machine take part again, start it on an empty data directory under a new id, with --join.`;
}

/** What was thrown, as an error. */
export function asError(error: unknown): Error {
  return error instanceof Error
    ? error
    : new InvariantViolation(`something that is no error was thrown: ${String(error)}`);
}
