/** Keeps identity.json of a running node: whom it has met, and that its log exists. */

import type { NodeId } from "../raft/index.ts";
import { type Disk, realDisk } from "./disk.ts";
import { IdentityError, StorageFailure } from "./errors.ts";
import { initialBase } from "./identity.ts";
import { IDENTITY_FILE, INCARNATION, replaceIdentity } from "./identity-json.ts";
import type { Identity } from "./types.ts";
import { createLog } from "./wal-segment.ts";

export class IdentityFile {
  readonly #directory: string;
  readonly #disk: Disk;
  #identity: Identity;
  /** One change at a time: each is read, changed and written as a whole. */
  #tail: Promise<unknown> = Promise.resolve();

  constructor(directory: string, identity: Identity, disk: Disk = realDisk) {
    this.#directory = directory;
    this.#identity = identity;
    this.#disk = disk;
  }

  get identity(): Identity {
    return this.#identity;
  }

  /**
   * Learns the incarnation of a member at the first contact, for good. Durable once it resolves.
   * @throws {IdentityError} (rejects) `id` is no member, or is known under another incarnation.
   * @throws {StorageFailure} (rejects) the disk failed.
   */
  pinMember(id: NodeId, incarnation: string): Promise<Identity> {
    const pinned = this.#tail.then(() => this.#pin(id, incarnation));
    this.#tail = pinned.catch(() => undefined);
    return pinned;
  }

  /**
   * All members have met: makes the log, which begins with the configuration that names every incarnation, and
   * then says so in identity.json. Harmless when repeated; a crash in between leaves a log of which nothing was
   * ever said to anyone, and which is made anew.
   * @throws {StorageFailure} (rejects) the disk failed.
   */
  form(): Promise<Identity> {
    const formed = this.#tail.then(() => this.#form());
    this.#tail = formed.catch(() => undefined);
    return formed;
  }

  async #form(): Promise<Identity> {
    if (this.#identity.formed) return this.#identity;
    const identity: Identity = { ...this.#identity, formed: true };
    const base = initialBase(identity);
    try {
      await createLog(this.#disk, this.#directory, { owner: identity, base });
      await replaceIdentity(this.#disk, this.#directory, identity);
    } catch (cause) {
      throw new StorageFailure("form the cluster", cause);
    }
    this.#identity = identity;
    return identity;
  }

  async #pin(id: NodeId, incarnation: string): Promise<Identity> {
    const held = this.#identity.members.find((member) => member.id === id);
    if (held === undefined || !INCARNATION.test(incarnation)) {
      throw new IdentityError(
        "otherNode",
        `"${id}" with incarnation "${incarnation}" is no member of this cluster.`,
      );
    }
    if (held.incarnation === incarnation) return this.#identity;
    if (held.incarnation !== undefined) {
      throw new IdentityError(
        "otherIncarnation",
        `node "${id}" is known as incarnation ${held.incarnation} and now appears as ${incarnation}: its data directory was wiped or replaced.`,
      );
    }
    const members = this.#identity.members.map((member) =>
      member.id === id ? { ...member, incarnation } : member,
    );
    const identity: Identity = { ...this.#identity, members };
    try {
      await replaceIdentity(this.#disk, this.#directory, identity);
    } catch (cause) {
      throw new StorageFailure(`write ${IDENTITY_FILE}`, cause);
    }
    this.#identity = identity;
    return identity;
  }
}
