/** Work over HTTP, described so that either generator can do it: bare sockets in this process, or wrk. */

/**
 * What tells requests apart beyond their path: an idempotency key on each, or the place in a client session (the caller
 * with number n uses session n).
 */
export type Numbered =
  | { readonly kind: "key"; readonly prefix: string }
  | { readonly kind: "session"; readonly sessions: readonly number[] };

export interface HttpWork {
  /** `http://127.0.0.1:PORT`, between which the connections are divided evenly. */
  readonly urls: readonly string[];
  readonly connections: number;
  readonly method: "GET" | "POST";
  /** Asked for in turn. */
  readonly paths: readonly string[];
  /** JSON. */
  readonly body?: string;
  /** How many operations a request carries. */
  readonly weight: number;
  readonly numbered?: Numbered;
}

/** The port of a base URL. */
export function portOf(url: string): number {
  return Number(new URL(url).port);
}

/**
 * A request as it goes over the wire.
 * @param numbered a header line with its end, or nothing.
 */
export function requestOf(work: HttpWork, path: string, numbered: string): string {
  const { method, body } = work;
  const content =
    body === undefined
      ? ""
      : `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`;
  const length = method === "POST" && body === undefined ? "Content-Length: 0\r\n" : "";
  return `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${content}${length}${numbered}\r\n${body ?? ""}`;
}
