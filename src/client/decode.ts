/** Takes answers apart, field by field: what is not as documented is said, never guessed. */

import type { Json } from "./json.ts";
import type { Members } from "./nodes.ts";
import type {
  Allocation,
  BackupDownload,
  BatchDone,
  Changed,
  Counter,
  FaultTolerance,
  GroupSum,
  Incremented,
  LogPosition,
  Membership,
  MembershipDone,
  MembershipPlan,
  MemberView,
  NodeView,
  Page,
  PeerView,
  Reading,
  Selection,
  Sum,
} from "./types.ts";
import type { Answer } from "./verdict.ts";

/** The answer is not what a Raftally node gives. */
export class Malformed extends Error {
  override readonly name: string = "Malformed";
}

export type Fields = Readonly<Record<string, Json | undefined>>;

export function decodeIncremented(answer: Answer): Incremented {
  const fields = object(answer.json, "answer");
  return { ...changed(fields), ...position(fields), replayed: wasReplayed(answer) };
}

export function decodeAllocation(answer: Answer): Allocation {
  const fields = object(answer.json, "answer");
  const range = { from: int64(fields, "from"), to: int64(fields, "to"), count: int64(fields, "count") };
  return { ...counter(fields), ...range, ...position(fields), replayed: wasReplayed(answer) };
}

/** The id of a session that was opened. */
export function decodeSession(answer: Answer): number {
  return number(object(answer.json, "answer"), "session");
}

export function decodeSum(answer: Answer): Sum {
  const fields = object(answer.json, "answer");
  return {
    ...groupSum(fields),
    groups: list(fields, "groups").map((group) => groupSum(object(group, "group"))),
    more: optional(fields, "more", boolean) ?? false,
    ...position(fields),
    ageMs: ageOf(answer, fields),
  };
}

export function decodeSelection(answer: Answer): Selection {
  const fields = object(answer.json, "answer");
  const counters = list(fields, "counters").map((row) => counter(object(row, "counter")));
  const more = optional(fields, "more", boolean) ?? false;
  return { counters, more, ...position(fields), ageMs: ageOf(answer, fields) };
}

function groupSum(fields: Fields): GroupSum {
  return {
    prefix: string(fields, "prefix"),
    sum: int64(fields, "sum"),
    counters: number(fields, "counters"),
  };
}

/** In the body, or only in the header, where a node also says that it does not know. */
function ageOf({ headers }: Answer, fields: Fields): number {
  const header = headers.get("raftally-age-ms") ?? "";
  if (header === "unknown") return Number.POSITIVE_INFINITY;
  return optional(fields, "ageMs", number) ?? (/^[0-9]{1,15}$/.test(header) ? Number(header) : 0);
}

export function decodeReading(answer: Answer): Reading {
  const fields = object(answer.json, "answer");
  return { ...counter(fields), ...position(fields), ageMs: ageOf(answer, fields) };
}

export function decodePage(answer: Answer): Page {
  const fields = object(answer.json, "answer");
  const counters = list(fields, "counters").map((row) => counter(object(row, "counter")));
  const cursor = optional(fields, "next", string);
  return { counters, cursor, ...position(fields), ageMs: ageOf(answer, fields) };
}

export function decodeBatchDone(answer: Answer): BatchDone {
  const fields = object(answer.json, "answer");
  const results = list(fields, "results").map((row) => changed(object(row, "result")));
  return { results, ...position(fields), replayed: wasReplayed(answer) };
}

export function decodeNodeView(answer: Answer): NodeView {
  const fields = object(answer.json, "answer");
  return {
    url: answer.base,
    id: string(fields, "id"),
    incarnation: optional(fields, "incarnation", string) || undefined,
    peerAddress: optional(fields, "peerAddress", string),
    apiUrl: optional(fields, "apiUrl", string),
    state: oneOf(STATES, optional(fields, "state", string) ?? "running", "state"),
    clusterId: string(fields, "clusterId"),
    version: string(fields, "version"),
    role: string(fields, "role"),
    term: number(fields, "term"),
    leader: optional(fields, "leader", leaderOf),
    commit: number(fields, "commit"),
    applied: number(fields, "applied"),
    revision: number(fields, "revision"),
    counters: number(fields, "counters"),
    peers: list(fields, "peers").map((peer) => decodePeer(object(peer, "peer"))),
    alarm: optional(fields, "alarm", string),
    uptimeMs: number(fields, "uptimeMs"),
  };
}

const STATES = ["joining", "forming", "running"] as const;
const ROLES = ["voter", "learner", "joining", "leaving"] as const;

export function decodeMembership(answer: Answer): Membership {
  const fields = object(answer.json, "answer");
  return {
    members: list(fields, "members").map((member) => decodeMember(object(member, "member"))),
    seenBy: string(fields, "seenBy"),
    leader: optional(fields, "leader", leaderOf),
  };
}

function decodeMember(fields: Fields): MemberView {
  const catchUp = optional(fields, "catchUp", fieldObject);
  return {
    id: string(fields, "id"),
    incarnation: string(fields, "incarnation"),
    peer: string(fields, "peer"),
    api: string(fields, "api"),
    role: oneOf(ROLES, string(fields, "role"), "role"),
    leads: boolean(fields, "leads"),
    reachable: boolean(fields, "reachable"),
    match: optional(fields, "match", number),
    catchUp: catchUp && { percent: number(catchUp, "percent"), msLeft: optional(catchUp, "msLeft", number) },
  };
}

