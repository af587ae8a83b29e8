/** One of very many watchers: keeps no event, only whether the ranges tile and what they sum up to. */

import { type ClientRequest, get, type IncomingMessage } from "node:http";

/** What a watcher of one counter has seen so far. */
export interface Seen {
  /** The last revision that it was told of. */
  readonly at: number;
  /** Revisions that the ranges of its events cover. */
  readonly covered: number;
  readonly events: number;
  readonly value: number;
  /** How often it lost its connection and went on at the same place. */
  readonly resumed: number;
  /** Events that told it to read anew. */
  readonly resyncs: number;
}

interface Fields {
  readonly revision: number;
  readonly value?: number;
  readonly from: number;
  readonly to: number;
}

export class TilingWatcher {
  readonly #url: string;
  readonly #onEvent: ((value: number) => void) | undefined;
  #request: ClientRequest | undefined;
  #isClosed = false;
  #rest = "";
  #event = "";
  #at = -1;
  #covered = 0;
  #events = 0;
  #value = 0;
  #resumed = 0;
  #resyncs = 0;
  #problem: Error | undefined;
  #opened: () => void = () => undefined;

  private constructor(url: string, onEvent: ((value: number) => void) | undefined) {
    this.#url = url;
    this.#onEvent = onEvent;
  }

  /** Resolves when the watch has begun. @param onEvent hears the counter's value with each event. */
  static async open(url: string, onEvent?: (value: number) => void): Promise<TilingWatcher> {
    const watcher = new TilingWatcher(url, onEvent);
    await new Promise<void>((resolve, reject) => {
      watcher.#opened = resolve;
      watcher.#connect(reject);
    });
    return watcher;
  }

  /** @throws {Error} what was wrong with its events. */
  get seen(): Seen {
    if (this.#problem !== undefined) throw this.#problem;
    return {
      at: this.#at,
      covered: this.#covered,
      events: this.#events,
      value: this.#value,
      resumed: this.#resumed,
      resyncs: this.#resyncs,
    };
  }

  close(): void {
    this.#isClosed = true;
    this.#request?.destroy();
  }

  #connect(onError: (error: Error) => void): void {
    const headers: Record<string, string> = this.#at < 0 ? {} : { "Last-Event-ID": String(this.#at) };
    this.#request = get(this.#url, { headers, agent: false }, (response) => {
      if (response.statusCode !== 200) return onError(new Error(`answered with ${response.statusCode}`));
      this.#read(response);
    });
    this.#request.on("error", (error) => {
      if (!this.#isClosed) onError(error);
    });
  }

  #read(response: IncomingMessage): void {
    this.#rest = "";
    response.setEncoding("utf8");
    response.on("data", (chunk: string) => {
      const lines = (this.#rest + chunk).split("\n");
      this.#rest = lines.pop() ?? "";
      for (const line of lines) this.#line(line);
    });
    response.on("error", () => undefined);
    response.on("close", () => {
      if (this.#isClosed) return;
      this.#resumed++;
      this.#connect((error) => this.#fail(error.message));
    });
  }

  #line(line: string): void {
    if (line.startsWith("event: ")) this.#event = line.slice(7);
    else if (line.startsWith("data: ")) this.#told(JSON.parse(line.slice(6)) as Fields);
  }

  #told({ revision, value, from, to }: Fields): void {
    if (this.#event !== "change") {
      if (this.#event === "resync") this.#resyncs++;
      this.#at = revision;
      this.#opened();
      return;
    }
    if (from !== this.#at + 1 || to < from) this.#fail(`range ${from} to ${to} after ${this.#at}`);
    this.#covered += to - from + 1;
    this.#at = to;
    this.#events++;
    this.#value = value ?? 0;
    this.#onEvent?.(this.#value);
  }

  #fail(text: string): void {
    this.#problem ??= new Error(`a watcher of ${this.#url}: ${text}`);
  }
}
