/** Sums that go out in one request. */

import type { HttpRequest } from "./attempt.ts";
import type { Sum } from "./combine-sum.ts";
import { decodeBatchDone, Malformed } from "./decode.ts";
import type { BatchDone } from "./types.ts";
import type { Answer } from "./verdict.ts";

/** A node takes 1,048,576 (`BODY_BYTES_MAX` of src/api/body.ts); the rest is for what stands around the operations. */
const BODY_BYTES_MAX = 1_048_000;

/** Filled until it is sent, and then kept until every sum in it has its outcome. */
export class Group {
  /** In the order of their first calls. Nothing is added once it was sent. */
  readonly sums: Sum[] = [];
  /** When it was begun, by performance.now(). */
  readonly begunMs: number;
  /** Resolves when every sum has its outcome, with the first failure if there was one. */
  readonly ended: Promise<readonly [error: unknown] | undefined>;
  /** Whether it is to be sent as soon as it may. */
  isDue = false;
  /** Makes it due. */
  timer: ReturnType<typeof setTimeout> | undefined;
  #bodyBytes = 0;
  #failure: readonly [error: unknown] | undefined;
  #end: (failure: readonly [error: unknown] | undefined) => void = () => undefined;

  constructor(begunMs: number) {
    this.begunMs = begunMs;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  /** Whether one more sum fits. */
  hasRoomFor(sum: Sum, sumsMax: number): boolean {
    return this.sums.length < sumsMax && this.#bodyBytes + sum.bodyBytes <= BODY_BYTES_MAX;
  }

  add(sum: Sum): void {
    this.sums.push(sum);
    this.#bodyBytes += sum.bodyBytes;
  }

  noteFailure(error: unknown): void {
    this.#failure ??= [error];
  }

  end(): void {
    this.#end(this.#failure);
  }
}

/** All or none of the sums. */
export function requestOf(sums: readonly Sum[]): HttpRequest {
  let body = "";
  for (const sum of sums) body += body === "" ? sum.operation : `,${sum.operation}`;
  return { method: "POST", path: "/v1/batch", headers: {}, body: `{"operations":[${body}]}` };
}

/** Reads the answer to a batch with so many operations. One with another number of results is no answer to it. */
export function resultsOf(operations: number): (answer: Answer) => BatchDone {
  return (answer) => {
    const done = decodeBatchDone(answer);
    if (done.results.length === operations) return done;
    throw new Malformed(`"results" has ${done.results.length} members for ${operations} operations`);
  };
}
