/** Holds a parsed body to its schema, and puts what is wrong with it into one precise sentence. */

import type { z } from "zod";
import { describeJson } from "./json.ts";
import { Refusal } from "./problem.ts";
import { type BodyName, FIELDS } from "./schemas.ts";

/**
 * `input` as `schema` has it.
 * @param body which body this is, for the list of the fields that it may have.
 * @throws {Refusal} INVALID_BODY or INVALID_KEY, with a sentence about the first thing that is wrong.
 */
export function check<T>(schema: z.ZodType<T>, input: unknown, body: BodyName): T {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  // A misspelt field usually makes another one missing; the misspelling is what the caller needs to hear.
  const { issues } = result.error;
  const issue = issues.find((candidate) => candidate.code === "unrecognized_keys") ?? issues[0];
  if (issue === undefined) throw new Refusal("INVALID_BODY", "the body does not have the expected form");
  const code =
    issue.code === "custom" && issue.params?.["code"] === "INVALID_KEY" ? "INVALID_KEY" : "INVALID_BODY";
  throw new Refusal(code, sentenceOf(issue, input, body), positionOf(issue.path));
}

/** Everything that is wrong with `input`, one sentence for each thing, by the field that it is about. */
export function problemsByField(
  schema: z.ZodType,
  input: unknown,
  body: BodyName,
): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const issue of schema.safeParse(input).error?.issues ?? []) {
    const field = String(issue.path[0] ?? "body");
    found.set(field, [...(found.get(field) ?? []), sentenceOf(issue, input, body)]);
  }
  return found;
}

type Issue = z.core.$ZodIssue;

/** One issue as a precise sentence. */
function sentenceOf(issue: Issue, input: unknown, body: BodyName): string {
  const place = placeOf(issue.path);
  const value = issue.path.reduce<unknown>(memberOf, input);
  switch (issue.code) {
    case "unrecognized_keys": {
      const names = issue.keys.slice(0, 3).map((name) => JSON.stringify(name.slice(0, 64)));
      const fields = issue.path.length === 0 ? FIELDS[body] : FIELDS[kindOf(value)];
      const where = issue.path.length === 0 ? "" : ` in ${place}`;
      return `unknown field ${names.join(", ")}${where}; known: ${fields.join(", ")}`;
    }
    case "invalid_type": {
      if (value === undefined) return `${place} is missing`;
      const wanted = issue.expected === "object" || issue.expected === "array" ? "an" : "a";
      return `${place} must be ${wanted} ${issue.expected}; got ${describeJson(value)}`;
    }
    case "invalid_union":
    case "invalid_value":
      return `${place} must be "increment", "set" or "delete"; got ${describeJson(value)}`;
    default:
      return `${place} ${issue.message}`;
  }
}

function kindOf(operation: unknown): "add" | "set" | "delete" {
  const op = memberOf(operation, "op");
  return op === "set" || op === "delete" ? op : "add";
}

/** `operations[3].by`, as one would write it in JavaScript. */
function placeOf(path: readonly PropertyKey[]): string {
  if (path.length === 0) return "the body";
  return path.reduce<string>((place, step) => {
    if (typeof step === "number") return `${place}[${step}]`;
    return place === "" ? String(step) : `${place}.${String(step)}`;
  }, "");
}

function positionOf(path: readonly PropertyKey[]): { readonly position?: number } {
  const position = path.find((step) => typeof step === "number");
  return position === undefined ? {} : { position };
}

/** What `value` holds under `name`, if it holds it itself. */
export function memberOf(value: unknown, name: PropertyKey): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Readonly<Record<PropertyKey, unknown>>)[name];
}
