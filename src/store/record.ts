/** The records of the write-ahead log: what one says, and its bytes. Byte diagrams are in DESIGN.md. */

import { assertNever } from "../base/index.ts";
import {
  type Configuration,
  type Entry,
  type HardState,
  type Index,
  index,
  isNodeId,
  type Member,
  type NodeId,
  nodeId,
  type RemovedMember,
  type SnapshotMeta,
  type Term,
  term,
} from "../raft/index.ts";

export type LogRecord =
  | { readonly kind: "hardState"; readonly hardState: HardState }
  /** Entries from here on are dropped. */
  | { readonly kind: "truncate"; readonly from: Index }
  | { readonly kind: "entry"; readonly entry: Entry }
  /** The log is empty and begins after this snapshot, which came from a leader. */
  | { readonly kind: "install"; readonly base: SnapshotMeta }
  /** The log begins after this position; what follows it stays. */
  | { readonly kind: "compact"; readonly base: SnapshotMeta }
  /** Opens a segment: all that must be known of the segments before it, so that they may be deleted. */
  | {
      readonly kind: "restate";
      readonly last: Last;
      readonly base: SnapshotMeta;
      readonly hardState: HardState;
    }
  /** The store was closed in order. Protects the batch before it: that one is no longer the last. */
  | { readonly kind: "close" };

/** The last entry of the log; its term is unknown only while old segments are gone and their entries unseen. */
export interface Last {
  readonly index: Index;
  readonly term: Term | undefined;
}

/** Bytes before a record's payload: kind (1) and payload length (4). */
export const RECORD_HEADER_BYTES = 5;

const KIND = { hardState: 1, truncate: 2, noop: 3, command: 4, configuration: 5 } as const;
const KIND_BASE = { install: 6, compact: 7, restate: 8, close: 9 } as const;
const TWO_TO_32 = 4_294_967_296;
/** Index, term and chain hash. */
const ENTRY_FIXED_BYTES = 24;
const COMMAND_FIXED_BYTES = 28;
/** Index, term, chain hash and configuration index. */
const META_FIXED_BYTES = 32;
const HARD_STATE_FIXED_BYTES = 17;
/** Stands for "term unknown": no term is ever this high. */
const TERM_UNKNOWN: number = Number.MAX_SAFE_INTEGER;

/** The record is of a kind that this version does not know; its checksum is right, so it is not damage. */
export class UnknownRecordKind extends Error {
  override readonly name: string = "UnknownRecordKind";
  readonly recordKind: number;

  constructor(recordKind: number) {
    super(`record kind ${recordKind} is not known`);
    this.recordKind = recordKind;
  }
}

/** The record's checksum is right and yet its content cannot be. The message is a clause. */
export class MalformedRecord extends Error {
  override readonly name: string = "MalformedRecord";
}

const configurationTexts = new WeakMap<Configuration, Buffer>();

/** The configuration as JSON text; kept, because it is needed for the size and again for the bytes. */
function configurationText(configuration: Configuration): Buffer {
  let text = configurationTexts.get(configuration);
  if (text === undefined) {
    text = Buffer.from(JSON.stringify(configuration));
    configurationTexts.set(configuration, text);
  }
  return text;
}

/** The size of a record with its header, in bytes. */
export function recordBytes(record: LogRecord): number {
  return RECORD_HEADER_BYTES + payloadBytes(record);
}

function payloadBytes(record: LogRecord): number {
  switch (record.kind) {
    case "hardState":
      return hardStateBytes(record.hardState);
    case "truncate":
      return 8;
    case "entry":
      return entryPayloadBytes(record.entry);
    case "install":
    case "compact":
      return metaBytes(record.base);
    case "restate":
      return 16 + hardStateBytes(record.hardState) + metaBytes(record.base);
    case "close":
      return 0;
    default:
      return assertNever(record);
  }
}

function entryPayloadBytes(entry: Entry): number {
  switch (entry.kind) {
    case "noop":
      return ENTRY_FIXED_BYTES;
    case "command":
      return COMMAND_FIXED_BYTES + entry.data.length;
    case "configuration":
      return ENTRY_FIXED_BYTES + configurationText(entry.configuration).length;
    default:
      return assertNever(entry);
  }
}

function hardStateBytes(hardState: HardState): number {
  // A node id is ASCII, so its length is its bytes.
  return HARD_STATE_FIXED_BYTES + (hardState.vote?.length ?? 0);
}

function metaBytes(meta: SnapshotMeta): number {
  return META_FIXED_BYTES + configurationText(meta.configuration).length;
}

