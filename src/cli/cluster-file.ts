/** `cluster.json`: what a local cluster was when it was first started, and so has to stay. */

import { randomBytes } from "node:crypto";
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { id, type MemberAddress, members, showMembers } from "./address.ts";
import { makeDataDirectory } from "./data-directory.ts";
import type { Parsed } from "./parse.ts";
import { StartRefusal, systemReason } from "./refusal.ts";

export interface ClusterPlan {
  readonly clusterId: string;
  /** Drawn at the first start: other users of the machine cannot speak for a node. */
  readonly secret: string;
  readonly members: readonly MemberAddress[];
  /** Nodes that took the place of another one, or are about to; in that order. */
  readonly newcomers: readonly Newcomer[];
  /** Whether the file is there already. */
  readonly existed: boolean;
  /** Whether its nodes have never all answered, so that they may begin on empty directories. */
  readonly founding: boolean;
}

/** A node that joined the cluster instead of making it, at the addresses of the one that it replaces. */
export interface Newcomer {
  readonly id: string;
  readonly replaces: string;
  /** Whether the cluster has made the exchange; until then the launcher asks it to. */
  readonly done: boolean;
}

const FORMAT = 1;
const FILE = "cluster.json";
/** Nodes talk to each other this far above the port at which they answer clients. */
const PEER_PORT_OFFSET = 100;

/**
 * The cluster that lies in the data directory, or the one to make there; nothing is written.
 * @throws {StartRefusal} if the directory cannot be used, or holds another cluster than the one asked for.
 */
export function planCluster(parsed: Parsed): ClusterPlan {
  const { data, nodes, port } = parsed.values;
  const stored = storedPlan(data);
  if (stored === undefined) {
    refuseForeign(data);
    return { ...newPlan(nodes, port), existed: false, founding: true };
  }
  const count = stored.members.length;
  if (parsed.source("nodes") !== "default" && nodes !== count) {
    const sentence = `${data} holds a cluster of ${count} nodes, and ${nodes} were asked for`;
    throw new StartRefusal(`${sentence}: leave --nodes out, or choose another --data.`);
  }
  const first = portOf(stored.members[0]);
  if (parsed.source("port") !== "default" && port !== first) {
    const sentence = `${data} holds a cluster whose ports begin at ${first}, and ${port} was asked for`;
    throw new StartRefusal(`${sentence}: leave --port out, or choose another --data.`);
  }
  refuseUnwritable([data, ...stored.members.map((member) => join(data, member.id))]);
  return stored;
}

/**
 * The cluster that lies in the data directory, if there is one.
 * @throws {StartRefusal} if the file cannot be used.
 */
export function storedPlan(data: string): ClusterPlan | undefined {
  return readPlan(join(data, FILE));
}

/** Otherwise each node would find out for itself, and be started again in vain. */
function refuseUnwritable(directories: readonly string[]): void {
  for (const directory of directories.filter((each) => existsSync(each))) {
    try {
      accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK);
    } catch (error) {
      throw new StartRefusal(`the data directory ${directory} cannot be written: ${systemReason(error)}.`);
    }
  }
}

/**
 * Makes the data directory and the file, durably.
 * @throws {StartRefusal} if they cannot be written.
 */
export function savePlan(data: string, plan: ClusterPlan): void {
  const { clusterId, secret, members: list, newcomers, founding } = plan;
  const mark = founding ? { founding } : {};
  const came = newcomers.length === 0 ? {} : { newcomers };
  const content = { format: FORMAT, clusterId, secret, members: list, ...came, ...mark };
  const path = join(data, FILE);
  makeDataDirectory(data);
  try {
    const file = openSync(`${path}.new`, "w", 0o600);
    writeSync(file, `${JSON.stringify(content, undefined, 2)}\n`);
    fsyncSync(file);
    closeSync(file);
    renameSync(`${path}.new`, path);
  } catch (error) {
    throw new StartRefusal(`the data directory ${data} cannot be written: ${systemReason(error)}.`);
  }
}

