/**
 * The forms in which counters are met elsewhere, so that scripts written for those run unchanged. They are doors to
 * counters like all others, and their writes go the way of all writes: once under an idempotency key, from any node to
 * the leader.
 *
 *     POST /increment           {"key","value"}            adds value to key; answers as increment does
 *     POST /api/v1/increment    {"key","value"}            -> {"data":{"value":N}}
 *     GET  /api/v1/increment/{key}                         -> {"data":{"value":N}}, 0 for a key never written
 *     POST /items               [{"id","tenant"}, …]       adds 1 to `items:{tenant}` with `once` the id, for all or
 *          none; at most 1,000     -> {"received":3,"counted":2,"counts":{"acme":7},"index","term"}
 *     GET  /items/{tenant}/count                           -> {"count":N}, the counter `items:{tenant}`, or 0
 *     POST /metrics             {"labels":[…],"increment"} adds to each label's counter, its key, for all or none; one
 *          given twice counts twice  -> {"a":5,"b":7}
 *     GET  /metrics/query?expression=a,b                   -> {"a":5}: those that exist. Commas always separate here
 *     GET  /metrics                                        -> {"a":5,…} for whoever names application/json: the first
 *          1,000 counters in order of key, with `Link: <…>; rel="next"` if there are more; Prometheus' text for others
 *
 * A body need not say that it is JSON, and fields that are not known are passed over. Refusals are those of all routes
 * in the form that these scripts expect: {"error":"a sentence","code","outcome"}; {"errors":{"field":["a sentence"]}},
 * with 422 for what is wrong with a field, on /api/v1/increment; on /metrics exactly {"error":"Invalid Request"} (400)
 * and {"error":"not found"} (404).
 *
 * These scripts know of no redirect, so a node that does not lead passes their writes on, whatever `--writes` says, and
 * answers 307 as on all routes only if it cannot reach the leader's URL itself.
 */

import { defined } from "../base/index.ts";
import { BATCH_MAX, type Change, keyProblem } from "../counter/index.ts";
import type { NodeService } from "../node/index.ts";
import { changedText, type Position } from "./answers.ts";
import { untypedJsonTextOf } from "./body.ts";
import { type ApiHandler, Call } from "./call.ts";
import { check, problemsByField } from "./check.ts";
import { cursorOf } from "./cursor.ts";
import { namesJson, onceOf, refuseConditions } from "./headers.ts";
import { parseJson } from "./json.ts";
import { type Answer, commandOf, type Done, headersOf, perform, type Writer } from "./perform.ts";
import { problemResponse, Refusal } from "./problem.ts";
import { ask, READING, readHeaders, readingOf } from "./reading.ts";
import { PAGE_MAX } from "./reads.ts";
import type { Route } from "./route.ts";
import { itemsBody, itemsKey, keyValueBody, labelsBody } from "./schemas.ts";
import { keyOf, parametersOf, pathOf, queryOf, refuseParameters } from "./target.ts";

const INCREMENT_PATH = "/api/v1/increment/";
const ITEMS_PATH = "/items/";

/** @param metricsText the text that Prometheus reads. */
export function compatRoutes(
  writer: Writer,
  metricsText: (() => Promise<string>) | undefined,
): readonly Route[] {
  const { service } = writer;
  const routes: Route[] = [
    { method: "POST", path: "/increment", handler: inForm(sentence, postIncrement(writer)) },
    { method: "POST", path: "/api/v1/increment", handler: inForm(byField, postData(writer)) },
    { method: "GET", path: `${INCREMENT_PATH}:key`, handler: inForm(byField, getData(service)) },
    { method: "POST", path: "/items", handler: inForm(sentence, postItems(writer)) },
    { method: "GET", path: `${ITEMS_PATH}:tenant/count`, handler: inForm(sentence, getItems(service)) },
    { method: "POST", path: "/metrics", handler: inForm(fixed, postLabels(writer)) },
    { method: "GET", path: "/metrics/query", handler: inForm(fixed, getLabels(service)) },
  ];
  if (metricsText === undefined) return routes;
  const metrics = inForm(fixed, getMetrics(service, metricsText));
  return [...routes, { method: "GET", path: "/metrics", handler: metrics, unlimited: true }];
}

type Serve = (call: Call) => Promise<Response>;

/** What matters here of a problem document. */
interface Problem {
  readonly status: number;
  readonly code: string;
  readonly outcome: string;
  readonly detail: string;
  readonly position?: number;
}

/** How the scripts of a route are told that something went wrong. */
type ErrorForm = (problem: Problem) => { readonly status: number; readonly body: unknown };

