/** From one line of the log to the batch that counts it. */

import { createHash } from "node:crypto";
import type { Operation } from "../src/client/index.ts";
import { parseLine } from "./access-log.ts";

/** The longest key that a counter may have, in bytes. */
const KEY_BYTES_MAX = 512;
/** How much of its hash stands for the end of a name that is too long. */
const HASH_DIGITS = 16;

/** Counts the lines that are no request: whatever the log holds, every line counts something. */
export const UNREADABLE = "unreadable";
/** Bytes of all answers. */
export const BYTES = "bytes";

/** What is counted for each name of a kind. */
export type Group = "path" | "status" | "hour" | "visitors";

/**
 * The key of a counter: `path:/index.html`, `status:200`, `hour:2015-05-17T10`, `visitors:/index.html`.
 *
 * A request target may contain anything and be of any length, and a key may not. What is no printable ASCII is
 * percent-encoded, byte by byte, as a browser would have sent it. Of a name that is too long as much is kept as
 * fits, with a hash of all of it, so that two that begin alike stay two.
 */
export function counterKey(group: Group, name: string): string {
  const printable = name.replace(/[^\x21-\x7e]/g, percentEncode);
  const key = `${group}:${printable}`;
  if (key.length <= KEY_BYTES_MAX) return key;
  const hash = createHash("sha256").update(printable).digest("hex").slice(0, HASH_DIGITS);
  return `${key.slice(0, KEY_BYTES_MAX - HASH_DIGITS - 1)}~${hash}`;
}

function percentEncode(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
}

/** Everything that a line adds to, to be done as one batch. */
export function operationsOf(line: string): readonly Operation[] {
  const request = parseLine(line);
  if (request === undefined) return [{ key: UNREADABLE }];
  const { visitor, path, status, hour, bytes } = request;
  return [
    { key: counterKey("path", path) },
    { key: counterKey("status", status) },
    { key: counterKey("hour", hour) },
    { key: BYTES, by: bytes },
    { key: counterKey("visitors", path), once: visitor },
  ];
}

/** The same for a line whenever and wherever it is sent. By number: a log may hold the same line twice. */
export function idempotencyKeyOf(lineNumber: number): string {
  return `access.log:${lineNumber}`;
}
