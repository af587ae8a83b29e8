/** A configuration and a position as JSON, and back with every field checked. */

import {
  type Configuration,
  index,
  isNodeId,
  type Member,
  type NodeId,
  nodeId,
  type RemovedMember,
  type SnapshotMeta,
  term,
} from "../raft/index.ts";

/** Text that is not what it should be. The message is a clause; callers say which file it is about. */
export class MalformedJson extends Error {
  override readonly name: string = "MalformedJson";
}

/** The configuration as text; equal configurations have equal text. */
export function configurationText(configuration: Configuration): string {
  const { voters, outgoing, learners, members, removed } = configuration;
  const plain = members.map(({ id, incarnation, peer, api }) => ({ id, incarnation, peer, api }));
  const gone = removed.map(({ id, incarnation }) => ({ id, incarnation }));
  return JSON.stringify({ voters, outgoing, learners, members: plain, removed: gone });
}

/** @throws {MalformedJson} */
export function configurationOf(value: unknown): Configuration {
  const fields = fieldsOf(value, "configuration");
  return {
    voters: namesOf(fields, "voters"),
    outgoing: namesOf(fields, "outgoing"),
    learners: namesOf(fields, "learners"),
    members: listOf(fields, "members").map(memberOf),
    // Before members could be removed the list did not exist.
    removed: fields.has("removed") ? listOf(fields, "removed").map(removedOf) : [],
  };
}

/** @throws {MalformedJson} */
export function positionOf(value: unknown): SnapshotMeta {
  const fields = fieldsOf(value, "meta");
  return {
    index: index(countOf(fields, "index")),
    term: term(countOf(fields, "term")),
    chain: countOf(fields, "chain"),
    configuration: configurationOf(fields.get("configuration")),
    configurationIndex: index(countOf(fields, "configurationIndex")),
  };
}

/** Whether two positions are the same in every field. */
export function samePosition(a: SnapshotMeta, b: SnapshotMeta): boolean {
  return (
    a.index === b.index &&
    a.term === b.term &&
    a.chain === b.chain &&
    a.configurationIndex === b.configurationIndex &&
    configurationText(a.configuration) === configurationText(b.configuration)
  );
}

/** The value that `text` is the JSON of. @throws {MalformedJson} */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new MalformedJson("it is not JSON", { cause: error });
  }
}

/** The fields of an object. @throws {MalformedJson} */
export function fieldsOf(value: unknown, name: string): ReadonlyMap<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new MalformedJson(`${name} is not an object`);
  }
  return new Map(Object.entries(value));
}

/** @throws {MalformedJson} unless the field is a safe whole number of at least 0. */
export function countOf(fields: ReadonlyMap<string, unknown>, name: string): number {
  const value = fields.get(name);
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
    throw new MalformedJson(`${name} is not a whole number of at least 0`);
  }
  return value;
}

/** @throws {MalformedJson} unless the field is a string. */
export function stringOf(fields: ReadonlyMap<string, unknown>, name: string): string {
  const value = fields.get(name);
  if (typeof value !== "string") throw new MalformedJson(`${name} is not a string`);
  return value;
}

function listOf(fields: ReadonlyMap<string, unknown>, name: string): readonly unknown[] {
  const value = fields.get(name);
  if (!Array.isArray(value)) throw new MalformedJson(`${name} is not a list`);
  return value;
}

function nameOf(value: unknown): NodeId {
  if (typeof value !== "string" || !isNodeId(value)) throw new MalformedJson("a node id is not valid");
  return nodeId(value);
}

function namesOf(fields: ReadonlyMap<string, unknown>, name: string): NodeId[] {
  return listOf(fields, name).map(nameOf);
}

function removedOf(value: unknown): RemovedMember {
  const fields = fieldsOf(value, "removed");
  return { id: nameOf(fields.get("id")), incarnation: stringOf(fields, "incarnation") };
}

function memberOf(value: unknown): Member {
  const fields = fieldsOf(value, "member");
  return {
    id: nameOf(fields.get("id")),
    incarnation: stringOf(fields, "incarnation"),
    peer: stringOf(fields, "peer"),
    api: stringOf(fields, "api"),
  };
}
