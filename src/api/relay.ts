/**
 * One request from this node to another one, over connections that are kept, and the honest word on how it ended:
 * answered, surely not sent, or lost after the first byte left.
 */

import type { Agent, Dispatcher } from "undici";

export interface RelayRequest {
  readonly method: string;
  /** Path and query, as they came. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
}

/** A whole answer. */
export interface RelayAnswer {
  readonly kind: "answer";
  readonly status: number;
  readonly headers: Headers;
  /** What nodes answer to what is passed on is JSON or plain text. */
  readonly body: string;
}

export type RelayResult =
  | RelayAnswer
  /** No byte of the request has left this node. */
  | { readonly kind: "notSent"; readonly reason: string }
  /** The other node may have acted, and its answer did not come, or not whole. */
  | { readonly kind: "lost"; readonly reason: string };

export interface RelayOptions {
  /** The base URL of the other node. */
  readonly base: string;
  /** Gives up as soon as this aborts. */
  readonly signal: AbortSignal;
}

/** So many requests can be on their way to one node; more wait for a connection. */
const CONNECTIONS_MAX = 256;
/** A node that does not even take the connection by then is as good as gone, ms. */
const CONNECT_MS = 1_000;
/** No answer of a node that is passed on is longer: a batch of 1,000 results with keys of 512 bytes. */
const ANSWER_BYTES_MAX = 8_388_608;

/** Belongs to one hop, not to the answer (RFC 9110, section 7.6.1), or is made anew for the next one. */
const HOP_HEADERS: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
  "trailer",
  "te",
  "content-length",
  "date",
]);

/** Connections to other nodes. Idle ones do not keep the process alive. */
export class Relay {
  #agent: Promise<Agent | undefined> | undefined;

  /**
   * Makes the first request as fast as the others. Not done for everybody: undici takes some 60 ms to be loaded, on a node
   * that has just been started by someone who waits for it, and most nodes never pass anything on.
   */
  prepare(): Promise<Agent | undefined> {
    this.#agent ??= newAgent().catch(() => {
      // As where files are exchanged, or cannot be opened at the moment: the next request tries again.
      this.#agent = undefined;
      return undefined;
    });
    return this.#agent;
  }

  /** Never rejects: what went wrong is part of the result. */
  async send(request: RelayRequest, { base, signal }: RelayOptions): Promise<RelayResult> {
    const agent = await this.prepare();
    if (agent === undefined) return { kind: "notSent", reason: "undici cannot be loaded" };
    return await new Promise((resolve) => {
      const exchange = new Exchange(signal, resolve);
      try {
        agent.dispatch(optionsOf(request, base), exchange);
      } catch (error) {
        // What undici refuses to send, such as a URL that is none, it throws.
        exchange.onResponseError(undefined, error instanceof Error ? error : new Error(String(error)));
      }
    });
  }
}

async function newAgent(): Promise<Agent> {
  const { Agent } = await import("undici");
  return new Agent({ connections: CONNECTIONS_MAX, connect: { timeout: CONNECT_MS } });
}

function optionsOf({ method, target, headers, body }: RelayRequest, base: string): Agent.DispatchOptions {
  const { origin, pathname } = new URL(base);
  return {
    origin,
    path: (pathname === "/" ? "" : pathname) + target,
    method: method as Dispatcher.HttpMethod,
    headers: { ...headers },
    body: body ?? null,
    // Times are kept by the signal; these would be a second, coarser clock.
    headersTimeout: 0,
    bodyTimeout: 0,
  };
}

/** Follows one request through undici, and settles once. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #signal: AbortSignal;
  readonly #resolve: (result: RelayResult) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #isSettled = false;
  #status = 0;
  #headers = new Headers();
  #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(signal: AbortSignal, resolve: (result: RelayResult) => void) {
    this.#signal = signal;
    this.#resolve = resolve;
    if (signal.aborted) this.#giveUp();
    else signal.addEventListener("abort", this.#giveUp, { once: true });
  }

  /** Called immediately before the first byte is written; a request that is aborted in here is never written. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#isSettled) controller.abort(new Error("given up before it was sent"));
    else this.#controller = controller;
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): void {
    this.#status = status;
    this.#headers = headersOf(headers);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytes += chunk.length;
    this.#chunks.push(chunk);
    if (this.#bytes > ANSWER_BYTES_MAX) this.#stop("its answer is longer than any that a node gives");
  }

  onResponseEnd(): void {
    const body = Buffer.concat(this.#chunks, this.#bytes).toString("utf8");
    this.#settle({ kind: "answer", status: this.#status, headers: this.#headers, body });
  }

  onResponseError(_controller: unknown, error: Error): void {
    this.#stop(reasonOf(error));
  }

  readonly #giveUp = (): void => {
    const { reason } = this.#signal;
    this.#stop(reason instanceof Error ? reason.message : String(reason));
  };

  #stop(reason: string): void {
    const wasSent = this.#controller !== undefined;
    this.#settle({ kind: wasSent ? "lost" : "notSent", reason });
    this.#controller?.abort(new Error(reason));
  }

  #settle(result: RelayResult): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#signal.removeEventListener("abort", this.#giveUp);
    this.#resolve(result);
  }
}

function headersOf(raw: Readonly<Record<string, string | string[] | undefined>>): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(raw)) {
    if (value === undefined || HOP_HEADERS.has(name)) continue;
    headers.set(name, typeof value === "string" ? value : value.join(", "));
  }
  return headers;
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there",
  ECONNRESET: "the connection broke",
  EPIPE: "the connection broke",
  ENOTFOUND: "its host name is not known",
  EAI_AGAIN: "its host name could not be looked up",
  EHOSTUNREACH: "its host cannot be reached",
  ENETUNREACH: "its network cannot be reached",
  UND_ERR_CONNECT_TIMEOUT: `it took no connection in ${CONNECT_MS} ms`,
  UND_ERR_SOCKET: "the connection broke",
};

function reasonOf(error: Error & { readonly code?: unknown }): string {
  return (typeof error.code === "string" ? REASONS[error.code] : undefined) ?? error.message;
}
