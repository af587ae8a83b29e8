/**
 * Server-sent events on their way out: one stream for each caller, with a heartbeat, a buffer that is bounded, and an
 * end when the server stops. What is sent goes to Node's own response; a web stream holds the answer open only.
 */

import type { ServerResponse } from "node:http";
import { type ApiContext, Call } from "./call.ts";
import { problemResponse } from "./problem.ts";
import { pathOf } from "./target.ts";

export interface SseOptions {
  /** After so long without a word a comment is sent, ms; 15,000 by default. */
  readonly heartbeatMs?: number;
  /** A caller that leaves more bytes than this unread is cut off; 1 MiB by default. It can resume. */
  readonly bufferBytesMax?: number;
  /** Headers beyond those of every stream. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The stream has ended, whoever ended it. Called once. */
  readonly onEnd?: () => void;
}

/** One event, before it is text. None of the names may hold a line break; `data` may. */
export interface SseEvent {
  readonly event?: string;
  readonly id?: string;
  /** How long to wait before opening the stream again, ms. */
  readonly retryMs?: number;
  readonly data: string;
}

const HEARTBEAT_MS = 15_000;
const BUFFER_BYTES_MAX = 1_048_576;
/** A caller that lost its stream comes back after this long. */
const BEGINNING = Buffer.from("retry: 1000\n\n");
const HEARTBEAT = Buffer.from(": heartbeat\n\n");
const LINE_BREAK = /\r\n|\r|\n/;

/** What every stream says of itself: no cache keeps it, no proxy holds it back. */
const HEADERS: Readonly<Record<string, string>> = {
  "Content-Type": "text/event-stream",
  "Cache-Control": "no-store",
  "X-Accel-Buffering": "no",
};

/** An event as it goes over the wire. */
export function eventText({ event, id, retryMs, data }: SseEvent): string {
  let text = "";
  if (event !== undefined) text += `event: ${event}\n`;
  if (id !== undefined) text += `id: ${id}\n`;
  if (retryMs !== undefined) text += `retry: ${retryMs}\n`;
  // JSON, which nearly all data is, has no line breaks.
  const lines = LINE_BREAK.test(data) ? data.split(LINE_BREAK) : [data];
  for (const line of lines) text += `data: ${line}\n`;
  return `${text}\n`;
}

/** A stream takes no HEAD: it would have nothing to say of an answer without end. */
export function refuseHead(call: Call): Response | undefined {
  if (call.method === "GET") return undefined;
  const detail = `${call.method} does not fit ${pathOf(call.target).slice(0, 200)}; allowed: GET`;
  return problemResponse("METHOD_NOT_ALLOWED", { detail, allow: "GET" }, call.requestId());
}

const streams: WeakMap<ServerResponse, SseStream> = new WeakMap();

/** Ends the stream that `outgoing` carries, if it carries one: the server stops. */
export function endStreamOf(outgoing: ServerResponse): void {
  streams.get(outgoing)?.end();
}

export class SseStream {
  /** What the handler returns. */
  readonly response: Response;
  readonly #outgoing: ServerResponse | undefined;
  readonly #bufferBytesMax: number;
  readonly #onEnd: (() => void) | undefined;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  /** What was sent before the head of the answer was out; undefined from then on. */
  #held: Uint8Array[] | undefined;
  readonly #heartbeat: NodeJS.Timeout;
  #isOver = false;

  /** Begins with the time after which to come back. */
  constructor(context: ApiContext, options: SseOptions = {}) {
    const env: ApiContext["env"] | undefined = context.env;
    this.#outgoing = env?.outgoing;
    this.#bufferBytesMax = options.bufferBytesMax ?? BUFFER_BYTES_MAX;
    this.#onEnd = options.onEnd;
    // The body that the server's library knows of stays empty and open: by it the library tells us that the caller is
    // gone, and we tell the library that there is no more.
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
      },
      cancel: () => this.#finish(),
    });
    const requestId = new Call(context).requestId();
    const headers = { ...HEADERS, "X-Request-Id": requestId, ...options.headers };
    this.response = new Response(body, { headers });
    const heartbeatMs = options.heartbeatMs ?? HEARTBEAT_MS;
    this.#heartbeat = setInterval(() => this.#write(HEARTBEAT), heartbeatMs).unref();
    if (this.#outgoing !== undefined) {
      streams.set(this.#outgoing, this);
      this.#held = [];
      setImmediate(() => this.#release());
    }
    this.#write(BEGINNING);
    if (this.#outgoing?.destroyed === true) this.#finish();
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Bytes that the caller has not taken yet, as far as this process holds them. */
  get bufferedBytes(): number {
    const held = this.#held?.reduce((sum, { length }) => sum + length, 0) ?? 0;
    return held + (this.#outgoing?.writableLength ?? 0);
  }

  /**
   * Sends text that {@link eventText} made, or its bytes, for many streams at once. A caller that is too slow for it is
   * cut off. False if the stream is over.
   */
  send(text: string | Uint8Array): boolean {
    if (this.#isOver) return false;
    this.#write(typeof text === "string" ? Buffer.from(text) : text);
    // With something sent, the next sign of life has time.
    this.#heartbeat.refresh();
    return !this.#isOver;
  }

  /** Ends the stream in an orderly way; the caller may come back. */
  end(): void {
    if (this.#isOver) return;
    this.#finish();
    // The head is not out: the library writes both, one after the other.
    for (const bytes of this.#held ?? []) this.#controller?.enqueue(bytes);
    this.#held = undefined;
    this.#controller?.close();
  }

  #write(bytes: Uint8Array): void {
    if (this.#isOver) return;
    if (this.#outgoing === undefined) this.#controller?.enqueue(bytes);
    else if (this.#outgoing.destroyed) return;
    else if (this.#held === undefined) this.#outgoing.write(bytes);
    else this.#held.push(bytes);
    if (this.bufferedBytes > this.#bufferBytesMax) this.#cut();
  }

  /** Ends the connection at once; what waits is forgotten. */
  #cut(): void {
    this.#finish();
    this.#outgoing?.destroy();
  }

  /** Sends what was held, as soon as the library has written the head of the answer: within a few turns. */
  #release(): void {
    const outgoing = this.#outgoing;
    if (outgoing === undefined || outgoing.destroyed) return;
    if (!outgoing.headersSent) {
      setImmediate(() => this.#release());
      return;
    }
    const held = this.#held ?? [];
    this.#held = undefined;
    if (!outgoing.writableEnded) for (const bytes of held) outgoing.write(bytes);
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearInterval(this.#heartbeat);
    if (this.#outgoing !== undefined) streams.delete(this.#outgoing);
    this.#onEnd?.();
  }
}
