/** `identity.json`: who a data directory is. See DESIGN.md for the order in which a directory is initialised. */

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { defined } from "../base/index.ts";
import { index, isNodeId, type NodeId, nodeId, type SnapshotMeta, term } from "../raft/index.ts";
import type { Disk } from "./disk.ts";
import { realDisk } from "./disk.ts";
import { IdentityError, StorageFailure } from "./errors.ts";
import type { Identity, KnownMember } from "./types.ts";
import { LOG_FOLDER } from "./wal-format.ts";
import { createLog } from "./wal-segment.ts";

export const IDENTITY_FILE = "identity.json";

const CLUSTER_ID = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$/;
const INCARNATION = /^[0-9a-f]{32}$/;

/** A member as the operator names it when the cluster is made. */
export interface InitialMember {
  readonly id: NodeId;
  /** host:port for its peers. */
  readonly peer: string;
  /** The URL that clients are sent to, without a trailing slash. */
  readonly api: string;
}

export interface InitOptions {
  readonly directory: string;
  /** 1 to 64 of `A-Z a-z 0-9 . _ -`, beginning and ending with a letter or digit. */
  readonly clusterId: string;
  readonly id: NodeId;
  /** All initial members, this one included, in any order; the same list on every node. */
  readonly members: readonly InitialMember[];
}

/** Whether `value` may name a cluster. */
export function isClusterId(value: string): boolean {
  return CLUSTER_ID.test(value);
}

/**
 * What the log of a new cluster begins after. Equal on all its members, because each knows the incarnation of
 * every other before it forms.
 */
export function initialBase(identity: Pick<Identity, "members">): SnapshotMeta {
  const { members } = identity;
  return {
    index: index(0),
    term: term(0),
    chain: 0,
    configurationIndex: index(0),
    configuration: {
      voters: members.map(({ id }) => id),
      outgoing: [],
      learners: [],
      removed: [],
      members: members.map(({ id, peer, api, incarnation }) => ({
        id,
        incarnation: defined(incarnation, "identity: a formed cluster knows the incarnation of every member"),
        peer,
        api,
      })),
    },
  };
}

/**
 * Makes an empty directory (or none yet) the data directory of a new node of a new cluster. It takes no part in
 * anything until {@link IdentityFile.form} has made its log.
 * @throws {IdentityError} the directory holds a node already, or cannot be written.
 */
export async function initIdentity(options: InitOptions, disk: Disk = realDisk): Promise<Identity> {
  const { directory, clusterId, id } = options;
  if (!isClusterId(clusterId))
    throw new RangeError("clusterId must be 1 to 64 letters, digits or inner . _ -");
  if (!options.members.some((member) => member.id === id))
    throw new RangeError("members must include the node itself");
  const incarnation = randomBytes(16).toString("hex");
  const members = options.members
    .map(
      ({ id, peer, api }): KnownMember => ({
        id,
        peer,
        api,
        incarnation: id === options.id ? incarnation : undefined,
      }),
    )
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  if (new Set(members.map((member) => member.id)).size < members.length)
    throw new RangeError("members must be distinct");
  const identity: Identity = { format: 1, clusterId, id, incarnation, formed: false, members };
  await refuseData(disk, directory);
  try {
    await disk.makeDirectory(directory);
    await replaceFile(disk, directory, encodeIdentity(identity));
  } catch (cause) {
    throw unwritable(directory, cause);
  }
  return identity;
}

/** Refuses a directory that holds anything but what an interrupted initialisation leaves. */
async function refuseData(disk: Disk, directory: string): Promise<void> {
  const names = await list(disk, directory);
  const refuse = (what: string) =>
    new IdentityError(
      "alreadyInitialised",
      `${directory} ${what}; a new node needs an empty directory, so name another one or move the old one away.`,
    );
  if (names.includes(IDENTITY_FILE)) throw refuse("is the data directory of a node already");
  const strange = names.filter((name) => !isPassing(name));
  if (strange.includes(LOG_FOLDER)) throw refuse(`has lost its ${IDENTITY_FILE} but still has a log`);
  if (strange.length > 0) {
    throw refuse(`has no ${IDENTITY_FILE} but other files (${strange.slice(0, 3).join(", ")})`);
  }
}

/** Files that come and go: an interrupted write of identity.json, the lock of a running process. */
function isPassing(name: string): boolean {
  return name === `${IDENTITY_FILE}.tmp` || name.startsWith("lock");
}

/** What this directory has to be; what is left out is not checked. */
export interface ExpectedIdentity {
  readonly clusterId?: string;
  readonly id?: NodeId;
}

