/** `identity.json` as bytes: read with every field checked, and replaced as a whole. */

import { join } from "node:path";
import { isNodeId, type NodeId, nodeId } from "../raft/index.ts";
import type { Disk } from "./disk.ts";
import { IdentityError, LOST_ADVICE } from "./errors.ts";
import type { Identity, JoiningIdentity, KnownMember } from "./types.ts";

export const IDENTITY_FILE = "identity.json";
export const INCARNATION: RegExp = /^[0-9a-f]{32}$/;

const CLUSTER_ID = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$/;

/** Whether `value` may name a cluster. */
export function isClusterId(value: string): boolean {
  return CLUSTER_ID.test(value);
}

/** Writes identity.json so that at any moment its name shows either the old content or the new one, whole. */
export async function replaceIdentity(
  disk: Disk,
  directory: string,
  identity: Identity | JoiningIdentity,
): Promise<void> {
  const path = join(directory, IDENTITY_FILE);
  const file = await disk.create(`${path}.tmp`);
  try {
    await file.write(Buffer.from(`${JSON.stringify(identity, null, 2)}\n`), 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await disk.rename(`${path}.tmp`, path);
  await disk.syncDirectory(directory);
}

/**
 * Fields that this version does not know stay in what is returned, so that writing it again keeps them.
 * @param path for the sentence.
 * @throws {IdentityError} it is damaged, or of a newer format.
 */
export function decodeIdentity(bytes: Uint8Array, path: string): Identity | JoiningIdentity {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw damaged(path, "it is not JSON", cause);
  }
  if (typeof value !== "object" || value === null) throw damaged(path, "it is not an object");
  const fields = value as Record<string, unknown>;
  const format = fields["format"];
  if (typeof format === "number" && format > 1) {
    throw new IdentityError(
      "newerFormat",
      `${path} has format ${format} and this version of Raftally reads format 1, so start the newer version.`,
    );
  }
  if (format !== 1) throw damaged(path, "a field is missing or wrong");
  return fields["joining"] === true ? decodeJoining(fields, path) : decodeMemberOfCluster(fields, path);
}

function decodeJoining(fields: Record<string, unknown>, path: string): JoiningIdentity {
  const { id, incarnation } = fields;
  if (!isId(id) || !isIncarnation(incarnation)) throw damaged(path, "a field is missing or wrong");
  return { ...fields, format: 1, joining: true, id: nodeId(id), incarnation };
}

function decodeMemberOfCluster(fields: Record<string, unknown>, path: string): Identity {
  const { clusterId, id, incarnation, formed, joined, members } = fields;
  if (
    typeof clusterId !== "string" ||
    typeof formed !== "boolean" ||
    !isIncarnation(incarnation) ||
    (joined !== undefined && joined !== true) ||
    !Array.isArray(members)
  ) {
    throw damaged(path, "a field is missing or wrong");
  }
  const known = members.map(decodeMember);
  const self = known.find((member) => member?.id === id);
  if (
    !known.every((member) => member !== undefined) ||
    self === undefined ||
    self.incarnation !== incarnation ||
    (formed && known.some((member) => member?.incarnation === undefined))
  ) {
    throw damaged(path, "its list of members is wrong");
  }
  const identity: Identity = { format: 1, clusterId, id: self.id, incarnation, formed, members: known };
  return { ...fields, ...identity };
}

function decodeMember(value: unknown): KnownMember | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { id, peer, api, incarnation } = value as Record<string, unknown>;
  if (!isId(id) || typeof peer !== "string" || typeof api !== "string") return undefined;
  if (incarnation !== undefined && !isIncarnation(incarnation)) return undefined;
  return { ...value, id: nodeId(id), peer, api, incarnation };
}

function isId(value: unknown): value is NodeId {
  return typeof value === "string" && isNodeId(value);
}

function isIncarnation(value: unknown): value is string {
  return typeof value === "string" && INCARNATION.test(value);
}

function damaged(path: string, found: string, cause?: unknown): IdentityError {
  return new IdentityError(
    "unreadable",
    `${path} is damaged (${found}); the identity never changes once this node is a member, so restore this file ` +
      `from any copy made after that, or else ${LOST_ADVICE}.`,
    cause,
  );
}
