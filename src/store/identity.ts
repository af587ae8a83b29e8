/** `identity.json`: who a data directory is. See DESIGN.md for the order in which a directory is initialised. */

import { randomBytes } from "node:crypto";
import { dirname, join, resolve } from "node:path";
import { defined } from "../base/index.ts";
import { index, NO_CONFIGURATION, type NodeId, type SnapshotMeta, term } from "../raft/index.ts";
import type { Disk } from "./disk.ts";
import { realDisk } from "./disk.ts";
import { IdentityError, LOST_ADVICE } from "./errors.ts";
import { decodeIdentity, IDENTITY_FILE, isClusterId, replaceIdentity } from "./identity-json.ts";
import type { Identity, JoiningIdentity, KnownMember } from "./types.ts";
import { LOG_FOLDER } from "./wal-format.ts";

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

/**
 * What a log that holds nothing begins after. In a new cluster equal on all its members, because each knows the
 * incarnation of every other before it forms. A node that joined knows no configuration until its log has told it one.
 */
export function initialBase({ members, joined }: Pick<Identity, "members" | "joined">): SnapshotMeta {
  const start = { index: index(0), term: term(0), chain: 0, configurationIndex: index(0) };
  if (joined === true) return { ...start, configuration: NO_CONFIGURATION };
  return {
    ...start,
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
 * anything until `IdentityFile.form` has made its log.
 * @throws {IdentityError} the directory holds a node already, or cannot be written.
 */
export async function initIdentity(options: InitOptions, disk: Disk = realDisk): Promise<Identity> {
  const { directory, clusterId, id } = options;
  requireClusterId(clusterId);
  if (!options.members.some((member) => member.id === id))
    throw new RangeError("members must include the node itself");
  const incarnation = drawIncarnation();
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
  await writeFirst(disk, directory, identity);
  return identity;
}

/**
 * Makes an empty directory (or none yet) that of a node which looks for a cluster to join. It keeps its incarnation
 * over restarts, because a cluster may have taken it in under that one.
 * @throws {IdentityError} the directory holds a node already, or cannot be written.
 */
export async function initJoining(
  directory: string,
  id: NodeId,
  disk: Disk = realDisk,
): Promise<JoiningIdentity> {
  const identity: JoiningIdentity = { format: 1, joining: true, id, incarnation: drawIncarnation() };
  await writeFirst(disk, directory, identity);
  return identity;
}

/** A random identity for the data directory of one node: 32 hex digits. */
export function drawIncarnation(): string {
  return randomBytes(16).toString("hex");
}

/** @throws {RangeError} */
export function requireClusterId(clusterId: string): void {
  if (!isClusterId(clusterId))
    throw new RangeError("clusterId must be 1 to 64 letters, digits or inner . _ -");
}

async function writeFirst(
  disk: Disk,
  directory: string,
  identity: Identity | JoiningIdentity,
): Promise<void> {
  await refuseData(disk, directory);
  try {
    await disk.makeDirectory(directory);
    await syncParent(disk, directory);
    await replaceIdentity(disk, directory, identity);
  } catch (cause) {
    throw unwritable(directory, cause);
  }
}

/**
 * Makes the name of a data directory durable, which whoever made it (the lock, the command line) may not have done: a
 * power failure must not take away the whole directory after its node has acknowledged something.
 */
export async function syncParent(disk: Disk, directory: string): Promise<void> {
  try {
    await disk.syncDirectory(dirname(resolve(directory)));
  } catch (error) {
    // A parent that this user may not read was not changed by this user either.
    if (!["EACCES", "EPERM"].includes(String((error as NodeJS.ErrnoException).code))) throw error;
  }
}

/**
 * Refuses a directory that holds anything but what an interrupted initialisation leaves.
 * @param passing further names that may be there.
 * @throws {IdentityError}
 */
export async function refuseData(
  disk: Disk,
  directory: string,
  passing: readonly string[] = [],
): Promise<void> {
  const names = await list(disk, directory);
  const refuse = (what: string, otherwise = "") =>
    new IdentityError(
      "alreadyInitialised",
      `${directory} ${what}; a new node needs an empty directory, so name another one or move the old one away${otherwise}.`,
    );
  if (names.includes(IDENTITY_FILE)) throw refuse("is the data directory of a node already");
  if (names.includes(RESTORING_FILE) && !passing.includes(RESTORING_FILE)) {
    throw refuse("holds a restore that was interrupted", ", or run `raftally restore` on it again");
  }
  const strange = names.filter((name) => !isPassing(name) && !passing.includes(name));
  if (strange.includes(LOG_FOLDER)) {
    const lost = `has lost its ${IDENTITY_FILE} but still has a log`;
    throw refuse(lost, ` (to bring back the node that it was, ${LOST_ADVICE})`);
  }
  if (strange.length > 0) {
    throw refuse(`has no ${IDENTITY_FILE} but other files (${strange.slice(0, 3).join(", ")})`);
  }
}

/**
 * Whether a node that starts on this directory would be a new one: it does not exist, or holds nothing but what an
 * interrupted initialisation leaves.
 * @throws {IdentityError} it cannot be read.
 */
export async function holdsNothing(directory: string, disk: Disk = realDisk): Promise<boolean> {
  return (await list(disk, directory)).every(isPassing);
}

/** Stands in a data directory while it is being restored from a backup. */
export const RESTORING_FILE = "restoring.json";

/** Files that come and go: what was written and never got its name, the lock of a running process. */
function isPassing(name: string): boolean {
  return [`${IDENTITY_FILE}.tmp`, `${RESTORING_FILE}.tmp`].includes(name) || name.startsWith("lock");
}

/** What this directory has to be; what is left out is not checked. */
export interface ExpectedIdentity {
  readonly clusterId?: string;
  readonly id?: NodeId;
}

/**
 * Reads who a data directory is; undefined if it was never initialised.
 * @throws {IdentityError} it is another cluster's or another node's, still joining, of a newer format, or cannot be
 *   read.
 */
export async function loadIdentity(
  directory: string,
  expected: ExpectedIdentity = {},
  disk: Disk = realDisk,
): Promise<Identity | undefined> {
  const identity = await loadAnyIdentity(directory, expected, disk);
  if (identity === undefined || !("joining" in identity)) return identity;
  throw new IdentityError(
    "joining",
    `${directory} belongs to node "${identity.id}", which has asked to join a cluster and is no member yet; ` +
      "start it with `--join` as before, or name another data directory.",
  );
}

/** The same, for whoever can go on with a node that is still joining. */
export async function loadAnyIdentity(
  directory: string,
  expected: ExpectedIdentity = {},
  disk: Disk = realDisk,
): Promise<Identity | JoiningIdentity | undefined> {
  const path = join(directory, IDENTITY_FILE);
  let bytes: Uint8Array | undefined;
  try {
    bytes = await disk.read(path);
  } catch (cause) {
    throw new IdentityError("unreadable", `${path} cannot be read (${reason(cause)}).`, cause);
  }
  if (bytes === undefined) return undefined;
  const identity = decodeIdentity(bytes, path);
  const clusterId = "joining" in identity ? undefined : identity.clusterId;
  if (expected.clusterId !== undefined && clusterId !== undefined && clusterId !== expected.clusterId) {
    throw new IdentityError(
      "otherCluster",
      `${directory} belongs to cluster "${clusterId}", not to "${expected.clusterId}"; ` +
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

async function list(disk: Disk, directory: string): Promise<readonly string[]> {
  try {
    return (await disk.list(directory)) ?? [];
  } catch (cause) {
    throw new IdentityError("unreadable", `${directory} cannot be read (${reason(cause)}).`, cause);
  }
}

/** The refusal of a directory that cannot be written. */
export function unwritable(directory: string, cause: unknown): IdentityError {
  return new IdentityError(
    "unwritable",
    `${directory} cannot be written (${reason(cause)}); give this user the right to write there, or name another directory.`,
    cause,
  );
}

/** What an error of the system says. */
export function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
