/** The batches that nearly all clients send, read in one pass over their text: plain adds, as JSON libraries write them. */

import { type Add, BATCH_MAX, type Batch } from "../counter/index.ts";

const HEAD = /[ \t\r\n]*\{[ \t\r\n]*"operations"[ \t\r\n]*:[ \t\r\n]*\[/y;

/**
 * One operation and what follows it. A key of printable ASCII without escapes is what it looks like, and breaks no rule
 * of keys but that of dots; every number of up to 15 digits is exact in a double.
 */
const OPERATION =
  /[ \t\r\n]*\{[ \t\r\n]*"key"[ \t\r\n]*:[ \t\r\n]*"([ !#-[\]-~]{1,512})"[ \t\r\n]*(?:,[ \t\r\n]*"by"[ \t\r\n]*:[ \t\r\n]*(-?(?:0|[1-9][0-9]{0,14}))[ \t\r\n]*)?\}[ \t\r\n]*([,\]])/y;

const TAIL = /[ \t\r\n]*\}[ \t\r\n]*$/y;

/**
 * A batch of this form, equal operations said once; undefined for every other text, right or wrong, of which the general way has to
 * judge. What both ways accept they read alike.
 */
export function parseCommonBatch(text: string): Batch | undefined {
  HEAD.lastIndex = 0;
  if (!HEAD.test(text)) return undefined;
  const changes: Add[] = [];
  const places = new Uint16Array(BATCH_MAX);
  let size = 0;
  /** By what an operation says, which of the changes it is. */
  const known = new Map<string, number>();
  OPERATION.lastIndex = HEAD.lastIndex;
  for (;;) {
    const found = OPERATION.exec(text);
    if (found === null || size === BATCH_MAX) return undefined;
    const [, key = "", by = "1", next] = found;
    if (key === "." || key === "..") return undefined;
    // No key of this form holds a backslash.
    const said = by === "1" ? key : `${key}\\${by}`;
    let place = known.get(said);
    if (place === undefined) {
      place = changes.length;
      known.set(said, place);
      changes.push({ kind: "add", key, by: by === "1" ? 1n : BigInt(by) });
    }
    places[size++] = place;
    if (next === "]") break;
  }
  TAIL.lastIndex = OPERATION.lastIndex;
  if (!TAIL.test(text)) return undefined;
  if (changes.length === size) return { kind: "batch", changes };
  return { kind: "batch", changes, places: places.slice(0, size) };
}
