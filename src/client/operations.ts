/** What an operator asks of a cluster: its members, changes of them, who leads, a backup. */

import type { HttpRequest } from "./attempt.ts";
import type { Caller } from "./call.ts";
import {
  decodeBackup,
  decodeLeader,
  decodeMembership,
  decodeMembershipDone,
  decodeMembershipPlan,
} from "./decode.ts";
import { OutcomeUnknown, Refused } from "./errors.ts";
import { printExact } from "./json.ts";
import type {
  BackupDownload,
  Membership,
  MembershipChange,
  MembershipDone,
  MembershipPlan,
} from "./types.ts";

/** Times of one call, checked. */
export interface CallLimits {
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number | undefined;
}

const MEMBERS = "/v1/cluster/members";
const ACCEPT = { accept: "application/json" };
/** Nodes answer a change within their write timeout, 5 s by default; before that, asking again would only disturb. */
const CHANGE_ATTEMPT_MS = 8_000;
/** Taking a snapshot of many counters takes a while, and a second one would be taken for each further attempt. */
const BACKUP_MS = 120_000;
/** What a node may be called (as in the core), so that a path leads where it should. */
const NODE_ID = /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/;

export function listMembers(caller: Caller, limits: CallLimits): Promise<Membership> {
  const request: HttpRequest = { method: "GET", path: `${MEMBERS}?from=leader`, headers: ACCEPT };
  return caller.run({ ...limits, request, effect: { kind: "none" }, decode: decodeMembership });
}

export function planChange(
  caller: Caller,
  change: MembershipChange,
  limits: CallLimits,
): Promise<MembershipPlan> {
  const request = requestOf(change, "?dryRun=true");
  return caller.run({ ...limits, request, effect: { kind: "none" }, decode: decodeMembershipPlan });
}

/** Where an answer was lost, the members tell whether the change was made. */
export async function makeChange(
  caller: Caller,
  change: MembershipChange,
  limits: CallLimits,
): Promise<MembershipDone> {
  const effect = { kind: "change" } as const;
  const attemptTimeoutMs = CHANGE_ATTEMPT_MS;
  const request = requestOf(change, "");
  try {
    return await caller.run({ ...limits, request, effect, attemptTimeoutMs, decode: decodeMembershipDone });
  } catch (error) {
    if (!(error instanceof OutcomeUnknown)) throw error;
    const now = await listMembers(caller, limits).catch(() => undefined);
    if (now === undefined || !isMade(change, now)) throw error;
    const having = (role: string): readonly string[] =>
      now.members.filter((member) => member.role === role).map(({ id }) => id);
    return { index: undefined, voters: having("voter"), learners: having("learner") };
  }
}

export async function transfer(
  caller: Caller,
  to: string | undefined,
  limits: CallLimits,
): Promise<{ readonly id: string; readonly url: string }> {
  // Whoever leads now is named, so that a second attempt does not send leadership on from the next leader.
  const from = to === undefined ? (await listMembers(caller, limits)).leader?.id : undefined;
  const body = to !== undefined ? { to: checkedId(to) } : from !== undefined ? { from } : {};
  const request: HttpRequest = post("/v1/cluster/transfer", body);
  const effect = { kind: "change" } as const;
  const attemptTimeoutMs = CHANGE_ATTEMPT_MS;
  try {
    return await caller.run({ ...limits, request, effect, attemptTimeoutMs, decode: decodeLeader });
  } catch (error) {
    if (!(error instanceof OutcomeUnknown)) throw error;
    const now = await listMembers(caller, limits).catch(() => undefined);
    const leader = now?.leader;
    const isDone = to === undefined ? from !== undefined && leader?.id !== from : leader?.id === to;
    if (leader === undefined || !isDone) throw error;
    return leader;
  }
}

export function openBackup(caller: Caller, limits: CallLimits): Promise<BackupDownload> {
  const timeoutMs = limits.timeoutMs ?? BACKUP_MS;
  return caller.run({
    request: { method: "GET", path: "/v1/backup", headers: { accept: "*/*" }, streamed: true },
    effect: { kind: "none" },
    decode: decodeBackup,
    signal: limits.signal,
    timeoutMs,
    attemptTimeoutMs: timeoutMs,
  });
}

function requestOf(change: MembershipChange, query: string): HttpRequest {
  switch (change.kind) {
    case "add": {
      const { id, incarnation, peer, api } = change.member;
      return post(MEMBERS + query, { id, incarnation, peer, api });
    }
    case "promote":
      return { method: "POST", path: `${memberPath(change.id)}/promote${query}`, headers: ACCEPT };
    case "remove":
      return { method: "DELETE", path: memberPath(change.id) + query, headers: ACCEPT };
    case "replace":
      return post(`${memberPath(change.id)}/replace${query}`, { by: change.by });
    case "move": {
      const { peer, api } = change;
      return { ...post(memberPath(change.id) + query, { peer, api }), method: "PATCH" };
    }
  }
}

function post(path: string, body: Readonly<Record<string, string | undefined>>): HttpRequest {
  const headers = { ...ACCEPT, "content-type": "application/json" };
  return { method: "POST", path, headers, body: printExact(body) };
}

function memberPath(id: string): string {
  return `${MEMBERS}/${checkedId(id)}`;
}

function checkedId(id: string): string {
  if (NODE_ID.test(id)) return id;
  const detail = `${JSON.stringify(id)} is nobody's id: 1 to 32 of a-z, 0-9 and - (not first or last)`;
  throw new Refused("MEMBER_NOT_FOUND", detail, []);
}

/** Whether the members are as `change` wanted them, and no change is under way. */
function isMade(change: MembershipChange, { members }: Membership): boolean {
  if (members.some(({ role }) => role === "joining" || role === "leaving")) return false;
  const find = (id: string): Membership["members"][number] | undefined =>
    members.find((member) => member.id === id);
  switch (change.kind) {
    case "add":
      return find(change.member.id)?.incarnation === change.member.incarnation;
    case "promote":
      return find(change.id)?.role === "voter";
    case "remove":
      return find(change.id) === undefined;
    case "replace":
      return find(change.id) === undefined && find(change.by)?.role === "voter";
    case "move": {
      const found = find(change.id);
      if (found === undefined) return false;
      const { peer = found.peer, api = found.api } = change;
      return found.peer === peer && found.api === api.replace(/\/+$/, "");
    }
  }
}
