/** What every request passes before its route, and every answer after it: origins, and the rate limit if there is one. */

import type { ApiContext, ApiHandler } from "./call.ts";
import { changesSomething, type Origins, originOf } from "./cors.ts";
import { Refusal } from "./problem.ts";
import type { RateLimiter } from "./rate-limit.ts";
import type { Route } from "./route.ts";

export class Gate {
  readonly #origins: Origins;
  readonly #limiter: RateLimiter | undefined;

  constructor(origins: Origins, limiter: RateLimiter | undefined) {
    this.#origins = origins;
    this.#limiter = limiter;
  }

  /** The route's handler behind the gate. What nobody's page sent, with no limit, costs the look at one header. */
  guard({ handler, unlimited }: Route): ApiHandler {
    if (this.#limiter === undefined || unlimited === true) {
      return (context) => (originOf(context) === undefined ? handler(context) : this.#pass(context, handler));
    }
    return async (context) => {
      await this.#limiter?.admit(context);
      return this.#pass(context, handler);
    };
  }

  async #pass(context: ApiContext, handler: ApiHandler): Promise<Response> {
    const origin = originOf(context);
    if (
      origin !== undefined &&
      changesSomething(context.req.method) &&
      !this.#origins.allows(origin, context)
    ) {
      const detail = `pages of ${JSON.stringify(origin.slice(0, 100))} may not change anything here; --allow-origin would let them`;
      throw new Refusal("FOREIGN_ORIGIN", detail);
    }
    return this.leave(context, await handler(context));
  }

  /** Counts what fits no route, too. */
  async admit(context: ApiContext): Promise<void> {
    await this.#limiter?.admit(context);
  }

  /** Whether the page that sent the request may know more than that it was refused. */
  knows(context: ApiContext): boolean {
    const origin = originOf(context);
    return origin !== undefined && this.#origins.allows(origin, context);
  }

  /** An answer on its way out. */
  leave(context: ApiContext, response: Response): Response {
    const origin = originOf(context);
    if (origin !== undefined) this.#origins.mark(response, origin, context);
    return this.#limiter?.mark(response, context) ?? response;
  }
}
