/** The socket side of the interface: listening, limits against slow or greedy clients, and an orderly end. */

import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { getRequestListener, RequestError } from "@hono/node-server";
import { ERRORS, type ErrorCode } from "../base/index.ts";
import { BODY_BYTES_MAX } from "./body.ts";
import { type Api, makeRequestId } from "./call.ts";
import { problemResponse, problemText } from "./problem.ts";
import { endStreamOf } from "./sse.ts";
import { originForm } from "./target.ts";

export interface ServeOptions {
  /** The address to listen on, such as 127.0.0.1. */
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Hears of trouble while listening, such as running out of file descriptors; serving goes on. */
  readonly onError?: (error: Error) => void;
  /** Replaces some of the default limits. */
  readonly limits?: Partial<ServerLimits>;
}

/** Limits of one connection: times in ms, sizes in bytes. */
export interface ServerLimits {
  /** All headers have to be here by then: no slow loris. */
  readonly headersTimeout: number;
  /** The whole request has to be here by then. */
  readonly requestTimeout: number;
  /** How often the two above are looked at. */
  readonly connectionsCheckingInterval: number;
  /** Longer than a load balancer's usual minute, so that it closes first and no request meets a closed door. */
  readonly keepAliveTimeout: number;
  /** Request line and headers together. */
  readonly maxHeaderSize: number;
}

export interface ApiServer {
  readonly port: number;
  /**
   * Stops accepting, lets requests in flight finish for up to `graceMs`, closes connections as they fall idle,
   * and cuts those that are left. Resolves when all are closed; calling it again waits for the same end.
   */
  close(graceMs: number): Promise<void>;
}

/** The server could not begin to listen; the message says why and what to do. */
export class ListenError extends Error {
  override readonly name: string = "ListenError";
  /** Node's code, such as EADDRINUSE. */
  readonly code: string;

  constructor(code: string, message: string, cause: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

const LIMITS: ServerLimits = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 1_000,
  keepAliveTimeout: 65_000,
  maxHeaderSize: 16_384,
};

/**
 * Serves `api` over HTTP/1.1.
 * @throws {ListenError} if the address cannot be listened on.
 */
export async function serveApi(api: Api, options: ServeOptions): Promise<ApiServer> {
  let closing = false;
  const handle = getRequestListener(api.fetch, { hostname: "localhost", errorHandler: answerOutside });
  const latest: LatestRequests = new Map();
  const serve: RequestListener = (incoming, outgoing) => {
    // Nobody would hear the answer to it (RFC 9112, section 9.6): a client that sends on has been told, or will be.
    if (isOver(incoming.socket, latest)) return;
    latest.set(incoming.socket, outgoing);
    if (closing) outgoing.shouldKeepAlive = false;
    const host = hostProblem(incoming);
    if (host !== undefined) return refuseEarly(outgoing, host);
    if (!prepareTarget(incoming)) return refuseEarly(outgoing, backslashIn(incoming));
    // It never rejects: what the application throws becomes an answer in it or in answerOutside.
    void handle(incoming, outgoing);
  };
  // Node's own check of the Host answers without a word, so it is made here instead.
  const settings = { ...LIMITS, ...options.limits, noDelay: true, requireHostHeader: false };
  const server = createServer(settings, serve);
  server.on("checkContinue", (incoming, outgoing) => {
    if (isOver(incoming.socket, latest)) return;
    // Without "100 Continue" a client that announced too much keeps it to itself.
    if (!(Number(incoming.headers["content-length"]) > BODY_BYTES_MAX)) outgoing.writeContinue();
    serve(incoming, outgoing);
  });
  server.on("checkExpectation", (incoming, outgoing) => {
    if (isOver(incoming.socket, latest)) return;
    latest.set(incoming.socket, outgoing);
    refuseEarly(outgoing, EXPECTATION_UNKNOWN);
  });
  server.on("connection", (socket) => socket.once("close", () => latest.delete(socket)));
  server.on("clientError", (error, socket) => answerClientError(error, socket, latest));
  await listen(server, options);
  server.on("error", (error) => options.onError?.(error));
  let closed: Promise<void> | undefined;
  return {
    port: (server.address() as AddressInfo).port,
    close: (graceMs) => {
      closing = true;
      // An answer still to come tells its client that the connection ends with it.
      // One that has been sent said that it goes on, so a request may come that is still to be answered.
      for (const outgoing of latest.values()) {
        if (!outgoing.headersSent) outgoing.shouldKeepAlive = false;
        endStreamOf(outgoing);
      }
      closed ??= closeServer(server, graceMs);
      return closed;
    },
  };
}

/**
 * Brings the target into origin form. False if it holds what no URI may hold: a `Request` made from it would
 * show a path that nobody asked for.
 */
function prepareTarget(incoming: IncomingMessage): boolean {
  const target = incoming.url ?? "/";
  if (target.charCodeAt(0) !== 47) incoming.url = originForm(target);
  return !target.includes("\\");
}

/** A refusal of a request that the application does not get to see. */
interface EarlyRefusal {
  readonly code: ErrorCode;
  readonly detail: string;
  /** Where HTTP asks for another status than the table has. */
  readonly status?: number;
}

const HOST_MISSING: EarlyRefusal = {
  code: "INVALID_HEADER",
  detail: "an HTTP/1.1 request needs a Host header",
};

const HOST_REPEATED: EarlyRefusal = {
  code: "INVALID_HEADER",
  detail: "the Host header is given more than once",
};

const EXPECTATION_UNKNOWN: EarlyRefusal = {
  code: "INVALID_HEADER",
  detail: "the only Expect header that is understood is 100-continue",
  status: 417,
};

/**
 * RFC 9112, section 3.2: exactly one Host. HTTP/1.0 does not ask for one. Of several, Node shows the first, and whoever
 * passed the request on may have gone by another.
 */
function hostProblem({ headers, httpVersion, rawHeaders }: IncomingMessage): EarlyRefusal | undefined {
  if (headers.host === undefined) return httpVersion === "1.1" ? HOST_MISSING : undefined;
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at];
    if (name?.length === 4 && name.toLowerCase() === "host") hosts += 1;
  }
  return hosts > 1 ? HOST_REPEATED : undefined;
}