function sentence({ status, code, outcome, detail, position }: Problem): ReturnType<ErrorForm> {
  return { status, body: { error: detail, code, outcome, position } };
}

function byField({ status, code, outcome, detail }: Problem): ReturnType<ErrorForm> {
  return { status, body: { errors: { detail }, code, outcome } };
}

function fixed(problem: Problem): ReturnType<ErrorForm> {
  const isInvalid = problem.status === 400 || problem.status === 415;
  return isInvalid ? { status: 400, body: { error: "Invalid Request" } } : sentence(problem);
}

/** Serves a request and puts what it is refused with into `form`. */
function inForm(form: ErrorForm, serve: Serve): ApiHandler {
  return async function serveElsewhere(context): Promise<Response> {
    const call = new Call(context);
    const response = await serveOrRefuse(call, serve);
    // What a leader has answered to what was passed on to it is in this form already.
    if (response.status < 400 || response.headers.get("content-type") !== "application/problem+json") {
      return response;
    }
    const { status, body } = form((await response.json()) as Problem);
    const headers = new Headers(response.headers);
    headers.set("Content-Type", "application/json");
    return new Response(JSON.stringify(body), { status, headers });
  };
}

async function serveOrRefuse(call: Call, serve: Serve): Promise<Response> {
  try {
    return await serve(call);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return problemResponse(error.code, error.particulars, call.requestId());
  }
}

/** The parsed body of a write. @throws {Refusal} if there is none, or it is not JSON. */
async function inputOf(call: Call, example: string): Promise<unknown> {
  refuseParameters(call.target);
  refuseConditions(call);
  const text = call.announcesBody() ? await untypedJsonTextOf(call) : undefined;
  if (text === undefined) throw new Refusal("INVALID_BODY", `this takes a body such as ${example}`);
  return parseJson(text);
}

const KEY_VALUE = '{"key":"visits","value":1}';

function postIncrement(writer: Writer): Serve {
  return async (call) => {
    const { key, value } = check(keyValueBody, await inputOf(call, KEY_VALUE), "keyValue");
    const done = (outcome: Done, at: Position): string => changedText(onlyResult(outcome), at);
    return write(call, [{ kind: "add", key, by: value }], { writer, done });
  };
}

function postData(writer: Writer): Serve {
  return async (call) => {
    const input = await inputOf(call, KEY_VALUE);
    const errors = problemsByField(keyValueBody, input, "keyValue");
    if (errors.size > 0) {
      const headers = { "Content-Type": "application/json", "X-Request-Id": call.requestId() };
      return new Response(JSON.stringify({ errors: Object.fromEntries(errors) }), { status: 422, headers });
    }
    const { key, value } = check(keyValueBody, input, "keyValue");
    const done = (outcome: Done): string => dataText(onlyResult(outcome).value);
    return write(call, [{ kind: "add", key, by: value }], { writer, done });
  };
}

function getData(service: NodeService): Serve {
  return async (call) => {
    const key = keyOf(pathOf(call.target), INCREMENT_PATH);
    return answerValue(call, { service, key, text: dataText });
  };
}

function dataText(value: bigint): string {
  return `{"data":{"value":${value}}}`;
}

/** The value of one counter, 0 if it was never written. */
async function answerValue(
  call: Call,
  about: { readonly service: NodeService; readonly key: string; text(value: bigint): string },
): Promise<Response> {
  const reading = readingOf(parametersOf(queryOf(call.target), READING));
  const { answer, age } = await ask(about.service, { kind: "get", key: about.key }, reading);
  const headers = { ...readHeaders(call, age), "Content-Type": "application/json" };
  return new Response(about.text(answer.row?.value ?? 0n), { headers });
}

function postItems(writer: Writer): Serve {
  return async (call) => {
    const input = await inputOf(call, '[{"id":"order-17","tenant":"acme"}]');
    if (Array.isArray(input) && input.length > BATCH_MAX) {
      throw new Refusal("INVALID_BATCH", `one request takes at most ${BATCH_MAX} items; got ${input.length}`);
    }
    const items = check(itemsBody, input, "items");
    const changes = items.map(({ id, tenant }): Change => {
      return { kind: "add", key: itemsKey(tenant), by: 1n, once: id };
    });
    const done = ({ results }: Done, at: Position): string => {
      const counts = new Map(items.map(({ tenant }, at) => [tenant, results[at]?.value ?? 0n]));
      const counted = results.filter(({ changed }) => changed).length;
      const place = `"index":${at.index},"term":${at.term}`;
      return `{"received":${items.length},"counted":${counted},"counts":${objectText(counts)},${place}}`;
    };
    if (changes.length > 0) return write(call, changes, { writer, done });
    // Nothing to count is nothing to write, and no node needs a leader for it.
    const headers = { "Content-Type": "application/json", "X-Request-Id": call.requestId() };
    return new Response('{"received":0,"counted":0,"counts":{}}', { headers });
  };
}

