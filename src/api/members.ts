/** Routes for whoever runs the cluster: its members, changes of them, and handing over leadership. */

import type { z } from "zod";
import { assertNever } from "../base/index.ts";
import {
  isNodeId,
  type Member,
  type MembershipRequest,
  type MembershipResult,
  type NodeId,
  type NodeService,
  nodeId,
  type PlanResult,
  type TransferResult,
} from "../node/index.ts";
import { NODE_ID_FORM } from "./address.ts";
import { changeText, membersText, planText, transferText } from "./answers.ts";
import { jsonTextOf } from "./body.ts";
import { type ApiHandler, Call } from "./call.ts";
import { check } from "./check.ts";
import { refuseConditions } from "./headers.ts";
import { parseJson } from "./json.ts";
import type { Redirect, ToLeader } from "./leader.ts";
import { problemResponse, Refusal } from "./problem.ts";
import type { Route } from "./route.ts";
import {
  type AddMemberBody,
  addMemberBody,
  type BodyName,
  type MoveMemberBody,
  moveMemberBody,
  type ReplaceMemberBody,
  replaceMemberBody,
  transferBody,
} from "./schemas.ts";
import { decodeStrictly, parametersOf, pathOf, queryOf, refuseParameters } from "./target.ts";

/** The path below which a member's id is one segment. */
export const MEMBERS_PATH = "/v1/cluster/members/";

/** What a request needs beyond its node. */
interface MemberRoutes {
  readonly service: NodeService;
  readonly toLeader: ToLeader;
}

export function memberRoutes(members: MemberRoutes): readonly Route[] {
  const one = "/v1/cluster/members/:id";
  return [
    { method: "GET", path: "/v1/cluster/members", handler: membersHandler(members) },
    { method: "POST", path: "/v1/cluster/members", handler: addMemberHandler(members) },
    { method: "DELETE", path: one, handler: removeHandler(members) },
    { method: "PATCH", path: one, handler: moveHandler(members) },
    { method: "POST", path: `${one}/promote`, handler: promoteHandler(members) },
    { method: "POST", path: `${one}/replace`, handler: replaceHandler(members) },
    { method: "POST", path: "/v1/cluster/transfer", handler: transferHandler(members) },
  ];
}

/** GET /v1/cluster/members: as this node sees them, or with `?from=leader` as the leader does while one is known. */
function membersHandler({ service, toLeader }: MemberRoutes): ApiHandler {
  return function listMembers(context): Response | Promise<Response> {
    const call = new Call(context);
    const { from } = parametersOf(queryOf(call.target), ["from"]);
    if (from !== undefined && from !== "leader") {
      throw new Refusal("INVALID_QUERY", `from must be leader; got ${JSON.stringify(from.slice(0, 64))}`);
    }
    const own = (): Response => json(call, membersText(service.members(), service.status()));
    if (from === undefined) return own();
    const ask = async (): Promise<Redirect | { readonly kind: "own" }> => {
      const { id, leader } = service.status();
      if (leader === undefined || leader.id === id) return { kind: "own" };
      return { kind: "redirect", leader: leader.id, url: leader.url };
    };
    return toLeader({ call, ask, answer: own, repeatable: true });
  };
}

/** POST /v1/cluster/members: a new learner. */
function addMemberHandler(routes: MemberRoutes): ApiHandler {
  return changing(routes, async (call) => {
    const body = await bodyOf(call, ADD_MEMBER);
    return { kind: "add", member: { ...body, id: nodeId(body.id) } };
  });
}

/** POST /v1/cluster/members/{id}/promote: the learner becomes a voter. */
function promoteHandler(routes: MemberRoutes): ApiHandler {
  return changing(routes, async (call) => {
    const id = memberIdOf(pathOf(call.target));
    await refuseBody(call, "promoting a member");
    return { kind: "promote", id };
  });
}

/** DELETE /v1/cluster/members/{id}: it leaves for good. */
function removeHandler(routes: MemberRoutes): ApiHandler {
  return changing(routes, async (call) => {
    const id = memberIdOf(pathOf(call.target));
    await refuseBody(call, "removing a member");
    return { kind: "remove", id };
  });
}

