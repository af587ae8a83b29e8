/** Reads a stream of server-sent events as a browser does (the WHATWG's rules), over a real socket. */

import { type ClientRequest, get, type IncomingMessage } from "node:http";
import { eventViolations } from "./contract.ts";

export interface ReadEvent {
  readonly event: string;
  /** The last id that was given, by this event or one before it. */
  readonly id: string;
  readonly data: string;
}

/** Many watchers get many events of the same making. */
const LOOKED_AT = 100;

export class EventReader {
  readonly events: ReadEvent[] = [];
  readonly comments: string[] = [];
  /** What the server asked to wait before coming back, ms. */
  retryMs: number | undefined;
  isOver = false;
  /** Events that are not as the document says; at most the first hundred of a stream are looked at. */
  readonly violations: string[] = [];
  readonly #target: string;
  readonly #request: ClientRequest;
  readonly #response: IncomingMessage;
  #rest = "";
  #id = "";
  #name = "";
  #data: string[] = [];
  #wake: () => void = () => undefined;

  private constructor(target: string, request: ClientRequest, response: IncomingMessage) {
    this.#target = target;
    this.#request = request;
    this.#response = response;
    response.setEncoding("utf8");
    response.on("data", (chunk: string) => {
      this.#take(chunk);
      this.#wake();
    });
    response.on("error", () => undefined);
    response.on("close", () => {
      this.isOver = true;
      this.#wake();
    });
  }

  static open(url: string, headers: Readonly<Record<string, string>> = {}): Promise<EventReader> {
    return new Promise((resolve, reject) => {
      const request = get(url, { headers, agent: false }, (response) => {
        const { pathname, search } = new URL(url);
        resolve(new EventReader(pathname + search, request, response));
      });
      request.on("error", reject);
    });
  }

  get status(): number {
    return this.#response.statusCode ?? 0;
  }

  header(name: string): string | undefined {
    const value = this.#response.headers[name];
    return typeof value === "object" ? value.join(", ") : value;
  }

  /** Whether the answer ended as HTTP says, and was not broken off. */
  get isWhole(): boolean {
    return this.#response.complete;
  }

  /** Waits until `look` finds something among what has come. Fails if the stream ends first. */
  async until<T>(look: (reader: this) => T | undefined | false): Promise<T> {
    for (;;) {
      if (this.violations.length > 0) throw new Error(this.violations.join("\n"));
      const found = look(this);
      if (found !== undefined && found !== false) return found;
      if (this.isOver) throw new Error(`the stream ended with ${JSON.stringify(this.events.at(-1))}`);
      await this.#next();
    }
  }

  async untilOver(): Promise<void> {
    while (!this.isOver) await this.#next();
  }

  /** Reads nothing from now on. */
  pause(): void {
    this.#response.pause();
    this.#response.socket.pause();
  }

  resume(): void {
    this.#response.socket.resume();
    this.#response.resume();
  }

  close(): void {
    this.#request.destroy();
  }

  #next(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #take(chunk: string): void {
    const lines = (this.#rest + chunk).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#line(line);
  }

  #line(line: string): void {
    if (line === "") return this.#dispatch();
    if (line.startsWith(":")) {
      this.comments.push(line.slice(1).trim());
      return;
    }
    const [, name = line, value = ""] = /^([^:]*): ?(.*)$/.exec(line) ?? [];
    if (name === "data") this.#data.push(value);
    else if (name === "event") this.#name = value;
    else if (name === "id") this.#id = value;
    else if (name === "retry") this.retryMs = Number(value);
    else throw new Error(`no field of an event: ${line}`);
  }

  #dispatch(): void {
    if (this.#data.length > 0) {
      const told = { event: this.#name || "message", id: this.#id, data: this.#data.join("\n") };
      this.events.push(told);
      if (this.events.length <= LOOKED_AT) this.violations.push(...eventViolations(this.#target, told));
    }
    this.#name = "";
    this.#data = [];
  }
}
