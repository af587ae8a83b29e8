/** The data directory of a node that joins a cluster which is there already. See DESIGN.md for its states. */

import { assert } from "../base/index.ts";
import type { Member, NodeId } from "../raft/index.ts";
import { type DataDirectory, LockedDirectory, refuseHalfRecovered, removeLeftovers } from "./directory.ts";
import { type Disk, realDisk } from "./disk.ts";
import { IdentityError, StorageFailure } from "./errors.ts";
import { initialBase, initJoining, loadAnyIdentity, requireClusterId } from "./identity.ts";
import { IdentityFile } from "./identity-file.ts";
import { replaceIdentity } from "./identity-json.ts";
import { type DirectoryLock, lockDirectory } from "./lock.ts";
import type { Identity, JoiningIdentity } from "./types.ts";
import { createLog } from "./wal-segment.ts";

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
  options: JoinDirectoryOptions,
): Promise<JoiningDirectory | MemberDirectory> {
  const { directory, id } = options;
  const lock = lockDirectory(directory);
  try {
    refuseHalfRecovered(directory);
    const identity = (await loadAnyIdentity(directory, options)) ?? (await initJoining(directory, id));
    if ("joining" in identity) return new Joining(directory, identity, lock);
    if (!identity.formed) throw notFormed(directory, identity);
    removeLeftovers(directory);
    return {
      kind: "member",
      data: new LockedDirectory(directory, new IdentityFile(directory, identity), lock),
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}

function notFormed(directory: string, { clusterId }: Identity): IdentityError {
  return new IdentityError(
    "otherMembers",
    `${directory} was made for an initial member of the new cluster "${clusterId}", which has not formed yet; start ` +
      "it with its list of members as before, or name another data directory to join a cluster.",
  );
}

class Joining implements JoiningDirectory {
  readonly kind = "joining";
  readonly identity: JoiningIdentity;
  readonly #directory: string;
  readonly #lock: DirectoryLock;
  /** The lock is the member's from then on. */
  #isMember = false;

  constructor(directory: string, identity: JoiningIdentity, lock: DirectoryLock) {
    this.identity = identity;
    this.#directory = directory;
    this.#lock = lock;
  }

  async joined(clusterId: string, members: readonly Member[]): Promise<DataDirectory> {
    const identity = await becomeMember(realDisk, this.#directory, {
      joining: this.identity,
      clusterId,
      members,
    });
    this.#isMember = true;
    return new LockedDirectory(this.#directory, new IdentityFile(this.#directory, identity), this.#lock);
  }

  close(): void {
    if (!this.#isMember) this.#lock.release();
  }
}

/**
 * Makes the log of a node that has become a member, and then says so in identity.json. What a crash in between leaves
 * is a log that holds nothing, and which is made again.
 * @throws {StorageFailure} (rejects) the disk failed.
 */
export async function becomeMember(
  disk: Disk,
  directory: string,
  member: {
    readonly joining: JoiningIdentity;
    readonly clusterId: string;
    readonly members: readonly Member[];
  },
): Promise<Identity> {
  const { joining, clusterId, members } = member;
  const { id, incarnation } = joining;
  requireClusterId(clusterId);
  assert(
    members.some((one) => one.id === id && one.incarnation === incarnation),
    "join: a cluster that takes a node in names it",
  );
  const { joining: _, ...kept } = joining;
  const identity: Identity = {
    ...kept,
    clusterId,
    formed: true,
    joined: true,
    members: [...members].sort(byId),
  };
  try {
    await createLog(disk, directory, { owner: identity, base: initialBase(identity) });
    await replaceIdentity(disk, directory, identity);
  } catch (cause) {
    if (cause instanceof IdentityError) throw cause;
    throw new StorageFailure("join the cluster", cause);
  }
  return identity;
}

function byId(a: Member, b: Member): number {
  return a.id < b.id ? -1 : 1;
}
