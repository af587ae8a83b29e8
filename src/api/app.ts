/** The table of routes, and what happens to a request that fits none of them or fails unexpectedly. */

import { Hono } from "hono";
import { InvariantViolation } from "../base/index.ts";
import type { NodeId, NodeService } from "../node/index.ts";
import { type BackupWriter, backupRoutes, writeBackupFile } from "./backup.ts";
import { badgeRoutes } from "./badge.ts";
import { type Api, type ApiContext, type ApiEnv, Call, targetOf } from "./call.ts";
import { compatRoutes } from "./compat.ts";
import { Origins, preflightResponse } from "./cors.ts";
import { docsRoutes } from "./docs.ts";
import { eventRoutes } from "./events.ts";
import { Forwarder } from "./forward.ts";
import { Gate } from "./gate.ts";
import { healthRoutes, helpHandler } from "./health.ts";
import { redirectToLeader, type ToLeader } from "./leader.ts";
import { MemberAddresses } from "./member-addresses.ts";
import { MEMBERS_PATH, memberIdOf, memberRoutes } from "./members.ts";
import { Metrics } from "./metrics.ts";
import { type PageOptions, pageRoutes } from "./page.ts";
import { problemResponse, Refusal } from "./problem.ts";
import { type RateLimit, RateLimiter } from "./rate-limit.ts";
import { readRoutes } from "./reads.ts";
import { type AnsweredRequest, tellRequests } from "./request-log.ts";
import type { Route } from "./route.ts";
import { COUNTERS_PATH, keyOf, pathOf } from "./target.ts";
import { watchRoutes } from "./watch.ts";
import type { WatchLimits } from "./watch-hub.ts";
import { writeRoutes } from "./writes.ts";

export interface ApiOptions {
  /** A rule that must always hold was broken while a request was served: the process has to stop. */
  readonly onFatal: (error: InvariantViolation) => void;
  /** Something else was thrown; the caller was told "500, outcome unknown" under this request id. */
  readonly onError?: (error: unknown, requestId: string) => void;
  /**
   * What a node that does not lead does with writes and changes of the cluster: tells the caller where the leader is
   * (307, by default), or passes them on and hands the answer back.
   */
  readonly writes?: "redirect" | "forward";
  /** How long a leader may take to answer what is passed on to it, ms. 6,000 by default; above the write timeout. */
  readonly forwardAnswerMs?: number;
  /** How long a leader that takes what is passed on is looked for, ms. 3,000 by default, as nodes hold writes. */
  readonly forwardHoldMs?: number;
  /** Whether `GET /hit/{key}.svg` counts its readers. */
  readonly badges?: boolean;
  /** URLs of pages, other than those of the members, that may ask and change what they like. */
  readonly origins?: readonly string[] | undefined;
  /** How much one client may ask of this node; undefined: as much as it wants. */
  readonly rateLimit?: RateLimit | undefined;
  /** How changes are told to watchers, for tests. */
  readonly watch?: Partial<WatchLimits>;
  /** Hears of every request that was answered. Costs a little for each: for logs of everything. */
  readonly onRequest?: (request: AnsweredRequest) => void;
  /** `/metrics` also gives the values of the first 1,000 counters. */
  readonly exportCounters?: boolean | undefined;
  /** The dashboard. */
  readonly page?: PageOptions;
  /** Replaces the store's format of backups, for tests. */
  readonly writeBackup?: BackupWriter;
}

/** Every part's own list, in order: of two routes that fit a request, the first one serves it. */
function routesOf({ service, toLeader, passOn, options, onError, metrics }: Parts): readonly Route[] {
  const write = options.writeBackup ?? writeBackupFile;
  return [
    ...readRoutes(service),
    ...writeRoutes({ service, toLeader }),
    ...compatRoutes({ service, toLeader: passOn }, () => metrics.text()),
    ...badgeRoutes({ service, toLeader }, options.badges),
    ...memberRoutes({ service, toLeader }),
    ...backupRoutes(service, { write, onError }),
    ...pageRoutes(service, options.page, helpHandler()),
    ...eventRoutes(service),
    ...healthRoutes(service),
    ...docsRoutes(service),
    ...watchRoutes(service, options.watch),
  ];
}