/** Writes a record at `at`, which has room for it, and returns where the next one goes. */
export function encodeRecord(record: LogRecord, into: Buffer, at: number): number {
  into.writeUInt32LE(payloadBytes(record), at + 1);
  const payload = at + RECORD_HEADER_BYTES;
  switch (record.kind) {
    case "hardState":
      into[at] = KIND.hardState;
      return putHardState(into, payload, record.hardState);
    case "truncate":
      into[at] = KIND.truncate;
      return putWhole(into, payload, record.from);
    case "entry":
      into[at] = KIND[record.entry.kind];
      return putEntry(into, payload, record.entry);
    case "install":
    case "compact":
      into[at] = KIND_BASE[record.kind];
      return putMeta(into, payload, record.base);
    case "restate": {
      into[at] = KIND_BASE.restate;
      const afterIndex = putWhole(into, payload, record.last.index);
      const afterLast = putWhole(into, afterIndex, record.last.term ?? TERM_UNKNOWN);
      return putMeta(into, putHardState(into, afterLast, record.hardState), record.base);
    }
    case "close":
      into[at] = KIND_BASE.close;
      return payload;
    default:
      return assertNever(record);
  }
}

function putWhole(into: Buffer, at: number, value: number): number {
  into.writeUInt32LE(value >>> 0, at);
  into.writeUInt32LE(Math.floor(value / TWO_TO_32), at + 4);
  return at + 8;
}

function putHardState(into: Buffer, at: number, hardState: HardState): number {
  const vote = hardState.vote ?? "";
  putWhole(into, at, hardState.term);
  putWhole(into, at + 8, hardState.commit);
  into[at + 16] = vote.length;
  return at + HARD_STATE_FIXED_BYTES + into.write(vote, at + HARD_STATE_FIXED_BYTES, "latin1");
}

function putEntry(into: Buffer, at: number, entry: Entry): number {
  putWhole(into, at, entry.index);
  putWhole(into, at + 8, entry.term);
  putWhole(into, at + 16, entry.chain);
  switch (entry.kind) {
    case "noop":
      return at + ENTRY_FIXED_BYTES;
    case "command":
      into.writeUInt32LE(entry.crc, at + ENTRY_FIXED_BYTES);
      into.set(entry.data, at + COMMAND_FIXED_BYTES);
      return at + COMMAND_FIXED_BYTES + entry.data.length;
    case "configuration": {
      const text = configurationText(entry.configuration);
      into.set(text, at + ENTRY_FIXED_BYTES);
      return at + ENTRY_FIXED_BYTES + text.length;
    }
    default:
      return assertNever(entry);
  }
}

function putMeta(into: Buffer, at: number, meta: SnapshotMeta): number {
  putWhole(into, at, meta.index);
  putWhole(into, at + 8, meta.term);
  putWhole(into, at + 16, meta.chain);
  putWhole(into, at + 24, meta.configurationIndex);
  const text = configurationText(meta.configuration);
  into.set(text, at + META_FIXED_BYTES);
  return at + META_FIXED_BYTES + text.length;
}

/**
 * Reads the records of one batch, in order.
 * @throws {UnknownRecordKind} a later version wrote this.
 * @throws {MalformedRecord} the bytes are intact but make no sense.
 */
export function decodeRecords(payload: Buffer): LogRecord[] {
  const records: LogRecord[] = [];
  for (let at = 0; at < payload.length; ) {
    if (at + RECORD_HEADER_BYTES > payload.length) throw new MalformedRecord("a record header is cut short");
    const start = at + RECORD_HEADER_BYTES;
    const end = start + payload.readUInt32LE(at + 1);
    if (end > payload.length) throw new MalformedRecord("a record is longer than its batch");
    records.push(decodeRecord(payload[at] ?? 0, payload.subarray(start, end)));
    at = end;
  }
  return records;
}

function decodeRecord(kind: number, bytes: Buffer): LogRecord {
  switch (kind) {
    case KIND.hardState:
      return { kind: "hardState", hardState: takeHardState(bytes).hardState };
    case KIND.truncate:
      need(bytes, 8);
      return { kind: "truncate", from: index(takeWhole(bytes, 0)) };
    case KIND.noop:
    case KIND.command:
    case KIND.configuration:
      return { kind: "entry", entry: takeEntry(kind, bytes) };
    case KIND_BASE.install:
      return { kind: "install", base: takeMeta(bytes) };
    case KIND_BASE.compact:
      return { kind: "compact", base: takeMeta(bytes) };
    case KIND_BASE.restate: {
      need(bytes, 16);
      const lastTerm = takeWhole(bytes, 8);
      const last: Last = {
        index: index(takeWhole(bytes, 0)),
        term: lastTerm === TERM_UNKNOWN ? undefined : term(lastTerm),
      };
      const { hardState, end } = takeHardState(bytes.subarray(16));
      return { kind: "restate", last, hardState, base: takeMeta(bytes.subarray(16 + end)) };
    }
    case KIND_BASE.close:
      return { kind: "close" };
    default:
      throw new UnknownRecordKind(kind);
  }
}

