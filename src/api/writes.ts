/** Routes that write: each makes a command, hands it to the node once, and says exactly what came of it. */

import { defined } from "../base/index.ts";
import { allocatedText, batchText, changedText, type Position, sessionText } from "./answers.ts";
import { BODY_BYTES_MAX, jsonTextOf } from "./body.ts";
import { type ApiHandler, Call } from "./call.ts";
import { parseAllocate, parseBatch, parseIncrement, parseSet } from "./commands.ts";
import { expectedRevision, onceOf, prefersText, refuseConditions } from "./headers.ts";
import { type Answer, commandOf, type Done, headersOf, perform, type Writer } from "./perform.ts";
import { Refusal } from "./problem.ts";
import type { Route } from "./route.ts";
import { keyOf, pathOf, refuseParameters } from "./target.ts";

export function writeRoutes(writer: Writer): readonly Route[] {
  const one = "/v1/counters/:key";
  return [
    { method: "POST", path: `${one}/increment`, handler: incrementHandler(writer) },
    { method: "PUT", path: one, handler: setHandler(writer) },
    { method: "DELETE", path: one, handler: deleteHandler(writer) },
    { method: "POST", path: `${one}/allocate`, handler: allocateHandler(writer) },
    { method: "POST", path: "/v1/batch", handler: batchHandler(writer) },
    { method: "POST", path: "/v1/sessions", handler: sessionHandler(writer) },
  ];
}

const CHANGE_ANSWER: Answer = { positions: false, done: answerChange };
const DELETE_ANSWER: Answer = { positions: false, done: answerDelete };
const BATCH_ANSWER: Answer = { positions: true, done: answerBatch };
const SESSION_ANSWER: Answer = { positions: false, done: answerSession };

/** POST /v1/counters/{key}/increment: the path that has to be fast. */
function incrementHandler(writer: Writer): ApiHandler {
  return async function incrementCounter(context): Promise<Response> {
    const call = new Call(context);
    const key = keyOf(pathOf(call.target));
    refuseParameters(call.target);
    refuseConditions(call);
    const once = onceOf(call, true);
    const operation = parseIncrement(key, call.announcesBody() ? await jsonTextOf(call) : undefined);
    return perform({ call, command: commandOf(operation, once), answer: CHANGE_ANSWER }, writer);
  };
}

/** PUT /v1/counters/{key} */
function setHandler(writer: Writer): ApiHandler {
  return async function setCounter(context): Promise<Response> {
    const call = new Call(context);
    const key = keyOf(pathOf(call.target));
    refuseParameters(call.target);
    const expected = expectedRevision(call, true);
    const once = onceOf(call, true);
    const set = parseSet(key, call.announcesBody() ? await jsonTextOf(call) : undefined);
    const operation = expected === undefined ? set : { ...set, ifRevision: expected };
    return perform({ call, command: commandOf(operation, once), answer: CHANGE_ANSWER }, writer);
  };
}

/** DELETE /v1/counters/{key}: with a counter go the members that it has counted once. */
function deleteHandler(writer: Writer): ApiHandler {
  return async function deleteCounter(context): Promise<Response> {
    const call = new Call(context);
    const key = keyOf(pathOf(call.target));
    refuseParameters(call.target);
    const expected = expectedRevision(call, false);
    const once = onceOf(call, true);
    if (call.announcesBody() && (await call.body(BODY_BYTES_MAX)).length > 0) {
      throw new Refusal("INVALID_BODY", "deleting a counter takes no body");
    }
    const remove = { kind: "delete", key } as const;
    const operation = expected === undefined ? remove : { ...remove, ifRevision: expected };
    return perform({ call, command: commandOf(operation, once), answer: DELETE_ANSWER }, writer);
  };
}

/** POST /v1/counters/{key}/allocate: numbers that nobody else is given. */
function allocateHandler(writer: Writer): ApiHandler {
  return async function allocateNumbers(context): Promise<Response> {
    const call = new Call(context);
    const key = keyOf(pathOf(call.target));
    refuseParameters(call.target);
    refuseConditions(call);
    const once = onceOf(call, true);
    const operation = parseAllocate(key, call.announcesBody() ? await jsonTextOf(call) : undefined);
    const done = (from: Call, outcome: Done, at: Position): Response => {
      const changed = defined(outcome.results[0], "allocate: one change has one result");
      const headers = headersOf(from, outcome);
      tag(headers, changed);
      return json(200, allocatedText(changed, operation.by, at), headers);
    };
    const answer: Answer = { positions: false, done };
    return perform({ call, command: commandOf(operation, once), answer }, writer);
  };
}

/** POST /v1/batch */
function batchHandler(writer: Writer): ApiHandler {
  return async function writeBatch(context): Promise<Response> {
    const call = new Call(context);
    refuseParameters(call.target);
    refuseConditions(call);
    const once = onceOf(call, true);
    const operation = parseBatch(call.announcesBody() ? await jsonTextOf(call) : undefined);
    return perform({ call, command: commandOf(operation, once), answer: BATCH_ANSWER }, writer);
  };
}

/** POST /v1/sessions */
function sessionHandler(writer: Writer): ApiHandler {
  return async function openSession(context): Promise<Response> {
    const call = new Call(context);
    refuseParameters(call.target);
    refuseConditions(call);
    const once = onceOf(call, false);
    if (call.announcesBody() && (await jsonTextOf(call)) !== undefined) {
      throw new Refusal("INVALID_BODY", "opening a session takes no body");
    }
    const command = commandOf({ kind: "openSession" }, once);
    return perform({ call, command, answer: SESSION_ANSWER }, writer);
  };
}

/** A counter that does not exist, to which nothing was added, has no revision that a condition could name. */
function tag(headers: Record<string, string>, { revision }: Done["results"][number]): void {
  if (revision > 0) headers["ETag"] = `"${revision}"`;
}

function answerChange(call: Call, outcome: Done, at: Position): Response {
  const changed = defined(outcome.results[0], "change: one change has one result");
  const headers = headersOf(call, outcome);
  tag(headers, changed);
  if (!prefersText(call.header("accept"))) return json(200, changedText(changed, at), headers);
  headers["Content-Type"] = "text/plain; charset=utf-8";
  return new Response(`${changed.value}\n`, { status: 200, headers });
}

/** Without an ETag, as {@link tag}: the counter is gone. */
function answerDelete(call: Call, outcome: Done, at: Position): Response {
  const changed = defined(outcome.results[0], "delete: one change has one result");
  return json(200, changedText(changed, at), headersOf(call, outcome));
}

function answerBatch(call: Call, outcome: Done, at: Position): Response {
  // The answers of all batches of an entry are made before the first of them is sent: as bytes, so that they do not wait as
  // the thousands of pieces of which their texts consist until then.
  const body = Buffer.from(batchText(outcome.results, at));
  return new Response(body, { status: 200, headers: headersOf(call, outcome) });
}

function answerSession(call: Call, outcome: Done, at: Position): Response {
  const session = defined(outcome.session, "session: a session that was opened has an id");
  return json(201, sessionText(session, at), headersOf(call, outcome));
}

function json(status: number, body: string, headers: Record<string, string>): Response {
  return new Response(body, { status, headers });
}
