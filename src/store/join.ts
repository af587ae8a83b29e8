/** The data directory of a node that joins a cluster which is there already. See DESIGN.md for its states. */

import type { Member, NodeId } from "../raft/index.ts";
import type { DataDirectory } from "./directory.ts";
import type { JoiningIdentity } from "./types.ts";

export interface JoinDirectoryOptions {
  readonly directory: string;
  readonly id: NodeId;
  /** The cluster to join, if it is known beforehand; a directory of another one is refused. */
  readonly clusterId?: string;
}

/** A locked directory of a node that no cluster has taken in yet. */
export interface JoiningDirectory {
  readonly kind: "joining";
  readonly identity: JoiningIdentity;
  /**
   * A cluster has this node in its committed configuration: makes its log, which begins with no configuration at
   * index 0, and then says so in identity.json. Harmless when repeated after a crash.
   * @param members those of the cluster, this one included.
   */
  joined(clusterId: string, members: readonly Member[]): Promise<DataDirectory>;
  /** Lets another process in. Harmless when repeated, and once {@link joined} has been called. */
  close(): void;
}

/** A locked directory of a node that is a member already, however it became one: it need not ask again. */
export interface MemberDirectory {
  readonly kind: "member";
  readonly data: DataDirectory;
}

/**
 * Locks a data directory for a node that is to join a cluster; an empty one draws its incarnation, and keeps it over
 * restarts.
 * @throws {IdentityError} (rejects) in use, not writable, of another node or cluster, of a newer format, or made for
 *   a new cluster that has not formed.
 */
export async function joinDirectory(
  _options: JoinDirectoryOptions,
): Promise<JoiningDirectory | MemberDirectory> {
  throw new Error("being built");
}
