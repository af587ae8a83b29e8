/**
 * `--writes forward`: a node that does not lead passes requests on to the leader and hands its answer back, for
 * callers who cannot follow a redirect, such as those behind a load balancer. Without it the forms of other services
 * (compat.ts) are passed on all the same, for their scripts know of no redirect; if a node has never reached a leader by
 * its URL, which may be meant for callers only, they are redirected after all.
 *
 * What was surely not done is tried again, at whoever leads by then, while callers are held anyway. What may have been
 * done is tried again only if being done twice does no more than being done once; else the caller hears that its
 * outcome is unknown. A request is passed on once: the leader of a moment ago redirects it.
 */

import { ERRORS, type ErrorCode } from "../base/index.ts";
import type { NodeId } from "../node/index.ts";
import type { Call } from "./call.ts";
import {
  isRedirect,
  type LeaderRequest,
  type Redirect,
  redirectResponse,
  redirectToLeader,
  type ToLeader,
} from "./leader.ts";
import { problemResponse } from "./problem.ts";
import { Relay, type RelayAnswer, type RelayResult } from "./relay.ts";

/** On a request and its answer: the node that passed them on. */
export const FORWARDED_BY = "Raftally-Forwarded-By";

export interface ForwardOptions {
  /** This node's id. */
  readonly self: NodeId;
  /** Who leads, as far as this node knows. */
  readonly leader: () => NodeId | undefined;
  /** How long to look for a leader that takes the request, ms. */
  readonly holdMs: number;
  /** How long the leader may take for its answer, ms: a little more than nodes take for a write at most. */
  readonly answerMs: number;
  /** Whether a caller is redirected to a leader that this node cannot reach, instead of being held. */
  readonly orRedirect?: boolean;
}

/** Headers of a request that mean something to the leader. */
const PASSED_ON = [
  "accept",
  "content-type",
  "content-encoding",
  "idempotency-key",
  "if-match",
  "if-none-match",
  "raftally-session",
  "user-agent",
] as const;

/** The leader says that it did nothing, because it leads no more or is about to stop: the next one will take it. */
const LEADER_GONE: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["NOT_LEADER", "NO_LEADER", "SHUTTING_DOWN"]);

/** Pauses before asking again, ms: the first is about as long as news of a new leader takes. */
const PAUSE_MS_MIN = 20;
const PAUSE_MS_MAX = 160;
/** How often it is looked whether another node leads by now, for an answer that does not come, ms. */
const WATCH_MS = 250;

/** What is known of one request while it is being passed on. */
interface Progress {
  readonly startedMs: number;
  rounds: number;
  /** Whether an attempt may have been carried out. */
  unknown: boolean;
  /** Why the latest attempt came to nothing, as a sentence without its full stop. */
  reason: string;
  /** A refusal of the latest attempt, worth more than our own words. */
  refusal: Response | undefined;
  /** Where the latest attempt was to go, if it cannot have arrived. */
  unreached: Redirect | undefined;
}

export class Forwarder {
  readonly #options: ForwardOptions;
  readonly #relay = new Relay();
  /** Whether a leader was ever reached by its URL: if so, one that is not is gone, and the next one will be. */
  #hasReached = false;
  /** Whether what was passed on came back here, as within a container where another node's URL is this one's. */
  #comesBack = false;

  constructor(options: ForwardOptions) {
    this.#options = options;
    if (options.orRedirect !== true) void this.#relay.prepare();
  }

