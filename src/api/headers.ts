/** Request headers that carry meaning: each is either understood entirely or refused by name. */

import { type ExpectedRevision, idempotencyKeyProblem, type Once } from "../counter/index.ts";
import type { Call } from "./call.ts";
import { Refusal } from "./problem.ts";

/**
 * What makes the write in `call` safe to retry.
 * @param sessions whether a place in a session is allowed on this route.
 * @throws {Refusal} INVALID_HEADER.
 */
export function onceOf(call: Call, sessions: boolean): Once | undefined {
  const key = call.header("idempotency-key");
  const session = call.header("raftally-session");
  if (key === undefined && session === undefined) return undefined;
  if (key !== undefined && session !== undefined) {
    throw new Refusal("INVALID_HEADER", "give either Idempotency-Key or Raftally-Session, not both");
  }
  if (key !== undefined) return { kind: "key", key: parseIdempotencyKey(key) };
  if (!sessions) throw new Refusal("INVALID_HEADER", "Raftally-Session does not apply to opening a session");
  return parseSession(session ?? "");
}

/**
 * Conditions on a write that has no way to check them must not be ignored.
 * @throws {Refusal} INVALID_HEADER.
 */
export function refuseConditions(call: Call): void {
  for (const name of ["if-match", "if-none-match"] as const) {
    if (call.header(name) !== undefined) {
      throw new Refusal("INVALID_HEADER", `${name} does not apply to this route, which cannot check it`);
    }
  }
}

/** A revision as `ETag` gives it. None begins with 0: there is no revision 0. */
const ETAG = /^"([1-9][0-9]{0,15})"$/;

/**
 * The revision that `If-Match` or `If-None-Match` expects of the counter that is to be changed.
 * @param creates whether `If-None-Match: *` makes sense: the write makes a counter that does not exist.
 * @throws {Refusal} INVALID_HEADER for everything that cannot be checked exactly.
 */
export function expectedRevision(call: Call, creates: boolean): ExpectedRevision | undefined {
  const match = call.header("if-match");
  const none = call.header("if-none-match");
  if (match === undefined && none === undefined) return undefined;
  if (match !== undefined && none !== undefined) {
    throw new Refusal("INVALID_HEADER", "give either If-Match or If-None-Match, not both");
  }
  if (none !== undefined) {
    if (creates && none.trim() === "*") return 0;
    const rule = creates ? "can only be *: the counter must not exist" : "does not apply to deleting";
    throw new Refusal("INVALID_HEADER", `If-None-Match ${rule}`);
  }
  return parseIfMatch(match ?? "");
}

/**
 * The value of `If-Match`: `*`, or one strong entity tag.
 * @throws {Refusal} INVALID_HEADER for all else, lists among them.
 */
export function parseIfMatch(text: string): ExpectedRevision {
  const tag = text.trim();
  if (tag === "*") return "any";
  const revision = Number(ETAG.exec(tag)?.[1] ?? "0");
  if (revision >= 1 && revision <= Number.MAX_SAFE_INTEGER) return revision;
  const wanted = 'If-Match must be * or one revision as ETag gives it, such as "12"';
  throw new Refusal("INVALID_HEADER", `${wanted}; got ${JSON.stringify(tag.slice(0, 64))}`);
}

/** Text between quotes as RFC 8941 section 3.3.3 writes it: printable ASCII; `\` only before `"` and `\`. */
const QUOTED = /^"((?:[ !#-[\]-~]|\\["\\])*)"$/;
/** Two bare values in two headers arrive joined by a comma and a space, so a bare key has neither. */
const BARE = /^[!-+\--~]*$/;

/**
 * The value of `Idempotency-Key`: an RFC 8941 string, or bare as Stripe's clients send it. Both forms of the
 * same characters are the same key.
 * @throws {Refusal} INVALID_HEADER.
 */
