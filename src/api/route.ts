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
}

/**
 * The routes of an optional part: none if it is switched off.
 *
 *     ...optionalRoutes(options.badges, () => badgeRoutes(service))
 */
export function optionalRoutes<T>(
  part: T | undefined,
  routes: (part: T) => readonly Route[],
): readonly Route[] {
  return part === undefined || part === false ? [] : routes(part);
}
