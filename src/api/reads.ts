/** Routes that read counters. */

import { assert } from "../base/index.ts";
import type { Consistency, NodeService } from "../node/index.ts";
import { counterText, pageText, statusText } from "./answers.ts";
import { type ApiHandler, Call } from "./call.ts";
import { decodeCursor, encodeCursor } from "./cursor.ts";
import { noneMatch, prefersText } from "./headers.ts";
import { problemResponse, Refusal } from "./problem.ts";
import type { Route } from "./route.ts";
import { keyOf, parametersOf, pathOf, queryOf, refuseParameters } from "./target.ts";

/** Counters on one page of a listing. */
export const PAGE_MAX = 1_000;
const PAGE_DEFAULT = 100;
/** A longer one could not begin any key. */
const PREFIX_BYTES_MAX = 512;

export function readRoutes(service: NodeService): readonly Route[] {
  return [
    { method: "GET", path: "/v1/counters/:key", handler: counterHandler(service) },
    { method: "GET", path: "/v1/counters", handler: listHandler(service) },
    { method: "GET", path: "/v1/cluster", handler: clusterHandler(service) },
  ];
}

/** GET /v1/counters/{key} */
function counterHandler(service: NodeService): ApiHandler {
  return async function readCounter(context): Promise<Response> {
    const call = new Call(context);
    const key = keyOf(pathOf(call.target));
    const consistency = consistencyOf(parametersOf(queryOf(call.target), ["consistency"]).consistency);
    const result = await service.read({ kind: "get", key }, consistency);
    if (result.kind === "failed") return problemResponse(result.code, result, call.requestId());
    assert(result.answer.kind === "get", "read: a question for one counter has one counter as its answer");
    const { row } = result.answer;
    if (row === undefined) {
      const detail = `${JSON.stringify(key)} has never been written, or was deleted`;
      return problemResponse("COUNTER_NOT_FOUND", { detail }, call.requestId());
    }
    const ageMs = consistency === "stale" ? result.ageMs : undefined;
    const headers = headersOf(call, consistency === "stale" ? (result.ageMs ?? "unknown") : undefined);
    headers["Vary"] = "Accept";
    headers["ETag"] = `"${row.revision}"`;
    if (noneMatch(call.header("if-none-match"), headers["ETag"])) {
      return new Response(null, { status: 304, headers });
    }
    const text = prefersText(call.header("accept"));
    headers["Content-Type"] = text ? "text/plain; charset=utf-8" : "application/json";
    return new Response(text ? `${row.value}\n` : counterText(row, result, ageMs), { status: 200, headers });
  };
}

/** GET /v1/counters */
function listHandler(service: NodeService): ApiHandler {
  return async function listCounters(context): Promise<Response> {
    const call = new Call(context);
    const given = parametersOf(queryOf(call.target), ["prefix", "limit", "cursor", "consistency"]);
    const consistency = consistencyOf(given.consistency);
    const prefix = prefixOf(given.prefix);
    const limit = limitOf(given.limit);
    const after = afterOf(given.cursor, prefix);
    const result = await service.read({ kind: "list", prefix, after, limit }, consistency);
    if (result.kind === "failed") return problemResponse(result.code, result, call.requestId());
    assert(result.answer.kind === "list", "read: a question for a list has a list as its answer");
    const { rows, more } = result.answer;
    const last = rows.at(-1);
    const next = more && last !== undefined ? encodeCursor(last.key) : undefined;
    const ageMs = consistency === "stale" ? result.ageMs : undefined;
    const headers = headersOf(call, consistency === "stale" ? (result.ageMs ?? "unknown") : undefined);
    headers["Content-Type"] = "application/json";
    return new Response(pageText({ rows, next, ageMs }, result), { status: 200, headers });
  };
}

/** GET /v1/cluster */
function clusterHandler(service: NodeService): ApiHandler {
  return function readCluster(context): Response {
    const call = new Call(context);
    refuseParameters(call.target);
    const headers = headersOf(call, undefined);
    headers["Content-Type"] = "application/json";
    return new Response(statusText(service.status()), { status: 200, headers });
  };
}

/**
 * A cache may keep an answer, but has to ask before it gives it again.
 * @param age in ms, of a stale read.
 */
function headersOf(call: Call, age: number | "unknown" | undefined): Record<string, string> {
  const headers: Record<string, string> = { "Cache-Control": "no-cache", "X-Request-Id": call.requestId() };
  if (age !== undefined) headers["Raftally-Age-Ms"] = age === "unknown" ? age : String(Math.round(age));
  return headers;
}

function consistencyOf(text: string | undefined): Consistency {
  if (text === undefined || text === "linearizable") return "linearizable";
  if (text === "stale") return "stale";
  throw new Refusal("INVALID_QUERY", `consistency must be linearizable or stale; got ${shown(text)}`);
}

function limitOf(text: string | undefined): number {
  if (text === undefined) return PAGE_DEFAULT;
  const limit = /^[0-9]{1,4}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= PAGE_MAX) return limit;
  throw new Refusal(
    "INVALID_QUERY",
    `limit must be a whole number from 1 to ${PAGE_MAX}; got ${shown(text)}`,
  );
}

function prefixOf(text: string | undefined): string {
  if (text === undefined || Buffer.byteLength(text) <= PREFIX_BYTES_MAX) return text ?? "";
  throw new Refusal("INVALID_QUERY", `prefix must take at most ${PREFIX_BYTES_MAX} bytes of UTF-8`);
}

function afterOf(cursor: string | undefined, prefix: string): string | undefined {
  if (cursor === undefined) return undefined;
  const after = decodeCursor(cursor);
  if (after?.startsWith(prefix)) return after;
  throw new Refusal(
    "INVALID_QUERY",
    "cursor must be the `next` of a page that was listed with the same prefix",
  );
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 64));
}