/** POST /v1/cluster/members/{id}/replace: one change in which a learner gets the vote and `id` leaves. */
function replaceHandler(routes: MemberRoutes): ApiHandler {
  return changing(routes, async (call) => {
    const id = memberIdOf(pathOf(call.target));
    const { by } = await bodyOf(call, REPLACE_MEMBER);
    return { kind: "replace", id, by: nodeId(by) };
  });
}

/** PATCH /v1/cluster/members/{id}: new addresses. What is not named stays as it is. */
function moveHandler(routes: MemberRoutes): ApiHandler {
  return changing(routes, async (call) => {
    const id = memberIdOf(pathOf(call.target));
    const { peer, api } = await bodyOf(call, MOVE_MEMBER);
    return (known) => ({
      kind: "move",
      member: {
        ...known(id),
        ...(peer === undefined ? {} : { peer }),
        ...(api === undefined ? {} : { api }),
      },
    });
  });
}

/** POST /v1/cluster/transfer: hands over leadership, to `to` if that is named, or only if `from` leads. */
function transferHandler({ service, toLeader }: MemberRoutes): ApiHandler {
  return async function transferLeadership(context): Promise<Response> {
    const call = new Call(context);
    refuseParameters(call.target);
    refuseUnkeyable(call);
    const text = call.announcesBody() ? await jsonTextOf(call) : undefined;
    const { to, from } = text === undefined ? {} : check(transferBody, parseJson(text), "transfer");
    const named = (id: string | undefined): NodeId | undefined => (id === undefined ? undefined : nodeId(id));
    return toLeader<Exclude<TransferResult, Redirect>>({
      call,
      ask: () => service.transferLeadership(named(to), named(from)),
      answer: (result) =>
        result.kind === "failed" ? failed(call, result) : json(call, transferText(result.leader, result.url)),
      repeatable: false,
    });
  };
}

/** The request itself, or how to make it of what the member is like now. */
type Wanted = MembershipRequest | ((known: (id: NodeId) => Member) => MembershipRequest);

/** A route that changes the membership, or with `?dryRun=true` says what the change would mean. */
function changing({ service, toLeader }: MemberRoutes, read: (call: Call) => Promise<Wanted>): ApiHandler {
  return async function changeMembership(context): Promise<Response> {
    const call = new Call(context);
    const dryRun = dryRunOf(call);
    refuseUnkeyable(call);
    const wanted = await read(call);
    const request = (): MembershipRequest => (typeof wanted === "function" ? wanted(known) : wanted);
    const known = (id: NodeId): Member => knownMember(service, id);
    const elsewhere = (): Exclude<PlanResult, { kind: "planned" }> | undefined =>
      typeof wanted === "function" ? notHere(service) : undefined;
    if (dryRun) {
      return toLeader<Exclude<PlanResult, Redirect>>({
        call,
        ask: async () => elsewhere() ?? service.planMembership(request()),
        answer: (result) =>
          result.kind === "failed" ? failed(call, result) : json(call, planText(result.plan)),
        repeatable: true,
      });
    }
    return toLeader<Exclude<MembershipResult, Redirect>>({
      call,
      ask: async () => elsewhere() ?? service.changeMembership(request()),
      answer: (result) => answerChange(call, result),
      repeatable: false,
    });
  };
}

/** Only the leader surely knows what a member is like: whoever else is asked is not to judge. */
function notHere(service: NodeService): Exclude<PlanResult, { kind: "planned" }> | undefined {
  const { id, leader } = service.status();
  if (leader === undefined) {
    const detail = "no leader is known, and only a leader can change the membership; try again in a moment";
    return { kind: "failed", code: "NO_LEADER", detail, retryAfterMs: 500 };
  }
  return leader.id === id ? undefined : { kind: "redirect", leader: leader.id, url: leader.url };
}

function knownMember(service: NodeService, id: NodeId): Member {
  const found = service.members().find((member) => member.id === id);
  if (found === undefined) throw noSuchMember(id, service);
  const { incarnation, peer, api } = found;
  return { id, incarnation, peer, api };
}

