/** The last events of a run in words, for whoever has to understand a violation. */

import type { Message } from "../../src/raft/index.ts";
import type { Observer } from "./observer.ts";

export class Narrator {
  readonly #keep: number;
  readonly #lines: string[] = [];
  readonly #now: () => number;

  constructor(now: () => number, keep: number) {
    this.#now = now;
    this.#keep = keep;
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  note(text: string): void {
    this.#lines.push(`${this.#now().toFixed(2).padStart(10)}  ${text}`);
    if (this.#lines.length > this.#keep) this.#lines.shift();
  }

  readonly observer: Partial<Observer> = {
    noted: (text) => this.note(text),
    started: (node) => this.note(`${node.id} started, boot ${node.boot}`),
    drained: ({ id }, { write, send, apply, restore, trace }) => {
      for (const event of trace) this.note(`${id} ${words(event)}`);
      if (write !== undefined) {
        const { seq, hardState, truncateFrom, append, install, compact } = write;
        const entries = append.map((entry) => `${entry.index}/${entry.term}`).join(" ");
        const parts = { hardState, truncateFrom, install: install?.index, compact: compact?.index };
        this.note(`${id} writes #${seq} ${words(parts)} [${entries}]`);
      }
      for (const message of send) this.note(`${id} sends ${messageWords(message)}`);
      if (restore !== undefined) this.note(`${id} restores ${restore.index}`);
      if (apply !== undefined) this.note(`${id} applies up to ${apply.entries.at(-1)?.index}`);
    },
    synced: ({ id, disk }) => this.note(`${id} synced, log ends at ${disk.synced.last.index}`),
    asked: ({ id }, { event }) => this.note(`${id} is asked ${words(event)}`),
    answered: ({ id }, _attempt, { kind, id: request, result }) =>
      this.note(`${id} answers ${kind} ${request}: ${words(result)}`),
  };
}

function messageWords(message: Message): string {
  const { kind, to, term, from: _, ...rest } = message;
  const entries =
    "entries" in rest ? { entries: rest.entries.map(({ index, term: of }) => `${index}/${of}`) } : {};
  return `${kind} to ${to} in ${term} ${words({ ...rest, ...entries })}`;
}

function words(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => (typeof part === "bigint" ? `${part}n` : part));
}
