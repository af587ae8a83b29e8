/** What writes look like as requests, without what makes them safe to send twice. */

import type { HttpRequest } from "./attempt.ts";
import { checkKey, counterPath, int64, optionalInt64, refuseOthers } from "./checks.ts";
import { Refused } from "./errors.ts";
import { type Json, printExact } from "./json.ts";
import type { AllocateOptions, DeleteOptions, Increment, Int64, Operation, SetOptions } from "./types.ts";

/** @throws {Refused} INVALID_KEY, INVALID_BODY. */
export function incrementRequest(key: string, change: Increment): HttpRequest {
  const body = printExact(incrementBody(change));
  return { method: "POST", path: `${counterPath(key)}/increment`, headers: {}, body };
}

/** @throws {Refused} INVALID_KEY, INVALID_BODY, INVALID_HEADER. */
export function setRequest(key: string, value: Int64, options: SetOptions): HttpRequest {
  const { ifRevision, ifAbsent, ifExists } = options;
  const conditions = [ifRevision !== undefined, ifAbsent === true, ifExists === true];
  if (conditions.filter((is) => is).length > 1) {
    throw new Refused("INVALID_HEADER", "give one of ifRevision, ifAbsent and ifExists, not several", []);
  }
  const headers: Record<string, string> = {};
  if (ifAbsent === true || ifRevision === 0) headers["if-none-match"] = "*";
  else if (ifExists === true) headers["if-match"] = "*";
  else if (ifRevision !== undefined) headers["if-match"] = tagOf(ifRevision);
  const body = printExact({ value: int64("value", value) });
  return { method: "PUT", path: counterPath(key), headers, body };
}

/** @throws {Refused} INVALID_KEY, INVALID_HEADER. */
export function deleteRequest(key: string, { ifRevision, ifExists }: DeleteOptions): HttpRequest {
  if (ifRevision !== undefined && ifExists === true) {
    throw new Refused("INVALID_HEADER", "give either ifRevision or ifExists, not both", []);
  }
  const headers: Record<string, string> = {};
  if (ifExists === true) headers["if-match"] = "*";
  else if (ifRevision !== undefined) headers["if-match"] = tagOf(ifRevision);
  return { method: "DELETE", path: counterPath(key), headers };
}

/** @throws {Refused} INVALID_KEY, INVALID_BODY. */
export function allocateRequest(key: string, count: Int64, { max }: AllocateOptions): HttpRequest {
  const body = printExact({ count: int64("count", count), max: optionalInt64("max", max) });
  return { method: "POST", path: `${counterPath(key)}/allocate`, headers: {}, body };
}

/** @throws {Refused} INVALID_KEY, INVALID_BODY. */
export function batchRequest(operations: readonly Operation[]): HttpRequest {
  const body = printExact({ operations: operations.map(operationBody) });
  return { method: "POST", path: "/v1/batch", headers: {}, body };
}

function incrementBody(change: Increment): { readonly [name: string]: Json | undefined } {
  const { by, min, max, once, onLimit, ...rest } = change;
  refuseOthers("an increment", rest);
  const range = { min: optionalInt64("min", min), max: optionalInt64("max", max) };
  return { by: optionalInt64("by", by), ...range, once, onLimit };
}

function operationBody(operation: Operation): Json {
  checkKey(operation.key);
  switch (operation.op) {
    case "set": {
      const { op, key, value, ifRevision, ...rest } = operation;
      refuseOthers("a set", rest);
      return { op, key, value: int64("value", value), ifRevision };
    }
    case "delete": {
      const { op, key, ifRevision, ...rest } = operation;
      refuseOthers("a delete", rest);
      return { op, key, ifRevision };
    }
    case "increment":
    case undefined: {
      const { op, key, ...change } = operation;
      return { key, ...incrementBody(change) };
    }
    default:
      // From JavaScript: a misspelt set must not count as an increment.
      throw new Refused("INVALID_BODY", 'op must be "increment", "set" or "delete"', []);
  }
}

function tagOf(revision: number): string {
  if (Number.isSafeInteger(revision) && revision >= 1) return `"${revision}"`;
  throw new Refused(
    "INVALID_HEADER",
    "ifRevision must be the revision of a counter: a whole number from 1 on",
    [],
  );
}
