/** What is said of the forms in which counters are met elsewhere, and of metrics, which share a path with one of them. */

import { z } from "zod";
import {
  ANY_REFUSALS,
  CHANGE_REFUSALS,
  type ErrorForm,
  json,
  ONCE_REFUSALS,
  type Operation,
  type Parameter,
  READ_REFUSALS,
  someText,
} from "./openapi-form.ts";
import { KEY, ONCE, READING } from "./openapi-shared.ts";

const TAG = "Forms of other services";
const KEYS_REFUSALS = [
  "COUNTER_OVERFLOW",
  "INVALID_JSON",
  "INVALID_BODY",
  "INVALID_KEY",
  "BODY_TOO_LARGE",
] as const;
const WRITE = [
  ...ANY_REFUSALS,
  ...CHANGE_REFUSALS,
  ...ONCE_REFUSALS,
  ...KEYS_REFUSALS,
  "UNSUPPORTED_MEDIA_TYPE",
] as const;
const READ = [...ANY_REFUSALS, ...READ_REFUSALS] as const;

const place = { index: 7, term: 2 };

const TEXT: ErrorForm = {
  schema: "ErrorSentence",
  examples: {
    overflow: { error: "value must be an integer; got 1.5", code: "INVALID_BODY", outcome: "not-applied" },
  },
};
const FIELDS: ErrorForm = {
  schema: "ErrorsByField",
  examples: {
    leader: { errors: { detail: "no leader is known" }, code: "NO_LEADER", outcome: "not-applied" },
  },
};
const FIXED: ErrorForm = {
  schema: "ErrorSentence",
  examples: { invalid: { error: "Invalid Request" } },
  instead: { 415: 400 },
};

const REPLAYED = ["Idempotency-Replayed"] as const;
const AGE = ["Raftally-Age-Ms"] as const;
const EXAMPLE = { key: "visits", value: 1 };

const increment: Operation = {
  method: "POST",
  path: "/increment",
  id: "incrementElsewhere",
  tag: TAG,
  summary: "Add `value` to `key`",
  description: "The body need not say that it is JSON, and fields that are not known are passed over.",
  parameters: ONCE,
  body: { schema: "KeyValueBody", required: true, examples: { one: EXAMPLE } },
  answers: {
    200: {
      description: "It counts.",
      headers: REPLAYED,
      content: json("Incremented", {
        one: { key: "visits", value: 5, revision: 12, changed: true, ...place },
      }),
    },
  },
  refusals: WRITE,
  errors: TEXT,
  curl: { options: `--json '{"key":"visits","value":1}'`, target: "/increment" },
};

const data: Operation = {
  method: "POST",
  path: "/api/v1/increment",
  id: "incrementData",
  tag: TAG,
  summary: "Add `value` to `key`, answered as `data`",
  description: "What is wrong with a field is said under its name, with 422.",
  parameters: ONCE,
  body: { schema: "KeyValueBody", required: true, examples: { one: EXAMPLE } },
  answers: {
    200: {
      description: "It counts.",
      headers: REPLAYED,
      content: json("DataValue", { one: { data: { value: 5 } } }),
    },
    422: {
      description: "A field is missing or of the wrong type.",
      content: json("ErrorsByField", { wrong: { errors: { value: ["must be an integer; got null"] } } }),
    },
  },
  refusals: WRITE,
  errors: FIELDS,
  curl: { options: `--json '{"key":"visits","value":1}'`, target: "/api/v1/increment" },
};

const readData: Operation = {
  method: "GET",
  path: "/api/v1/increment/:key",
  id: "readData",
  tag: TAG,
  summary: "Read a counter as `data`",
  description: "0 for a counter that was never written.",
  parameters: [KEY, ...READING],
  answers: {
    200: {
      description: "The value.",
      headers: AGE,
      content: json("DataValue", { one: { data: { value: 5 } } }),
    },
  },
  refusals: [...READ, "INVALID_KEY"],
  errors: FIELDS,
  curl: { target: "/api/v1/increment/visits" },
};

const items: Operation = {
  method: "POST",
  path: "/items",
  id: "countItems",
  tag: TAG,
  summary: "Count items, each once for its tenant",
  description:
    "At most 1,000, all or none. An item that was counted for this tenant before does not count again. The counts are " +
    "the counters `items:{tenant}`.",
  parameters: ONCE,
  body: {
    schema: "ItemsBody",
    required: true,
    examples: {
      two: [
        { id: "order-17", tenant: "acme" },
        { id: "order-18", tenant: "acme" },
      ],
      none: [],
    },
  },
  answers: {
    200: {
      description: "They are counted.",
      headers: REPLAYED,
      content: json("ItemsCounted", {
        two: { received: 2, counted: 2, counts: { acme: 7 }, ...place },
        none: { received: 0, counted: 0, counts: {} },
      }),
    },
  },
  refusals: [...WRITE, "INVALID_BATCH"],
  errors: TEXT,
  curl: { options: `--json '[{"id":"order-17","tenant":"acme"}]'`, target: "/items" },
};

