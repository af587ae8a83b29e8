/** From the text of a body to a command of the state machine, or to a refusal that says what is wrong with it. */

import {
  type Add,
  BATCH_MAX,
  type Batch,
  type Change,
  type ExpectedRevision,
  type SetValue,
} from "../counter/index.ts";
import { check, memberOf } from "./check.ts";
import { parseCommonBatch } from "./common-batch.ts";
import { parseJson } from "./json.ts";
import { Refusal } from "./problem.ts";
import {
  allocateBody,
  type BatchBody,
  batchBody,
  type IncrementBody,
  incrementBody,
  setBody,
} from "./schemas.ts";

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
 * The value that a body gives a counter.
 * @throws {Refusal} INVALID_JSON, INVALID_BODY.
 */
export function parseSet(key: string, text: string | undefined): SetValue {
  if (text === undefined) {
    throw new Refusal("INVALID_BODY", 'setting a counter needs a body such as {"value":5}');
  }
  return { kind: "set", key, value: check(setBody, parseJson(text), "setCounter").value };
}

/**
 * The add that hands out as many numbers as a body asks for.
 * @throws {Refusal} INVALID_JSON, INVALID_BODY.
 */
export function parseAllocate(key: string, text: string | undefined): Add {
  if (text === undefined) {
    throw new Refusal("INVALID_BODY", 'handing out numbers needs a body such as {"count":100}');
  }
  const { count, max } = check(allocateBody, parseJson(text), "allocate");
  return { kind: "add", key, by: count, ...(max === undefined ? {} : { max }) };
}

/**
 * The batch that a body asks for.
 * @throws {Refusal} INVALID_JSON, INVALID_BODY, INVALID_BATCH, INVALID_KEY.
 */
export function parseBatch(text: string | undefined): Batch {
  if (text === undefined) {
    throw new Refusal("INVALID_BODY", 'a batch needs a body such as {"operations":[{"key":"hits","by":1}]}');
  }
  const common = parseCommonBatch(text);
  if (common !== undefined) return common;
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

function conditionOf(operation: { readonly ifRevision?: ExpectedRevision | undefined }): {
  readonly ifRevision?: ExpectedRevision;
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
    // Refusing is what an add does of itself: said or not, it is the same request.
    ...(body.onLimit === "saturate" ? { saturate: true as const } : {}),
    ...(body.once === undefined ? {} : { once: body.once }),
  };
}
