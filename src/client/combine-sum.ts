/** Increments of one counter on their way to becoming one operation of a batch. */

import { INT64_MAX, INT64_MIN } from "./checks.ts";
import type { Combined, CombinedSum } from "./combine-types.ts";
import type { BatchDone } from "./types.ts";

/** What a sum takes up in memory beside its key: the object, its promise, two closures and its place in a map. Bytes. */
const SUM_BYTES = 400;
/** The most that the rest of an operation takes in a request: `{"key":,"by":-9223372036854775808},`. Bytes. */
const OPERATION_BYTES = 40;
/** A UTF-16 unit takes at most so many bytes in UTF-8. */
const UNIT_BYTES_MAX = 3;
/** Of a longer text it is worth finding out how many bytes it really takes. */
const UNITS_MAX = 64;

/** One sum. All who joined it hold the same promise, so that joining costs an addition and no memory. */
export class Sum {
  readonly key: string;
  /** What its callers wait for. Nobody has to: it counts as handled. */
  readonly promise: Promise<Combined>;
  /** In this process, about. */
  readonly memoryBytes: number;
  /** In a request, at most. */
  readonly bodyBytes: number;
  /** How many increments it holds. */
  calls = 1;
  /** A number for as long as that is exact. */
  #total: number | bigint;
  readonly #keyText: string;
  #resolve: (combined: Combined) => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;

  /** @param key checked. @param by a safe integer, or a bigint within 64 bits. */
  constructor(key: string, by: number | bigint) {
    this.key = key;
    this.#total = by;
    this.#keyText = JSON.stringify(key);
    this.memoryBytes = SUM_BYTES + 2 * key.length;
    this.bodyBytes = OPERATION_BYTES + bytesOf(this.#keyText);
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.promise.catch(ignore);
  }

  /** Adds to the sum. False, and nothing has changed, if `by` is no safe integer or the result needs a bigint. */
  addNumber(by: number): boolean {
    const total = this.#total;
    if (typeof total !== "number" || !Number.isSafeInteger(by)) return false;
    const next = total + by;
    // Of two safe integers, a sum that is rounded is not safe.
    if (!Number.isSafeInteger(next)) return false;
    this.#total = next;
    this.calls += 1;
    return true;
  }

  /** Adds to the sum. False, and nothing has changed, if it would leave 64 bits. @param by within them. */
  addBigInt(by: bigint): boolean {
    const next = BigInt(this.#total) + by;
    if (next < INT64_MIN || next > INT64_MAX) return false;
    this.#total = compact(next);
    this.calls += 1;
    return true;
  }

  /** As an operation of a batch, in JSON. */
  get operation(): string {
    return `{"key":${this.#keyText},"by":${this.#total}}`;
  }

  get summary(): CombinedSum {
    return { key: this.key, by: BigInt(this.#total), calls: this.calls };
  }

  /** Tells its callers that it counts. @param at its position in the batch. */
  succeed({ results, index, term, replayed }: BatchDone, at: number): void {
    const result = results[at];
    // That there are as many results as operations has been checked as the answer was read.
    if (result === undefined) return;
    const { value, revision } = result;
    const { key, calls } = this;
    this.#resolve({ key, value, revision, by: BigInt(this.#total), calls, index, term, replayed });
  }

  fail(error: unknown): void {
    this.#reject(error);
  }
}

/** As a number where that is exact, which is what most sums are. */
export function compact(exact: bigint): number | bigint {
  const near = Number(exact);
  return Number.isSafeInteger(near) ? near : exact;
}

function bytesOf(text: string): number {
  if (text.length <= UNITS_MAX) return text.length * UNIT_BYTES_MAX;
  return new TextEncoder().encode(text).length;
}

function ignore(): void {}
