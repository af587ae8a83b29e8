/** Routes that read counters. */

import type { NodeService } from "../node/index.ts";
import { counterText, pageText, selectionText, statusText, sumText } from "./answers.ts";
import { type ApiHandler, Call } from "./call.ts";
import { cursorOf, placeOf, type ScanOrder } from "./cursor.ts";
import { namesOf } from "./expression.ts";
import { noneMatch, prefersText } from "./headers.ts";
import { problemResponse, Refusal } from "./problem.ts";
import { type Answered, ask, READING, readHeaders, readingOf, shown, wholeOf } from "./reading.ts";
import type { Route } from "./route.ts";
import { keyOf, parametersOf, pathOf, queryOf, rawParameter, refuseParameters } from "./target.ts";

/** Counters on one page of a listing, and in one answer to an expression. */
export const PAGE_MAX = 1_000;
const PAGE_DEFAULT = 100;
/** A longer one could not begin any key. */
const PREFIX_BYTES_MAX = 512;
/** A glob may escape or list what one byte of a key may be. */
const MATCH_BYTES_MAX = 1_024;
/** Segments below a prefix by which a sum can be grouped. */
const DEPTH_MAX = 8;
/** Groups of one sum. */
const GROUPS_MAX = 1_000;

export function readRoutes(service: NodeService): readonly Route[] {
  return [
    { method: "GET", path: "/v1/counters/:key", handler: counterHandler(service) },
    { method: "GET", path: "/v1/counters", handler: listHandler(service) },
    { method: "GET", path: "/v1/sum", handler: sumHandler(service) },
    { method: "GET", path: "/v1/query", handler: queryHandler(service) },
    { method: "GET", path: "/v1/cluster", handler: clusterHandler(service) },
  ];
}

/** GET /v1/counters/{key} */
function counterHandler(service: NodeService): ApiHandler {
  return async function readCounter(context): Promise<Response> {
    const call = new Call(context);
    const key = keyOf(pathOf(call.target));
    const reading = readingOf(parametersOf(queryOf(call.target), READING));
    const read = await ask(service, { kind: "get", key }, reading);
    const { row } = read.answer;
    if (row === undefined) {
      const detail = `${JSON.stringify(key)} has never been written, or was deleted`;
      return problemResponse("COUNTER_NOT_FOUND", { detail }, call.requestId());
    }
    const headers = readHeaders(call, read.age);
    headers["Vary"] = "Accept";
    headers["ETag"] = `"${row.revision}"`;
    if (noneMatch(call.header("if-none-match"), headers["ETag"])) {
      return new Response(null, { status: 304, headers });
    }
    const text = prefersText(call.header("accept"));
    headers["Content-Type"] = text ? "text/plain; charset=utf-8" : "application/json";
    const body = text ? `${row.value}\n` : counterText(row, read, ageMsOf(read));
    return new Response(body, { status: 200, headers });
  };
}

/** GET /v1/counters */
function listHandler(service: NodeService): ApiHandler {
  const known = ["prefix", "match", "order", "limit", "cursor", ...READING] as const;
  return async function listCounters(context): Promise<Response> {
    const call = new Call(context);
    const given = parametersOf(queryOf(call.target), known);
    const reading = readingOf(given);
    const prefix = prefixOf(given.prefix);
    const match = matchOf(given.match);
    const order = orderOf(given.order);
    const limit =
      given.limit === undefined ? PAGE_DEFAULT : wholeOf("limit", given.limit, { from: 1, to: PAGE_MAX });
    const after = given.cursor === undefined ? undefined : placeOf(given.cursor, order);
    if (given.cursor !== undefined && after?.key.startsWith(prefix) !== true) {
      const detail = "cursor must be the `next` of a page that was listed with the same prefix and order";
      throw new Refusal("INVALID_QUERY", detail);
    }
    // The index of keys answers this one; everything else has to look at each counter.
    const plain = match === undefined && order === "key";
    const read = plain
      ? await ask(service, { kind: "list", prefix, after: after?.key, limit }, reading)
      : await ask(service, { kind: "scan", prefix, match, order, after, limit }, reading);
    const { rows, more } = read.answer;
    const last = rows.at(-1);
    const next = more && last !== undefined ? cursorOf(last, order) : undefined;
    return json(call, read.age, pageText({ rows, next, ageMs: ageMsOf(read) }, read));
  };
}

/** GET /v1/sum */
function sumHandler(service: NodeService): ApiHandler {
  return async function sumCounters(context): Promise<Response> {
    const call = new Call(context);
    const given = parametersOf(queryOf(call.target), ["prefix", "depth", ...READING]);
    const reading = readingOf(given);
    const prefix = prefixOf(given.prefix);
    const depth = given.depth === undefined ? 0 : wholeOf("depth", given.depth, { from: 0, to: DEPTH_MAX });
    const read = await ask(service, { kind: "sum", prefix, depth, limit: GROUPS_MAX }, reading);
    return json(call, read.age, sumText(read.answer, read, ageMsOf(read)));
  };
}

/** GET /v1/query */
function queryHandler(service: NodeService): ApiHandler {
  return async function queryCounters(context): Promise<Response> {
    const call = new Call(context);
    const query = queryOf(call.target);
    const given = parametersOf(query, ["expression", ...READING]);
    const reading = readingOf(given);
    const { keys, globs } = namesOf(rawParameter(query, "expression"));
    const read = await ask(service, { kind: "select", keys, globs, limit: PAGE_MAX }, reading);
    return json(call, read.age, selectionText(read.answer, read, ageMsOf(read)));
  };
}

/** GET /v1/cluster */
function clusterHandler(service: NodeService): ApiHandler {
  return function readCluster(context): Response {
    const call = new Call(context);
    refuseParameters(call.target);
    return json(call, undefined, statusText(service.status()));
  };
}

function json(call: Call, age: Answered<"get">["age"], body: string): Response {
  const headers = readHeaders(call, age);
  headers["Content-Type"] = "application/json";
  return new Response(body, { status: 200, headers });
}

/** For the body, which has no word for an age that is not known. */
function ageMsOf({ age }: Pick<Answered<"get">, "age">): number | undefined {
  return age === "unknown" ? undefined : age;
}

/** @throws {Refusal} INVALID_QUERY. */
export function prefixOf(text: string | undefined): string {
  if (text === undefined || Buffer.byteLength(text) <= PREFIX_BYTES_MAX) return text ?? "";
  throw new Refusal("INVALID_QUERY", `prefix must take at most ${PREFIX_BYTES_MAX} bytes of UTF-8`);
}

function matchOf(text: string | undefined): string | undefined {
  if (text === "") throw new Refusal("INVALID_QUERY", "match must not be empty: no key is");
  if (text === undefined || Buffer.byteLength(text) <= MATCH_BYTES_MAX) return text;
  throw new Refusal("INVALID_QUERY", `match must take at most ${MATCH_BYTES_MAX} bytes of UTF-8`);
}

function orderOf(text: string | undefined): ScanOrder {
  if (text === undefined || text === "key") return "key";
  if (text === "value" || text === "-value") return text;
  throw new Refusal("INVALID_QUERY", `order must be key, value or -value; got ${shown(text)}`);
}
