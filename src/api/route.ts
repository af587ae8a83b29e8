/** What a route is. Each part of the interface exports a list of its own, and app.ts puts them together. */

import type { ApiHandler } from "./call.ts";

/** `OPTIONS` is not among them: what may be asked from other origins is decided for all routes in cors.ts. */
export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export interface Route {
  readonly method: Method;
  /** As sent, still encoded; a segment that begins with `:` stands for any one that is not empty. */
  readonly path: string;
  readonly handler: ApiHandler;
  /** Set where HEAD is no cheap form of GET. */
  readonly noHead?: true;
  /** Set where a rate limit does not count: who asks whether a node is well must hear it. */
  readonly unlimited?: true;
}