function backslashIn(incoming: IncomingMessage): EarlyRefusal {
  const code = incoming.url?.startsWith("/v1/counters") === true ? "INVALID_KEY" : "ROUTE_NOT_FOUND";
  return { code, detail: "a backslash in the request target has to be percent-encoded, as %5C" };
}

function refuseEarly(outgoing: ServerResponse, refusal: EarlyRefusal): void {
  const { code, detail, status = ERRORS[code].status } = refusal;
  const requestId = makeRequestId();
  const body = problemText(code, { detail }, { requestId, status });
  outgoing.shouldKeepAlive = false;
  outgoing.writeHead(status, {
    "Content-Type": "application/problem+json",
    "Content-Length": Buffer.byteLength(body),
    "X-Request-Id": requestId,
    // What of the request has not been read is not worth reading.
    Connection: "close",
  });
  outgoing.end(body);
}

/** Errors from outside the application: a `Host` that is none, or something thrown that is no `Error`. */
function answerOutside(error: unknown): Response {
  const requestId = makeRequestId();
  if (error instanceof RequestError) {
    return problemResponse("INVALID_HEADER", { detail: "the Host header is not valid" }, requestId);
  }
  return problemResponse("INTERNAL", { detail: "an unexpected error" }, requestId);
}

/** What Node's parser and timers refuse before there is a request, where there is more to say than "malformed". */
const CLIENT_ERRORS: Readonly<Record<string, EarlyRefusal>> = {
  HPE_HEADER_OVERFLOW: {
    code: "INVALID_HEADER",
    detail: `request line and headers together are longer than ${LIMITS.maxHeaderSize} bytes`,
    status: 431,
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    code: "MALFORMED_REQUEST",
    detail: "the request did not arrive whole in time",
    status: 408,
  },
  HPE_INVALID_URL: {
    code: "MALFORMED_REQUEST",
    detail: "the request target must be percent-encoded ASCII",
  },
};

/** The parser's codes for a header that is at fault, other than by its size. */
const HEADER_ERRORS: ReadonlySet<string> = new Set([
  "HPE_INVALID_HEADER_TOKEN",
  "HPE_INVALID_CONTENT_LENGTH",
  "HPE_UNEXPECTED_CONTENT_LENGTH",
  "HPE_INVALID_TRANSFER_ENCODING",
]);

