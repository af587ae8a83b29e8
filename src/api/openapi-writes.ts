/** What is said of the routes that change counters. */

import { z } from "zod";
import {
  ANY_REFUSALS,
  type Answer,
  BODY_REFUSALS,
  CHANGE_REFUSALS,
  json,
  ONCE_REFUSALS,
  type Operation,
  type Parameter,
} from "./openapi-form.ts";
import { IDEMPOTENCY_KEY, IF_MATCH, KEY, ONCE } from "./openapi-shared.ts";

const COUNTER_REFUSALS = [
  ...ANY_REFUSALS,
  ...BODY_REFUSALS,
  ...CHANGE_REFUSALS,
  ...ONCE_REFUSALS,
  "INVALID_KEY",
] as const;

const place = { index: 7, term: 2 };
const row = { key: "visits", value: 5, revision: 12 };
const DIGITS = z.string().meta({ pattern: "^-?[0-9]+\\n$" });

function done(description: string, content: NonNullable<Answer["content"]>): Answer {
  return { description, headers: ["ETag", "Idempotency-Replayed"], content };
}

/** With the bare number for who would rather have that. */
function counterDone(
  description: string,
  schema: string,
  examples: Readonly<Record<string, unknown>>,
): Answer {
  const bare = { text: DIGITS, examples: { number: "5\n" } };
  return done(description, { ...json(schema, examples), "text/plain": bare });
}

const IF_NONE_MATCH_ANY: Parameter = {
  name: "If-None-Match",
  in: "header",
  schema: z.enum(["*"]),
  description: "With `*`: only if the counter does not exist. Otherwise 412.",
};

const increment: Operation = {
  method: "POST",
  path: "/v1/counters/:key/increment",
  id: "incrementCounter",
  tag: "Counting",
  summary: "Add to a counter",
  description:
    "Adds 1, or `by`, which may be negative. A counter that was never written counts as 0. The value that this very " +
    "increment produced is in the answer; two increments never get the same.\n\n" +
    "`min` and `max` bound the result: what would pass them is refused with LIMIT_REACHED, or with " +
    '`"onLimit":"saturate"` only as much is added as fits, and `applied` says how much that was. `once` names a member ' +
    "(a visitor, an item): the same one counts only the first time for this key, forever.",
  parameters: [KEY, ...ONCE],
  body: {
    schema: "IncrementBody",
    required: false,
    examples: {
      five: { by: 5 },
      stock: { by: -3, min: 0 },
      quota: { by: 1, max: 100, onLimit: "saturate" },
      visitor: { once: "203.0.113.7" },
    },
  },
  answers: {
    200: counterDone("It counts, on the disks of a majority.", "Incremented", {
      counted: { ...row, changed: true, ...place },
      saturated: { key: "quota", value: 100, revision: 31, changed: true, applied: 2, ...place },
    }),
  },
  refusals: [...COUNTER_REFUSALS, "COUNTER_OVERFLOW", "LIMIT_REACHED"],
  curl: {
    options: `--json '{"by":5}' -H 'Idempotency-Key: "order-17"'`,
    target: "/v1/counters/visits/increment",
  },
};

const set: Operation = {
  method: "PUT",
  path: "/v1/counters/:key",
  id: "setCounter",
  tag: "Counting",
  summary: "Give a counter a value",
  description:
    "Sets or resets a counter. `If-Match` with the `ETag` of a read makes it a compare-and-set; `If-None-Match: *` makes " +
    "it a creation.",
  parameters: [KEY, IF_MATCH, IF_NONE_MATCH_ANY, ...ONCE],
  body: { schema: "SetBody", required: true, examples: { five: { value: 5 } } },
  answers: {
    200: counterDone("The counter has this value.", "Changed", { set: { ...row, changed: true, ...place } }),
  },
  refusals: [...COUNTER_REFUSALS, "REVISION_MISMATCH"],
  curl: { options: `-X PUT --json '{"value":5}'`, target: "/v1/counters/visits" },
};

const remove: Operation = {
  method: "DELETE",
  path: "/v1/counters/:key",
  id: "deleteCounter",
  tag: "Counting",
  summary: "Delete a counter",
  description:
    "Removes the counter and the `once` members that were counted in it. It is no error if there is none; `changed` " +
    "says whether there was.",
  parameters: [KEY, IF_MATCH, ...ONCE],
  answers: {
    200: {
      description: "There is no such counter any more.",
      headers: ["Idempotency-Replayed"],
      content: json("Changed", {
        deleted: { key: "visits", value: 0, revision: 13, changed: true, ...place },
      }),
    },
  },
  refusals: [
    ...COUNTER_REFUSALS.filter((code) => !["INVALID_JSON", "UNSUPPORTED_MEDIA_TYPE"].includes(code)),
    "REVISION_MISMATCH",
  ],
  curl: { options: "-X DELETE", target: "/v1/counters/visits" },
};

