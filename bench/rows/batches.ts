/** Much in little time: increments in batches, as many as are wanted and no more. */

/** What a node takes in one batch. */
const BATCH_OPERATIONS = 1_000;
/** Requests that are under way at a time. */
const CALLERS = 8;
/** After so many increments more it is told how many there are. */
const TOLD_EVERY = 20_000;

export interface Batches {
  /** Of the leader. */
  readonly url: string;
  /** Numbered from 0; batch n is about keys n × 1,000 and on, round and round. */
  readonly keys: number;
  /** How many increments by 1 in all: a multiple of 1,000. */
  readonly increments: number;
  readonly nameOf: (key: number) => string;
  readonly signal: AbortSignal;
  readonly onProgress?: (done: number) => void;
}

/**
 * Makes the increments, each key in turn.
 * @returns how many were acknowledged: all of them.
 * @throws {Error} if one was not answered with 200; the signal's reason.
 */
export async function inBatches(batches: Batches): Promise<number> {
  const { url, keys, increments, nameOf, signal, onProgress } = batches;
  const count = increments / BATCH_OPERATIONS;
  if (!Number.isInteger(count)) throw new RangeError("increments must be a multiple of 1,000");
  const bodyOf = (batch: number): string => {
    const first = (batch * BATCH_OPERATIONS) % keys;
    const operations = Array.from(
      { length: BATCH_OPERATIONS },
      (_, at) => `{"key":"${nameOf((first + at) % keys)}"}`,
    );
    return `{"operations":[${operations.join(",")}]}`;
  };
  // Where all keys fit into one batch they are all alike.
  const same = keys <= BATCH_OPERATIONS ? bodyOf(0) : undefined;
  let next = 0;
  let done = 0;
  const caller = async (): Promise<void> => {
    while (next < count) {
      const body = same ?? bodyOf(next);
      next += 1;
      await post(url, body, signal);
      done += BATCH_OPERATIONS;
      if (done % TOLD_EVERY === 0) onProgress?.(done);
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  return done;
}

async function post(url: string, body: string, signal: AbortSignal): Promise<void> {
  const headers = { "content-type": "application/json", accept: "application/json" };
  const response = await fetch(`${url}/v1/batch`, { method: "POST", headers, body, signal });
  const answer = await response.text();
  if (!response.ok) throw new Error(`a batch was answered by ${response.status}: ${answer.slice(0, 300)}`);
}
