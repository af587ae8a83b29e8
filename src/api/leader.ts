/** Requests that only the leader can serve: on another node they are sent there, or passed on (forward.ts). */

import type { NodeId } from "../node/index.ts";
import type { Call } from "./call.ts";
import { problemResponse } from "./problem.ts";

/** What a node says of a request that another one has to serve: it has done nothing with it. */
export interface Redirect {
  readonly kind: "redirect";
  readonly leader: NodeId;
  readonly url: string;
}

/** How a request ended at this node, if not with {@link Redirect}. */
interface Result {
  readonly kind: string;
}

/** One request that only the leader can serve. */
export interface LeaderRequest<T extends Result> {
  readonly call: Call;
  /** Asks this node to serve it. A node that knows no leader holds it for a while. */
  ask(): Promise<T | Redirect>;
  /** The answer, where this node has one. */
  answer(result: T): Response;
  /** Whether being sent twice does no more than being sent once, as an idempotency key brings about. */
  readonly repeatable: boolean;
}

/** Serves a request here, or gets it to whoever leads. */
export type ToLeader = <T extends Result>(request: LeaderRequest<T>) => Promise<Response>;

/** Tells the caller where the leader is: 307. */
export async function redirectToLeader<T extends Result>({
  call,
  ask,
  answer,
}: LeaderRequest<T>): Promise<Response> {
  const result = await ask();
  return isRedirect(result) ? redirectResponse(call, result) : answer(result);
}

export function isRedirect<T extends Result>(result: T | Redirect): result is Redirect {
  return result.kind === "redirect";
}

export function redirectResponse(call: Call, { leader: id, url }: Redirect): Response {
  const detail = `${id} is the leader and takes writes at ${url}`;
  const location = url + call.target;
  return problemResponse("NOT_LEADER", { detail, leader: { id, url }, location }, call.requestId());
}
