/** Where a listing goes on: opaque to callers, so that its form can change. */

import { keyProblem } from "../counter/index.ts";

/** Names the form of the cursor. */
const FORM = "1";

/** The cursor of the page that begins after `key`. */
export function encodeCursor(key: string): string {
  return Buffer.from(FORM + key, "utf8").toString("base64url");
}

/** The key after which to go on; undefined unless `cursor` is exactly what {@link encodeCursor} gives. */
export function decodeCursor(cursor: string): string | undefined {
  const text = Buffer.from(cursor, "base64url").toString("utf8");
  const key = text.slice(FORM.length);
  if (!text.startsWith(FORM) || keyProblem(key) !== undefined) return undefined;
  return encodeCursor(key) === cursor ? key : undefined;
}
