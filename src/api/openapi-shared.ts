/** Parameters and headers that many routes have in common. */

import { z } from "zod";
import type { Parameter } from "./openapi-form.ts";

const text = z.string();

export const KEY: Parameter = {
  name: "key",
  in: "path",
  required: true,
  schema: z.string().meta({ minLength: 1 }),
  example: "visits",
  description:
    "The counter: 1 to 512 bytes of UTF-8 without control characters, not `.` or `..`, percent-encoded as one segment of " +
    "the path (`%2F` is part of the key). `:` groups keys, as in `items:acme`.",
};

export const IDEMPOTENCY_KEY: Parameter = {
  name: "Idempotency-Key",
  in: "header",
  schema: text,
  example: '"order-17"',
  description:
    "A text that you choose for this request, 1 to 255 characters of ASCII, in quotes (RFC 8941) or bare. However often " +
    "the request is sent with it, it counts once; later attempts get the first one's answer, with " +
    "`Idempotency-Replayed: true`. Remembered for at least 10 minutes unless the node's capacity is reached, and never " +
    "for less than one.",
};

export const SESSION: Parameter = {
  name: "Raftally-Session",
  in: "header",
  schema: text,
  example: "id=12, seq=3, first=3",
  description:
    "The same for clients that write much: the id of a session, the number of this request in it, and the lowest number " +
    "that is not answered yet. Instead of an idempotency key.",
};

export const ONCE: readonly Parameter[] = [IDEMPOTENCY_KEY, SESSION];

export const IF_MATCH: Parameter = {
  name: "If-Match",
  in: "header",
  schema: text,
  example: '"12"',
  description:
    "Only if the counter still has this revision (one strong entity tag), or with `*` only if it exists. Otherwise 412.",
};

export const CONSISTENCY: Parameter = {
  name: "consistency",
  in: "query",
  schema: z.enum(["linearizable", "stale"]).meta({ default: "linearizable" }),
  description:
    "`linearizable`: sees every write that was answered before, on any node. `stale`: what this node has, at once, also " +
    "without a majority; `Raftally-Age-Ms` says how old that may be.",
};

export const MIN_INDEX: Parameter = {
  name: "minIndex",
  in: "query",
  schema: z.int().nonnegative().meta({ maximum: undefined }),
  example: 0,
  description:
    "Wait until the node has applied this entry of the log: with the `index` of a write you read your own write from any " +
    "node, also with `consistency=stale`.",
};

export const READING: readonly Parameter[] = [CONSISTENCY, MIN_INDEX];

export const PREFIX: Parameter = {
  name: "prefix",
  in: "query",
  schema: text,
  example: "items:",
  description: "Only counters whose keys begin with this; at most 512 bytes of UTF-8.",
};

export const MEMBER_ID: Parameter = {
  name: "id",
  in: "path",
  required: true,
  schema: text,
  example: "n4",
  description: "A member of the cluster, such as `n4`.",
};

export const DRY_RUN: Parameter = {
  name: "dryRun",
  in: "query",
  schema: z.enum(["true", "false"]).meta({ default: "false" }),
  description: "With `true` nothing is changed: the answer says what the change would mean.",
};

export const VERBOSE: Parameter = {
  name: "verbose",
  in: "query",
  schema: text,
  allowEmptyValue: true,
  description: "One line for each check, also when all is well.",
};

export interface HeaderInfo {
  readonly description: string;
  readonly schema: Readonly<Record<string, unknown>>;
  readonly example: string | number;
}

const words = { type: "string" };
const whole = { type: "integer" };

/** Headers of answers, by name. */
export const HEADERS: Readonly<Record<string, HeaderInfo>> = {
  "X-Request-Id": {
    description: "The request's own if it brought one of 1 to 128 harmless characters, else one made up.",
    schema: words,
    example: "8e03c1d2-1",
  },
  "Raftally-Forwarded-By": {
    description: "The node that passed the request on to the leader (`--writes forward`).",
    schema: words,
    example: "n1",
  },
  RateLimit: {
    description: "What is left of your share, with `--rate-limit`.",
    schema: words,
    example: '"default";r=37;t=4',
  },
  "RateLimit-Policy": {
    description: "Your share, with `--rate-limit`.",
    schema: words,
    example: '"default";q=100;w=10',
  },
  ETag: { description: "The counter's revision, in quotes.", schema: words, example: '"12"' },
  "Idempotency-Replayed": {
    description: "This is the outcome of an earlier attempt, given again.",
    schema: { type: "string", enum: ["true"] },
    example: "true",
  },
  "Raftally-Age-Ms": {
    description: "Of a stale read: ms since the node last heard from a leader, or `unknown` if it never has.",
    schema: { type: "string", pattern: "^([0-9]+|unknown)$" },
    example: "11",
  },
  "Retry-After": { description: "After as many seconds a retry makes sense.", schema: whole, example: 1 },
  Location: {
    description: "The same path and query on the leader.",
    schema: { type: "string", format: "uri-reference" },
    example: "http://127.0.0.1:4001/v1/counters/visits/increment",
  },
  Link: {
    description: "Where more of the same is.",
    schema: words,
    example: '</v1/counters?cursor=MWhpdHM>; rel="next"',
  },
  Allow: { description: "The methods that the route takes.", schema: words, example: "GET, HEAD" },
  "Content-Disposition": {
    description: "A name for the file.",
    schema: words,
    example: 'attachment; filename="raftally-c1-42.backup"',
  },
  "Content-Length": { description: "Its length in bytes.", schema: whole, example: 24576 },
  "Raftally-Backup-Index": {
    description: "The entry of the log up to which it goes.",
    schema: whole,
    example: 42,
  },
  "Raftally-Backup-Term": { description: "The term of that entry.", schema: whole, example: 3 },
  "Raftally-Backup-Digest": { description: "The digest of the counters.", schema: words, example: "1234" },
  "Raftally-Backup-Sha256": {
    description: "Of the snapshot inside the file.",
    schema: { type: "string", pattern: "^[0-9a-f]{64}$" },
    example: "0".repeat(64),
  },
};

/** What every answer may carry. */
export const ANY_HEADERS: readonly string[] = [
  "X-Request-Id",
  "Raftally-Forwarded-By",
  "RateLimit",
  "RateLimit-Policy",
];
