/** The way from one node to another: what is wrong with it now, and what has passed. */

import type { Passed, Trouble } from "./types.ts";

export class Way {
  readonly from: string;
  readonly to: string;
  readonly passed: { -readonly [Count in keyof Passed]: number } = {
    ...{ bytes: 0, messages: 0, held: 0, lost: 0, doubled: 0, damaged: 0 },
  };
  /** When the last byte at the given rate has left, ms of `performance.now()`. */
  freeAtMs = 0;
  #trouble: Trouble = {};
  readonly #listeners: Set<() => void> = new Set();

  constructor(from: string, to: string) {
    this.from = from;
    this.to = to;
  }

  get trouble(): Trouble {
    return this.#trouble;
  }

  set trouble(trouble: Trouble) {
    this.#trouble = trouble;
    for (const listener of [...this.#listeners]) listener();
  }

  /** Calls `listener` at each change of the trouble, until the function that it gives is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves as soon as something can pass; false if `signal` aborts before. */
  async open(signal: AbortSignal): Promise<boolean> {
    if (this.#trouble.cut === true) this.passed.held++;
    while (this.#trouble.cut === true && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const stop = this.onChange(resolve);
        signal.addEventListener("abort", () => {
          stop();
          resolve();
        });
      });
    }
    return !signal.aborted;
  }
}
