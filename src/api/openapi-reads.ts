/** What is said of the routes that read counters, at once or as they change. */

import { z } from "zod";
import { ANY_REFUSALS, json, type Operation, type Parameter, READ_REFUSALS } from "./openapi-form.ts";
import { CONSISTENCY, KEY, PREFIX, READING } from "./openapi-shared.ts";

const REFUSALS = [...ANY_REFUSALS, ...READ_REFUSALS] as const;
const place = { index: 7, term: 2 };
const row = { key: "visits", value: 5, revision: 12 };
const DIGITS = z.string().meta({ pattern: "^-?[0-9]+\\n$" });

const counter: Operation = {
  method: "GET",
  path: "/v1/counters/:key",
  id: "readCounter",
  tag: "Reading",
  summary: "Read a counter",
  description:
    "Any node answers; by default no answered write is ever missing. With `Accept: text/plain` the answer is the bare " +
    "number. With `If-None-Match` and the `ETag` of an earlier answer it is 304 while nothing has changed.",
  parameters: [
    KEY,
    ...READING,
    {
      name: "If-None-Match",
      in: "header",
      schema: z.string(),
      example: '"12"',
      description: "Entity tags of earlier answers, or `*`.",
    },
  ],
  answers: {
    200: {
      description: "The counter.",
      headers: ["ETag", "Raftally-Age-Ms"],
      content: {
        ...json("Counter", { linearizable: { ...row, ...place }, stale: { ...row, ...place, ageMs: 11 } }),
        "text/plain": { text: DIGITS, examples: { number: "5\n" } },
      },
    },
    304: { description: "It is as it was.", headers: ["ETag", "Raftally-Age-Ms"] },
  },
  refusals: [...REFUSALS, "INVALID_KEY", "COUNTER_NOT_FOUND"],
  curl: { target: "/v1/counters/visits" },
};

const LIMIT: Parameter = {
  name: "limit",
  in: "query",
  schema: z.int().min(1).max(1_000).meta({ default: 100 }),
  example: 100,
  description: "How many at most.",
};

const list: Operation = {
  method: "GET",
  path: "/v1/counters",
  id: "listCounters",
  tag: "Reading",
  summary: "List counters",
  description:
    "A page of counters; `next` is the `cursor` of the next page. In order of the keys' UTF-8 bytes, or of the values: " +
    "`order=-value` begins with the greatest. `match` takes only keys that fit a glob: `*` any text, `?` one character, " +
    "`[a-z]` one of these, `[^a]` none of these, `\\` before a character that stands for itself.\n\n" +
    "With `match` or an order of values all counters below the prefix are looked at; what takes too long is refused " +
    "with QUERY_TOO_LARGE.",
  parameters: [
    PREFIX,
    { name: "match", in: "query", schema: z.string(), example: "items:*", description: "A glob." },
    {
      name: "order",
      in: "query",
      schema: z.enum(["key", "value", "-value"]).meta({ default: "key" }),
      description: "What the counters are sorted by.",
    },
    LIMIT,
    {
      name: "cursor",
      in: "query",
      schema: z.string(),
      description: "The `next` of the page before, listed with the same prefix, match and order.",
    },
    ...READING,
  ],
  answers: {
    200: {
      description: "One page.",
      headers: ["Raftally-Age-Ms"],
      content: json("Page", { last: { counters: [row], ...place } }),
    },
  },
  refusals: [...REFUSALS, "QUERY_TOO_LARGE"],
  curl: { target: "/v1/counters?prefix=items:" },
};

const sum: Operation = {
  method: "GET",
  path: "/v1/sum",
  id: "sumCounters",
  tag: "Reading",
  summary: "Sum up counters",
  description:
    "The sum and the number of all counters below a prefix, at one instant and exact however large. With `depth` also for " +
    "each group of the next 1 to 8 segments between `:`: with `prefix=items:&depth=1` there is a group `items:acme:`, or " +
    "`items:acme` if that is a counter.",
  parameters: [
    PREFIX,
    {
      name: "depth",
      in: "query",
      schema: z.int().min(0).max(8).meta({ default: 0 }),
      example: 1,
      description: "How many segments below the prefix make a group; 0: no groups.",
    },
    ...READING,
  ],
  answers: {
    200: {
      description: "The sum.",
      headers: ["Raftally-Age-Ms"],
      content: json("Sum", {
        items: {
          prefix: "items:",
          sum: 12,
          counters: 3,
          groups: [
            { prefix: "items:acme:", sum: 7, counters: 2 },
            { prefix: "items:globex", sum: 5, counters: 1 },
          ],
          more: false,
          ...place,
        },
      }),
    },
  },
  refusals: [...REFUSALS, "QUERY_TOO_LARGE"],
  curl: { target: "/v1/sum?prefix=items:&depth=1" },
};

