/** A web server's log in Apache's common or combined format, line by line. */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";

/** What this example counts of one request. */
export interface Request {
  /** The client's address, or its name where the server looked it up. */
  readonly visitor: string;
  /** The target of the request without its query. */
  readonly path: string;
  /** Three digits. */
  readonly status: string;
  /** By the server's own clock, as `2015-05-17T10`. */
  readonly hour: string;
  /** Length of the answer's body; 0 where the log has `-`. */
  readonly bytes: number;
}

const LOG = fileURLToPath(new URL("access.log.gz", import.meta.url));

/**
 * The lines of `access.log.gz`. Bytes become the characters of the same number (Latin-1), so that nothing is lost
 * where a line is no UTF-8.
 */
export function readLog(): readonly string[] {
  return gunzipSync(readFileSync(LOG)).toString("latin1").trimEnd().split("\n");
}

/**
 * What comes first in both formats: host, identity, user, time, request line, status, bytes. What the combined
 * format adds, referrer and user agent, is not counted and may be cut off: in the real log it once is.
 */
const LINE =
  /^(\S+) \S+ .+? \[(\d{2})\/([A-Z][a-z]{2})\/(\d{4}):(\d{2}):\d{2}:\d{2} [+-]\d{4}\] "\S+ ((?:[^"\\ ]|\\.)+) HTTP\/[\d.]+" (\d{3}) (\d{1,15}|-)(?: |$)/;

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** Takes a line apart; undefined if it is in neither format, or its request is not one of HTTP. */
export function parseLine(line: string): Request | undefined {
  const [, visitor, day, month = "", year, hour, target, status, bytes] = LINE.exec(line) ?? [];
  const at = MONTHS.indexOf(month) + 1;
  if (visitor === undefined || target === undefined || status === undefined || at === 0) return undefined;
  const [path = target] = target.split("?");
  return {
    visitor,
    path,
    status,
    hour: `${year}-${String(at).padStart(2, "0")}-${day}T${hour}`,
    bytes: bytes === "-" ? 0 : Number(bytes),
  };
}
