/** Where a listing goes on: opaque to callers, so that its form can change. */

import { INT64_MAX, INT64_MIN, keyProblem } from "../counter/index.ts";
import type { Query } from "./reading.ts";

/** What a listing is sorted by. */
export type ScanOrder = Extract<Query, { readonly kind: "scan" }>["order"];

/** The last counter of a page. */
export interface Place {
  readonly key: string;
  /** 0 in a listing by key, where it does not matter. */
  readonly value: bigint;
}

/** Names the form of the cursor, one for each order: with another order there would be gaps and repetitions. */
const FORMS: Readonly<Record<ScanOrder, string>> = { key: "1", value: "2", "-value": "3" };

const VALUE = /^(-?(?:0|[1-9][0-9]{0,18})) /;

/** The cursor of the page that begins after `last`. */
export function cursorOf({ key, value }: Place, order: ScanOrder): string {
  const text = order === "key" ? key : `${value} ${key}`;
  return Buffer.from(FORMS[order] + text, "utf8").toString("base64url");
}

/** Where to go on; undefined unless `cursor` is exactly what {@link cursorOf} gives for this order. */
export function placeOf(cursor: string, order: ScanOrder): Place | undefined {
  const text = Buffer.from(cursor, "base64url").toString("utf8");
  if (!text.startsWith(FORMS[order])) return undefined;
  const rest = text.slice(FORMS[order].length);
  const place = order === "key" ? { key: rest, value: 0n } : valuePlace(rest);
  if (place === undefined || keyProblem(place.key) !== undefined) return undefined;
  return cursorOf(place, order) === cursor ? place : undefined;
}

function valuePlace(text: string): Place | undefined {
  const [all = "", digits] = VALUE.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const value = BigInt(digits);
  if (value < INT64_MIN || value > INT64_MAX) return undefined;
  return { key: text.slice(all.length), value };
}
