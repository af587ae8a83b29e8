/** `--badges`: counting visitors by a picture, which needs no JavaScript. The only GET that changes anything. */

import { defined } from "../base/index.ts";
import { keyProblem } from "../counter/index.ts";
import type { NodeService } from "../node/index.ts";
import { type ApiHandler, Call } from "./call.ts";
import { onceOf, refuseConditions } from "./headers.ts";
import { type Answer, commandOf, perform, type Writer } from "./perform.ts";
import { Refusal } from "./problem.ts";
import { ask } from "./reading.ts";
import type { Route } from "./route.ts";
import { decodeStrictly, parametersOf, pathOf, queryOf } from "./target.ts";

const HIT_PATH = "/hit/";
const ENDING = ".svg";

/** @param isOn without it there is no such route. */
export function badgeRoutes(writer: Writer, isOn: boolean | undefined): readonly Route[] {
  if (isOn !== true) return [];
  return [{ method: "GET", path: `${HIT_PATH}:key${ENDING}`, handler: hitHandler(writer) }];
}

/** GET /hit/{key}.svg counts. HEAD only looks, and so does a browser that fetches what may never be seen. */
function hitHandler(writer: Writer): ApiHandler {
  return async function countHit(context): Promise<Response> {
    const call = new Call(context);
    const key = keyIn(pathOf(call.target));
    const look = lookOf(parametersOf(queryOf(call.target), ["label", "color"]));
    refuseConditions(call);
    const once = onceOf(call, true);
    if (call.method === "HEAD" || isPrefetch(call)) {
      return badge(call, { value: await currentValue(writer.service, key), replayed: false }, look);
    }
    const done: Answer["done"] = (from, { results, replayed }) => {
      const { value } = defined(results[0], "hit: one change has one result");
      return badge(from, { value, replayed }, look);
    };
    const command = commandOf({ kind: "add", key, by: 1n }, once);
    return perform({ call, command, answer: { positions: false, done } }, writer);
  };
}

/** @throws {Refusal} ROUTE_NOT_FOUND for what is no picture, INVALID_KEY. */
function keyIn(path: string): string {
  const file = path.slice(HIT_PATH.length);
  if (!file.endsWith(ENDING)) {
    throw new Refusal(
      "ROUTE_NOT_FOUND",
      `there is no ${path.slice(0, 200)}; badges are at ${HIT_PATH}{key}${ENDING}`,
    );
  }
  const key = decodeStrictly(file.slice(0, -ENDING.length));
  if (typeof key === "object") throw new Refusal("INVALID_KEY", `the key in the path ${key.problem}`);
  const problem = keyProblem(key);
  if (problem !== undefined) throw new Refusal("INVALID_KEY", `the key ${problem}`);
  return key;
}

/** Browsers say so when they fetch what the reader may open next (Sec-Purpose; older ones Purpose). */
function isPrefetch(call: Call): boolean {
  return [call.header("sec-purpose"), call.header("purpose")].some((purpose) =>
    purpose?.startsWith("prefetch"),
  );
}

async function currentValue(service: NodeService, key: string): Promise<bigint> {
  const { answer } = await ask(
    service,
    { kind: "get", key },
    { consistency: "linearizable", minIndex: undefined },
  );
  return answer.row?.value ?? 0n;
}

interface Look {
  readonly label: string;
  /** As SVG has it. */
  readonly color: string;
}

const LABEL_CHARACTERS_MAX = 64;
const LABEL_DEFAULT = "visits";

/** Names of colours, all of them dark enough for white text on them to be read (WCAG 2.2, 4.5 to 1). */
const COLORS: Readonly<Record<string, string>> = {
  blue: "#0b63b8",
  green: "#2c7a0b",
  grey: "#555555",
  orange: "#a84a00",
  purple: "#7a3fb5",
  red: "#b92d1e",
};

