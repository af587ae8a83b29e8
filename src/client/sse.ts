/** Server-sent events out of an answer's bytes, as the HTML standard (section 9.2) has them. */

/** One event as it came. */
export interface ServerSentEvent {
  /** `message` where the sender gave no name. */
  readonly name: string;
  readonly data: string;
  /** The latest id that was sent, with this event or before it. */
  readonly id: string | undefined;
}

/** No event of a node comes near; whatever sends more is none, and must not fill the memory. */
const EVENT_CHARACTERS_MAX = 4 * 1024 * 1024;

/** Takes text in pieces and gives the events that are complete. */
export class EventParser {
  #rest = "";
  #name = "";
  #data: string[] = [];
  #characters = 0;
  #id: string | undefined;

  /** @throws {RangeError} for an event that is larger than any node sends. */
  push(text: string): readonly ServerSentEvent[] {
    const events: ServerSentEvent[] = [];
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    // Of a carriage return at the very end nobody knows yet whether a line feed belongs to it.
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line === "") events.push(...this.#dispatch());
      else this.#field(line);
    }
    if (this.#characters + this.#rest.length > EVENT_CHARACTERS_MAX) {
      throw new RangeError("an event is larger than any node sends");
    }
    return events;
  }

  #dispatch(): readonly ServerSentEvent[] {
    const event = { name: this.#name || "message", data: this.#data.join("\n"), id: this.#id };
    const isEmpty = this.#data.length === 0;
    this.#name = "";
    this.#data = [];
    this.#characters = 0;
    return isEmpty ? [] : [event];
  }

  #field(line: string): void {
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    this.#characters += value.length;
    if (name === "data") this.#data.push(value);
    else if (name === "event") this.#name = value;
    else if (name === "id" && !value.includes("\0")) this.#id = value;
  }
}
