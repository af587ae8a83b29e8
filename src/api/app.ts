/** The table of routes, and what happens to a request that fits none of them or fails unexpectedly. */

import { Hono } from "hono";
import { InvariantViolation } from "../base/index.ts";
import type { NodeService } from "../node/index.ts";
import { type Api, type ApiContext, type ApiEnv, type ApiHandler, Call, targetOf } from "./call.ts";
import { helpHandler, liveHandler, readyHandler } from "./health.ts";
import { problemResponse, Refusal } from "./problem.ts";
import { clusterHandler, counterHandler, listHandler } from "./reads.ts";
import { keyOf, pathOf } from "./target.ts";
import { batchHandler, incrementHandler, sessionHandler } from "./writes.ts";

export interface ApiOptions {
  /** A rule that must always hold was broken while a request was served: the process has to stop. */
  readonly onFatal: (error: InvariantViolation) => void;
  /** Something else was thrown; the caller was told "500, outcome unknown" under this request id. */
  readonly onError?: (error: unknown, requestId: string) => void;
}

interface Route {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly handler: ApiHandler;
}

function routesOf(service: NodeService): readonly Route[] {
  return [
    { method: "POST", path: "/v1/counters/:key/increment", handler: incrementHandler(service) },
    { method: "POST", path: "/v1/batch", handler: batchHandler(service) },
    { method: "POST", path: "/v1/sessions", handler: sessionHandler(service) },
    { method: "GET", path: "/v1/counters/:key", handler: counterHandler(service) },
    { method: "GET", path: "/v1/counters", handler: listHandler(service) },
    { method: "GET", path: "/v1/cluster", handler: clusterHandler(service) },
    { method: "GET", path: "/livez", handler: liveHandler() },
    { method: "GET", path: "/readyz", handler: readyHandler(service) },
    { method: "GET", path: "/", handler: helpHandler() },
  ];
}

/**
 * The HTTP interface of the node behind `service`.
 *
 * Routes are matched against the target as it was sent, not against a URL that has been normalised.
 */
export function createApi(service: NodeService, options: ApiOptions): Api {
  const api: Api = new Hono<ApiEnv>({
    getPath: (request, from) => pathOf(targetOf(request, from?.env)),
  });
  const routes = routesOf(service);
  for (const { method, path, handler } of routes) api.on(method, path, handler);
  api.notFound((context) => refuseRoute(context, routes));
  api.onError((error, context) => answerThrown(error, context, options));
  return api;
}

/** 404, 405 with the methods that would do, or 400 where the key of a counter's path is empty. */
function refuseRoute(context: ApiContext, routes: readonly Route[]): Response {
  const call = new Call(context);
  const path = pathOf(call.target);
  const methods = routes.filter((route) => matches(route.path, path)).map((route) => route.method);
  if (methods.length === 0) {
    const detail = `there is no ${path.slice(0, 200)}; GET / lists the routes`;
    return problemResponse("ROUTE_NOT_FOUND", { detail }, call.requestId());
  }
  const asked = context.req.method === "HEAD" ? "GET" : context.req.method;
  // The route is right and the router still refused it: the key is empty, which keyOf says.
  if (methods.some((method) => method === asked)) keyOf(path);
  const allow = methods.map((method) => (method === "GET" ? "GET, HEAD" : method)).join(", ");
  const detail = `${context.req.method} does not fit ${path.slice(0, 200)}; allowed: ${allow}`;
  return problemResponse("METHOD_NOT_ALLOWED", { detail, allow }, call.requestId());
}

/** Whether `path` has the form of `route`. A parameter may be empty here, unlike in the router. */
function matches(route: string, path: string): boolean {
  const wanted = route.split("/");
  const given = path.split("/");
  return (
    wanted.length === given.length && wanted.every((part, at) => part.startsWith(":") || part === given[at])
  );
}

/** Everything that is thrown while a request is served ends here. */
function answerThrown(error: Error, context: ApiContext, options: ApiOptions): Response {
  const requestId = new Call(context).requestId();
  if (error instanceof Refusal) return problemResponse(error.code, error.particulars, requestId);
  if (error instanceof InvariantViolation) options.onFatal(error);
  else options.onError?.(error, requestId);
  const detail = "an unexpected error; the node's log has it under this request id";
  return problemResponse("INTERNAL", { detail }, requestId);
}
