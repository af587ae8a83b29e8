/**
 * The generator of load: callers on connections of their own, each of which asks, waits for its answer, and asks again.
 *
 * It is one process for every protocol (this one), works on bare sockets and keeps its own share of the CPU low, because
 * it takes that from the system which it measures. When the time is over nobody asks any more, and the answers
 * that are still to come are waited for: so it knows exactly what was acknowledged.
 */

import { connect, type Socket } from "node:net";
import type { Figures, Timing } from "../types.ts";
import { Histogram } from "./histogram.ts";

/** Answers that are missing for so long after the end will not come, ms. */
const DRAIN_MS = 15_000;
const READ_BYTES = 65_536;

/** `wait`: the answer is not complete. `again`: it is, and the operation needs one more. `done`: the operation is. */
export type Heard = "wait" | "again" | "done";

/** One protocol on one connection. */
export interface Caller {
  /** Sent first, before any request, if there is one. */
  readonly greeting?: Uint8Array;
  /** How many operations one request carries. */
  readonly weight: number;
  /** How many callers share the connection, where the protocol lets them; 1 if left out. */
  readonly sharers?: number;
  /**
   * The bytes of the next request. They are written at once and must not be changed for a while.
   * @param sharer who asks, from 0.
   */
  request(sharer: number): Uint8Array;
  /**
   * Takes bytes that arrived. They are valid during the call only.
   * @param talk for what the protocol itself has to say in between, and for answers to those who share a connection.
   * @returns how far the answer is; of a connection that is shared, always `wait`.
   * @throws {Error} if the answer is not what it has to be: the whole load then fails.
   */
  hear(bytes: Buffer, talk: Talk): Heard;
}

/** What a protocol can do while it listens. */
export interface Talk {
  send(bytes: Uint8Array): void;
  /** The answer to one of those who share the connection is complete. */
  answered(sharer: number, heard: Exclude<Heard, "wait">): void;
}

export interface Connection {
  /** On 127.0.0.1. */
  readonly port: number;
  readonly caller: Caller;
}

/** What a load did. */
export interface LoadResult {
  /** Operations that were acknowledged within the measured time, in a second. */
  readonly rate: number;
  /** Operations that were acknowledged from the first to the last, warm-up and end included. */
  readonly acknowledged: number;
  /** Operations that may have been carried out without anybody having waited for the answer. */
  readonly underway: number;
  /** Latencies, and what the generator itself used. */
  readonly figures: Figures;
}

/**
 * Loads whatever listens, warms it up, measures, and waits for the last answers.
 * @throws {Error} if a connection breaks, or an answer is wrong or missing; the reason of `timing.signal`.
 */
export async function closedLoop(
  connections: readonly Connection[],
  timing: Pick<Timing, "warmupSeconds" | "seconds" | "signal">,
): Promise<LoadResult> {
  const loop = new Loop(connections);
  try {
    await loop.open();
    return await loop.run(timing);
  } finally {
    loop.close();
  }
}

class Loop {
  readonly #connections: readonly Connection[];
  readonly #sockets: Socket[] = [];
  readonly #latencies: Histogram = new Histogram();
  #isMeasuring = false;
  #isEnding = false;
  #acknowledged = 0;
  #measured = 0;
  #asking = 0;
  #drained: () => void = () => undefined;
  #fail: (error: Error) => void = () => undefined;
  readonly #failed: Promise<never>;