export function decodeMembershipDone(answer: Answer): MembershipDone {
  const fields = object(answer.json, "answer");
  const configuration = fieldObject(fields, "configuration");
  return {
    index: number(fields, "index"),
    voters: strings(configuration, "voters"),
    learners: strings(configuration, "learners"),
  };
}

export function decodeMembershipPlan(answer: Answer): MembershipPlan {
  const fields = object(answer.json, "answer");
  const refusal = optional(fields, "refusal", fieldObject);
  return {
    before: decodeTolerance(fieldObject(fields, "before")),
    after: decodeTolerance(fieldObject(fields, "after")),
    refusal: refusal && { code: string(refusal, "code"), detail: string(refusal, "detail") },
  };
}

function decodeTolerance(fields: Fields): FaultTolerance {
  return {
    voters: number(fields, "voters"),
    mayFail: number(fields, "mayFail"),
    reachable: number(fields, "reachable"),
  };
}

export function decodeLeader(answer: Answer): { readonly id: string; readonly url: string } {
  return leaderOf(object(answer.json, "answer"), "leader");
}

function leaderOf(fields: Fields, name: string): { readonly id: string; readonly url: string } {
  const leader = fieldObject(fields, name);
  return { id: string(leader, "id"), url: string(leader, "url") };
}

export function decodeBackup({ headers, stream }: Answer): BackupDownload {
  if (stream === undefined) throw new Malformed("the answer has no body");
  const header = (name: string): string => {
    const value = headers.get(name);
    if (value === null) throw new Malformed(`the header ${name} is missing`);
    return value;
  };
  const count = (name: string): number => {
    const value = header(name);
    if (!/^[0-9]{1,16}$/.test(value)) throw new Malformed(`the header ${name} is not a whole number`);
    return Number(value);
  };
  return {
    stream,
    bytes: count("content-length"),
    index: count("raftally-backup-index"),
    term: count("raftally-backup-term"),
    digest: count("raftally-backup-digest"),
    sha256: header("raftally-backup-sha256"),
    filename: /filename="([\w.-]+)"/.exec(headers.get("content-disposition") ?? "")?.[1] ?? "raftally.backup",
  };
}

/** What a node says of its cluster; undefined if it does not, or is no node. */
export function membersOf(json: Json | undefined): Members | undefined {
  try {
    const fields = object(json, "answer");
    const members = list(fieldObject(fields, "configuration"), "members");
    return {
      clusterId: string(fields, "clusterId"),
      commit: number(fields, "commit"),
      apis: members.map((member) => string(object(member, "member"), "api")),
    };
  } catch (error) {
    if (error instanceof Malformed) return undefined;
    throw error;
  }
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
  // Written out, for a batch has a thousand of them.
  const result = {
    key: string(fields, "key"),
    value: int64(fields, "value"),
    revision: number(fields, "revision"),
    changed: optional(fields, "changed", boolean) ?? true,
  };
  const applied = optional(fields, "applied", int64);
  return applied === undefined ? result : { ...result, applied };
}

export function position(fields: Fields): LogPosition {
  return { index: number(fields, "index"), term: number(fields, "term") };
}

function wasReplayed(answer: Answer): boolean {
  return answer.headers.get("idempotency-replayed") === "true";
}

/** A field that may be absent or null. */
export function optional<T>(
  fields: Fields,
  name: string,
  read: (fields: Fields, name: string) => T,
): T | undefined {
  return fields[name] === undefined || fields[name] === null ? undefined : read(fields, name);
}

function fieldObject(fields: Fields, name: string): Fields {
  return object(fields[name], name);
}

export function object(value: Json | undefined, name: string): Fields {
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

function strings(fields: Fields, name: string): readonly string[] {
  return list(fields, name).map((item) => {
    if (typeof item !== "string") throw new Malformed(`"${name}" is not a list of strings`);
    return item;
  });
}

function oneOf<T extends string>(known: readonly T[], value: string, name: string): T {
  const found = known.find((one) => one === value);
  if (found === undefined) throw new Malformed(`"${name}" is none of ${known.join(", ")}`);
  return found;
}

export function string(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value !== "string") throw new Malformed(`"${name}" is not a string`);
  return value;
}

export function number(fields: Fields, name: string): number {
  const value = fields[name];
  if (typeof value !== "number") throw new Malformed(`"${name}" is not a number`);
  return value;
}

export function boolean(fields: Fields, name: string): boolean {
  const value = fields[name];
  if (typeof value !== "boolean") throw new Malformed(`"${name}" is not true or false`);
  return value;
}

/** A whole number of any size. */
export function int64(fields: Fields, name: string): bigint {
  const value = fields[name];
  if (typeof value === "bigint") return value;
  if (typeof value !== "number" || !Number.isSafeInteger(value)) {
    throw new Malformed(`"${name}" is not a whole number`);
  }
  return BigInt(value);
}
