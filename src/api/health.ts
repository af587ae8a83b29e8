/** Probes and help: plain text for kubelets, load balancers and people. */

import type { Check, NodeService } from "../node/index.ts";
import { type ApiHandler, Call } from "./call.ts";
import { parametersOf, queryOf, refuseParameters } from "./target.ts";

/** GET /livez: the process answers. Never depends on a quorum, or a partition would restart healthy nodes. */
export function liveHandler(): ApiHandler {
  return function checkLive(context): Response {
    return probe(new Call(context), "livez", [{ name: "process", ok: true, detail: "" }]);
  };
}

/** GET /readyz: whether this node should be given requests. */
export function readyHandler(service: NodeService): ApiHandler {
  return function checkReady(context): Response {
    return probe(new Call(context), "readyz", service.checks());
  };
}

/** "ok", or one line for each check in the form that Kubernetes uses; those are given unasked on failure. */
function probe(call: Call, name: string, checks: readonly Check[]): Response {
  const { verbose } = parametersOf(queryOf(call.target), ["verbose"]);
  const ready = checks.every((check) => check.ok);
  const lines = checks.map(lineOf);
  lines.push(`${name} check ${ready ? "passed" : "failed"}`);
  const text = ready && verbose === undefined ? "ok" : lines.join("\n");
  return plain(call, ready ? 200 : 503, text);
}

function lineOf(check: Check): string {
  const detail = check.detail === "" ? "" : `: ${check.detail}`;
  return check.ok ? `[+]${check.name} ok${detail}` : `[-]${check.name} failed${detail}`;
}

const HELP = `Raftally: counters that do not lose a count.

  POST /v1/counters/{key}/increment   add 1, or {"by":5,"min":0,"max":100,"once":"member"}
  POST /v1/batch                      {"operations":[{"key":"a","by":1}, ...]}, all or nothing
  POST /v1/sessions                   open a client session
  GET  /v1/counters/{key}             ?consistency=linearizable|stale
  GET  /v1/counters                   ?prefix=&limit=&cursor=&consistency=
  GET  /v1/cluster                    this node and its cluster
  GET  /livez, /readyz                ?verbose

Try it (-L follows the way to the leader):

  curl -L -X POST BASE/v1/counters/hits/increment
  curl -L --json '{"by":5}' -H 'Idempotency-Key: "order-17"' BASE/v1/counters/hits/increment
  curl -H 'Accept: text/plain' BASE/v1/counters/hits
`;

const HOST = /^[A-Za-z0-9.:[\]-]{1,255}$/;

/** GET / */
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