function need(bytes: Buffer, count: number): void {
  if (bytes.length < count) throw new MalformedRecord("a record is shorter than its kind needs");
}

function takeWhole(bytes: Buffer, at: number): number {
  const value = bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * TWO_TO_32;
  if (!Number.isSafeInteger(value)) throw new MalformedRecord("a number is above 2^53");
  return value;
}

function takeHardState(bytes: Buffer): { hardState: HardState; end: number } {
  need(bytes, HARD_STATE_FIXED_BYTES);
  const end = HARD_STATE_FIXED_BYTES + (bytes[16] ?? 0);
  need(bytes, end);
  const vote = bytes.toString("latin1", HARD_STATE_FIXED_BYTES, end);
  const hardState: HardState = {
    term: term(takeWhole(bytes, 0)),
    commit: index(takeWhole(bytes, 8)),
    vote: vote === "" ? undefined : takeNodeId(vote),
  };
  return { hardState, end };
}

function takeEntry(kind: number, bytes: Buffer): Entry {
  need(bytes, kind === KIND.command ? COMMAND_FIXED_BYTES : ENTRY_FIXED_BYTES);
  const at = {
    index: index(takeWhole(bytes, 0)),
    term: term(takeWhole(bytes, 8)),
    chain: takeWhole(bytes, 16),
  };
  if (kind === KIND.noop) return { kind: "noop", ...at };
  if (kind === KIND.configuration) {
    return {
      kind: "configuration",
      ...at,
      configuration: takeConfiguration(bytes.subarray(ENTRY_FIXED_BYTES)),
    };
  }
  // A copy: a view would keep the whole segment in memory for as long as one entry is.
  const data = new Uint8Array(bytes.subarray(COMMAND_FIXED_BYTES));
  return { kind: "command", ...at, data, crc: bytes.readUInt32LE(ENTRY_FIXED_BYTES) };
}

function takeMeta(bytes: Buffer): SnapshotMeta {
  need(bytes, META_FIXED_BYTES);
  return {
    index: index(takeWhole(bytes, 0)),
    term: term(takeWhole(bytes, 8)),
    chain: takeWhole(bytes, 16),
    configurationIndex: index(takeWhole(bytes, 24)),
    configuration: takeConfiguration(bytes.subarray(META_FIXED_BYTES)),
  };
}

function takeConfiguration(text: Buffer): Configuration {
  const value: unknown = JSON.parse(text.toString("utf8"));
  if (typeof value !== "object" || value === null)
    throw new MalformedRecord("a configuration is not an object");
  const { voters, outgoing, learners, members, removed } = value as Record<string, unknown>;
  return {
    voters: takeNodeIds(voters),
    outgoing: takeNodeIds(outgoing),
    learners: takeNodeIds(learners),
    members: takeList(members).map(takeMember),
    // Before members could be removed the list did not exist.
    removed: removed === undefined ? [] : takeList(removed).map(takeRemoved),
  };
}

function takeList(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new MalformedRecord("a configuration lacks a list");
  return value;
}

function takeNodeIds(value: unknown): NodeId[] {
  return takeList(value).map(takeNodeId);
}

function takeNodeId(value: unknown): NodeId {
  if (typeof value !== "string" || !isNodeId(value)) throw new MalformedRecord("a node id is not one");
  return nodeId(value);
}

/** The fields of what should be an object. Null and undefined have no fields to ask for, so they are refused here. */
function takeFields(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) throw new MalformedRecord("a member is not an object");
  return value as Readonly<Record<string, unknown>>;
}

function takeRemoved(value: unknown): RemovedMember {
  const { id, incarnation } = takeFields(value);
  if (typeof incarnation !== "string") throw new MalformedRecord("a removed node lacks its incarnation");
  return { id: takeNodeId(id), incarnation };
}

function takeMember(value: unknown): Member {
  const { id, incarnation, peer, api } = takeFields(value);
  if (typeof incarnation !== "string" || typeof peer !== "string" || typeof api !== "string") {
    throw new MalformedRecord("a member of a configuration lacks a field");
  }
  return { id: takeNodeId(id), incarnation, peer, api };
}
