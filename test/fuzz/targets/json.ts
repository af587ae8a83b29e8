/** JSON from strangers: what requests hold (parseJson) and what answers hold (parseExact), against JSON.parse. */

import { isDeepStrictEqual } from "node:util";
import { NumberToken, parseJson } from "../../../src/api/json.ts";
import { Refusal } from "../../../src/api/problem.ts";
import type { Prng } from "../../../src/base/index.ts";
import { type Json, parseExact, printExact } from "../../../src/client/json.ts";
import { json, Pool } from "../pool.ts";
import { accepted, demand, refused, type Subject, type Target, type Verdict } from "../target.ts";
import { partsOf, REQUESTS } from "./requests.ts";

const ANSWERS: readonly string[] = [
  '{"key":"hits","value":9223372036854775807,"revision":3,"changed":true,"index":7,"term":2}',
  '{"counters":[{"key":"a","value":-9007199254740993,"revision":1}],"next":"MWE","index":1,"term":1}',
  '{"__proto__":{"polluted":1},"a\\u0062":[1,2.5e3,null],"ab":{}}',
];

export const jsonText: Target = {
  name: "json",
  about: "JSON into parseJson and parseExact: what JSON.parse takes, but no name twice and every digit kept",
  inputs: 60_000,
  sample: 1_000,
  msMax: 500,
  open: async (): Promise<Subject> => {
    const bodies = REQUESTS.map((request) => partsOf(request).body).filter((body) => body.length > 0);
    const pool = new Pool([...bodies, ...ANSWERS.map((text) => Buffer.from(text))], json);
    return { draw: (prng: Prng) => pool.draw(prng), feed, close: async () => undefined };
  },
};

function feed(input: Buffer): Verdict {
  const text = input.toString("utf8");
  const plain = attempt(() => JSON.parse(text) as unknown);
  const answer = attempt(() => parseExact(text));
  // Showing it the source of each number takes a deeper stack.
  if (!(answer.error instanceof RangeError)) {
    demand(
      (plain.error === undefined) === (answer.error === undefined),
      "answers: another text than JSON is taken for it",
    );
    demand(
      plain.error === undefined || answer.error instanceof SyntaxError,
      "answers: refused with another error",
    );
  }
  if (answer.value !== undefined) printedAgain(answer.value.is as Json);
  try {
    const value = parseJson(text);
    demand(plain.value !== undefined, "requests: another text than JSON is taken for it");
    demand(isSame(value, plain.value.is, 0), "requests: a value differs from what was written");
    return accepted(typeof value);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const isTwice = /is given twice$/.test(error.message);
    const isDeep = /nested too deeply$/.test(error.message);
    demand(plain.value === undefined || isTwice || isDeep, "requests: JSON is refused");
    return refused(error.message);
  }
}

function attempt<T>(work: () => T): { readonly value?: { readonly is: T }; readonly error?: unknown } {
  try {
    return { value: { is: work() } };
  } catch (error) {
    return { error };
  }
}

function printedAgain(value: Json): void {
  const again = attempt(() => parseExact(printExact(value)));
  if (again.error instanceof RangeError) return;
  // JSON has no -0.
  const held = attempt(() => printExact(value));
  if (held.value === undefined) return;
  demand(again.value !== undefined, "answers: what was printed cannot be read");
  demand(
    printExact(again.value.is) === held.value.is,
    "answers: a value is another one after printing and reading",
  );
}

/** Whether a parsed value is what JSON.parse gives, but for numbers that are kept exactly. */
function isSame(value: unknown, plain: unknown, depth: number): boolean {
  if (depth > 50) return true;
  if (value instanceof NumberToken)
    return typeof plain === "number" && Object.is(Number(value.source), plain);
  if (typeof value === "bigint") return typeof plain === "number" && Number(value) === plain;
  if (Array.isArray(value)) {
    return Array.isArray(plain) && value.every((item, at) => isSame(item, plain[at], depth + 1));
  }
  if (typeof value !== "object" || value === null) return isDeepStrictEqual(value, plain);
  const names = Object.keys(value);
  const held = plain as Readonly<Record<string, unknown>>;
  demand(
    Object.getPrototypeOf(value) === Object.prototype,
    "requests: a body chooses the prototype of its object",
  );
  if (!isDeepStrictEqual(names, Object.keys(held))) return false;
  return names.every((name) =>
    isSame((value as Readonly<Record<string, unknown>>)[name], held[name], depth + 1),
  );
}
