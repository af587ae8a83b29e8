/** How long requests take: by route, method and class of status; never by path, key or caller. */

import { ERRORS } from "../base/index.ts";
import type { ApiContext, ApiHandler } from "./call.ts";
import { Buckets, type Series } from "./metrics-buckets.ts";
import { Refusal } from "./problem.ts";

/** Upper bounds in seconds. */
const BOUNDS = [0.000_25, 0.000_5, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** One route's requests: a class of status at the place of its first digit. */
class RouteTimes {
  readonly labels: { readonly route: string; readonly method: string };
  readonly classes: (Buckets | undefined)[] = [];

  constructor(labels: { readonly route: string; readonly method: string }) {
    this.labels = labels;
  }

  observe(status: number, beganMs: number): void {
    const digit = (status / 100) | 0;
    let buckets = this.classes[digit];
    if (buckets === undefined) {
      buckets = new Buckets(BOUNDS);
      this.classes[digit] = buckets;
    }
    buckets.observe((performance.now() - beganMs) / 1_000);
  }
}

export class HttpTimes {
  readonly #routes: RouteTimes[] = [];

  /** The same handler, timed until its answer is ready to leave: of a stream, until it begins. */
  time(
    { method, path }: { readonly method: string; readonly path: string },
    handler: ApiHandler,
  ): ApiHandler {
    const times = new RouteTimes({ route: path, method });
    this.#routes.push(times);
    const failed = (error: unknown, beganMs: number): never => {
      times.observe(error instanceof Refusal ? ERRORS[error.code].status : 500, beganMs);
      throw error;
    };
    return function timed(context: ApiContext): Response | Promise<Response> {
      const beganMs = performance.now();
      try {
        const answer = handler(context);
        if (!(answer instanceof Promise)) {
          times.observe(answer.status, beganMs);
          return answer;
        }
        return answer.then(
          (response) => {
            times.observe(response.status, beganMs);
            return response;
          },
          (error: unknown) => failed(error, beganMs),
        );
      } catch (error) {
        return failed(error, beganMs);
      }
    };
  }

  *series(): Iterable<Series> {
    for (const { labels, classes } of this.#routes) {
      for (const [digit, buckets] of classes.entries()) {
        if (buckets !== undefined) yield { labels: { ...labels, status: `${digit}xx` }, buckets };
      }
    }
  }
}