/** @throws {Refusal} INVALID_QUERY. */
function lookOf(given: { readonly label?: string; readonly color?: string }): Look {
  const { label = LABEL_DEFAULT, color = "blue" } = given;
  const length = Array.from(label).length;
  if (length > LABEL_CHARACTERS_MAX || /\p{C}/u.test(label)) {
    const detail = `label must have at most ${LABEL_CHARACTERS_MAX} characters, all of them visible; it has ${length}`;
    throw new Refusal("INVALID_QUERY", detail);
  }
  const named = Object.hasOwn(COLORS, color) ? COLORS[color] : undefined;
  const hex = /^(?:[0-9a-f]{3}|[0-9a-f]{6})$/i.test(color) ? `#${color}` : undefined;
  if (named !== undefined || hex !== undefined) return { label, color: named ?? hex ?? "" };
  const known = Object.keys(COLORS).join(", ");
  throw new Refusal("INVALID_QUERY", `color must be 3 or 6 hex digits, or one of ${known}`);
}

/** What a badge shows, and whether an earlier attempt had counted already. */
interface Shown {
  readonly value: bigint;
  readonly replayed: boolean;
}

function badge(call: Call, { value, replayed }: Shown, look: Look): Response {
  const headers: Record<string, string> = {
    "Content-Type": "image/svg+xml; charset=utf-8",
    // Whoever keeps it would not count; what old proxies of pictures look at is said as well.
    "Cache-Control": "no-store, no-cache, max-age=0, must-revalidate",
    Expires: "0",
    // Opened for itself it is a document, which shall do nothing.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "X-Request-Id": call.requestId(),
  };
  if (replayed) headers["Idempotency-Replayed"] = "true";
  return new Response(drawing(value.toString(), look), { headers });
}

/** About how wide the characters of Verdana at 11 px are, px; of scripts with two columns to a character, 12. */
const WIDTHS: readonly (readonly [px: number, characters: RegExp])[] = [
  [3, /[ijlI|!.,:;'`]/],
  [4.5, /[ftr()[\]{}\s/-]/],
  [10, /[mwMW@%]/],
  [8, /[A-Z]/],
  [12, /[\u2e80-\u{10ffff}]/u],
];
const WIDTH_PX = 7;
const MARGIN_PX = 6;

/** A picture 20 px high: the label on the left, the number on the right. */
function drawing(value: string, { label, color }: Look): string {
  const left = label === "" ? 0 : widthOf(label) + 2 * MARGIN_PX;
  const right = widthOf(value) + 2 * MARGIN_PX;
  const width = left + right;
  const name = escapeXml(label === "" ? value : `${label}: ${value}`);
  const texts = [
    ...(label === "" ? [] : [textAt(left / 2, label, widthOf(label))]),
    textAt(left + right / 2, value, widthOf(value)),
  ];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="20" role="img" aria-label="${name}">`,
    `<title>${name}</title>`,
    `<clipPath id="r"><rect width="${width}" height="20" rx="3"/></clipPath>`,
    `<g clip-path="url(#r)"><rect width="${left}" height="20" fill="#444"/>`,
    `<rect x="${left}" width="${right}" height="20" fill="${color}"/></g>`,
    `<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,Geneva,sans-serif" font-size="11">`,
    ...texts,
    "</g></svg>",
    "",
  ].join("\n");
}

/** Fonts differ: the text is fitted into the width that was reckoned with. */
function textAt(x: number, text: string, width: number): string {
  return `<text x="${x}" y="14" textLength="${width}" lengthAdjust="spacingAndGlyphs">${escapeXml(text)}</text>`;
}

function widthOf(text: string): number {
  const widths = Array.from(text, (char) => WIDTHS.find(([, known]) => known.test(char))?.[0] ?? WIDTH_PX);
  return Math.ceil(widths.reduce((sum, width) => sum + width, 0));
}

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escapeXml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => ESCAPES[char] ?? "");
}