const query: Operation = {
  method: "GET",
  path: "/v1/query",
  id: "queryCounters",
  tag: "Reading",
  summary: "Read several counters at once",
  description:
    "Keys and globs, with commas between, read at one instant. A comma that is percent-encoded (`%2C`) belongs to the key. " +
    "What holds `*`, `?` or `[` is a glob; `\\` takes a character as it is. Counters that do not exist are left out. At most " +
    "100 names and 1,000 counters, then `more` is true.",
  parameters: [
    {
      name: "expression",
      in: "query",
      required: true,
      schema: z.string(),
      example: "visits,items:*",
      description: "Keys and globs.",
    },
    ...READING,
  ],
  answers: {
    200: {
      description: "Those that exist.",
      headers: ["Raftally-Age-Ms"],
      content: json("Selection", {
        two: { counters: [{ key: "items:acme", value: 7, revision: 9 }, row], ...place },
      }),
    },
  },
  refusals: [...REFUSALS, "INVALID_KEY", "QUERY_TOO_LARGE"],
  curl: { target: "/v1/query?expression=visits,items:*" },
};

export const EVENTS_TEXT: z.ZodType = z.string().meta({ description: "Server-sent events" });

const watch: Operation = {
  method: "GET",
  path: "/v1/watch",
  id: "watchCounters",
  tag: "Watching",
  summary: "Watch counters change",
  description:
    "Server-sent events, in the order of the changes. Begins with `open`, whose `revision` is that of the state; then one " +
    "`change` for each counter that changed, at most every 50 ms. Several changes of one counter within that time are one " +
    "event with its latest value; `from` and `to` say which revisions an event covers, and the ranges of one connection " +
    "follow each other without gap and overlap.\n\n" +
    "`id` is `to`: with it as `Last-Event-ID` (a browser's EventSource sends it by itself) or `after` the watch goes on, on " +
    "any node. If the history does not reach back as far, `resync` says so: read again, and go on from its revision. To " +
    "have the state too, open the watch, then list with the `index` of `open` as `minIndex`. A reader that is too slow " +
    "is cut off and resumes by itself; a comment comes every 15 s when there is nothing else.",
  parameters: [
    { name: "key", in: "query", schema: z.string(), example: "visits", description: "This counter only." },
    { ...PREFIX, description: "Counters whose keys begin with this only. Neither key nor prefix: all." },
    {
      name: "after",
      in: "query",
      schema: z.int().nonnegative().meta({ maximum: undefined }),
      example: 12,
      description: "Go on after this revision; as `Last-Event-ID`.",
    },
    {
      name: "Last-Event-ID",
      in: "header",
      schema: z.string(),
      example: "12",
      description: "Go on after this revision.",
    },
    CONSISTENCY,
  ],
  answers: {
    200: {
      description: "Events without end.",
      content: {
        "text/event-stream": {
          text: EVENTS_TEXT,
          events: { open: "WatchOpened", change: "WatchChange", resync: "WatchResync" },
          examples: {
            watch:
              'retry: 1000\n\nevent: open\nid: 12\ndata: {"revision":12,"index":7,"term":2,"value":5,"exists":true}\n\n' +
              'event: change\nid: 13\ndata: {"key":"visits","value":6,"revision":13,"from":13,"to":13,"deleted":false}\n\n',
          },
        },
      },
    },
  },
  refusals: [...REFUSALS, "INVALID_KEY", "INVALID_HEADER", "METHOD_NOT_ALLOWED"],
  curl: { options: "-N", target: "/v1/watch?key=visits" },
  noHead: true,
};

export const READ_OPERATIONS: readonly Operation[] = [counter, list, sum, query, watch];