/** The port at which a member answers clients. */
export function portOf(member: MemberAddress | undefined): number {
  return member === undefined ? 0 : Number(new URL(member.api).port);
}

function newPlan(nodes: number, port: number): Omit<ClusterPlan, "existed" | "founding"> {
  const list = Array.from({ length: nodes }, (_, at) => ({
    id: `n${at + 1}`,
    peer: `127.0.0.1:${port + PEER_PORT_OFFSET + at}`,
    api: `http://127.0.0.1:${port + at}`,
  }));
  const clusterId = `local-${randomBytes(8).toString("hex")}`;
  return { clusterId, secret: randomBytes(24).toString("hex"), members: list, newcomers: [] };
}

/** A directory of something else must not be filled with nodes. */
function refuseForeign(data: string): void {
  for (const name of ["identity.json", "n1"]) {
    if (!existsSync(join(data, name))) continue;
    const found = `${data} holds ${name} but no ${FILE}`;
    throw new StartRefusal(`${found}, so it is not a local cluster's: choose another --data.`);
  }
}

function readPlan(path: string): ClusterPlan | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    // Where a part of the path is missing or no directory, making the directory says what is wrong.
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new StartRefusal(`${path} cannot be read: ${systemReason(error)}.`);
  }
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    throw new StartRefusal(`${path} is damaged (it is not JSON): restore it, or choose another --data.`);
  }
  return checkPlan(path, content);
}

function checkPlan(path: string, content: unknown): ClusterPlan {
  const fields: Readonly<Record<string, unknown>> =
    typeof content === "object" && content !== null ? { ...content } : {};
  const { format, clusterId, secret, members: list, newcomers = [], founding } = fields;
  if (typeof format === "number" && format > FORMAT) {
    const found = `${path} has format ${format}, and this version reads ${FORMAT}`;
    throw new StartRefusal(`${found}: it was written by a newer version of raftally, so start that one.`);
  }
  const checked = Array.isArray(list) ? checkMembers(list) : undefined;
  const came = Array.isArray(newcomers) ? checkNewcomers(newcomers) : undefined;
  if (
    format !== FORMAT ||
    typeof clusterId !== "string" ||
    typeof secret !== "string" ||
    checked === undefined ||
    came === undefined
  ) {
    throw new StartRefusal(`${path} is damaged (fields are missing): restore it, or choose another --data.`);
  }
  const rest = { newcomers: came, existed: true, founding: founding === true };
  return { clusterId, secret, members: checked, ...rest };
}

function checkNewcomers(list: readonly unknown[]): readonly Newcomer[] | undefined {
  const rows: Newcomer[] = [];
  for (const item of list) {
    const row: Partial<Record<keyof Newcomer, unknown>> =
      typeof item === "object" && item !== null ? item : {};
    const { id: name, replaces, done } = row;
    if (typeof name !== "string" || typeof replaces !== "string" || typeof done !== "boolean")
      return undefined;
    if (!id(name).ok || !id(replaces).ok) return undefined;
    rows.push({ id: name, replaces, done });
  }
  return rows;
}

/** Members as {@link newPlan} makes them; undefined for anything else. */
function checkMembers(list: readonly unknown[]): readonly MemberAddress[] | undefined {
  const rows: MemberAddress[] = [];
  for (const item of list) {
    const row: Partial<Record<keyof MemberAddress, unknown>> =
      typeof item === "object" && item !== null ? item : {};
    const { id: name, peer, api } = row;
    // Anything else must not be put into words: lists nested deeply would exhaust the stack.
    if (typeof name !== "string" || typeof peer !== "string" || typeof api !== "string") return undefined;
    rows.push({ id: name, peer, api });
  }
  const text = showMembers(rows);
  const read = members(text);
  return read.ok && read.value.every((member) => id(member.id).ok) ? read.value : undefined;
}