/**
 * Reads who a data directory is; undefined if it was never initialised.
 * @throws {IdentityError} it is another cluster's or another node's, of a newer format, or cannot be read.
 */
export async function loadIdentity(
  directory: string,
  expected: ExpectedIdentity = {},
  disk: Disk = realDisk,
): Promise<Identity | undefined> {
  const path = join(directory, IDENTITY_FILE);
  let bytes: Uint8Array | undefined;
  try {
    bytes = await disk.read(path);
  } catch (cause) {
    throw new IdentityError("unreadable", `${path} cannot be read (${reason(cause)}).`, cause);
  }
  if (bytes === undefined) return undefined;
  const identity = decodeIdentity(bytes, path);
  if (expected.clusterId !== undefined && identity.clusterId !== expected.clusterId) {
    throw new IdentityError(
      "otherCluster",
      `${directory} belongs to cluster "${identity.clusterId}", not to "${expected.clusterId}"; ` +
        "name the right cluster, or another data directory.",
    );
  }
  if (expected.id !== undefined && identity.id !== expected.id) {
    throw new IdentityError(
      "otherNode",
      `${directory} belongs to node "${identity.id}", not to "${expected.id}"; ` +
        "start it under its own id, or name another data directory.",
    );
  }
  return identity;
}

/** Keeps identity.json of a running node. */
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
      await replaceFile(this.#disk, this.#directory, encodeIdentity(identity));
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
      await replaceFile(this.#disk, this.#directory, encodeIdentity(identity));
    } catch (cause) {
      throw new StorageFailure(`write ${IDENTITY_FILE}`, cause);
    }
    this.#identity = identity;
    return identity;
  }
}

/** Writes a file so that at any moment its name shows either the old content or the new one, whole. */
async function replaceFile(disk: Disk, directory: string, bytes: Uint8Array): Promise<void> {
  const path = join(directory, IDENTITY_FILE);
  const file = await disk.create(`${path}.tmp`);
  try {
    await file.write(bytes, 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await disk.rename(`${path}.tmp`, path);
  await disk.syncDirectory(directory);
}

function encodeIdentity(identity: Identity): Uint8Array {
  return Buffer.from(`${JSON.stringify(identity, null, 2)}\n`);
}

function decodeIdentity(bytes: Uint8Array, path: string): Identity {
  const unreadable = (found: string, cause?: unknown) =>
    new IdentityError(
      "unreadable",
      `${path} ${found}; the identity never changes once the cluster has formed, so restore this file from any copy made after that.`,
      cause,
    );
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw unreadable("is damaged (it is not JSON)", cause);
  }
  if (typeof value !== "object" || value === null) throw unreadable("is damaged (it is not an object)");
  const { format, clusterId, id, incarnation, formed, members } = value as Record<string, unknown>;
  if (typeof format === "number" && format > 1) {
    throw new IdentityError(
      "newerFormat",
      `${path} has format ${format} and this version of Raftally reads format 1, so start the newer version.`,
    );
  }
  if (
    format !== 1 ||
    typeof clusterId !== "string" ||
    typeof incarnation !== "string" ||
    typeof formed !== "boolean" ||
    !INCARNATION.test(incarnation) ||
    !Array.isArray(members)
  ) {
    throw unreadable("is damaged (a field is missing or wrong)");
  }
  const known = members.map(decodeMember);
  const self = known.find((member) => member?.id === id);
  if (
    !known.every((member) => member !== undefined) ||
    self === undefined ||
    self.incarnation !== incarnation ||
    (formed && known.some((member) => member?.incarnation === undefined))
  ) {
    throw unreadable("is damaged (its list of members is wrong)");
  }
  return { format: 1, clusterId, id: self.id, incarnation, formed, members: known };
}

function decodeMember(value: unknown): KnownMember | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { id, peer, api, incarnation } = value as Record<string, unknown>;
  if (typeof id !== "string" || !isNodeId(id) || typeof peer !== "string" || typeof api !== "string")
    return undefined;
  if (incarnation !== undefined && (typeof incarnation !== "string" || !INCARNATION.test(incarnation)))
    return undefined;
  return { id: nodeId(id), peer, api, incarnation };
}

async function list(disk: Disk, directory: string): Promise<readonly string[]> {
  try {
    return (await disk.list(directory)) ?? [];
  } catch (cause) {
    throw new IdentityError("unreadable", `${directory} cannot be read (${reason(cause)}).`, cause);
  }
}

function unwritable(directory: string, cause: unknown): IdentityError {
  return new IdentityError(
    "unwritable",
    `${directory} cannot be written (${reason(cause)}); give this user the right to write there, or name another directory.`,
    cause,
  );
}

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