  /** Serves a request here if this node leads, else at the leader. */
  readonly serve: ToLeader = async (request) => {
    // Where it came from is another node that held this one for the leader: in a circle nobody is served.
    const sender = request.call.header(FORWARDED_BY.toLowerCase());
    if (sender === this.#options.self) this.#comesBack = true;
    if (sender !== undefined) return redirectToLeader(request);
    const startedMs = performance.now();
    const progress: Progress = {
      startedMs,
      rounds: 0,
      unknown: false,
      reason: "",
      refusal: undefined,
      unreached: undefined,
    };
    for (;;) {
      progress.unreached = undefined;
      const answer = await this.#attempt(request, progress);
      if (answer !== undefined) return answer;
      const { unreached } = progress;
      const mayRedirect = this.#options.orRedirect === true && !progress.unknown;
      if (mayRedirect && unreached !== undefined && (this.#comesBack || !this.#hasReached)) {
        return redirectResponse(request.call, unreached);
      }
      if (performance.now() - startedMs >= this.#options.holdMs) return this.#failure(request.call, progress);
      await sleep(Math.min(PAUSE_MS_MIN * 2 ** progress.rounds, PAUSE_MS_MAX));
      progress.rounds += 1;
    }
  };

  /** Undefined if it is worth another attempt. */
  async #attempt<T extends { readonly kind: string }>(
    { call, ask, answer, repeatable }: LeaderRequest<T>,
    progress: Progress,
  ): Promise<Response | undefined> {
    // Asked anew each time: this node may lead by now, and while nobody does it holds the request.
    const result = await ask();
    if (!isRedirect(result)) return this.#judged(answer(result), progress);
    let target: Redirect | undefined = result;
    // The node that was thought to lead may know better. More than once would be chasing rumours.
    for (let hops = 0; target !== undefined && hops < 2; hops++) {
      const sent: RelayResult = await this.#send(call, target, { repeatable, startedMs: progress.startedMs });
      if (sent.kind === "answer") {
        const hint = sent.status === 307 ? hintOf(sent, call) : undefined;
        if (hint === undefined) this.#hasReached = true;
        if (hint === undefined) return this.#judgedAnswer(sent, { call, repeatable, progress });
        progress.reason = `${target.leader} does not lead any more`;
        target = hint;
        continue;
      }
      progress.reason = `${target.leader} at ${target.url} gave no answer: ${sent.reason}`;
      progress.refusal = undefined;
      if (sent.kind === "lost") {
        progress.unknown = true;
        if (!repeatable) return this.#failure(call, progress);
      } else progress.unreached = target;
      return undefined;
    }
    // Who is there does not lead: its URL may lead to another node from here than from where callers are.
    progress.unreached = result;
    return undefined;
  }

  #judgedAnswer(
    sent: RelayAnswer,
    about: { readonly call: Call; readonly repeatable: boolean; readonly progress: Progress },
  ): Promise<Response | undefined> | Response | undefined {
    sent.headers.set(FORWARDED_BY, this.#options.self);
    const response = new Response(sent.body, { status: sent.status, headers: sent.headers });
    if (sent.status < 300) return response;
    const code = codeOf(sent.body);
    if (code !== undefined && LEADER_GONE.has(code)) {
      about.progress.reason = "the leader is handing over";
      // A redirect would lead a caller out of a network that it cannot leave.
      about.progress.refusal = code === "NOT_LEADER" ? undefined : response;
      return undefined;
    }
    if (code === "OUTCOME_UNKNOWN" && about.repeatable) {
      about.progress.unknown = true;
      about.progress.reason = "the leader could not say whether it was done";
      return undefined;
    }
    return this.#judged(response, about.progress);
  }

  /** After an attempt that may have been done, only an answer that holds for every attempt is one. */
  async #judged(response: Response, progress: Progress): Promise<Response | undefined> {
    if (!progress.unknown || response.status < 400) return response;
    const code = codeOf(await response.clone().text());
    if (code !== undefined && ERRORS[code].byState) return response;
    progress.reason = "an earlier attempt got no answer, and this one was refused";
    return undefined;
  }

  async #send(
    call: Call,
    { leader, url }: Redirect,
    { repeatable, startedMs }: { readonly repeatable: boolean; readonly startedMs: number },
  ): Promise<RelayResult> {
    const { answerMs, holdMs } = this.#options;
    const stop = new AbortController();
    const look = (): void => {
      const passedMs = performance.now() - startedMs;
      const now = this.#options.leader();
      if (passedMs >= answerMs) stop.abort(new Error(`it took longer than ${answerMs} ms`));
      else if (repeatable && now !== undefined && now !== leader && passedMs < holdMs) {
        stop.abort(new Error(`${now} leads by now`));
      }
    };
    const watch = setInterval(look, Math.min(WATCH_MS, answerMs));
    try {
      const method = call.method === "HEAD" ? "GET" : call.method;
      const headers = this.#headersFor(call);
      const request = { method, target: call.target, headers, body: call.bytesRead };
      return await this.#relay.send(request, { base: url, signal: stop.signal });
    } finally {
      clearInterval(watch);
    }
  }

  #headersFor(call: Call): Record<string, string> {
    const headers: Record<string, string> = {
      "x-request-id": call.requestId(),
      [FORWARDED_BY.toLowerCase()]: this.#options.self,
    };
    for (const name of PASSED_ON) {
      const value = call.header(name);
      if (value !== undefined) headers[name] = value;
    }
    return headers;
  }

  /** The honest end of a request that nobody answered. */
  #failure(call: Call, { unknown, reason, refusal }: Progress): Response {
    if (!unknown && refusal !== undefined) return refusal;
    const code = unknown ? "OUTCOME_UNKNOWN" : "NO_LEADER";
    const detail = unknown
      ? `the request was passed on to the leader and may have been carried out: ${reason}`
      : `the request could not be passed on to the leader: ${reason}`;
    return problemResponse(code, { detail }, call.requestId());
  }
}

/** Where a node that does not lead sends a request. */
function hintOf({ headers, body }: RelayAnswer, call: Call): Redirect | undefined {
  const location = headers.get("location");
  if (location?.endsWith(call.target) !== true) return undefined;
  const url = location.slice(0, location.length - call.target.length);
  if (!URL.canParse(url)) return undefined;
  const { leader } = problemOf(body);
  return leader === undefined ? undefined : { kind: "redirect", leader, url };
}

function codeOf(text: string): ErrorCode | undefined {
  return problemOf(text).code;
}

/** What matters here of a problem document; nothing if it is none. */
function problemOf(text: string): {
  readonly code?: ErrorCode;
  readonly leader?: NodeId;
} {
  try {
    const { code, leader } = JSON.parse(text) as { code?: ErrorCode; leader?: { id?: NodeId } };
    return {
      ...(code !== undefined && Object.hasOwn(ERRORS, code) ? { code } : {}),
      ...(leader?.id === undefined ? {} : { leader: leader.id }),
    };
  } catch {
    return {};
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
