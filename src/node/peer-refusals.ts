/** What it means that a peer will not talk to this node. Each message is a sentence that says what to do. */

import type { NodeId } from "../raft/index.ts";
import { LOST_ADVICE } from "../store/index.ts";
import { RefusedByPeer, RemovedFromCluster, removedSentence } from "./errors.ts";

/** What whoever runs a node has to know whose id another node of the cluster knows with another data directory. */
export function disownedSentence(directory: string, self: NodeId, peer: NodeId): string {
  return `${directory} was wiped or replaced since ${peer} came to know ${self} (it holds another incarnation): ${LOST_ADVICE}.`;
}

/** A peer will not talk to this node. */
export interface PeerRefusal {
  readonly peer: NodeId;
  readonly refusal: string;
  /** The peer's sentence. */
  readonly detail: string;
  /** This node's data directory. */
  readonly directory: string;
  readonly self: NodeId;
}

/** What a refusal means for this node; undefined if it may be over by itself. */
export function refusalError({ peer, refusal, detail, directory, self }: PeerRefusal): Error | undefined {
  switch (refusal) {
    case "removed":
      return new RemovedFromCluster(removedSentence(self));
    case "cluster":
      return new RefusedByPeer(`${peer} refuses the node in ${directory}: ${detail}`);
    case "unknownNode": {
      // A node that takes part is let in as a guest; one that forms a cluster has come to another one.
      const what = `${peer} belongs to a cluster of which ${self} is no member`;
      return new RefusedByPeer(
        `${what}. If the cluster is to be new, give all its nodes the same list of members; if it runs already, start this node on an empty data directory with --join, under an id that was never used.`,
      );
    }
    case "incarnation":
      return new RefusedByPeer(disownedSentence(directory, self, peer));
    default:
      return undefined;
  }
}
