/**
 * A stream of events that outlives the node that sends it: when a connection ends, the next node is asked to go on
 * after the last event that was given out.
 *
 * Nothing is read ahead: bytes are taken from the connection only when the reader wants an event, so a slow reader
 * holds up the sender (who may cut it off, and then it resumes) and never fills the memory here.
 */

import type { HttpRequest } from "./attempt.ts";
import type { Caller } from "./call.ts";
import { Malformed } from "./decode.ts";
import { Unavailable } from "./errors.ts";
import { EventParser, type ServerSentEvent } from "./sse.ts";
import type { Answer } from "./verdict.ts";

/** What happens to the connection beneath a stream. */
export type Connection =
  | { readonly kind: "connected"; readonly url: string }
  /** The stream goes on by itself, at another node where needed. */
  | { readonly kind: "lost"; readonly url: string; readonly reason: string };

/** What all streams can be given. */
export interface StreamOptions {
  /** Ends the stream: the loop over it ends, without an error. */
  readonly signal?: AbortSignal;
  /**
   * A connection on which nothing came for so long, not even a heartbeat, is given up, in ms. 40,000 by default; nodes
   * send one every 15 s.
   */
  readonly silenceMs?: number;
  /**
   * How long no node may be found before the stream ends with `Unavailable`, in ms. For the first connection the
   * client's `timeoutMs` by default; once it stood, the stream goes on trying until it is aborted.
   */
  readonly giveUpMs?: number;
  /** Told whenever a connection stands, and when it is lost. */
  readonly onConnection?: (connection: Connection) => void;
}

/** What kind of stream it is. */
export interface StreamKind<T> {
  /** Path and query. */
  readonly path: string;
  /** The id of the last event of an earlier stream, to go on after. */
  readonly lastId: string | undefined;
  /** Takes an event apart; undefined for one that means nothing here. @throws {Malformed}. */
  readonly decode: (event: ServerSentEvent) => T | undefined;
}

export const SILENCE_MS = 40_000;
/** The pause before a lost connection is made anew, at another node; doubled while no event comes. In ms. */
const PAUSE_MS_MIN = 50;
const PAUSE_MS_MAX = 2_000;

/** Yields events until the signal aborts. @throws {Refused} | {Unavailable}. */
export async function* follow<T>(
  caller: Caller,
  kind: StreamKind<T>,
  options: StreamOptions,
): AsyncGenerator<T, void, void> {
  const { signal, giveUpMs, onConnection, silenceMs = SILENCE_MS } = options;
  let lastId = kind.lastId;
  let pauseMs = PAUSE_MS_MIN;
  let everConnected = false;
  let lostAt = performance.now();
  while (!isAborted(signal)) {
    const link = new Link(signal);
    try {
      const { stream, base } = await connect(caller, { path: kind.path, lastId }, link, giveUpMs);
      everConnected = true;
      onConnection?.({ kind: "connected", url: base });
      try {
        for await (const event of link.events(stream, silenceMs)) {
          const value = kind.decode(event);
          lastId = event.id ?? lastId;
          pauseMs = PAUSE_MS_MIN;
          if (value !== undefined) yield value;
          if (isAborted(signal)) return;
        }
        throw new Error("the node ended it");
      } catch (error) {
        if (isAborted(signal)) return;
        caller.brokeOff(base);
        lostAt = performance.now();
        onConnection?.({ kind: "lost", url: base, reason: reasonOf(error) });
      }
    } catch (error) {
      if (isAborted(signal)) return;
      const patience = giveUpMs ?? (everConnected ? Number.POSITIVE_INFINITY : 0);
      if (!(error instanceof Unavailable) || performance.now() - lostAt >= patience) throw error;
    } finally {
      link.close();
    }
    await link.pause(pauseMs, signal);
    pauseMs = Math.min(pauseMs * 2, PAUSE_MS_MAX);
  }
}

interface Connected {
  readonly stream: ReadableStream<Uint8Array>;
  readonly base: string;
}

async function connect(
  caller: Caller,
  { path, lastId }: { readonly path: string; readonly lastId: string | undefined },
  link: Link,
  timeoutMs: number | undefined,
): Promise<Connected> {
  const headers: Record<string, string> = { accept: "text/event-stream" };
  if (lastId !== undefined) headers["last-event-id"] = lastId;
  const request: HttpRequest = { method: "GET", path, headers, streamed: true };
  return caller.run({
    request,
    effect: { kind: "none" },
    decode: connectionOf,
    signal: link.signal,
    timeoutMs,
  });
}

function connectionOf({ stream, headers, base }: Answer): Connected {
  const type = headers.get("content-type") ?? "";
  if (stream === undefined || !type.startsWith("text/event-stream")) {
    throw new Malformed("the answer is no stream of events");
  }
  return { stream, base };
}

/** One connection, or the attempt to get one. */
class Link {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal | undefined;
  readonly #stop = (): void => this.#controller.abort(this.#outer?.reason);
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;

  constructor(outer: AbortSignal | undefined) {
    this.#outer = outer;
    outer?.addEventListener("abort", this.#stop);
    if (isAborted(outer)) this.#stop();
  }

  /** Aborts when the connection is not wanted any more. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Ends when the sender ends it. @throws {Error} when nothing came for `silenceMs`, or the connection broke. */
  async *events(stream: ReadableStream<Uint8Array>, silenceMs: number): AsyncGenerator<ServerSentEvent> {
    const reader = stream.getReader();
    this.#reader = reader;
    const decoder = new TextDecoder();
    const parser = new EventParser();
    // Not every fetch that a client may be given heeds its signal.
    this.signal.addEventListener("abort", () => void reader.cancel().catch(() => undefined));
    while (!isAborted(this.signal)) {
      const { done, value } = await soon(reader.read(), silenceMs);
      if (done) return;
      yield* parser.push(decoder.decode(value, { stream: true }));
    }
  }

  pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", end);
        resolve();
      };
      // Half fixed, half random, so that readers that were cut off together do not come back together.
      const timer = setTimeout(end, ms * (0.5 + Math.random() / 2));
      signal?.addEventListener("abort", end);
      if (isAborted(signal)) end();
    });
  }

  close(): void {
    this.#outer?.removeEventListener("abort", this.#stop);
    this.#controller.abort();
    void this.#reader?.cancel().catch(() => undefined);
  }
}

/** @throws {Error} if `read` takes longer. */
function soon<T>(read: Promise<T>, ms: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`nothing came for ${ms} ms`)), ms);
    void read.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message : String(cause);
}

/** A function, because TypeScript would not expect the signal to change between two looks at it. */
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}
