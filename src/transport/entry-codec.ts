/** Entries, configurations and snapshot positions as lists; the layouts are in codec.ts. */

import { assertNever, crc32c } from "../base/index.ts";
import type {
  Configuration,
  Entry,
  EntryId,
  Member,
  NodeId,
  RemovedMember,
  SnapshotMeta,
} from "../raft/index.ts";
import { demand, Fields, Malformed } from "./fields.ts";

const NOOP = 0;
const COMMAND = 1;
const CONFIGURATION = 2;

export function encodeId(id: EntryId): unknown[] {
  return [id.index, id.term];
}

/** @throws {Malformed} like every decoder here. */
export function decodeId(value: unknown): EntryId {
  const fields = new Fields(value, "entry id");
  return { index: fields.index("index"), term: fields.term("term") };
}

export function encodeEntry(entry: Entry): unknown[] {
  const { index, term, chain } = entry;
  switch (entry.kind) {
    case "noop":
      return [index, term, chain, NOOP];
    case "command":
      return [index, term, chain, COMMAND, entry.data, entry.crc];
    case "configuration":
      return [index, term, chain, CONFIGURATION, encodeConfiguration(entry.configuration)];
    default:
      return assertNever(entry);
  }
}

/** Beyond the form this checks the data of a command against its checksum: damage ends here, not in a log. */
export function decodeEntry(value: unknown): Entry {
  const fields = new Fields(value, "entry");
  const base = { index: fields.index("index"), term: fields.term("term"), chain: fields.hash("chain") };
  const code = fields.whole("kind");
  switch (code) {
    case NOOP:
      return { ...base, kind: "noop" };
    case COMMAND: {
      const data = fields.bytes("data");
      const crc = fields.crc("crc");
      demand(crc32c(data) === crc, "entry: the data does not have its checksum");
      return { ...base, kind: "command", data, crc };
    }
    case CONFIGURATION:
      return { ...base, kind: "configuration", configuration: decodeConfiguration(fields.raw()) };
    default:
      throw new Malformed(`entry: no kind has the number ${code}`);
  }
}

export function encodeMeta(meta: SnapshotMeta): unknown[] {
  const { index, term, chain, configuration, configurationIndex } = meta;
  return [index, term, chain, encodeConfiguration(configuration), configurationIndex];
}

export function decodeMeta(value: unknown): SnapshotMeta {
  const fields = new Fields(value, "snapshot");
  return {
    index: fields.index("index"),
    term: fields.term("term"),
    chain: fields.hash("chain"),
    configuration: decodeConfiguration(fields.raw()),
    configurationIndex: fields.index("configurationIndex"),
  };
}

function encodeConfiguration(configuration: Configuration): unknown[] {
  const { voters, outgoing, learners, members, removed } = configuration;
  return [
    voters,
    outgoing,
    learners,
    members.map(encodeMember),
    removed.map(({ id, incarnation }) => [id, incarnation]),
  ];
}

export function encodeMember({ id, incarnation, peer, api }: Member): unknown[] {
  return [id, incarnation, peer, api];
}

function decodeConfiguration(value: unknown): Configuration {
  const fields = new Fields(value, "configuration");
  return {
    voters: fields.list("voters", decodeNode),
    outgoing: fields.list("outgoing", decodeNode),
    learners: fields.list("learners", decodeNode),
    members: fields.list("members", decodeMember),
    removed: fields.laterList("removed", decodeRemoved),
  };
}

function decodeNode(value: unknown): NodeId {
  return new Fields([value], "configuration").node("node");
}

function decodeRemoved(value: unknown): RemovedMember {
  const fields = new Fields(value, "removed");
  return { id: fields.node("id"), incarnation: fields.incarnation("incarnation") };
}

export function decodeMember(value: unknown): Member {
  const fields = new Fields(value, "member");
  return {
    id: fields.node("id"),
    incarnation: fields.incarnation("incarnation"),
    peer: fields.text("peer"),
    api: fields.text("api"),
  };
}
