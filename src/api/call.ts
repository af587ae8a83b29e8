/** One request as the handlers see it: its target and headers as they came over the wire, and its body. */

import type { IncomingMessage } from "node:http";
import type { HttpBindings } from "@hono/node-server";
import type { Context, Hono } from "hono";
import { readBounded, readIncoming } from "./body.ts";
import { originForm } from "./target.ts";

/** The server adds Node's request; a call made in process (`app.request`) has none. */
export type ApiEnv = { Bindings: Partial<HttpBindings> };
/** The application, to be served by `serveApi` or asked in process with `app.request`. */
export type Api = Hono<ApiEnv>;
export type ApiContext = Context<ApiEnv>;
export type ApiHandler = (context: ApiContext) => Response | Promise<Response>;

/** Path and query exactly as they were sent, where Node's request is at hand. */
export function targetOf(request: Request, env: Partial<HttpBindings> | undefined): string {
  return originForm(env?.incoming?.url ?? request.url);
}

const REQUEST_ID = /^[\w.~:@/+=-]{1,128}$/;

/** Ids of this process begin alike and count up, so that they sort and a log can be searched for them. */
const ID_PREFIX = crypto.randomUUID().slice(0, 8);
let idsMade = 0;

/** An id for a request that brought none. */
export function makeRequestId(): string {
  idsMade += 1;
  return `${ID_PREFIX}-${idsMade.toString(36)}`;
}

/** Read access to one request. Made for each request, so it does nothing that is not asked for. */
export class Call {
  /** Path and query, still encoded. */
  readonly target: string;
  readonly #request: Request;
  readonly #incoming: IncomingMessage | undefined;
  #body: Buffer | undefined;
  #requestId: string | undefined;

  constructor(context: ApiContext) {
    const env: Partial<HttpBindings> | undefined = context.env;
    this.#request = context.req.raw;
    this.#incoming = env?.incoming;
    this.target = targetOf(this.#request, env);
  }

  get method(): string {
    return this.#request.method;
  }

  /** Aborts when the caller is gone before the answer is complete. Not cheap: for answers that take long. */
  get gone(): AbortSignal {
    return this.#request.signal;
  }

  /**
   * Ends the connection in the middle of an answer whose beginning is on its way and whose rest there is not: what the
   * caller got is then shorter than it was told. False if there is no connection, in process.
   */
  breakOff(): boolean {
    this.#incoming?.socket.destroy();
    return this.#incoming !== undefined;
  }

  /** A header's value, several joined by commas. @param name in lower case. */
  header(name: string): string | undefined {
    if (this.#incoming === undefined) return this.#request.headers.get(name) ?? undefined;
    const value = this.#incoming.headers[name];
    return typeof value === "object" ? value.join(", ") : value;
  }

  /**
   * Whether a header came more than once. Of some, Content-Type among them, Node keeps the first and drops the
   * others; in process they were joined by commas, and there this is false.
   * @param name in lower case.
   */
  isRepeated(name: string): boolean {
    const raw = this.#incoming?.rawHeaders ?? [];
    let count = 0;
    for (let at = 0; at < raw.length; at += 2) {
      if (raw[at]?.length === name.length && raw[at]?.toLowerCase() === name) count += 1;
    }
    return count > 1;
  }

  /** The caller's `X-Request-Id` if it is 1 to 128 harmless characters, else one made up. */
  requestId(): string {
    if (this.#requestId !== undefined) return this.#requestId;
    const given = this.header("x-request-id");
    this.#requestId = given !== undefined && REQUEST_ID.test(given) ? given : makeRequestId();
    return this.#requestId;
  }

  /** Whether the request announces a body, which may still turn out to be empty. */
  announcesBody(): boolean {
    if (this.#incoming === undefined) return this.#request.body !== null;
    const { "content-length": length, "transfer-encoding": encoding } = this.#incoming.headers;
    return encoding !== undefined || (length !== undefined && length !== "0");
  }

  /**
   * The bytes of the body, empty if there is none.
   * @throws {Refusal} BODY_TOO_LARGE beyond `bytesMax`; INVALID_BODY if the connection broke.
   */
  async body(bytesMax: number): Promise<Buffer> {
    const reading =
      this.#incoming === undefined
        ? readBounded(this.#request, bytesMax)
        : readIncoming(this.#incoming, bytesMax);
    this.#body = await reading;
    return this.#body;
  }

  /** The body if it was read, as it came. */
  get bytesRead(): Buffer | undefined {
    return this.#body;
  }
}
