/**
 * The HTTP side of words.ts: who may ask, and in which form.
 *
 * It listens on loopback only, but any page in any browser on this machine can reach that. So: a token, which only the
 * nodes' own page and the owner of the data directory know; a Host header that names this machine, because a foreign
 * name that is made to point here (DNS rebinding) would make a foreign page same-origin; and an Origin, where there is
 * one, of one of the nodes.
 */

import { randomBytes, timingSafeEqual } from "node:crypto";
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from "node:http";
import { StartRefusal, systemReason } from "../refusal.ts";
import type { Chaos } from "./chaos.ts";
import { readLinks, readTarget } from "./requests.ts";
import type { LocalAnswer } from "./words.ts";

const HOST = "127.0.0.1";
/** Above the port of the first node. */
const PORT_OFFSET = 200;
const PORT_TRIES = 100;
const PORT_MAX = 65_535;
const REQUEST_MS = 5_000;
const BODY_BYTES_MAX = 16_384;
const HEARTBEAT_MS = 15_000;
/** Changes come in bursts: one event tells of all in this time, ms. */
const GATHER_MS = 20;
/** Waiting for whoever looks on, in bytes; then they are cut off, and come again. */
const STREAM_BYTES_MAX = 1_048_576;

export interface ControlServer {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  /** 32 hex digits. */
  readonly token: string;
  close(): Promise<void>;
}

export interface ControlOptions {
  /** The URL of each node: pages of these origins may ask, and of the same ports by the name localhost. */
  readonly apis: readonly string[];
  /** The port of the first node. */
  readonly basePort: number;
  /** Asked as late as possible: the nodes, which it talks of, are started with this server's URL. */
  readonly chaos: () => Chaos | undefined;
}

/** @throws {StartRefusal} if nothing can be listened on. */
export async function openControlServer({ apis, basePort, chaos }: ControlOptions): Promise<ControlServer> {
  const token = randomBytes(16).toString("hex");
  const origins = new Set(apis.flatMap(originsOf));
  const desk = new Desk({ token, origins, chaos });
  const limits = { headersTimeout: REQUEST_MS, requestTimeout: REQUEST_MS };
  const server = createServer(limits, (asked, answer) => {
    desk.serve(asked, answer).catch((error: unknown) => {
      const detail = error instanceof Error ? error.message : String(error);
      if (!answer.headersSent) refuse(answer, 500, detail);
      else answer.destroy();
    });
  });
  const port = await listenNear(server, basePort + PORT_OFFSET);
  return {
    url: `http://${HOST}:${port}`,
    token,
    close: () => {
      desk.close();
      return new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

function originsOf(api: string): readonly string[] {
  const url = new URL(api);
  const { origin, port, protocol } = url;
  return [origin, `${protocol}//localhost:${port}`, `${protocol}//${HOST}:${port}`];
}

async function listenNear(server: Server, wanted: number): Promise<number> {
  const last = Math.min(wanted + PORT_TRIES, PORT_MAX);
  for (let port = wanted; port <= last; port++) if (await listensAt(server, port)) return port;
  if (await listensAt(server, 0)) {
    const bound = server.address();
    if (typeof bound === "object" && bound !== null) return bound.port;
  }
  throw new StartRefusal(`no port of ${HOST} is left for controlling the cluster.`);
}

/** False if the port is taken. */
function listensAt(server: Server, port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      server.off("listening", listening);
      if (error.code === "EADDRINUSE" || error.code === "EACCES") resolve(false);
      else reject(new StartRefusal(`port ${port} of ${HOST} cannot be listened on: ${systemReason(error)}.`));
    };
    const listening = (): void => {
      server.off("error", failed);
      resolve(true);
    };
    server.once("error", failed);
    server.once("listening", listening);
    server.listen({ host: HOST, port, exclusive: true });
  });
}

interface DeskOptions {
  readonly token: string;
  readonly origins: ReadonlySet<string>;
  readonly chaos: () => Chaos | undefined;
}

class Desk {
  readonly #options: DeskOptions;
  readonly #streams: Set<() => void> = new Set();

  constructor(options: DeskOptions) {
    this.#options = options;
  }

  async serve(asked: IncomingMessage, answer: ServerResponse): Promise<void> {
    answer.setHeader("Cache-Control", "no-store");
    answer.setHeader("X-Content-Type-Options", "nosniff");
    if (!isHere(asked.headers.host)) {
      return refuse(answer, 403, "This is only for this machine: ask for 127.0.0.1 or localhost.");
    }
    const { origin } = asked.headers;
    answer.setHeader("Vary", "Origin");
    if (origin !== undefined) {
      if (!this.#options.origins.has(origin)) {
        return refuse(
          answer,
          403,
          `Pages of ${origin} may not control this cluster: only those of its nodes.`,
        );
      }
      allow(answer, origin);
    }
    if (asked.method === "OPTIONS") return void answer.writeHead(204).end();
    if (!this.#isTrusted(asked)) {
      answer.setHeader("WWW-Authenticate", "Bearer");
      return refuse(
        answer,
        401,
        "The token of this start is missing or wrong: control.json in the data directory has it.",
      );
    }
    const chaos = this.#options.chaos();
    if (chaos === undefined)
      return refuse(answer, 409, "The cluster is still coming up: try again in a moment.");
    await this.#route(asked, answer, chaos);
  }

