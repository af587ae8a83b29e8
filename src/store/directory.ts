/** A data directory from the moment it is locked: who it is, whom it has met, and what it remembers. */

import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { NodeId } from "../raft/index.ts";
import { IdentityError } from "./errors.ts";
import { type InitialMember, initIdentity, loadIdentity, RESTORING_FILE } from "./identity.ts";
import { IdentityFile } from "./identity-file.ts";
import { type DirectoryLock, lockDirectory } from "./lock.ts";
import { openStore } from "./open.ts";
import type { Identity, NodeStore } from "./types.ts";

export interface OpenDirectoryOptions {
  readonly directory: string;
  readonly clusterId: string;
  readonly id: NodeId;
  /**
   * All initial members, this one included; the same list on every node, at every start until the cluster has formed.
   * After that the log knows who belongs to it, and this node's own row is all that is looked at: it says where the
   * node is now. It may also be empty then.
   */
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
 * @throws {IdentityError} in use, not writable, of another cluster or node, of a newer format, made for other
 *   members and not formed yet, of a node that is joining, or left by a recovery that was interrupted.
 */
export async function openDirectory(options: OpenDirectoryOptions): Promise<DataDirectory> {
  const { directory, clusterId, id } = options;
  const lock = lockDirectory(directory);
  try {
    refuseHalfRecovered(directory);
    const identity = (await loadIdentity(directory, { clusterId, id })) ?? (await initIdentity(options));
    if (identity.formed) refuseWithoutSelf(identity, options);
    else refuseOtherMembers(identity, options);
    removeLeftovers(directory);
    return new LockedDirectory(directory, new IdentityFile(directory, identity), lock);
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** The data directory that a recovery makes, until it is whole. */
export const MAKING_FOLDER = "recovery.tmp";
/** The folder whose existence says that a recovery has been decided on, and only has to be put in place. */
export const RECOVERED_FOLDER = "recovered";

/** Whether a recovery was interrupted after it had been decided on, so that the directory is of both clusters. */
export function isHalfRecovered(directory: string): boolean {
  return existsSync(join(directory, RECOVERED_FOLDER));
}

/** @throws {IdentityError} */
export function refuseHalfRecovered(directory: string): void {
  if (!isHalfRecovered(directory)) return;
  throw new IdentityError(
    "recovering",
    `${directory} was being recovered when that was interrupted; run \`raftally recover\` on it again, which finishes it.`,
  );
}

/**
 * Removes what was left by a recovery that had not been decided on, and the note of a restore that was cut short after
 * everything was in place: were identity.json lost one day, the next restore would take the rest for worthless.
 */
export function removeLeftovers(directory: string): void {
  rmSync(join(directory, RESTORING_FILE), { force: true });
  rmSync(join(directory, MAKING_FOLDER), { recursive: true, force: true });
}

/** Whoever is left out of a list that is given has been given another node's. */
function refuseWithoutSelf({ id }: Identity, { directory, members }: OpenDirectoryOptions): void {
  if (members.length === 0 || members.some((member) => member.id === id)) return;
  throw new IdentityError(
    "otherMembers",
    `${directory} belongs to node ${id}, which is not in the list of members; give it its row, or no list at all.`,
  );
}

/** A list that differs from the one the cluster was made with would form another cluster with whoever has that one. */
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

/** A directory of a node that is one of its cluster. */
export class LockedDirectory implements DataDirectory {
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
