/** Takes answers apart, field by field: what is not as documented is said, never guessed. */

import type { Json } from "./json.ts";
import type {
  BatchDone,
  Changed,
  Counter,
  Incremented,
  LogPosition,
  NodeView,
  Page,
  PeerView,
  Reading,
} from "./types.ts";
import type { Answer } from "./verdict.ts";

/** The answer is not what a Raftally node gives. */
export class Malformed extends Error {
  override readonly name: string = "Malformed";
}

type Fields = Readonly<Record<string, Json | undefined>>;

export function decodeIncremented(answer: Answer): Incremented {
  const fields = object(answer.json, "answer");
  return { ...changed(fields), ...position(fields), replayed: wasReplayed(answer) };
}

export function decodeReading(answer: Answer): Reading {
  const fields = object(answer.json, "answer");
  return { ...counter(fields), ...position(fields), ageMs: optional(fields, "ageMs", number) ?? 0 };
}

export function decodePage(answer: Answer): Page {
  const fields = object(answer.json, "answer");
  const counters = list(fields, "counters").map((row) => counter(object(row, "counter")));
  return { counters, cursor: optional(fields, "next", string), ...position(fields) };
}

export function decodeBatchDone(answer: Answer): BatchDone {
  const fields = object(answer.json, "answer");
  const results = list(fields, "results").map((row) => changed(object(row, "result")));
  return { results, ...position(fields), replayed: wasReplayed(answer) };
}

export function decodeNodeView(answer: Answer): NodeView {
  const fields = object(answer.json, "answer");
  const leader = optional(fields, "leader", fieldObject);
  return {
    url: answer.base,
    id: string(fields, "id"),
    clusterId: string(fields, "clusterId"),
    version: string(fields, "version"),
    role: string(fields, "role"),
    term: number(fields, "term"),
    leader: leader && { id: string(leader, "id"), url: string(leader, "url") },
    commit: number(fields, "commit"),
    applied: number(fields, "applied"),
    revision: number(fields, "revision"),
    counters: number(fields, "counters"),
    peers: list(fields, "peers").map((peer) => decodePeer(object(peer, "peer"))),
    alarm: optional(fields, "alarm", string),
    uptimeMs: number(fields, "uptimeMs"),
  };
}

function decodePeer(fields: Fields): PeerView {
  return {
    id: string(fields, "id"),
    api: string(fields, "api"),
    reachable: boolean(fields, "reachable"),
    roundTripMs: optional(fields, "roundTripMs", number),
  };
}

function counter(fields: Fields): Counter {
  return { key: string(fields, "key"), value: int64(fields, "value"), revision: number(fields, "revision") };
}

function changed(fields: Fields): Changed {
  return { ...counter(fields), changed: optional(fields, "changed", boolean) ?? true };
}

function position(fields: Fields): LogPosition {
  return { index: number(fields, "index"), term: number(fields, "term") };
}

function wasReplayed(answer: Answer): boolean {
  return answer.headers.get("idempotency-replayed") === "true";
}

/** A field that may be absent or null. */
function optional<T>(fields: Fields, name: string, read: (fields: Fields, name: string) => T): T | undefined {
  return fields[name] === undefined || fields[name] === null ? undefined : read(fields, name);
}

function fieldObject(fields: Fields, name: string): Fields {
  return object(fields[name], name);
}

function object(value: Json | undefined, name: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Malformed(`the ${name} is not a JSON object`);
  }
  return value as Fields;
}

function list(fields: Fields, name: string): readonly Json[] {
  const value = fields[name];
  if (!Array.isArray(value)) throw new Malformed(`"${name}" is not a list`);
  return value;
}

function string(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value !== "string") throw new Malformed(`"${name}" is not a string`);
  return value;
}

function number(fields: Fields, name: string): number {
  const value = fields[name];
  if (typeof value !== "number") throw new Malformed(`"${name}" is not a number`);
  return value;
}

function boolean(fields: Fields, name: string): boolean {
  const value = fields[name];
  if (typeof value !== "boolean") throw new Malformed(`"${name}" is not true or false`);
  return value;
}

function int64(fields: Fields, name: string): bigint {
  const value = fields[name];
  if (typeof value === "bigint") return value;
  if (typeof value !== "number" || !Number.isSafeInteger(value)) {
    throw new Malformed(`"${name}" is not a whole number`);
  }
  return BigInt(value);
}
