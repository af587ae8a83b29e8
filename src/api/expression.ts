/** The expression of GET /v1/query: keys and globs with commas between. */

import { compileGlob, keyProblem } from "../counter/index.ts";
import { Refusal } from "./problem.ts";
import { decodeStrictly } from "./target.ts";

/** Names in one expression. */
const NAMES_MAX = 100;
/** A glob may escape or list what one byte of a key may be. */
const GLOB_BYTES_MAX = 1_024;

export interface Names {
  readonly keys: readonly string[];
  readonly globs: readonly string[];
}

/**
 * The names in an expression. It is split before it is decoded, so that a percent-encoded comma belongs to its name.
 * A name with a wildcard in it is a glob; one whose wildcards are all escaped is a key.
 * @param raw as it stands in the query, still encoded.
 * @throws {Refusal} INVALID_QUERY, INVALID_KEY.
 */
export function namesOf(raw: string | undefined): Names {
  if (raw === undefined || raw === "") {
    throw new Refusal(
      "INVALID_QUERY",
      "expression is missing: name counters, such as expression=a,b,items:*",
    );
  }
  const names = raw.split(",", NAMES_MAX + 1);
  if (names.length > NAMES_MAX) {
    throw new Refusal("INVALID_QUERY", `expression must hold at most ${NAMES_MAX} names`);
  }
  const keys = new Set<string>();
  const globs = new Set<string>();
  for (const name of names) {
    const text = decodeStrictly(name.replaceAll("+", "%20"));
    if (typeof text === "object") throw new Refusal("INVALID_QUERY", `expression ${text.problem}`);
    if (text === "") throw new Refusal("INVALID_QUERY", "expression holds an empty name");
    if (Buffer.byteLength(text) > GLOB_BYTES_MAX) {
      throw new Refusal(
        "INVALID_QUERY",
        `a name in expression must take at most ${GLOB_BYTES_MAX} bytes of UTF-8`,
      );
    }
    const { isLiteral, prefix } = compileGlob(text);
    if (!isLiteral) globs.add(text);
    else keys.add(keyIn(prefix));
  }
  return { keys: [...keys], globs: [...globs] };
}

function keyIn(name: string): string {
  const problem = keyProblem(name);
  if (problem === undefined) return name;
  throw new Refusal("INVALID_KEY", `the key ${JSON.stringify(name.slice(0, 64))} in expression ${problem}`);
}
