/** The points of a node's work at which it can be made to die. */

export type NodePoint =
  | "beforeWrite"
  | "afterWrite"
  | "afterVoteWrite"
  | "beforeAcknowledging"
  | "afterSendingAppend"
  | "beforeApply"
  | "afterApply"
  | "afterSnapshot"
  | "afterCompacting"
  | "whileReceiving"
  | "afterReceiving"
  | "afterInstallWrite"
  | "afterRestore"
  | "afterRecovery";

/** What each means, in the order in which a node comes by. */
export const NODE_POINTS: Readonly<Record<NodePoint, string>> = {
  beforeWrite: "a batch is about to be written to the log",
  afterWrite: "a batch of entries is durable, and nobody was told",
  afterVoteWrite: "term or vote is durable, and no message that depends on it has left",
  beforeAcknowledging: "a follower is about to tell the leader what it holds",
  afterSendingAppend: "a leader has sent entries to a peer, and perhaps not to the others",
  beforeApply: "entries are committed and not applied",
  afterApply: "the state has applied what was committed, and no client was answered",
  afterSnapshot: "a snapshot is durable, and the log not compacted",
  afterCompacting: "the log says that it begins later",
  whileReceiving: "a part of a snapshot from another node has arrived",
  afterReceiving: "a snapshot from another node is whole, and the log does not know",
  afterInstallWrite: "the log begins after a received snapshot, and the state is older",
  afterRestore: "the state was replaced by a snapshot",
  afterRecovery: "everything was read, checked and repaired, and the node has not begun",
};
