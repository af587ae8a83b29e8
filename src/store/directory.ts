/** A data directory from the moment it is locked: who it is, whom it has met, and what it remembers. */

import type { NodeId } from "../raft/index.ts";
import { IdentityError } from "./errors.ts";
import { IdentityFile, type InitialMember, initIdentity, loadIdentity } from "./identity.ts";
import { type DirectoryLock, lockDirectory } from "./lock.ts";
import { openStore } from "./open.ts";
import type { Identity, NodeStore } from "./types.ts";

export interface OpenDirectoryOptions {
  readonly directory: string;
  readonly clusterId: string;
  readonly id: NodeId;
  /** All initial members, this one included; the same list on every node, at every start. */
  readonly members: readonly InitialMember[];
}

export interface DataDirectory {
  readonly identity: Identity;
  /** Learns the incarnation of a member at the first contact, for good; durable once it resolves. */
  pinMember(id: NodeId, incarnation: string): Promise<void>;
  /**
   * Opens what the node remembers. On the first start of a cluster this forms it: every member is known then.
   * The store releases the lock when it closes.
   */
  openStore(options: { readonly onFailure: (failure: Error) => void }): Promise<NodeStore>;
  /** Lets another process in, if no store was opened. Harmless when repeated. */
  close(): void;
}

/**
 * Locks a data directory and learns who it is; an empty one becomes that of a new node.
 * @throws {IdentityError} in use, not writable, of another cluster or node, of a newer format, or made for
 *   other members.
 */
export async function openDirectory(options: OpenDirectoryOptions): Promise<DataDirectory> {
  const { directory, clusterId, id } = options;
  const lock = lockDirectory(directory);
  try {
    const identity = (await loadIdentity(directory, { clusterId, id })) ?? (await initIdentity(options));
    refuseOtherMembers(identity, options);
    return new LockedDirectory(directory, new IdentityFile(directory, identity), lock);
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** A list of members that differs from the one the cluster was made with would be silently without effect. */
function refuseOtherMembers(identity: Identity, { directory, members }: OpenDirectoryOptions): void {
  const text = (list: readonly InitialMember[]): string =>
    list
      .map(({ id, peer, api }) => `${id}=${peer}@${api}`)
      .sort()
      .join(",");
  const [known, given] = [text(identity.members), text(members)];
  if (known === given) return;
  throw new IdentityError(
    "otherMembers",
    `${directory} was made for the members ${known}, not for ${given}; start it with the list it was made with.`,
  );
}

class LockedDirectory implements DataDirectory {
  readonly #directory: string;
  readonly #file: IdentityFile;
  readonly #lock: DirectoryLock;

  constructor(directory: string, file: IdentityFile, lock: DirectoryLock) {
    this.#directory = directory;
    this.#file = file;
    this.#lock = lock;
  }

  get identity(): Identity {
    return this.#file.identity;
  }

  async pinMember(id: NodeId, incarnation: string): Promise<void> {
    await this.#file.pinMember(id, incarnation);
  }

  async openStore(options: { readonly onFailure: (failure: Error) => void }): Promise<NodeStore> {
    const identity = await this.#file.form();
    return await openStore({ directory: this.#directory, identity, lock: this.#lock, ...options });
  }

  close(): void {
    this.#lock.release();
  }
}
