/** Routes that write: each makes a command, hands it to the node once, and says exactly what came of it. */

import { assertNever, defined } from "../base/index.ts";
import type { Command, Outcome } from "../counter/index.ts";
import type { NodeService, WriteResult } from "../node/index.ts";
import { batchText, changedText, type Position, sessionText } from "./answers.ts";
import { jsonTextOf } from "./body.ts";
import { type ApiHandler, Call } from "./call.ts";
import { parseBatch, parseIncrement } from "./commands.ts";
import { onceOf, prefersText, refuseConditions } from "./headers.ts";
import type { Redirect, ToLeader } from "./leader.ts";
import { problemResponse, Refusal } from "./problem.ts";
import type { Route } from "./route.ts";
import { keyOf, pathOf, refuseParameters } from "./target.ts";

type Done = Extract<Outcome, { readonly kind: "done" }>;

/** How one kind of write is answered. */
interface Answer {
  /** Whether a refusal says which operation it was. */
  readonly positions: boolean;
  done(call: Call, outcome: Done, at: Position): Response;
}

const INCREMENT_ANSWER: Answer = { positions: false, done: answerIncrement };
const BATCH_ANSWER: Answer = { positions: true, done: answerBatch };
const SESSION_ANSWER: Answer = { positions: false, done: answerSession };

export function writeRoutes(service: NodeService, toLeader: ToLeader): readonly Route[] {
  return [
    { method: "POST", path: "/v1/counters/:key/increment", handler: incrementHandler(service, toLeader) },
    { method: "POST", path: "/v1/batch", handler: batchHandler(service, toLeader) },
    { method: "POST", path: "/v1/sessions", handler: sessionHandler(service, toLeader) },
  ];
}

/** POST /v1/counters/{key}/increment: the path that has to be fast. */
function incrementHandler(service: NodeService, toLeader: ToLeader): ApiHandler {
  return async function incrementCounter(context): Promise<Response> {
    const call = new Call(context);
    const key = keyOf(pathOf(call.target));
    refuseParameters(call.target);
    refuseConditions(call);
    const once = onceOf(call, true);
    const operation = parseIncrement(key, call.announcesBody() ? await jsonTextOf(call) : undefined);
    const command = once === undefined ? { operation } : { operation, once };
    return write({ call, command, answer: INCREMENT_ANSWER }, service, toLeader);
  };
}

/** POST /v1/batch */
function batchHandler(service: NodeService, toLeader: ToLeader): ApiHandler {
  return async function writeBatch(context): Promise<Response> {
    const call = new Call(context);
    refuseParameters(call.target);
    refuseConditions(call);
    const once = onceOf(call, true);
    const operation = parseBatch(call.announcesBody() ? await jsonTextOf(call) : undefined);
    const command = once === undefined ? { operation } : { operation, once };
    return write({ call, command, answer: BATCH_ANSWER }, service, toLeader);
  };
}

/** POST /v1/sessions */
function sessionHandler(service: NodeService, toLeader: ToLeader): ApiHandler {
  return async function openSession(context): Promise<Response> {
    const call = new Call(context);
    refuseParameters(call.target);
    refuseConditions(call);
    const once = onceOf(call, false);
    if (call.announcesBody() && (await jsonTextOf(call)) !== undefined) {
      throw new Refusal("INVALID_BODY", "opening a session takes no body");
    }
    const operation = { kind: "openSession" } as const;
    const command = once === undefined ? { operation } : { operation, once };
    return write({ call, command, answer: SESSION_ANSWER }, service, toLeader);
  };
}

interface Write {
  readonly call: Call;
  readonly command: Command;
  readonly answer: Answer;
}

function write(
  { call, command, answer }: Write,
  service: NodeService,
  toLeader: ToLeader,
): Promise<Response> {
  return toLeader({
    call,
    ask: () => service.write(command),
    answer: (result) => answerWrite(call, result, answer),
    repeatable: command.once !== undefined,
  });
}

function answerIncrement(call: Call, outcome: Done, at: Position): Response {
  const changed = defined(outcome.results[0], "increment: one change has one result");
  const headers = headersOf(call, outcome);
  headers["ETag"] = `"${changed.revision}"`;
  if (!prefersText(call.header("accept"))) return json(200, changedText(changed, at), headers);
  headers["Content-Type"] = "text/plain; charset=utf-8";
  return new Response(`${changed.value}\n`, { status: 200, headers });
}

function answerBatch(call: Call, outcome: Done, at: Position): Response {
  return json(200, batchText(outcome.results, at), headersOf(call, outcome));
}

function answerSession(call: Call, outcome: Done, at: Position): Response {
  const session = defined(outcome.session, "session: a session that was opened has an id");
  return json(201, sessionText(session, at), headersOf(call, outcome));
}

function headersOf(call: Call, outcome: Done): Record<string, string> {
  const headers: Record<string, string> = {
    "Content-Type": "application/json",
    "X-Request-Id": call.requestId(),
  };
  if (outcome.replayed) headers["Idempotency-Replayed"] = "true";
  return headers;
}

function json(status: number, body: string, headers: Record<string, string>): Response {
  return new Response(body, { status, headers });
}

/** The answer to a write that this node has an answer to. */
function answerWrite(call: Call, result: Exclude<WriteResult, Redirect>, answer: Answer): Response {
  switch (result.kind) {
    case "applied":
      if (result.outcome.kind === "done") return answer.done(call, result.outcome, result);
      return answerRefused(call, result.outcome, answer.positions);
    case "failed":
      return problemResponse(result.code, result, call.requestId());
    default:
      return assertNever(result);
  }
}

type Refused = Extract<Outcome, { readonly kind: "refused" }>;

function answerRefused(call: Call, outcome: Refused, positions: boolean): Response {
  const { code, detail, position, replayed } = outcome;
  const where = positions ? { position } : {};
  return problemResponse(code, { detail, replayed, ...where }, call.requestId());
}
