/** What a watcher was told, and whether its ranges tile. */

import { EventReader } from "./event-reader.ts";

export interface Told {
  readonly key: string;
  readonly value: number;
  readonly revision: number;
  readonly from: number;
  readonly to: number;
  readonly deleted: boolean;
}

/** One watcher: reads until it is closed, and fails as soon as its ranges leave a gap or overlap. */
export class WatchReader {
  readonly stream: EventReader;
  readonly changes: Told[] = [];
  /** Of the first event, if the watch was opened anew. */
  opened: Readonly<Record<string, unknown>> | undefined;
  readonly resyncs: Readonly<Record<string, unknown>>[] = [];
  /** Goes on after this: the last id. */
  at: number;
  #read = 0;

  private constructor(stream: EventReader, after: number) {
    this.stream = stream;
    this.at = after;
  }

  /** @param after goes on after this revision; undefined: from now on. */
  static async open(url: string, query: string = "", after?: number): Promise<WatchReader> {
    const headers: Record<string, string> = after === undefined ? {} : { "Last-Event-ID": String(after) };
    const stream = await EventReader.open(`${url}/v1/watch${query}`, headers);
    if (stream.status !== 200) throw new Error(`a watch was answered with ${stream.status}`);
    const watcher = new WatchReader(stream, after ?? -1);
    if (after === undefined) await watcher.until(() => watcher.opened !== undefined);
    return watcher;
  }

  /** Waits until `look` finds something in what has been told. */
  async until<T>(look: (watcher: this) => T | undefined | false): Promise<T> {
    return await this.stream.until(() => {
      this.#take();
      return look(this);
    });
  }

  /** Looks at what has come until now. */
  #take(): void {
    for (; this.#read < this.stream.events.length; this.#read++) {
      const { event, id, data } = this.stream.events[this.#read] ?? { event: "", id: "", data: "{}" };
      const fields = JSON.parse(data) as Readonly<Record<string, unknown>>;
      if (event === "change") this.#change(fields as unknown as Told);
      else if (event === "open") this.opened = fields;
      else if (event === "resync") this.resyncs.push(fields);
      else throw new Error(`an event of no known kind: ${event}`);
      if (event !== "change") this.at = Number(fields["revision"]);
      if (Number(id) !== this.at) throw new Error(`the id of an event is ${id} and not ${this.at}`);
    }
  }

  #change(told: Told): void {
    if (told.from !== this.at + 1) throw new Error(`a range begins at ${told.from} after ${this.at}`);
    if (told.to < told.from || told.revision > told.to) throw new Error(`no range: ${JSON.stringify(told)}`);
    this.at = told.to;
    this.changes.push(told);
  }

  close(): void {
    this.stream.close();
  }
}
