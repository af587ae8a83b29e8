/** Probes and help: plain text for kubelets, load balancers and people. */

import type { Check, NodeService } from "../node/index.ts";
import { type ApiHandler, Call } from "./call.ts";
import type { Route } from "./route.ts";
import { parametersOf, queryOf, refuseParameters } from "./target.ts";

export function healthRoutes(service: NodeService): readonly Route[] {
  return [
    { method: "GET", path: "/livez", handler: liveHandler(), unlimited: true },
    { method: "GET", path: "/readyz", handler: readyHandler(service), unlimited: true },
    { method: "GET", path: "/", handler: helpHandler() },
  ];
}

/** GET /livez: the process answers. Never depends on a quorum, or a partition would restart healthy nodes. */
function liveHandler(): ApiHandler {
  return function checkLive(context): Response {
    const call = new Call(context);
    const { verbose } = parametersOf(queryOf(call.target), ["verbose"]);
    const checks = [{ name: "process", ok: true, detail: "" }];
    return probe(call, { name: "livez", checks, verbose: verbose !== undefined });
  };
}

/**
 * GET /readyz: whether this node should be given requests; with `?leader` whether it should be given writes, for load
 * balancers that know only one way for all.
 */
function readyHandler(service: NodeService): ApiHandler {
  return function checkReady(context): Response {
    const call = new Call(context);
    const { verbose, leader } = parametersOf(queryOf(call.target), ["verbose", "leader"]);
    const checks = leader === undefined ? service.checks() : [...service.checks(), leads(service)];
    return probe(call, { name: "readyz", checks, verbose: verbose !== undefined });
  };
}

function leads(service: NodeService): Check {
  const { id, role, leader } = service.status();
  // A leader that has stepped down may remember itself as the last one that was known; its role does not lie.
  const ok = role === "leader" && leader?.id === id;
  return { name: "leads", ok, detail: leader === undefined ? "no leader is known" : `${leader.id} leads` };
}

/** "ok", or one line for each check in the form that Kubernetes uses; those are given unasked on failure. */
function probe(
  call: Call,
  {
    name,
    checks,
    verbose,
  }: { readonly name: string; readonly checks: readonly Check[]; readonly verbose: boolean },
): Response {
  const ready = checks.every((check) => check.ok);
  const lines = checks.map(lineOf);
  lines.push(`${name} check ${ready ? "passed" : "failed"}`);
  const text = ready && !verbose ? "ok" : lines.join("\n");
  return plain(call, ready ? 200 : 503, text);
}

function lineOf(check: Check): string {
  const detail = check.detail === "" ? "" : `: ${check.detail}`;
  return check.ok ? `[+]${check.name} ok${detail}` : `[-]${check.name} failed${detail}`;
}

const HELP = `Raftally: counters that do not lose a count.

  POST /v1/counters/{key}/increment   add 1, or {"by":5,"min":0,"max":100,"onLimit":"saturate","once":"member"}
  PUT  /v1/counters/{key}             {"value":5}; If-Match: "12" sets only that revision; DELETE likewise
  POST /v1/counters/{key}/allocate    {"count":100}: numbers that nobody else is given
  POST /v1/batch                      {"operations":[{"key":"a","by":1}, ...]}, all or nothing
  POST /v1/sessions                   open a client session
  GET  /v1/counters/{key}             ?consistency=linearizable|stale&minIndex=, as all that read
  GET  /v1/counters                   ?prefix=&match=&order=key|value|-value&limit=&cursor=
  GET  /v1/sum                        ?prefix=&depth=
  GET  /v1/query                      ?expression=a,b,items:*
  GET  /v1/watch                      changes as they happen; ?key=|prefix=&after=
  GET  /v1/cluster                    this node and its cluster
  GET  /v1/cluster/members            ?from=leader; POST a new one: {"id","incarnation","peer","api"}
  DELETE, PATCH /v1/cluster/members/{id}, POST /v1/cluster/members/{id}/promote, /replace {"by":"n4"}; ?dryRun=true
  POST /v1/cluster/transfer           hand over leadership, {"to":"n2"}, or {"from":"n1"} if that one leads
  GET  /v1/backup                     a file with all counters
  GET  /v1/cluster/events             elections, links and faults of this node as they happen; ?pictures=250
  GET  /metrics                       for Prometheus
  GET  /livez, /readyz                ?verbose; /readyz?leader: whether this node leads
  GET  /docs, /openapi.json           all of this with every parameter, answer and error

Try it (-L follows the way to the leader):

  curl -L -X POST BASE/v1/counters/hits/increment
  curl -L --json '{"by":5}' -H 'Idempotency-Key: "order-17"' BASE/v1/counters/hits/increment
  curl -H 'Accept: text/plain' BASE/v1/counters/hits
`;

const HOST = /^[A-Za-z0-9.:[\]-]{1,255}$/;

/** GET /, for whoever does not ask for the page. */
export function helpHandler(): ApiHandler {
  return function giveHelp(context): Response {
    const call = new Call(context);
    refuseParameters(call.target);
    const host = call.header("host");
    const base = host !== undefined && HOST.test(host) ? `http://${host}` : "http://localhost";
    return plain(call, 200, HELP.replaceAll("BASE", base).trimEnd());
  };
}

function plain(call: Call, status: number, text: string): Response {
  const headers = {
    "Content-Type": "text/plain; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Request-Id": call.requestId(),
  };
  return new Response(`${text}\n`, { status, headers });
}
