/** One write from its command to its answer: handed to the node once, and answered with exactly what came of it. */

import { assertNever } from "../base/index.ts";
import type { Command, Once, Operation, Outcome } from "../counter/index.ts";
import type { NodeService, WriteResult } from "../node/index.ts";
import type { Position } from "./answers.ts";
import type { Call } from "./call.ts";
import type { Redirect, ToLeader } from "./leader.ts";
import { problemResponse } from "./problem.ts";

export type Done = Extract<Outcome, { readonly kind: "done" }>;

/** How one kind of write is answered. */
export interface Answer {
  /** Whether a refusal says which operation it was. */
  readonly positions: boolean;
  done(call: Call, outcome: Done, at: Position): Response;
}

export interface Write {
  readonly call: Call;
  readonly command: Command;
  readonly answer: Answer;
}

/** What writes need: the node, and the way to the leader. */
export interface Writer {
  readonly service: NodeService;
  readonly toLeader: ToLeader;
}

/** Does the write here or at the leader. */
export function perform({ call, command, answer }: Write, { service, toLeader }: Writer): Promise<Response> {
  return toLeader({
    call,
    ask: () => service.write(command),
    answer: (result) => answerWrite(call, result, answer),
    repeatable: command.once !== undefined,
  });
}

export function commandOf(operation: Operation, once: Once | undefined): Command {
  return once === undefined ? { operation } : { operation, once };
}

/** The headers of every write that was done. */
export function headersOf(call: Call, outcome: Done): Record<string, string> {
  const headers: Record<string, string> = {
    "Content-Type": "application/json",
    "X-Request-Id": call.requestId(),
  };
  if (outcome.replayed) headers["Idempotency-Replayed"] = "true";
  return headers;
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

const OF_THE_WHOLE = /^(?:IDEMPOTENCY|SESSION)_/;

type Refused = Extract<Outcome, { readonly kind: "refused" }>;

function answerRefused(call: Call, outcome: Refused, positions: boolean): Response {
  const { code, detail, position, replayed } = outcome;
  // What is wrong with the key or the session is wrong with the whole.
  const where = positions && !OF_THE_WHOLE.test(code) ? { position } : {};
  return problemResponse(code, { detail, replayed, ...where }, call.requestId());
}