  constructor(connections: readonly Connection[]) {
    this.#connections = connections;
    this.#failed = new Promise((_, reject) => {
      this.#fail = reject;
    });
    // Whoever waits for it is told; here it only must not go unhandled meanwhile.
    this.#failed.catch(() => undefined);
  }

  async open(): Promise<void> {
    await Promise.all(this.#connections.map((connection) => this.#connect(connection)));
  }

  #connect({ port, caller }: Connection): Promise<void> {
    return new Promise((resolve, reject) => {
      const sharers = caller.sharers ?? 1;
      const begun = new Float64Array(sharers);
      const ask = (sharer: number): void => {
        begun[sharer] = performance.now();
        this.#asking += 1;
        socket.write(caller.request(sharer));
      };
      const answered = (sharer: number, heard: Heard): void => {
        if (heard === "again") socket.write(caller.request(sharer));
        if (heard !== "done") return;
        this.#count(caller.weight, begun[sharer] ?? 0);
        if (!this.#isEnding) ask(sharer);
        else if (this.#asking === 0) this.#drained();
      };
      const talk: Talk = { send: (bytes) => socket.write(bytes), answered };
      const hear = (bytes: Buffer): void => {
        // What many have to say goes out in one write.
        if (sharers > 1) socket.cork();
        answered(0, caller.hear(bytes, talk));
        if (sharers > 1) socket.uncork();
      };
      const onread = {
        buffer: Buffer.allocUnsafeSlow(READ_BYTES),
        callback: (length: number, buffer: Uint8Array): boolean => {
          try {
            hear(Buffer.from(buffer.buffer, buffer.byteOffset, length));
          } catch (error) {
            this.#fail(error instanceof Error ? error : new Error(String(error)));
          }
          return true;
        },
      };
      const socket = connect({ host: "127.0.0.1", port, noDelay: true, onread });
      this.#sockets.push(socket);
      socket.once("connect", () => {
        if (caller.greeting !== undefined) socket.write(caller.greeting);
        for (let sharer = 0; sharer < sharers; sharer++) ask(sharer);
        resolve();
      });
      socket.on("error", (error) => {
        reject(error);
        this.#fail(error);
      });
      socket.once("close", () => this.#fail(new Error(`the connection to port ${port} was closed`)));
    });
  }

  #count(weight: number, begun: number): void {
    this.#asking -= 1;
    this.#acknowledged += weight;
    if (!this.#isMeasuring) return;
    this.#measured += weight;
    this.#latencies.record(performance.now() - begun);
  }

  async run({
    warmupSeconds,
    seconds,
    signal,
  }: Pick<Timing, "warmupSeconds" | "seconds" | "signal">): Promise<LoadResult> {
    await this.#pass(warmupSeconds, signal);
    const cpuBefore = process.cpuUsage();
    const began = performance.now();
    this.#isMeasuring = true;
    await this.#pass(seconds, signal);
    this.#isMeasuring = false;
    const tookSeconds = (performance.now() - began) / 1_000;
    const { user, system } = process.cpuUsage(cpuBefore);
    await this.#drain(signal);
    const cpu = (user + system) / 1e6 / tookSeconds;
    return {
      rate: this.#measured / tookSeconds,
      acknowledged: this.#acknowledged,
      underway: 0,
      figures: { ...this.#latencies.figures(), cpu },
    };
  }

  /** Lets time pass, unless something goes wrong before. */
  async #pass(seconds: number, signal: AbortSignal): Promise<void> {
    await this.#unlessFailed(signal, (done) => {
      const timer = setTimeout(done, seconds * 1_000);
      return () => clearTimeout(timer);
    });
  }

  async #drain(signal: AbortSignal): Promise<void> {
    this.#isEnding = true;
    if (this.#asking === 0) return;
    await this.#unlessFailed(signal, (done) => {
      const missing = (): void => this.#fail(new Error(`${this.#asking} answers never came`));
      const timer = setTimeout(missing, DRAIN_MS);
      this.#drained = done;
      return () => clearTimeout(timer);
    });
  }

  /** @param begin is given what to call at the end, and gives back how to clean up. */
  async #unlessFailed(signal: AbortSignal, begin: (done: () => void) => () => void): Promise<void> {
    signal.throwIfAborted();
    let end: () => void = () => undefined;
    const onAbort = (): void => this.#fail(new Error("interrupted"));
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      const passed = new Promise<void>((resolve) => {
        end = begin(resolve);
      });
      await Promise.race([passed, this.#failed]);
    } finally {
      end();
      signal.removeEventListener("abort", onAbort);
    }
  }

  close(): void {
    for (const socket of this.#sockets) {
      socket.removeAllListeners("close");
      socket.destroy();
    }
  }
}