/** What routes are made of. */
interface Parts {
  readonly service: NodeService;
  readonly toLeader: ToLeader;
  /** For callers who know of no redirect. */
  readonly passOn: ToLeader;
  readonly options: ApiOptions;
  readonly onError: (error: unknown, requestId: string) => void;
  readonly metrics: Metrics;
}

/** Who leads is not looked up more often than this while answers are waited for, ms. */
const LEADER_MS = 50;

/** @param orRedirect of {@link Forwarder}. */
function forwarding(service: NodeService, options: ApiOptions, orRedirect: boolean): ToLeader {
  let known: { readonly id: NodeId | undefined; readonly atMs: number } | undefined;
  const leader = (): NodeId | undefined => {
    const now = performance.now();
    if (known === undefined || now - known.atMs > LEADER_MS) {
      known = { id: service.status().leader?.id, atMs: now };
    }
    return known.id;
  };
  const { id } = service.status();
  const { forwardAnswerMs: answerMs = 6_000, forwardHoldMs: holdMs = 3_000 } = options;
  return new Forwarder({ self: id, leader, answerMs, holdMs, orRedirect }).serve;
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
  const forwards = options.writes === "forward";
  const passOn = forwarding(service, options, !forwards);
  const toLeader = forwards ? passOn : redirectToLeader;
  const onError = options.onError ?? ((): void => undefined);
  const metrics = new Metrics(service, options);
  const routes = routesOf({ service, toLeader, passOn, options, onError, metrics });
  const { rateLimit } = options;
  const limiter =
    rateLimit === undefined ? undefined : new RateLimiter(rateLimit, new MemberAddresses(service));
  const gate = new Gate(new Origins(service, options.origins), limiter);
  for (const route of routes) api.on(route.method, route.path, metrics.time(route, gate.guard(route)));
  api.notFound(
    metrics.timeOthers(async (context) => {
      // A browser sends no token when it asks whether it may ask, and shows nobody how that was refused.
      if (!isPreflight(new Call(context))) await gate.admit(context);
      return gate.leave(context, refuseRoute(context, routes, gate));
    }),
  );
  api.onError((error, context) => gate.leave(context, answerThrown(error, context, options)));
  if (options.onRequest !== undefined) tellRequests(api, options.onRequest);
  return api;
}

/** 404, 405 with the methods that would do, or 400 where the key of a counter's path is empty. */
function refuseRoute(context: ApiContext, routes: readonly Route[], gate: Gate): Response {
  const call = new Call(context);
  const path = pathOf(call.target);
  const fitting = routes.filter((route) => matches(route.path, path));
  if (fitting.length === 0) {
    const detail = `there is no ${path.slice(0, 200)}; GET / lists the routes`;
    return problemResponse("ROUTE_NOT_FOUND", { detail }, call.requestId());
  }
  if (isPreflight(call)) {
    if (gate.knows(context)) return preflightResponse(allowed(fitting), call.requestId());
    throw new Refusal(
      "FOREIGN_ORIGIN",
      "only pages that a member of the cluster has served may ask for this",
    );
  }
  const asked = context.req.method === "HEAD" ? "GET" : context.req.method;
  // The route is right and the router still refused it: the key or the id is empty, which these say.
  if (fitting.some(({ method }) => method === asked)) {
    if (path.startsWith(COUNTERS_PATH)) keyOf(path);
    if (path.startsWith(MEMBERS_PATH)) memberIdOf(path);
    const detail = `there is no ${path.slice(0, 200)}: a part of it is empty`;
    return problemResponse("ROUTE_NOT_FOUND", { detail }, call.requestId());
  }
  const allow = allowed(fitting);
  const detail = `${context.req.method} does not fit ${path.slice(0, 200)}; allowed: ${allow}`;
  return problemResponse("METHOD_NOT_ALLOWED", { detail, allow }, call.requestId());
}

/** A browser asks for a page of another origin whether it may ask. */
function isPreflight(call: Call): boolean {
  return (
    call.method === "OPTIONS" &&
    call.header("origin") !== undefined &&
    call.header("access-control-request-method") !== undefined
  );
}

function allowed(routes: readonly Route[]): string {
  return routes.map(({ method, noHead }) => (method === "GET" && !noHead ? "GET, HEAD" : method)).join(", ");
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