const TENANT: Parameter = {
  name: "tenant",
  in: "path",
  required: true,
  schema: someText,
  example: "acme",
  description: "Whose items, percent-encoded as one segment.",
};

const itemCount: Operation = {
  method: "GET",
  path: "/items/:tenant/count",
  id: "readItemCount",
  tag: TAG,
  summary: "How many items a tenant has",
  description: "The counter `items:{tenant}`, or 0.",
  parameters: [TENANT, ...READING],
  answers: {
    200: { description: "The count.", headers: AGE, content: json("ItemCount", { seven: { count: 7 } }) },
  },
  refusals: [...READ, "INVALID_KEY"],
  errors: TEXT,
  curl: { target: "/items/acme/count" },
};

const labels: Operation = {
  method: "POST",
  path: "/metrics",
  id: "incrementLabels",
  tag: TAG,
  summary: "Add to several labels at once",
  description: "Each label is a counter of that key; all or none. A label that is given twice counts twice.",
  parameters: ONCE,
  body: {
    schema: "LabelsBody",
    required: true,
    examples: { two: { labels: ["a", "b"], increment: 1 } },
  },
  answers: {
    200: {
      description: "Their values.",
      headers: REPLAYED,
      content: json("LabelValues", { two: { a: 5, b: 7 } }),
    },
  },
  refusals: [...WRITE, "INVALID_BATCH"],
  errors: FIXED,
  curl: { options: `--json '{"labels":["a","b"],"increment":1}'`, target: "/metrics" },
};

const queryLabels: Operation = {
  method: "GET",
  path: "/metrics/query",
  id: "queryLabels",
  tag: TAG,
  summary: "Read several labels",
  description: "Those that exist, in the order in which they were asked for.",
  parameters: [
    {
      name: "expression",
      in: "query",
      required: true,
      schema: someText,
      example: "a,b",
      description: "Labels with commas between; here a comma always separates.",
    },
    ...READING,
  ],
  answers: {
    200: { description: "Their values.", headers: AGE, content: json("LabelValues", { one: { a: 5 } }) },
    404: {
      description: "None of them exists.",
      headers: AGE,
      content: json("ErrorSentence", { none: { error: "not found" } }),
    },
  },
  refusals: READ,
  errors: FIXED,
  curl: { target: "/metrics/query?expression=a,b" },
};

const metrics: Operation = {
  method: "GET",
  path: "/metrics",
  id: "readMetrics",
  tag: "Health and metrics",
  summary: "Numbers of the node, for Prometheus",
  description:
    "In Prometheus' text format. Whoever names `application/json` in `Accept` gets the first 1,000 counters in order of " +
    "key instead, as other services have it, and may then say how they are to be read.",
  parameters: READING.map((parameter) => ({
    ...parameter,
    description: `With \`Accept: application/json\`. ${parameter.description}`,
  })),
  answers: {
    200: {
      description: "Metrics, or counters.",
      headers: ["Link", "Raftally-Age-Ms"],
      content: {
        "text/plain": {
          text: z.string().meta({ description: "Prometheus' text format, version 0.0.4" }),
          examples: { some: "# TYPE raftally_has_leader gauge\nraftally_has_leader 1\n" },
        },
        ...json("LabelValues", { two: { a: 5, b: 7 } }),
      },
    },
  },
  refusals: READ.filter((code) => code !== "TOO_MANY_REQUESTS"),
  errors: FIXED,
  curl: { target: "/metrics" },
};

const SVG: z.ZodType = z.string().meta({ description: "A picture" });

const badge: Operation = {
  method: "GET",
  path: "/hit/:key.svg",
  id: "hitBadge",
  tag: "Counting",
  summary: "Count a visit by a picture of the number",
  description:
    "For pages without JavaScript: the picture is loaded, and the counter is one more. HEAD and a browser's prefetch only " +
    "look. It is the only GET that changes anything.",
  parameters: [
    KEY,
    {
      name: "label",
      in: "query",
      schema: z.string().meta({ default: "visits" }),
      example: "visitors",
      description: "What stands before the number; at most 64 characters.",
    },
    {
      name: "color",
      in: "query",
      schema: z.string().meta({ default: "blue" }),
      example: "green",
      description: "3 or 6 hex digits, or blue, green, grey, orange, purple or red.",
    },
    ...ONCE,
  ],
  answers: {
    200: { description: "The picture.", headers: REPLAYED, content: { "image/svg+xml": { text: SVG } } },
  },
  refusals: [
    ...READ,
    ...CHANGE_REFUSALS.filter((code) => code !== "FOREIGN_ORIGIN"),
    ...ONCE_REFUSALS,
    "INVALID_KEY",
    "COUNTER_OVERFLOW",
    "ROUTE_NOT_FOUND",
  ],
  curl: { target: "/hit/visits.svg" },
  needs: "--badges",
};

export const COMPAT_OPERATIONS: readonly Operation[] = [
  badge,
  increment,
  data,
  readData,
  items,
  itemCount,
  labels,
  queryLabels,
  metrics,
];