function noSuchMember(id: string, service: NodeService): Refusal {
  const ids = service.members().map((member) => member.id);
  return new Refusal("MEMBER_NOT_FOUND", `${id} is no member; the members are ${ids.join(", ")}`);
}

function answerChange(call: Call, result: Exclude<MembershipResult, Redirect>): Response {
  switch (result.kind) {
    case "changed":
      return json(call, changeText(result));
    case "failed":
      return failed(call, result);
    default:
      return assertNever(result);
  }
}

function failed(
  call: Call,
  { code, detail, retryAfterMs }: Extract<MembershipResult | PlanResult, { readonly kind: "failed" }>,
): Response {
  const wait = retryAfterMs === undefined ? {} : { retryAfterMs };
  return problemResponse(code, { detail, ...wait }, call.requestId());
}

function json(call: Call, body: string): Response {
  const headers = {
    "Content-Type": "application/json",
    "Cache-Control": "no-store",
    "X-Request-Id": call.requestId(),
  };
  return new Response(body, { status: 200, headers });
}

/** @throws {Refusal} INVALID_QUERY. */
function dryRunOf(call: Call): boolean {
  if (!call.target.includes("?")) return false;
  const { dryRun } = parametersOf(queryOf(call.target), ["dryRun"]);
  if (dryRun === undefined || dryRun === "false") return false;
  if (dryRun === "true") return true;
  throw new Refusal(
    "INVALID_QUERY",
    `dryRun must be true or false; got ${JSON.stringify(dryRun.slice(0, 64))}`,
  );
}

/**
 * Changes of the cluster are not remembered under a key, and must not look as if they were.
 * @throws {Refusal} INVALID_HEADER.
 */
function refuseUnkeyable(call: Call): void {
  refuseConditions(call);
  for (const name of ["idempotency-key", "raftally-session"] as const) {
    if (call.header(name) === undefined) continue;
    const detail = `${name} does not apply to changes of the cluster; GET /v1/cluster/members says what was done`;
    throw new Refusal("INVALID_HEADER", detail);
  }
}

/**
 * The id of a member in a path below `/v1/cluster/members/`.
 * @throws {Refusal} MEMBER_NOT_FOUND for what can be nobody's id.
 */
export function memberIdOf(path: string): NodeId {
  const segment = path.slice(MEMBERS_PATH.length).split("/", 1)[0] ?? "";
  const text = decodeStrictly(segment);
  if (typeof text === "string" && isNodeId(text)) return nodeId(text);
  const shown = JSON.stringify(segment.slice(0, 64));
  throw new Refusal("MEMBER_NOT_FOUND", `${shown} in the path is nobody's id; an id is ${NODE_ID_FORM}`);
}

/** A body that has to be there. */
interface BodyForm<T> {
  readonly name: BodyName;
  readonly schema: z.ZodType<T>;
  readonly example: string;
}

const ADD_MEMBER: BodyForm<AddMemberBody> = {
  name: "addMember",
  schema: addMemberBody,
  example: '{"id":"n4","incarnation":"<32 hex digits>","peer":"10.0.0.4:4100","api":"http://10.0.0.4:4000"}',
};
const REPLACE_MEMBER: BodyForm<ReplaceMemberBody> = {
  name: "replaceMember",
  schema: replaceMemberBody,
  example: '{"by":"n4"}',
};
const MOVE_MEMBER: BodyForm<MoveMemberBody> = {
  name: "moveMember",
  schema: moveMemberBody,
  example: '{"peer":"10.0.0.9:4100","api":"http://10.0.0.9:4000"}',
};

/** @throws {Refusal} INVALID_BODY, INVALID_JSON, UNSUPPORTED_MEDIA_TYPE. */
async function bodyOf<T>(call: Call, { name, schema, example }: BodyForm<T>): Promise<T> {
  const text = call.announcesBody() ? await jsonTextOf(call) : undefined;
  if (text === undefined) throw new Refusal("INVALID_BODY", `a body such as ${example} is needed`);
  return check(schema, parseJson(text), name);
}

async function refuseBody(call: Call, doing: string): Promise<void> {
  if (!call.announcesBody() || (await jsonTextOf(call)) === undefined) return;
  throw new Refusal("INVALID_BODY", `${doing} takes no body`);
}
