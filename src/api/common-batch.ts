/** The batches that nearly all clients send, read in one pass over their text: plain adds, as JSON libraries write them. */

import { type Add, BATCH_MAX } from "../counter/index.ts";

const HEAD = /[ \t\r\n]*\{[ \t\r\n]*"operations"[ \t\r\n]*:[ \t\r\n]*\[/y;

/**
 * One operation and what follows it. A key of printable ASCII without escapes is what it looks like, and breaks no rule
 * of keys but that of dots; every number of up to 15 digits is exact in a double.
 */
const OPERATION =
  /[ \t\r\n]*\{[ \t\r\n]*"key"[ \t\r\n]*:[ \t\r\n]*"([ !#-[\]-~]{1,512})"[ \t\r\n]*(?:,[ \t\r\n]*"by"[ \t\r\n]*:[ \t\r\n]*(-?(?:0|[1-9][0-9]{0,14}))[ \t\r\n]*)?\}[ \t\r\n]*([,\]])/y;

const TAIL = /[ \t\r\n]*\}[ \t\r\n]*$/y;

/**
 * The changes of a batch of this form; undefined for every other text, right or wrong, of which the general way has to
 * judge. What both ways accept they read alike.
 */
export function parseCommonBatch(text: string): Add[] | undefined {
  HEAD.lastIndex = 0;
  if (!HEAD.test(text)) return undefined;
  const changes: Add[] = [];
  OPERATION.lastIndex = HEAD.lastIndex;
  for (;;) {
    const found = OPERATION.exec(text);
    if (found === null || changes.length === BATCH_MAX) return undefined;
    const [, key = "", by = "1", next] = found;
    if (key === "." || key === "..") return undefined;
    changes.push({ kind: "add", key, by: by === "1" ? 1n : BigInt(by) });
    if (next === "]") break;
  }
  TAIL.lastIndex = OPERATION.lastIndex;
  return TAIL.test(text) ? changes : undefined;
}