  close(): void {
    for (const end of [...this.#streams]) end();
  }

  #isTrusted({ headers }: IncomingMessage): boolean {
    const given = Buffer.from(headers.authorization ?? "");
    const wanted = Buffer.from(`Bearer ${this.#options.token}`);
    return given.length === wanted.length && timingSafeEqual(given, wanted);
  }

  async #route(asked: IncomingMessage, answer: ServerResponse, chaos: Chaos): Promise<void> {
    const { pathname } = new URL(asked.url ?? "/", `http://${HOST}`);
    const { method = "" } = asked;
    const only = (allowed: string): boolean => {
      if (method === allowed) return true;
      answer.setHeader("Allow", allowed);
      refuse(answer, 405, `${pathname} takes ${allowed}.`);
      return false;
    };
    if (pathname === "/v1/local") return only("GET") ? json(answer, 200, chaos.view()) : undefined;
    if (pathname === EVENTS) return only("GET") ? this.#stream(answer, chaos) : undefined;
    if (pathname === "/v1/local/links") {
      if (!only("PUT")) return;
      const links = readLinks(await bodyOf(asked));
      if (typeof links === "string") return refuse(answer, 400, links);
      return give(answer, chaos.cut(links.groups, links.oneWay));
    }
    const target = readTarget(pathname);
    if (target === undefined) return refuse(answer, 404, `There is nothing at ${pathname}.`);
    if (only("POST")) give(answer, await chaos.act(target.node, target.action));
  }

  #stream(answer: ServerResponse, chaos: Chaos): void {
    answer.writeHead(200, { "Content-Type": "text/event-stream", "X-Accel-Buffering": "no" });
    answer.write("retry: 1000\n\n");
    const send = (text: string): void => {
      answer.write(text);
      if (answer.writableLength > STREAM_BYTES_MAX) answer.destroy();
    };
    const tell = (): void => send(`event: state\ndata: ${JSON.stringify(chaos.view())}\n\n`);
    let gathering: NodeJS.Timeout | undefined;
    const stop = chaos.onChange(() => {
      gathering ??= setTimeout(() => {
        gathering = undefined;
        tell();
      }, GATHER_MS);
    });
    const heartbeat = setInterval(() => send(": heartbeat\n\n"), HEARTBEAT_MS);
    const end = (): void => {
      stop();
      clearTimeout(gathering);
      clearInterval(heartbeat);
      this.#streams.delete(end);
      answer.end();
    };
    this.#streams.add(end);
    answer.once("close", end);
    tell();
  }
}

const EVENTS = "/v1/local/events";

/** Whether a Host header names this machine in a way that nobody else can claim. */
function isHere(host: string | undefined): boolean {
  return /^(?:127\.0\.0\.1|localhost|\[::1\])(?::[0-9]{1,5})?$/.test(host ?? "");
}

function allow(answer: ServerResponse, origin: string): void {
  answer.setHeader("Access-Control-Allow-Origin", origin);
  answer.setHeader("Access-Control-Allow-Methods", "GET, POST, PUT");
  answer.setHeader("Access-Control-Allow-Headers", "Authorization, Content-Type, Last-Event-ID");
  answer.setHeader("Access-Control-Max-Age", "600");
}

/** The text of a body; undefined if it is too long. */
async function bodyOf(asked: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of asked) {
    bytes += (chunk as Buffer).length;
    // What is too long is read to its end all the same: the answer would not arrive otherwise.
    if (bytes <= BODY_BYTES_MAX) chunks.push(chunk as Buffer);
  }
  return bytes > BODY_BYTES_MAX ? undefined : Buffer.concat(chunks).toString("utf8");
}

function give(answer: ServerResponse, given: LocalAnswer): void {
  if ("status" in given) refuse(answer, given.status, given.detail, given.command);
  else json(answer, 200, given);
}

function refuse(answer: ServerResponse, status: number, detail: string, command?: string): void {
  const title = STATUS_CODES[status] ?? "";
  json(answer, status, { type: "about:blank", title, status, detail, command }, "application/problem+json");
}

function json(answer: ServerResponse, status: number, content: unknown, type = "application/json"): void {
  answer.writeHead(status, { "Content-Type": type }).end(`${JSON.stringify(content)}\n`);
}
