/** A line for each request, for whoever wants to see them all. */

import type { Api } from "./call.ts";

/** One request that was answered. */
export interface AnsweredRequest {
  readonly requestId: string;
  readonly method: string;
  /** Path and query, at most 512 characters of them. */
  readonly target: string;
  readonly status: number;
  /** Until the answer was ready to leave. */
  readonly ms: number;
}

const TARGET_MAX = 512;

/** Tells `onRequest` of each request that `api` answers from now on. */
export function tellRequests(api: Api, onRequest: (request: AnsweredRequest) => void): void {
  const { fetch } = api;
  const told: Api["fetch"] = async (request, env, execution) => {
    const beganMs = performance.now();
    const response = await fetch(request, env, execution);
    const { pathname, search } = new URL(request.url);
    onRequest({
      requestId: response.headers.get("x-request-id") ?? "",
      method: request.method,
      target: (pathname + search).slice(0, TARGET_MAX),
      status: response.status,
      ms: Math.round((performance.now() - beganMs) * 1_000) / 1_000,
    });
    return response;
  };
  api.fetch = told;
}
