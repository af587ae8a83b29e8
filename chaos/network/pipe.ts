/** One direction of one connection: takes bytes from one socket and gives them to another, as troubles allow. */

import type { Socket } from "node:net";
import { type Part, Splitter } from "./messages.ts";
import type { Way } from "./way.ts";

/** With more on its way the sender is made to wait, as by a full buffer of the system. */
const HELD_BYTES_MAX = 512 * 1024;
/** The first messages of a connection introduce the two: without them there is no link to lose anything on. */
const INTRODUCTION = 2;

interface Due {
  readonly bytes: Buffer;
  readonly atMs: number;
  readonly isMessage: boolean;
}

export interface PipeOptions {
  readonly source: Socket;
  readonly target: Socket;
  readonly way: Way;
  /** 0 or more, less than 1. */
  readonly random: () => number;
  /** Sees each message before anything is done to it. */
  readonly onMessage?: (bytes: Buffer, position: number) => void;
}

export class Pipe {
  readonly #options: PipeOptions;
  readonly #splitter: Splitter = new Splitter();
  readonly #queue: Due[] = [];
  readonly #unlisten: () => void;
  #heldBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #isEnding = false;
  #isFull = false;

  constructor(options: PipeOptions) {
    this.#options = options;
    const { source, target, way } = options;
    source.on("data", (chunk: Buffer) => this.#take(chunk));
    source.on("end", () => this.#end());
    source.on("close", () => this.#end());
    target.on("drain", () => {
      this.#isFull = false;
      this.#pump();
    });
    this.#unlisten = way.onChange(() => this.#pump());
  }

  /** Nothing goes through any more. */
  close(): void {
    clearTimeout(this.#timer);
    this.#unlisten();
    this.#queue.length = 0;
  }

  #take(chunk: Buffer): void {
    const { way, source, onMessage } = this.#options;
    for (const part of this.#splitter.push(chunk)) {
      if (part.message !== undefined) onMessage?.(part.bytes, part.message);
      for (const bytes of this.#fates(part)) {
        if (way.trouble.cut === true) way.passed.held += bytes.length;
        this.#queue.push({ bytes, atMs: this.#due(bytes.length), isMessage: part.message !== undefined });
        this.#heldBytes += bytes.length;
      }
    }
    if (this.#heldBytes > HELD_BYTES_MAX) source.pause();
    this.#pump();
  }

  /** What arrives of a part: nothing, itself, or itself twice; and perhaps not as it was. */
  #fates({ bytes, message }: Part): readonly Buffer[] {
    const { way, random } = this.#options;
    if (message === undefined || message < INTRODUCTION) return [bytes];
    const { loss = 0, duplication = 0, damage = 0 } = way.trouble;
    if (loss > 0 && random() < loss) {
      way.passed.lost++;
      return [];
    }
    if (damage > 0 && random() < damage) {
      way.passed.damaged++;
      const copy = Buffer.from(bytes);
      const at = 8 + Math.floor(random() * (copy.length - 8));
      copy[at] = (copy[at] ?? 0) ^ (1 << Math.floor(random() * 8));
      return [copy];
    }
    if (duplication > 0 && random() < duplication) {
      way.passed.doubled++;
      return [bytes, bytes];
    }
    return [bytes];
  }

  /** When bytes that come now arrive; never before those that came earlier. */
  #due(count: number): number {
    const { way, random } = this.#options;
    const { delayMs = 0, jitterMs = 0, bytesPerSecond } = way.trouble;
    const nowMs = performance.now();
    let atMs = Math.max(nowMs + delayMs + jitterMs * random(), this.#queue.at(-1)?.atMs ?? 0);
    if (bytesPerSecond !== undefined) {
      atMs = Math.max(atMs, way.freeAtMs + delayMs);
      way.freeAtMs = Math.max(way.freeAtMs, nowMs) + (count / bytesPerSecond) * 1_000;
      atMs = Math.max(atMs, way.freeAtMs + delayMs);
    }
    return atMs;
  }

  /** Passes on what is due. */
  #pump(): void {
    const { way, source, target } = this.#options;
    clearTimeout(this.#timer);
    if (way.trouble.cut === true || this.#isFull) return;
    const nowMs = performance.now();
    for (let [next] = this.#queue; next !== undefined; [next] = this.#queue) {
      if (next.atMs > nowMs) {
        this.#timer = setTimeout(() => this.#pump(), next.atMs - nowMs);
        return;
      }
      this.#queue.shift();
      this.#heldBytes -= next.bytes.length;
      if (target.destroyed) continue;
      way.passed.bytes += next.bytes.length;
      if (next.isMessage) way.passed.messages++;
      this.#isFull = !target.write(next.bytes);
      if (this.#isFull) break;
    }
    if (source.isPaused() && this.#heldBytes <= HELD_BYTES_MAX / 2) source.resume();
    if (this.#isEnding && this.#queue.length === 0) target.end();
  }

  /** Even the end of a connection does not get through a cut. */
  #end(): void {
    this.#isEnding = true;
    this.#pump();
  }
}