/** An error of Node's server; `reason` is the parser's own fixed phrase, without a byte of the request. */
type ClientError = Error & { readonly code?: string; readonly reason?: string };

function refusalOf({ code = "", reason }: ClientError): EarlyRefusal {
  const known = CLIENT_ERRORS[code];
  if (known !== undefined) return known;
  const why = reason === undefined || reason === "" ? "" : `: ${reason}`;
  if (HEADER_ERRORS.has(code)) return { code: "INVALID_HEADER", detail: `a header cannot be read${why}` };
  return { code: "MALFORMED_REQUEST", detail: `this is not an HTTP/1.1 request${why}` };
}

/** The latest request of each open connection, by what will answer it or has. */
type LatestRequests = Map<Duplex, ServerResponse>;

/** Connections on which something was refused before there was a request. */
const REFUSED: WeakSet<Duplex> = new WeakSet();

/** Whether the last answer of a connection has been given: what still comes is not carried out. */
function isOver(socket: Duplex, latest: LatestRequests): boolean {
  const before = latest.get(socket);
  return before === undefined ? REFUSED.has(socket) : !before.shouldKeepAlive;
}

/**
 * Answers what is no request, if the client will take the answer for that: while an earlier request is under
 * way, the next answer on the connection would pass for the outcome of that one.
 */
function answerClientError(error: ClientError, socket: Duplex, latest: LatestRequests): void {
  const pending = latest.get(socket);
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
  } else if (pending === undefined || pending.writableFinished) {
    // A request that was only late may still come, and must not be carried out after it was refused.
    if (pending === undefined) REFUSED.add(socket);
    else pending.shouldKeepAlive = false;
    refuseBytes(refusalOf(error), socket);
  } else if (pending.req.complete) {
    // It has arrived whole and may be done by now: its own answer is the last on this connection.
    pending.shouldKeepAlive = false;
  } else if (pending.socket === socket && !pending.headersSent) {
    // Broken inside its body, so it has not been acted upon, and no other answer is due before its own. If it was only
    // late, its handler does not get to see the rest.
    pending.req.pause();
    pending.shouldKeepAlive = false;
    refuseBytes(refusalOf(error), socket);
  } else {
    socket.destroy();
  }
}

/** How long a client that was refused may take to close its side, ms. */
const LINGER_MS = 1_000;

function refuseBytes(refusal: EarlyRefusal, socket: Duplex): void {
  const { code, detail, status = ERRORS[code].status } = refusal;
  const requestId = makeRequestId();
  const body = problemText(code, { detail }, { requestId, status });
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    "Content-Type: application/problem+json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${requestId}`,
    "Connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
  // What is still coming is dropped for a moment, so that the client gets to see the answer; then it is cut off.
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
}

const LISTEN_REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: "the port is in use by another program, or by another node",
  EACCES: "this user may not open the port (those below 1024 usually need more rights)",
  EADDRNOTAVAIL: "this machine does not have that address",
  ENOTFOUND: "this host name is not known",
};

/**
 * Connections that may wait until they are accepted; the system may allow fewer (net.core.somaxconn). All clients of a
 * leader that died come at once, and what finds no room here tries again only after a second. Node.js itself allows 511.
 */
const BACKLOG = 4_096;

function listen(server: Server, { host, port }: ServeOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const refuse = (error: NodeJS.ErrnoException): void => {
      const code = error.code ?? "UNKNOWN";
      const message = `cannot listen on ${host}:${port}: ${LISTEN_REASONS[code] ?? error.message}`;
      reject(new ListenError(code, message, error));
    };
    server.once("error", refuse);
    server.listen({ port, host, backlog: BACKLOG }, () => {
      server.off("error", refuse);
      resolve();
    });
  });
}

/**
 * How often connections that fell idle are looked for while closing, in ms. Those are few: of answers whose
 * headers had been sent before, so that they could not say that the connection ends.
 */
const IDLE_CHECK_MS = 20;

function closeServer(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const idle = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS);
    const cut = setTimeout(() => server.closeAllConnections(), graceMs);
    server.close(() => {
      clearInterval(idle);
      clearTimeout(cut);
      resolve();
    });
    server.closeIdleConnections();
  });
}
