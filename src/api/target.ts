/**
 * The request target, read from the bytes on the wire. A `Request` will not do: its URL has had `.` and `..`
 * resolved and its percent-encoding touched up, so that two keys could become one.
 */

import { keyProblem } from "../counter/index.ts";
import { Refusal } from "./problem.ts";

/** The path below which a counter's key is one segment. */
export const COUNTERS_PATH = "/v1/counters/";

const ABSOLUTE = /^https?:\/\/[^/?#]*/i;

/** Path and query of a request line, whose target may also be a whole URL (RFC 9112, 3.2.2). */
export function originForm(target: string): string {
  if (target.charCodeAt(0) === 47) return target;
  const rest = target.replace(ABSOLUTE, "");
  return rest.startsWith("/") ? rest : `/${rest}`;
}

/** The path of a target in origin form, still encoded. */
export function pathOf(target: string): string {
  const end = target.indexOf("?");
  return end === -1 ? target : target.slice(0, end);
}

/** The query of a target, still encoded, without its `?`. */
export function queryOf(target: string): string {
  const at = target.indexOf("?");
  return at === -1 ? "" : target.slice(at + 1);
}

/**
 * The counter key in a path, the segment after `base`.
 * @throws {Refusal} INVALID_KEY.
 */
export function keyOf(path: string, base: string = COUNTERS_PATH): string {
  const end = path.indexOf("/", base.length);
  const segment = end === -1 ? path.slice(base.length) : path.slice(base.length, end);
  const key = decodeStrictly(segment);
  if (typeof key === "object") throw new Refusal("INVALID_KEY", `the key in the path ${key.problem}`);
  const problem = keyProblem(key);
  if (problem !== undefined) throw new Refusal("INVALID_KEY", `the key ${problem}`);
  return key;
}

/** These stand for themselves (the unreserved characters and `:`), so that most keys need no decoding. */
const PLAIN = /^[A-Za-z0-9._~:-]*$/;
const BROKEN_ESCAPE = /%(?![0-9A-Fa-f]{2})/;
/** What a URI may not hold as it is, `#` because it would begin a fragment. */
const UNENCODED = /[^!-~]|[#\\]/;

/** Percent-decodes `text`, or says what is wrong with it, as the rest of a sentence. */
export function decodeStrictly(text: string): string | { readonly problem: string } {
  if (PLAIN.test(text)) return text;
  if (UNENCODED.test(text)) return { problem: "holds a character that has to be percent-encoded" };
  if (BROKEN_ESCAPE.test(text)) return { problem: "holds a % that is not followed by two hex digits" };
  try {
    return decodeURIComponent(text);
  } catch {
    return { problem: "is not valid UTF-8 after percent-decoding" };
  }
}

/**
 * The parameters of a query, decoded as forms are (`+` is a space).
 * @param known the names that this route takes.
 * @throws {Refusal} INVALID_QUERY for a name not known, a name given twice, or an encoding error.
 */
export function parametersOf<Name extends string>(
  query: string,
  known: readonly Name[],
): Readonly<Partial<Record<Name, string>>> {
  const found: Partial<Record<Name, string>> = {};
  for (const pair of query.split("&")) {
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    const rawName = equals === -1 ? pair : pair.slice(0, equals);
    const written = decodeStrictly(rawName.replaceAll("+", " "));
    const name = known.find((candidate) => candidate === written);
    if (name === undefined) throw unknownParameter(rawName, known);
    if (found[name] !== undefined) throw new Refusal("INVALID_QUERY", `${name} is given more than once`);
    const value = decodeStrictly(equals === -1 ? "" : pair.slice(equals + 1).replaceAll("+", "%20"));
    if (typeof value === "object") throw new Refusal("INVALID_QUERY", `${name} ${value.problem}`);
    found[name] = value;
  }
  return found;
}

/**
 * One parameter as it was sent, still encoded, of a query that {@link parametersOf} has found nothing wrong with.
 */
export function rawParameter(query: string, name: string): string | undefined {
  for (const pair of query.split("&")) {
    const equals = pair.indexOf("=");
    const rawName = equals === -1 ? pair : pair.slice(0, equals);
    if (decodeStrictly(rawName) === name) return equals === -1 ? "" : pair.slice(equals + 1);
  }
  return undefined;
}

/** @throws {Refusal} INVALID_QUERY if there is any parameter. */
export function refuseParameters(target: string): void {
  if (target.includes("?")) parametersOf(queryOf(target), []);
}

function unknownParameter(name: string, known: readonly string[]): Refusal {
  const shown = JSON.stringify(name.slice(0, 64));
  const takes = known.length === 0 ? "this route takes none" : `known: ${known.join(", ")}`;
  return new Refusal("INVALID_QUERY", `unknown query parameter ${shown}; ${takes}`);
}