function getItems(service: NodeService): Serve {
  return async (call) => {
    const tenant = keyOf(pathOf(call.target), ITEMS_PATH);
    const problem = keyProblem(itemsKey(tenant));
    if (problem !== undefined) throw new Refusal("INVALID_KEY", `the key items:… of this tenant ${problem}`);
    return answerValue(call, { service, key: itemsKey(tenant), text: (value) => `{"count":${value}}` });
  };
}

function postLabels(writer: Writer): Serve {
  return async (call) => {
    const input = await inputOf(call, '{"labels":["a","b"],"increment":1}');
    const { labels, increment } = check(labelsBody, input, "labels");
    const changes = labels.map((key): Change => ({ kind: "add", key, by: increment }));
    const done = ({ results }: Done): string =>
      objectText(new Map(results.map(({ key, value }) => [key, value])));
    return write(call, changes, { writer, done });
  };
}

function getLabels(service: NodeService): Serve {
  return async (call) => {
    const given = parametersOf(queryOf(call.target), ["expression", ...READING]);
    const reading = readingOf(given);
    // Clients that encode what they are given encode these commas too, so all of them separate.
    const names = new Set(given.expression?.split(","));
    if (names.size > PAGE_MAX) {
      throw new Refusal("INVALID_QUERY", `expression must hold at most ${PAGE_MAX} labels`);
    }
    if (given.expression === undefined) throw new Refusal("INVALID_QUERY", "expression is missing");
    // What cannot be a key is no label that exists.
    const keys = [...names].filter((name) => keyProblem(name) === undefined);
    const query = { kind: "select", keys, globs: [], limit: PAGE_MAX } as const;
    const { answer, age } = await ask(service, query, reading);
    const headers = { ...readHeaders(call, age), "Content-Type": "application/json" };
    const values = new Map(answer.rows.map(({ key, value }) => [key, value]));
    const inOrder = keys.flatMap((key) => {
      const value = values.get(key);
      return value === undefined ? [] : [[key, value] as const];
    });
    if (inOrder.length === 0) return new Response('{"error":"not found"}', { status: 404, headers });
    return new Response(objectText(new Map(inOrder)), { headers });
  };
}

function getMetrics(service: NodeService, metricsText: () => Promise<string>): Serve {
  return async (call) => {
    if (namesJson(call.header("accept"))) return allLabels(call, service);
    refuseParameters(call.target);
    const headers = {
      "Content-Type": "text/plain; version=0.0.4; charset=utf-8",
      "Cache-Control": "no-store",
      Vary: "Accept",
      "X-Request-Id": call.requestId(),
    };
    return new Response(await metricsText(), { headers });
  };
}

async function allLabels(call: Call, service: NodeService): Promise<Response> {
  const reading = readingOf(parametersOf(queryOf(call.target), READING));
  const query = { kind: "list", prefix: "", after: undefined, limit: PAGE_MAX } as const;
  const { answer, age } = await ask(service, query, reading);
  const headers = readHeaders(call, age);
  headers["Content-Type"] = "application/json";
  headers["Vary"] = "Accept";
  const last = answer.rows.at(-1);
  if (answer.more && last !== undefined) {
    headers["Link"] = `</v1/counters?cursor=${cursorOf(last, "key")}>; rel="next"`;
  }
  return new Response(objectText(new Map(answer.rows.map(({ key, value }) => [key, value]))), { headers });
}

/** Changes that happen entirely or not at all. @param how.done the answer. */
function write(
  call: Call,
  changes: readonly Change[],
  how: { readonly writer: Writer; done(outcome: Done, at: Position): string },
): Promise<Response> {
  const [only] = changes;
  const isOne = changes.length === 1 && only !== undefined;
  const operation = isOne ? only : ({ kind: "batch", changes } as const);
  const answer: Answer = {
    positions: !isOne,
    done: (from, outcome, at) => new Response(how.done(outcome, at), { headers: headersOf(from, outcome) }),
  };
  return perform({ call, command: commandOf(operation, onceOf(call, true)), answer }, how.writer);
}

function onlyResult({ results }: Done): Done["results"][number] {
  return defined(results[0], "change: one change has one result");
}

/** Names and exact numbers as a JSON object; any name is one, `__proto__` too. */
function objectText(values: ReadonlyMap<string, bigint>): string {
  return `{${[...values].map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(",")}}`;
}
