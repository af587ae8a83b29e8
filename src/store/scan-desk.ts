/**
 * Scans on their way to the thread that answers them, and back: in order, a bounded number, and never while the file
 * is being replaced. The thread is started with the first scan.
 */

import { Worker } from "node:worker_threads";
import { defined } from "../base/index.ts";
import { StorageFailure } from "./errors.ts";
import {
  reviveError,
  type ScanMessage,
  type ScanRequest,
  type ScanWorkerOptions,
  workerUrl,
} from "./state-protocol.ts";
import type { QueryAnswer, QueryAnswers, ScanQuery } from "./types.ts";

/** How long one scan may take, ms. */
const SCAN_MS = 2_000;
/** Scans that may wait for their turn. */
const WAITING_MAX = 32;
/** How long a scan may wait for its turn, ms: whoever asked has given up by then. */
const WAIT_MS_MAX = 3_000;
/** After this long with hardly a moment between scans, SQLite's WAL may need one to be emptied, ms. */
const GAP_EVERY_MS = 1_000;

export interface ScanDeskOptions {
  /** The path of state.db. */
  readonly path: string;
  readonly clusterId: string;
  /** How long one scan may take, ms; 2 s by default. */
  readonly scanMs?: number;
  /** Runs while no scan reads: time for a checkpoint. */
  readonly onGap: () => Promise<unknown>;
  /** The thread has failed, which is final. */
  readonly onFailure: (failure: Error) => void;
}

/** What became of a scan; without `answers` it was not tried, and `refused` says why. */
export type ScanResult = QueryAnswers | { readonly refused: Extract<QueryAnswer, { kind: "tooMuch" }> };

interface Waiting {
  readonly query: ScanQuery;
  /** Ends when everything is applied that was asked for before. */
  readonly ready: Promise<unknown>;
  readonly sinceMs: number;
  readonly resolve: (result: ScanResult) => void;
  readonly reject: (error: Error) => void;
}

export class ScanDesk {
  readonly #options: ScanDeskOptions;
  readonly #stop = new SharedArrayBuffer(4);
  readonly #queue: Waiting[] = [];
  #worker: Worker | undefined;
  #exited: Promise<void> = Promise.resolve();
  /** The answer that the thread owes. */
  #owed:
    | { readonly resolve: (value: QueryAnswers | undefined) => void; readonly reject: (error: Error) => void }
    | undefined;
  #lastId = 0;
  /** Ends when the present round of work does; undefined while there is none. */
  #round: Promise<void> | undefined;
  #isPaused = false;
  #failure: Error | undefined;
  #gapMs = performance.now();

  constructor(options: ScanDeskOptions) {
    this.#options = options;
  }

  /**
   * Answers a query from a state that has applied at least what `ready` stands for.
   * @param ready must not reject.
   */
  run(query: ScanQuery, ready: Promise<unknown>): Promise<ScanResult> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#queue.length >= WAITING_MAX)
      return Promise.resolve(
        refused("Too many questions that look at every counter are waiting in this node."),
      );
    return new Promise((resolve, reject) => {
      this.#queue.push({ query, ready, sinceMs: performance.now(), resolve, reject });
      this.#work();
    });
  }

  /** Begins no further scan, and lets go of the file once the present one has ended. */
  async pause(): Promise<void> {
    this.#isPaused = true;
    await this.#round;
    if (this.#worker !== undefined && this.#failure === undefined) await this.#ask({ kind: "release" });
  }

  /** The file is there again. */
  resume(): void {
    this.#isPaused = false;
    this.#work();
  }

  /** Ends the present scan as soon as it looks, refuses those that wait, and ends the thread. */
  async close(why: Error): Promise<void> {
    this.#failure ??= why;
    Atomics.store(new Int32Array(this.#stop), 0, 1);
    for (const { reject } of this.#queue.splice(0)) reject(this.#failure);
    await this.#round;
    this.#worker?.postMessage({ id: ++this.#lastId, kind: "close" } satisfies ScanRequest);
    await this.#exited;
  }

  #work(): void {
    if (this.#round !== undefined || this.#isPaused || this.#queue.length === 0) return;
    this.#round = this.#answerAll().finally(() => {
      this.#round = undefined;
      this.#work();
    });
  }

  async #answerAll(): Promise<void> {
    while (!this.#isPaused && this.#failure === undefined) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      try {
        next.resolve(await this.#answer(next));
      } catch (error) {
        next.reject(error instanceof Error ? error : new Error(String(error)));
      }
    }
  }

  async #answer({ query, ready, sinceMs }: Waiting): Promise<ScanResult> {
    await ready;
    if (this.#failure !== undefined) throw this.#failure;
    const nowMs = performance.now();
    if (nowMs - sinceMs > WAIT_MS_MAX)
      return refused("Other questions that look at every counter took too long.");
    if (nowMs - this.#gapMs > GAP_EVERY_MS) {
      await this.#options.onGap();
      this.#gapMs = performance.now();
    }
    const limitMs = this.#options.scanMs ?? SCAN_MS;
    return defined(await this.#ask({ kind: "scan", query, limitMs }), "scan: it has an answer");
  }

  #ask(
    request: { kind: "scan"; query: ScanQuery; limitMs: number } | { kind: "release" },
  ): Promise<QueryAnswers | undefined> {
    return new Promise((resolve, reject) => {
      this.#owed = { resolve, reject };
      const worker = this.#worker ?? this.#start();
      worker.postMessage({ ...request, id: ++this.#lastId } satisfies ScanRequest);
    });
  }

  #start(): Worker {
    const { path, clusterId } = this.#options;
    const workerData: ScanWorkerOptions = { path, clusterId, stop: this.#stop };
    const worker = new Worker(workerUrl("scan-worker"), { workerData, name: "raftally-scan" });
    this.#worker = worker;
    this.#exited = new Promise((resolve) => worker.once("exit", () => resolve()));
    worker.on("message", (message: ScanMessage) => {
      if ("error" in message) return this.#fail(reviveError(message.error));
      const owed = this.#owed;
      this.#owed = undefined;
      owed?.resolve(message.value);
    });
    const lost = (cause: unknown): void =>
      this.#fail(new StorageFailure("go on with the scans of state.db", cause));
    worker.on("messageerror", lost);
    worker.on("error", lost);
    worker.on("exit", (code) => lost(`their thread ended with exit code ${code}`));
    return worker;
  }

  #fail(failure: Error): void {
    const isFirst = this.#failure === undefined;
    this.#failure ??= failure;
    this.#owed?.reject(this.#failure);
    this.#owed = undefined;
    for (const { reject } of this.#queue.splice(0)) reject(this.#failure);
    if (isFirst) this.#options.onFailure(failure);
  }
}

function refused(detail: string): ScanResult {
  return { refused: { kind: "tooMuch", detail, busy: true } };
}
