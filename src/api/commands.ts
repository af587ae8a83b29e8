/** From the text of a body to a command of the state machine, or to a refusal that says what is wrong with it. */

import type { z } from "zod";
import { type Add, BATCH_MAX, type Batch, type Change } from "../counter/index.ts";
import { describeJson, parseJson } from "./json.ts";
import { Refusal } from "./problem.ts";
import { type BatchBody, batchBody, FIELDS, type IncrementBody, incrementBody } from "./schemas.ts";

/** The bodies that nearly all increments have; every number of up to 15 digits is exact in a double. */
const COMMON_BODY =
  /^[ \t\r\n]*\{[ \t\r\n]*(?:"by"[ \t\r\n]*:[ \t\r\n]*(-?(?:0|[1-9][0-9]{0,14}))[ \t\r\n]*)?\}[ \t\r\n]*$/;

/**
 * The increment that a body asks for.
 * @param text undefined if there is no body, which adds 1.
 * @throws {Refusal} INVALID_JSON, INVALID_BODY.
 */
export function parseIncrement(key: string, text: string | undefined): Add {
  if (text === undefined) return { kind: "add", key, by: 1n };
  const common = COMMON_BODY.exec(text);
  if (common !== null) return { kind: "add", key, by: BigInt(common[1] ?? "1") };
  return toAdd(key, check(incrementBody, parseJson(text), "increment"));
}

/**
 * The batch that a body asks for.
 * @throws {Refusal} INVALID_JSON, INVALID_BODY, INVALID_BATCH, INVALID_KEY.
 */
export function parseBatch(text: string | undefined): Batch {
  if (text === undefined) {
    throw new Refusal("INVALID_BODY", 'a batch needs a body such as {"operations":[{"key":"hits","by":1}]}');
  }
  const input = parseJson(text);
  refuseSize(input);
  return { kind: "batch", changes: check(batchBody, input, "batch").operations.map(toChange) };
}

/** A batch of the wrong size is refused before time is spent on what is in it. */
function refuseSize(input: unknown): void {
  const operations = memberOf(input, "operations");
  if (!Array.isArray(operations) || (operations.length > 0 && operations.length <= BATCH_MAX)) return;
  const detail = `a batch takes 1 to ${BATCH_MAX} operations; got ${operations.length}`;
  throw new Refusal("INVALID_BATCH", detail);
}

function toChange(operation: BatchBody["operations"][number]): Change {
  switch (operation.op) {
    case "set":
      return { kind: "set", key: operation.key, value: operation.value, ...conditionOf(operation) };
    case "delete":
      return { kind: "delete", key: operation.key, ...conditionOf(operation) };
    default:
      return toAdd(operation.key, operation);
  }
}

function conditionOf(operation: { readonly ifRevision?: number | undefined }): {
  readonly ifRevision?: number;
} {
  return operation.ifRevision === undefined ? {} : { ifRevision: operation.ifRevision };
}

/** Fields that were not given stay absent: what is stored and compared is exactly what was asked. */
function toAdd(key: string, body: IncrementBody): Add {
  return {
    kind: "add",
    key,
    by: body.by ?? 1n,
    ...(body.min === undefined ? {} : { min: body.min }),
    ...(body.max === undefined ? {} : { max: body.max }),
    ...(body.once === undefined ? {} : { once: body.once }),
  };
}

function check<T>(schema: z.ZodType<T>, input: unknown, body: "increment" | "batch"): T {
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

type Issue = z.core.$ZodIssue;

/** One issue as a precise sentence. */
function sentenceOf(issue: Issue, input: unknown, body: "increment" | "batch"): string {
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
function memberOf(value: unknown, name: PropertyKey): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Readonly<Record<PropertyKey, unknown>>)[name];
}
