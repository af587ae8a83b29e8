/** The way from one client to the cluster: counts requests, tells who answered, and can lose answers. */

import type { Random } from "./random.ts";
import type { Target } from "./target.ts";

/** Whether a request is one for counters, rather than one that a client makes for itself. */
function isForCounters(path: string): boolean {
  return path.startsWith("/v1/counters") || path === "/v1/batch";
}

export class Wire {
  /** Told of each request for a counter. */
  onAttempt: () => void = () => undefined;
  readonly #target: Target;
  readonly #random: Random;
  readonly #lossOfAnswers: number;
  #answeredBy: string | undefined;

  /** @param lossOfAnswers the share of answers to writes that are thrown away, 0 to 1: the client must ask again. */
  constructor(target: Target, random: Random, lossOfAnswers: number) {
    this.#target = target;
    this.#random = random;
    this.#lossOfAnswers = lossOfAnswers;
  }

  /** The id of the node whose answer came last. */
  get answeredBy(): string | undefined {
    return this.#answeredBy;
  }

  /** For the `fetch` of a client. */
  readonly fetch: typeof fetch = async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    if (!isForCounters(url.pathname)) return await fetch(input, init);
    this.onAttempt();
    const response = await fetch(input, init);
    this.#answeredBy = this.#target.nodes.find((node) => node.url === url.origin)?.id;
    if (init?.method !== "GET" && response.ok && this.#random.chance(this.#lossOfAnswers)) {
      await response.body?.cancel();
      throw new TypeError("the answer was lost on purpose");
    }
    return response;
  };
}
