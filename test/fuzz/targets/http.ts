/** Requests into the whole interface in process: routes, targets, headers and bodies over a real state machine. */

import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { createApi } from "../../../src/api/index.ts";
import { ERRORS, type ErrorCode } from "../../../src/base/index.ts";
import type { BackupResult } from "../../../src/node/index.ts";
import { MemoryService } from "../../api/memory-service.ts";
import { Pool } from "../pool.ts";
import { accepted, demand, refused, type Subject, type Target, type Verdict } from "../target.ts";
import { mutateRequest, type Parts, partsOf, REQUESTS } from "./requests.ts";

export const http: Target = {
  name: "http",
  about: "requests into the routes: an answer as documented, and a refusal changes nothing",
  inputs: 60_000,
  sample: 400,
  msMax: 1_000,
  open: async (): Promise<Subject> => {
    const pool = new Pool(REQUESTS, mutateRequest);
    let bench = await makeBench();
    return {
      draw: (prng) => pool.draw(prng),
      feed: async (input) => {
        const before = standOf(bench.service);
        const { verdict, code } = await ask(bench, partsOf(input));
        const after = standOf(bench.service);
        if (code !== undefined && !decidesAtApply(code)) {
          demand(after.index === before.index, "state: a refused request was applied");
          demand(after.digest === before.digest, "state: a refused request changed something");
        }
        if (code !== undefined)
          demand(after.revision === before.revision, "state: a refused request changed a counter");
        demand(
          verdict.accepted || after.asked === before.asked,
          "state: a refused change of the cluster was carried out",
        );
        // Each input meets the same state, so that it can be repeated alone.
        if (after.index !== before.index || after.asked !== before.asked) bench = await makeBench();
        return verdict;
      },
      close: async () => undefined,
    };
  },
};

/** Refusals that the state machine gives are entries of the log, and some are remembered. */
function decidesAtApply(code: ErrorCode): boolean {
  return ERRORS[code].byState || code === "SESSION_EXPIRED" || code === "IDEMPOTENCY_CAPACITY";
}

interface Bench {
  readonly service: MemoryService;
  readonly api: ReturnType<typeof createApi>;
  readonly thrown: unknown[];
}

/** This state machine has no file to copy. */
export const NO_BACKUP: BackupResult = {
  kind: "failed",
  code: "OVERLOADED",
  detail: "another backup is under way",
  retryAfterMs: 1_000,
};

async function makeBench(): Promise<Bench> {
  const service = new MemoryService();
  service.backupResult = NO_BACKUP;
  await service.write({ operation: { kind: "set", key: "hits", value: 7n } });
  await service.write({ operation: { kind: "set", key: "full", value: 9_223_372_036_854_775_807n } });
  await service.write({ operation: { kind: "openSession" } });
  const thrown: unknown[] = [];
  const onError = (error: unknown): void => void thrown.push(error);
  return { service, api: createApi(service, { badges: true, onFatal: onError, onError }), thrown };
}

function standOf(service: MemoryService): { index: number; digest: number; revision: number; asked: number } {
  const asked = service.changes.length + service.transfers.length;
  return { index: service.index, digest: service.digest, revision: service.status().revision, asked };
}

/** What Node shows of a request that it has let through. */
class Incoming extends Readable {
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string> = {};
  readonly rawHeaders: string[] = [];
  readonly httpVersion = "1.1";
  readonly socket = { destroy: (): void => undefined };

  constructor({ line, headers, body }: Parts) {
    super();
    const [method = "GET", ...rest] = line.split(" ");
    this.method = /^[A-Z]{1,20}$/.test(method) && !/^(CONNECT|TRACE|TRACK)$/.test(method) ? method : "BREW";
    this.url = rest.slice(0, -1).join(" ") || rest.join(" ") || "/";
    for (const header of headers) this.#take(header);
    // In two pieces, as from a slow connection.
    if (body.length > 1) this.push(body.subarray(0, body.length >> 1));
    if (body.length > 0) this.push(body.subarray(body.length >> 1));
    this.push(null);
  }

  override _read(): void {}

  #take(header: string): void {
    const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t -~\u0080-\u00ff]*)$/.exec(header);
    const [, name = "", value = ""] = match ?? [];
    if (match === null) return;
    this.rawHeaders.push(name, value);
    const lower = name.toLowerCase();
    const held = Object.hasOwn(this.headers, lower) ? this.headers[lower] : undefined;
    const keepsFirst = ["content-type", "content-length", "host"].includes(lower);
    if (held === undefined) this.headers[lower] = value;
    else if (!keepsFirst) this.headers[lower] = `${held}, ${value}`;
  }
}

async function ask(bench: Bench, parts: Parts): Promise<{ verdict: Verdict; code: ErrorCode | undefined }> {
  const incoming = new Incoming(parts);
  const request = new Request("http://localhost/", { method: incoming.method });
  const response = await bench.api.fetch(request, { incoming: incoming as unknown as IncomingMessage });
  const text = await response.text();
  const first = bench.thrown[0];
  if (first !== undefined) throw first;
  return judge(response, incoming.method, text);
}

/** The same of a refusal in the form of another service: compat.ts. Some of them say no more than that. */
function judgeElsewhere(status: number, text: string): { verdict: Verdict; code: ErrorCode | undefined } {
  const {
    error,
    errors,
    code = "INVALID_BODY",
  } = JSON.parse(text) as {
    error?: unknown;
    errors?: unknown;
    code?: ErrorCode;
  };
  demand(typeof error === "string" || typeof errors === "object", "answer: it says neither error nor errors");
  demand(Object.hasOwn(ERRORS, code) && code !== "INTERNAL", `answer: the code ${code} must not be given`);
  demand(status >= 400 && status < 600, "answer: a refusal with the status of none");
  return { verdict: refused(`elsewhere ${status} ${code}`), code };
}

/** Whether an answer is one that is documented. */
export function judge(
  response: Pick<Response, "status" | "headers">,
  method: string,
  text: string,
): { verdict: Verdict; code: ErrorCode | undefined } {
  const { status, headers } = response;
  const type = headers.get("content-type");
  demand((headers.get("x-request-id") ?? "").length > 0, "answer: without a request id");
  if (status < 400 && status !== 307) {
    demand([200, 201, 204, 304].includes(status), `answer: status ${status} is not documented`);
    if (type === "application/json" && method !== "HEAD") JSON.parse(text);
    return { verdict: accepted(`${status} ${type}`), code: undefined };
  }
  if (method === "HEAD") return { verdict: refused(`HEAD ${status}`), code: "ROUTE_NOT_FOUND" };
  if (status === 503 && type?.startsWith("text/plain") === true)
    return { verdict: accepted("not ready"), code: undefined };
  if (type === "application/json") return judgeElsewhere(status, text);
  demand(type === "application/problem+json", `answer: status ${status} of type ${type}`);
  const document = JSON.parse(text) as {
    code: ErrorCode;
    status: number;
    outcome: string;
    instance: string;
    detail: string;
  };
  const info = ERRORS[document.code];
  demand(
    info !== undefined && document.code !== "INTERNAL",
    `answer: the code ${document.code} must not be given`,
  );
  demand(status === info.status || document.status === status, "answer: it has another status than its code");
  demand(document.outcome === info.outcome, "answer: it has another outcome than its code");
  demand(
    document.instance === headers.get("x-request-id"),
    "answer: its request id is another one than in the header",
  );
  demand(
    document.detail.length > 0 && document.detail.length < 2_000,
    "answer: its detail is empty or too long",
  );
  return { verdict: refused(document.code), code: document.code };
}
