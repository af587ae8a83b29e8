/** Cuts what nodes say to each other into messages, so that one can be lost without tearing the others apart. */

/** Length and checksum before each message. */
const HEADER_BYTES = 8;
const HEAD_END = Buffer.from("\r\n\r\n");
/** Longer heads and messages are passed on as they are. */
const HELD_BYTES_MAX = 32 * 1024 * 1024;

/** A piece of a conversation. */
export interface Part {
  readonly bytes: Buffer;
  /** From 0, if it is a whole message; undefined of everything else: heads of HTTP, files. */
  readonly message: number | undefined;
}

/**
 * One direction of a conversation. It begins with the head of a request or an answer of HTTP, and goes on with
 * messages if that is an upgrade.
 */
export class Splitter {
  #state: "head" | "messages" | "bytes" = "head";
  #held: Buffer = Buffer.alloc(0);
  #messages = 0;

  /** Takes the next bytes, and gives every part that they complete. */
  push(chunk: Buffer): Part[] {
    this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const parts: Part[] = [];
    for (let part = this.#next(); part !== undefined; part = this.#next()) parts.push(part);
    return parts;
  }

  #next(): Part | undefined {
    if (this.#held.length === 0) return undefined;
    if (this.#held.length > HELD_BYTES_MAX) this.#state = "bytes";
    switch (this.#state) {
      case "head": {
        const end = this.#held.indexOf(HEAD_END);
        if (end < 0) return undefined;
        const head = this.#take(end + HEAD_END.length);
        this.#state = isUpgrade(head.toString("latin1")) ? "messages" : "bytes";
        return { bytes: head, message: undefined };
      }
      case "messages": {
        if (this.#held.length < HEADER_BYTES) return undefined;
        const size = HEADER_BYTES + this.#held.readUInt32BE(0);
        if (this.#held.length < size) return undefined;
        return { bytes: this.#take(size), message: this.#messages++ };
      }
      case "bytes":
        return { bytes: this.#take(this.#held.length), message: undefined };
    }
  }

  #take(count: number): Buffer {
    const taken = this.#held.subarray(0, count);
    this.#held = this.#held.subarray(count);
    return taken;
  }
}

function isUpgrade(head: string): boolean {
  return head.startsWith("HTTP/1.1 101 ") || /^GET \S+ HTTP\/1\.1\r\n(?:.*\r\n)*upgrade:/i.test(head);
}

/** Who says hello in the message that follows a request for a link, behind its proof; undefined if it cannot be told. */
export function speakerOf(message: Buffer): string | undefined {
  const text = message.toString("latin1");
  return /"from":"([a-z0-9-]+)"/.exec(text)?.[1];
}
