/** GET /v1/watch: changes of counters as they happen. */

import { keyProblem } from "../counter/index.ts";
import type { NodeService } from "../node/index.ts";
import { type ApiHandler, Call } from "./call.ts";
import { Refusal } from "./problem.ts";
import { type Answered, ask, type Reading, readingOf, shown, wholeOf } from "./reading.ts";
import { prefixOf } from "./reads.ts";
import type { Route } from "./route.ts";
import { eventText, refuseHead, SseStream } from "./sse.ts";
import { parametersOf, queryOf } from "./target.ts";
import { WATCH_LIMITS, type WatchFilter, WatchHub, type WatchLimits } from "./watch-hub.ts";

/** Takes no HEAD: there is no answer that could be described without being begun. */
export function watchRoutes(
  service: NodeService,
  limits: Partial<WatchLimits> | undefined = {},
): readonly Route[] {
  const hub = new WatchHub(service, { ...WATCH_LIMITS, ...limits });
  return [{ method: "GET", path: "/v1/watch", handler: watchHandler(service, hub), noHead: true }];
}

function watchHandler(service: NodeService, hub: WatchHub): ApiHandler {
  return async function watch(context): Promise<Response> {
    const call = new Call(context);
    const refusal = refuseHead(call);
    if (refusal !== undefined) return refusal;
    const given = parametersOf(queryOf(call.target), ["key", "prefix", "after", "consistency"]);
    const filter = filterOf(given);
    const reading = readingOf(given);
    const after = afterOf(call, given.after);
    return hub.reserve(async () => {
      const first = after === undefined ? await opening(service, filter, reading) : undefined;
      let leave = (): void => undefined;
      const { heartbeatMs, bufferBytesMax } = hub.limits;
      const stream = new SseStream(context, { heartbeatMs, bufferBytesMax, onEnd: () => leave() });
      if (first !== undefined) stream.send(first.text);
      // Gone while it was asked for.
      if (stream.isOver) return stream.response;
      const start = first?.revision ?? after ?? 0;
      leave = hub.add(stream, { filter, after: start, isResumed: first === undefined });
      return stream.response;
    });
  };
}

/** The first event: where the watcher begins, and what the counter is there if it is one. */
async function opening(
  service: NodeService,
  filter: WatchFilter,
  reading: Reading,
): Promise<{ readonly revision: number; readonly text: string }> {
  const { read, row } = await revisionOf(service, filter, reading);
  const { revision } = read.answer;
  const counter = filter.kind === "key" ? `,"value":${row?.value ?? 0n},"exists":${row !== undefined}` : "";
  const data = `{"revision":${revision},"index":${read.index},"term":${read.term}${counter}}`;
  return { revision, text: eventText({ event: "open", id: String(revision), data }) };
}

/** Attempts to see a counter and the revision of the very state that it is of. */
const ATTEMPTS_MAX = 5;

interface Found {
  readonly read: Answered<"changes">;
  readonly row: Answered<"get">["answer"]["row"];
}

async function revisionOf(service: NodeService, filter: WatchFilter, reading: Reading): Promise<Found> {
  // After a revision that no state has: only where the state is, is asked for.
  const latest = { kind: "changes", after: Number.MAX_SAFE_INTEGER, limit: 1 } as const;
  if (filter.kind === "prefix") return { read: await ask(service, latest, reading), row: undefined };
  const get = { kind: "get", key: filter.key } as const;
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    // Asked for together they are answered together, by one state, but for a change of leader in between.
    const both = await Promise.all([ask(service, latest, reading), ask(service, get, reading)]);
    const [read, { index, answer }] = both;
    if (index === read.index) return { read, row: answer.row };
  }
  throw new Refusal("OVERLOADED", "the counter changed too fast to say where it is; retry");
}

/** @throws {Refusal} INVALID_QUERY, INVALID_KEY. */
function filterOf({
  key,
  prefix,
}: {
  readonly key?: string | undefined;
  readonly prefix?: string | undefined;
}): WatchFilter {
  if (key === undefined) return { kind: "prefix", prefix: prefixOf(prefix) };
  if (prefix !== undefined) throw new Refusal("INVALID_QUERY", "give either key or prefix, not both");
  const problem = keyProblem(key);
  if (problem !== undefined) throw new Refusal("INVALID_KEY", `the key ${problem}`);
  return { kind: "key", key };
}

/** The header wins: a browser that connects again sends it to the URL with which it began. */
function afterOf(call: Call, parameter: string | undefined): number | undefined {
  const range = { from: 0, to: Number.MAX_SAFE_INTEGER - 1 };
  const header = call.header("last-event-id")?.trim() ?? "";
  if (header === "") return parameter === undefined ? undefined : wholeOf("after", parameter, range);
  if (/^[0-9]{1,15}$/.test(header)) return Number(header);
  throw new Refusal("INVALID_HEADER", `Last-Event-ID must be the id of an event; got ${shown(header)}`);
}
