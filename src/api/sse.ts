/**
 * Streams of server-sent events (WHATWG HTML, section 9.2), for many readers at once: what is sent goes straight to
 * Node's response, which costs a fraction of a web stream's turn for each reader, and a reader that does not keep up is
 * seen by what waits for it.
 */

import type { ServerResponse } from "node:http";
import type { ApiContext } from "./call.ts";

/** What every stream of events says of itself: no cache keeps it, no proxy holds it back. */
const HEADERS: Readonly<Record<string, string>> = {
  "Content-Type": "text/event-stream",
  "Cache-Control": "no-store",
  "X-Accel-Buffering": "no",
};

/** Streams that are open, by the response that carries them. */
const open: WeakMap<ServerResponse, EventStream> = new WeakMap();

/** One reader. */
export class EventStream {
  /** To be returned by the handler: head and body of the answer. */
  readonly response: Response;
  readonly #outgoing: ServerResponse | undefined;
  readonly #onClosed: () => void;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  /** What was sent before the head of the answer was on its way. */
  #held: Uint8Array[] | undefined;
  #isClosed = false;

  /**
   * @param requestId of the request, which is sent back.
   * @param onClosed called once, when the reader is gone, was cut off, or the stream was ended.
   */
  constructor(context: ApiContext, requestId: string, onClosed: () => void) {
    const env: ApiContext["env"] | undefined = context.env;
    this.#outgoing = env?.outgoing;
    this.#onClosed = onClosed;
    // The body that the server's library knows of stays empty and open: by it the library says that the reader is
    // gone, and is told that there is no more.
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
      },
      cancel: () => this.#close(),
    });
    this.response = new Response(body, { headers: { ...HEADERS, "X-Request-Id": requestId } });
    if (this.#outgoing === undefined) return;
    this.#held = [];
    open.set(this.#outgoing, this);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Bytes that the reader has not taken yet. */
  get waiting(): number {
    const held = this.#held?.reduce((sum, { length }) => sum + length, 0) ?? 0;
    return held + (this.#outgoing?.writableLength ?? 0);
  }

  /** Sends whole events. The bytes are not copied: they may be sent to others, and must not be changed. */
  send(bytes: Uint8Array): void {
    if (this.#isClosed) return;
    if (this.#outgoing === undefined) return this.#controller?.enqueue(bytes);
    if (this.#held === undefined) {
      this.#outgoing.write(bytes);
      return;
    }
    this.#held.push(bytes);
    if (this.#held.length === 1) this.#release();
  }

  /** Says that there is no more; what was sent still arrives. */
  end(): void {
    if (this.#isClosed) return;
    this.#close();
    this.#controller?.close();
  }

  /** Ends the connection at once; what waits is forgotten. */
  cut(): void {
    if (this.#isClosed) return;
    this.#close();
    if (this.#outgoing === undefined) this.#controller?.error(new Error("the reader was cut off"));
    else this.#outgoing.destroy();
  }

  /** Sends what was held as soon as the head of the answer is out, which the library writes within a few turns. */
  #release(): void {
    const outgoing = this.#outgoing;
    if (this.#isClosed || outgoing === undefined) return;
    if (!outgoing.headersSent) {
      setImmediate(() => this.#release());
      return;
    }
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const bytes of held) outgoing.write(bytes);
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#outgoing !== undefined) open.delete(this.#outgoing);
    this.#onClosed();
  }
}

/** Ends the stream that this response carries, if it carries one: the server is about to close. */
export function endEventStream(outgoing: ServerResponse): void {
  open.get(outgoing)?.end();
}

/** The bytes of one event. @param data JSON, which has no line breaks. */
export function eventText(event: string, id: number | string | undefined, data: string): string {
  return `event: ${event}\n${id === undefined ? "" : `id: ${id}\n`}data: ${data}\n\n`;
}

/** A line that readers pass over: keeps connections alive, and shows which are. */
export const HEARTBEAT: Uint8Array = Buffer.from(": heartbeat\n\n");

/** After this long a reader that lost its connection tries again. */
export const RETRY = "retry: 1000\n\n";