const allocate: Operation = {
  method: "POST",
  path: "/v1/counters/:key/allocate",
  id: "allocateNumbers",
  tag: "Counting",
  summary: "Get numbers that nobody else gets",
  description:
    "Hands out `count` consecutive numbers, `from` to `to`, beginning at 1 for a fresh counter. They are yours: no other " +
    "request gets any of them, and a retry with the same idempotency key gets the same ones. With `max` nothing is handed " +
    "out beyond it. A client that dies leaves a gap; numbers are unique, not without gaps, and stay unique as long as " +
    "nobody sets the counter back or deletes it.",
  parameters: [KEY, ...ONCE],
  body: {
    schema: "AllocateBody",
    required: true,
    examples: { hundred: { count: 100 }, limited: { count: 1, max: 9999 } },
  },
  answers: {
    200: done(
      "These numbers are yours.",
      json("Allocated", {
        hundred: { key: "orders", from: 1, to: 100, count: 100, value: 100, revision: 3, ...place },
      }),
    ),
  },
  refusals: [...COUNTER_REFUSALS, "COUNTER_OVERFLOW", "LIMIT_REACHED"],
  curl: { options: `--json '{"count":100}'`, target: "/v1/counters/orders/allocate" },
};

const batch: Operation = {
  method: "POST",
  path: "/v1/batch",
  id: "writeBatch",
  tag: "Counting",
  summary: "Change many counters, all or none",
  description:
    "1 to 1,000 operations that happen in order and at one instant, or not at all. `op` is `increment` (also when it is " +
    "absent), `set` or `delete`, these with `ifRevision` if you like: the revision that the counter must have, 0 if it " +
    'must not exist, `"any"` if it must. A refusal says in `position` which operation it was.',
  parameters: ONCE,
  body: {
    schema: "BatchBody",
    required: true,
    examples: {
      two: { operations: [{ key: "a" }, { key: "b", by: -2 }] },
      three: {
        operations: [
          { key: "items:acme", by: 5 },
          { op: "set", key: "price", value: 3, ifRevision: 7 },
          { op: "delete", key: "old" },
        ],
      },
      conditional: { operations: [{ op: "set", key: "price", value: 4, ifRevision: "any" }] },
    },
  },
  answers: {
    200: {
      description: "All of it is done.",
      headers: ["Idempotency-Replayed"],
      content: json("BatchDone", { one: { results: [{ ...row, changed: true }], ...place } }),
    },
  },
  refusals: [
    ...ANY_REFUSALS,
    ...BODY_REFUSALS,
    ...CHANGE_REFUSALS,
    ...ONCE_REFUSALS,
    "INVALID_KEY",
    "INVALID_BATCH",
    "COUNTER_OVERFLOW",
    "LIMIT_REACHED",
    "REVISION_MISMATCH",
  ],
  curl: {
    options: `--json '{"operations":[{"key":"a"},{"key":"b","by":-2}]}'`,
    target: "/v1/batch",
  },
};

const session: Operation = {
  method: "POST",
  path: "/v1/sessions",
  id: "openSession",
  tag: "Counting",
  summary: "Open a client session",
  description:
    "For clients that write much: instead of a key for each write the node remembers an id and a number, a few bytes " +
    "however many writes there are. Takes no body. Beyond the session's life a retry is refused with SESSION_EXPIRED, and " +
    "never carried out twice.",
  parameters: [IDEMPOTENCY_KEY],
  answers: {
    201: {
      description: "The session is open.",
      headers: ["Idempotency-Replayed"],
      content: json("Session", { opened: { session: 12, ...place } }),
    },
  },
  refusals: [
    ...ANY_REFUSALS,
    ...BODY_REFUSALS,
    ...CHANGE_REFUSALS,
    "IDEMPOTENCY_KEY_REUSED",
    "IDEMPOTENCY_CAPACITY",
  ],
  curl: { options: "-X POST", target: "/v1/sessions" },
};

export const WRITE_OPERATIONS: readonly Operation[] = [increment, set, remove, allocate, batch, session];