export function parseIdempotencyKey(text: string): string {
  const quoted = text.startsWith('"');
  if (!quoted && !BARE.test(text)) {
    const allowed = "visible ASCII characters except commas";
    throw new Refusal("INVALID_HEADER", `Idempotency-Key without quotes may hold ${allowed} only`);
  }
  const key = quoted ? QUOTED.exec(text)?.[1]?.replace(/\\(["\\])/g, "$1") : text;
  if (key === undefined) {
    throw new Refusal(
      "INVALID_HEADER",
      "Idempotency-Key begins with a quote but is not one quoted ASCII string",
    );
  }
  const problem = idempotencyKeyProblem(key);
  if (problem !== undefined) throw new Refusal("INVALID_HEADER", `Idempotency-Key ${problem}`);
  return key;
}

const SESSION_FORM = "Raftally-Session must be of the form: id=12, seq=3, first=3";
const SESSION_MEMBERS = ["id", "seq", "first"] as const;

/**
 * The value of `Raftally-Session`: an RFC 8941 dictionary of three integers (at most 15 digits each, as there).
 * @throws {Refusal} INVALID_HEADER.
 */
export function parseSession(text: string): Once {
  const found = new Map<string, number>();
  for (const part of text.split(",")) {
    const match = /^[ \t]*([a-z]+)=([0-9]{1,15})[ \t]*$/.exec(part);
    if (match === null) throw new Refusal("INVALID_HEADER", SESSION_FORM);
    const [, name = "", digits = ""] = match;
    if (!SESSION_MEMBERS.some((member) => member === name) || found.has(name)) {
      throw new Refusal("INVALID_HEADER", `${SESSION_FORM}; ${name.slice(0, 64)} is unknown or given twice`);
    }
    found.set(name, Number(digits));
  }
  const session = found.get("id");
  const seq = found.get("seq");
  const firstUnanswered = found.get("first");
  if (session === undefined || seq === undefined || firstUnanswered === undefined) {
    throw new Refusal("INVALID_HEADER", SESSION_FORM);
  }
  if (session < 1 || firstUnanswered < 1 || seq < firstUnanswered) {
    throw new Refusal("INVALID_HEADER", "Raftally-Session needs id of at least 1 and 1 <= first <= seq");
  }
  return { kind: "session", session, seq, firstUnanswered };
}

/** Whether `If-None-Match` names `etag` (weak comparison, RFC 9110 section 13.1.2). */
export function noneMatch(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  if (header.trim() === "*") return true;
  return header.split(",").some((item) => item.trim().replace(/^W\//, "") === etag);
}

/** Whether the caller would rather have the bare number. Answers of equal quality are given as JSON. */
export function prefersText(accept: string | undefined): boolean {
  if (accept === undefined || accept === "*/*" || accept === "application/json") return false;
  const ranges = accept.toLowerCase().split(",").map(parseRange);
  return qualityOf("text", "plain", ranges) > qualityOf("application", "json", ranges);
}

/**
 * Whether the caller names JSON, and likes plain text no better. Prometheus, and whoever takes anything, does not name
 * it; a browser's library that takes JSON, text and anything else does.
 */
export function namesJson(accept: string | undefined): boolean {
  if (accept === undefined) return false;
  const ranges = accept.toLowerCase().split(",").map(parseRange);
  const json = ranges.find(({ type, subtype }) => type === "application" && subtype === "json")?.quality ?? 0;
  return json > 0 && json >= qualityOf("text", "plain", ranges);
}

interface MediaRange {
  readonly type: string;
  readonly subtype: string;
  readonly quality: number;
}

/** A range that cannot be read counts for nothing, as RFC 9110 allows. Parameters other than q are ignored. */
function parseRange(text: string): MediaRange {
  const [range = "", ...parameters] = text.split(";").map((part) => part.trim());
  const [type = "", subtype = ""] = range.split("/");
  const weight = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2);
  if (weight === undefined) return { type, subtype, quality: 1 };
  const valid = /^(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)$/.test(weight);
  return { type, subtype, quality: valid ? Number(weight) : 0 };
}

/** The quality that the most specific matching range gives; 0 if none matches (RFC 9110 section 12.5.1). */
function qualityOf(type: string, subtype: string, ranges: readonly MediaRange[]): number {
  const find = (t: string, s: string): MediaRange | undefined =>
    ranges.find((range) => range.type === t && range.subtype === s);
  return (find(type, subtype) ?? find(type, "*") ?? find("*", "*"))?.quality ?? 0;
}
